/* SPDX-License-Identifier: Apache-2.0 */
#include "der/reader.h"

#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/slice.h"
#include <vsattest/limits.h>

static const char rule_tag[] = "X.690 section 8.1.2";
static const char rule_length[] = "X.690 section 10.1";
static const char rule_time[] = "RFC 5280 section 4.1.2.5";

#define CONSTRUCTED 0x20
#define CLASS_MASK  0xc0
#define NUMBER_MASK 0x1f
#define LONG_LENGTH 0x80
#define WIDEST      4 /* bytes of a length: no input has 4 GiB */
/* What RFC 5280 appendix B has every reader take and no certificate exceed. */
#define MAX_SUBIDENTIFIER  4  /* bytes of 7 bits: below 2^28 */
#define MAX_SUBIDENTIFIERS 19 /* of 20 numbers; the first holds two */

struct element {
    size_t start;
    size_t content;
    size_t end;
    uint8_t tag;
};

/* A rule of the type that a content breaks; none: it is well-formed. */
struct flaw {
    const char *rule;
    const char *what;
};

/* --- heads ------------------------------------------------------------------------------------ */

static enum vsa_status read_long_length(const struct vsa_der_reader *reader, size_t *offset,
                                        size_t width, size_t *length, struct vsa_error *error)
{
    if (width < 1 || width > WIDEST)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_length, "%s",
                           width ? "length in more than 4 bytes" : "indefinite length");
    if (width > reader->end - *offset)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_length,
                           "element is cut off");
    size_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | reader->input.data[*offset + i];
    if (reader->input.data[*offset] == 0 || value < LONG_LENGTH)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_length,
                           "length is not in its shortest form");
    *offset += width;
    *length = value;
    return VSA_OK;
}

/* Reads tag and length of the next element, whose content is inside the reader's bytes. */
static enum vsa_status read_head(const struct vsa_der_reader *reader, struct element *element,
                                 struct vsa_error *error)
{
    const uint8_t *data = reader->input.data;
    size_t at = reader->offset;
    if (reader->end - at < 2)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, at, rule_tag,
                           reader->end == at ? "an element is missing" : "element is cut off");
    element->start = at;
    element->tag = data[at++];
    if ((element->tag & NUMBER_MASK) == NUMBER_MASK)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_tag,
                           "tag number above 30, which X.509 does not use");
    size_t length = data[at++];
    if (length >= LONG_LENGTH)
        VSA_TRY(read_long_length(reader, &at, length & ~(size_t)LONG_LENGTH, &length, error));
    if (length > reader->end - at)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_length,
                           "element of %zu bytes, but only %zu are left", length, reader->end - at);
    element->content = at;
    element->end = at + length;
    return VSA_OK;
}

static enum vsa_status read_head_with(const struct vsa_der_reader *reader, unsigned tag,
                                      struct element *element, struct vsa_error *error)
{
    VSA_TRY(read_head(reader, element, error));
    if (element->tag != tag)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_tag,
                           "element with tag %02x instead of %02x", element->tag, tag);
    return VSA_OK;
}

static struct vsa_slice content_of(const struct vsa_der_reader *reader,
                                   const struct element *element)
{
    return vsa_slice_of(reader->input.data + element->content, element->end - element->content);
}

/* --- contents --------------------------------------------------------------------------------- */

static const char *flaw_of_boolean(struct vsa_slice content)
{
    bool good = content.size == 1 && (content.data[0] == 0x00 || content.data[0] == 0xff);
    return good ? NULL : "BOOLEAN is neither 00 nor ff";
}

static const char *flaw_of_integer(struct vsa_slice content)
{
    if (!content.size)
        return "INTEGER of no bytes";
    if (content.size == 1)
        return NULL;
    bool next_negative = content.data[1] & 0x80;
    if ((content.data[0] == 0x00 && !next_negative) || (content.data[0] == 0xff && next_negative))
        return "INTEGER is not in its shortest form";
    return NULL;
}

/* Checks X.690 sections 8.6.2 and 11.2.1. */
static const char *flaw_of_bits(struct vsa_slice content)
{
    if (!content.size || content.data[0] > 7 || (content.size == 1 && content.data[0]))
        return "BIT STRING without a valid count of unused bits";
    unsigned unused = content.data[0];
    if (content.data[content.size - 1] & ((1u << unused) - 1) && content.size > 1)
        return "unused bits of a BIT STRING are not zero";
    return NULL;
}

static struct flaw flaw_of_oid(struct vsa_slice content)
{
    static const char rule[] = "X.690 section 8.19.2";
    static const char rule_size[] = "RFC 5280 appendix B";
    size_t width = 0; /* bytes of a subidentifier so far */
    size_t count = 0;
    for (size_t i = 0; i < content.size; i++) {
        if (!width && content.data[i] == 0x80)
            return (struct flaw){rule, "OBJECT IDENTIFIER is not in its shortest form"};
        width++;
        if (width > MAX_SUBIDENTIFIER)
            return (struct flaw){rule_size, "OBJECT IDENTIFIER with a number of 2^28 or more"};
        if (content.data[i] & 0x80)
            continue;
        width = 0;
        count++;
    }
    if (!count || width)
        return (struct flaw){rule, "OBJECT IDENTIFIER is cut off"};
    return (struct flaw){
        rule_size, count > MAX_SUBIDENTIFIERS ? "OBJECT IDENTIFIER of more than 20 numbers" : NULL};
}

/* Checks X.680 section 41.4. */
static bool is_printable(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(" '()+,-./:=?", c));
}

static const char *flaw_of_text(enum vsa_der_tag type, struct vsa_slice content)
{
    if (type == VSA_DER_UTF8_STRING)
        return vsa_slice_is_utf8(content) ? NULL : "UTF8String is not UTF-8";
    for (size_t i = 0; i < content.size; i++)
        if (type == VSA_DER_PRINTABLE_STRING ? !is_printable(content.data[i])
                                             : content.data[i] > 0x7f)
            return "text has a character that its type excludes";
    return NULL;
}

/* Checks two bytes for each character of the Basic Multilingual Plane, surrogates excluded. */
static const char *flaw_of_bmp(struct vsa_slice content)
{
    if (content.size % 2)
        return "BMPString of an odd number of bytes";
    for (size_t i = 0; i < content.size; i += 2)
        if ((content.data[i] & 0xf8) == 0xd8)
            return "BMPString with a surrogate";
    return NULL;
}

/* --- times --- */

/* Returns `count` digits as a number, -1 for something else. */
static int digits(const uint8_t *text, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool time_exists(int year, int month, int day, int hour, int minute, int second)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int last = days[month - 1] + (month == 2 && leap ? 1 : 0);
    return day >= 1 && day <= last && hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 &&
           second >= 0 && second <= 59;
}

/* Reads YYMMDDhhmmssZ or YYYYMMDDhhmmssZ. */
static const char *read_time(enum vsa_der_tag type, struct vsa_slice content, int64_t *unix_ms)
{
    size_t width = type == VSA_DER_UTC_TIME ? 2 : 4;
    const uint8_t *text = content.data;
    if (content.size != width + 11 || text[width + 10] != 'Z')
        return "time is not written with seconds and Z";
    int year = digits(text, width);
    if (width == 2 && year >= 0)
        year += year < 50 ? 2000 : 1900;
    text += width;
    int month = digits(text, 2);
    int day = digits(text + 2, 2);
    int hour = digits(text + 4, 2);
    int minute = digits(text + 6, 2);
    int second = digits(text + 8, 2);
    if (year < 0 || !time_exists(year, month, day, hour, minute, second))
        return "time does not exist";
    if (width == 4 && year < 2050)
        return "GeneralizedTime before 2050";
    struct tm tm = {
        .tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute,
        .tm_sec = second,
    };
    *unix_ms = (int64_t)timegm(&tm) * 1000;
    return NULL;
}

/* --- */

static struct flaw flaw_of(enum vsa_der_tag type, struct vsa_slice content)
{
    int64_t unix_ms = 0;
    switch (type) {
    case VSA_DER_BOOLEAN:
        return (struct flaw){"X.690 section 11.1", flaw_of_boolean(content)};
    case VSA_DER_INTEGER:
    case VSA_DER_ENUMERATED:
        return (struct flaw){"X.690 section 8.3.2", flaw_of_integer(content)};
    case VSA_DER_BIT_STRING:
        return (struct flaw){"X.690 section 11.2.1", flaw_of_bits(content)};
    case VSA_DER_OCTET_STRING:
        return (struct flaw){NULL, NULL};
    case VSA_DER_NULL:
        return (struct flaw){"X.690 section 8.8.2", content.size ? "NULL with content" : NULL};
    case VSA_DER_OID:
        return flaw_of_oid(content);
    case VSA_DER_UTF8_STRING:
    case VSA_DER_PRINTABLE_STRING:
    case VSA_DER_IA5_STRING:
        return (struct flaw){"X.690 section 8.23", flaw_of_text(type, content)};
    case VSA_DER_BMP_STRING:
        return (struct flaw){"X.690 section 8.23.8", flaw_of_bmp(content)};
    case VSA_DER_UTC_TIME:
    case VSA_DER_GENERALIZED_TIME:
        return (struct flaw){rule_time, read_time(type, content, &unix_ms)};
    case VSA_DER_SEQUENCE:
    case VSA_DER_SET:
    default:
        return (struct flaw){rule_tag, "element of a type that X.509 does not use here"};
    }
}

static enum vsa_status check_content(const struct vsa_der_reader *reader,
                                     const struct element *element, enum vsa_der_tag type,
                                     struct vsa_error *error)
{
    struct flaw flaw = flaw_of(type, content_of(reader, element));
    if (flaw.what)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, element->start, flaw.rule, "%s",
                           flaw.what);
    return VSA_OK;
}

/*
 * Checks that the elements of a SET ascend (X.690 section 11.6). Neither of two encodings begins
 * with the other, so comparing what both have decides. Equal ones are refused, too: RFC 5280's only
 * SET is the relative distinguished name, which has no attribute twice.
 */
static enum vsa_status check_order(struct vsa_der_reader set, struct vsa_error *error)
{
    struct element last = {0, 0, 0, 0};
    while (!vsa_der_at_end(&set)) {
        struct element next;
        VSA_TRY(read_head(&set, &next, error));
        size_t last_size = last.end - last.start;
        size_t next_size = next.end - next.start;
        if (last_size && memcmp(set.input.data + last.start, set.input.data + next.start,
                                last_size < next_size ? last_size : next_size) >= 0)
            return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, next.start, "X.690 section 11.6",
                               "elements of a SET do not ascend");
        last = next;
        set.offset = next.end;
    }
    return VSA_OK;
}

/* Sets `content` to a reader of what is inside a constructed element. */
static enum vsa_status open_element(const struct vsa_der_reader *reader,
                                    const struct element *element, struct vsa_der_reader *content,
                                    struct vsa_error *error)
{
    struct vsa_der_reader inside = {reader->input, element->content, element->end};
    if (element->tag == VSA_DER_SET)
        VSA_TRY(check_order(inside, error));
    *content = inside;
    return VSA_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

enum vsa_status vsa_der_read_as(struct vsa_der_reader *reader, unsigned tag, enum vsa_der_tag type,
                                struct vsa_slice *content, struct vsa_error *error)
{
    struct element element;
    VSA_TRY(read_head_with(reader, tag, &element, error));
    VSA_TRY(check_content(reader, &element, type, error));
    *content = content_of(reader, &element);
    reader->offset = element.end;
    return VSA_OK;
}

enum vsa_status vsa_der_read(struct vsa_der_reader *reader, unsigned tag, struct vsa_slice *content,
                             struct vsa_error *error)
{
    bool universal = !(tag & CLASS_MASK);
    return vsa_der_read_as(reader, tag, universal ? (enum vsa_der_tag)tag : VSA_DER_OCTET_STRING,
                           content, error);
}

enum vsa_status vsa_der_enter(struct vsa_der_reader *reader, unsigned tag,
                              struct vsa_der_reader *content, struct vsa_error *error)
{
    struct element element;
    VSA_TRY(read_head_with(reader, tag, &element, error));
    VSA_TRY(open_element(reader, &element, content, error));
    reader->offset = element.end;
    return VSA_OK;
}

enum vsa_status vsa_der_finish(const struct vsa_der_reader *reader, const char *what,
                               struct vsa_error *error)
{
    if (!vsa_der_at_end(reader))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, rule_length,
                           "%zu bytes after the end of %s", reader->end - reader->offset, what);
    return VSA_OK;
}

/* Checks one element; of a constructed one only the head, into which `reader` then moves. */
static enum vsa_status step(struct vsa_der_reader *reader, bool *entered, struct vsa_error *error)
{
    struct element element;
    VSA_TRY(read_head(reader, &element, error));
    bool universal = !(element.tag & CLASS_MASK);
    *entered = element.tag & CONSTRUCTED &&
               (!universal || element.tag == VSA_DER_SEQUENCE || element.tag == VSA_DER_SET);
    if (*entered)
        return open_element(reader, &element, reader, error);
    if (universal)
        VSA_TRY(check_content(reader, &element, (enum vsa_der_tag)element.tag, error));
    reader->offset = element.end;
    return VSA_OK;
}

enum vsa_status vsa_der_skip(struct vsa_der_reader *reader, struct vsa_error *error)
{
    struct vsa_der_reader at = *reader;
    size_t ends[VSA_MAX_DER_DEPTH]; /* of the constructed elements around `at` */
    size_t depth = 0;
    do {
        size_t end = at.end;
        bool entered = false;
        VSA_TRY(step(&at, &entered, error));
        if (entered && depth == VSA_MAX_DER_DEPTH)
            return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, at.offset, NULL,
                               "elements are nested more than %d levels deep", VSA_MAX_DER_DEPTH);
        if (entered)
            ends[depth++] = end;
        while (depth && vsa_der_at_end(&at))
            at.end = ends[--depth];
    } while (depth);
    reader->offset = at.offset;
    return VSA_OK;
}

enum vsa_status vsa_der_read_boolean(struct vsa_der_reader *reader, bool *value,
                                     struct vsa_error *error)
{
    struct vsa_slice content;
    VSA_TRY(vsa_der_read(reader, VSA_DER_BOOLEAN, &content, error));
    *value = content.data[0] != 0;
    return VSA_OK;
}

enum vsa_status vsa_der_read_unsigned(struct vsa_der_reader *reader, uint32_t most, uint32_t *value,
                                      struct vsa_error *error)
{
    struct vsa_slice content;
    struct vsa_der_reader after = *reader;
    VSA_TRY(vsa_der_read(&after, VSA_DER_INTEGER, &content, error));
    uint64_t number = 0;
    bool in_range = content.size <= 5 && !(content.data[0] & 0x80);
    for (size_t i = 0; in_range && i < content.size; i++)
        number = number << 8 | content.data[i];
    if (!in_range || number > most)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, NULL,
                           "INTEGER is not from 0 to %lu", (unsigned long)most);
    *value = (uint32_t)number;
    *reader = after;
    return VSA_OK;
}

enum vsa_status vsa_der_read_bits(struct vsa_der_reader *reader, struct vsa_slice *bytes,
                                  unsigned *unused, struct vsa_error *error)
{
    struct vsa_slice content;
    VSA_TRY(vsa_der_read(reader, VSA_DER_BIT_STRING, &content, error));
    *bytes = vsa_slice_of(content.data + 1, content.size - 1);
    *unused = content.data[0];
    return VSA_OK;
}

enum vsa_status vsa_der_read_named_bits(struct vsa_der_reader *reader, unsigned tag, unsigned most,
                                        uint32_t *bits, struct vsa_error *error)
{
    struct vsa_slice content;
    struct vsa_der_reader after = *reader;
    VSA_TRY(vsa_der_read_as(&after, tag, VSA_DER_BIT_STRING, &content, error));
    unsigned unused = content.data[0];
    size_t count = 8 * (content.size - 1) - unused;
    if (count && !(content.data[content.size - 1] >> unused & 1))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset,
                           "X.690 section 11.2.2", "named bits end with a zero bit");
    if (count > most)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, reader->offset, NULL,
                           "%zu named bits, but the type has %u", count, most);
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++)
        if (content.data[1 + i / 8] & 0x80u >> i % 8)
            value |= UINT32_C(1) << i;
    *bits = value;
    *reader = after;
    return VSA_OK;
}

enum vsa_status vsa_der_read_time(struct vsa_der_reader *reader, int64_t *unix_ms,
                                  struct vsa_error *error)
{
    struct vsa_slice content;
    enum vsa_der_tag type = vsa_der_next_is(reader, VSA_DER_GENERALIZED_TIME)
                                ? VSA_DER_GENERALIZED_TIME
                                : VSA_DER_UTC_TIME;
    VSA_TRY(vsa_der_read(reader, type, &content, error));
    (void)read_time(type, content, unix_ms);
    return VSA_OK;
}
