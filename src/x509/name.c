/* SPDX-License-Identifier: Apache-2.0 */
#include "x509/name.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"

static const char rule_name[] = "RFC 5280 section 4.1.2.4";

/* --- reading ---------------------------------------------------------------------------------- */

/* Reads one AttributeTypeAndValue. */
static enum vsa_status read_attribute(struct vsa_der_reader *set,
                                      struct vsa_name_attribute *attribute, struct vsa_error *error)
{
    static const enum vsa_der_tag types[] = {VSA_DER_UTF8_STRING, VSA_DER_PRINTABLE_STRING,
                                             VSA_DER_IA5_STRING, VSA_DER_BMP_STRING};
    struct vsa_der_reader pair;
    VSA_TRY(vsa_der_enter(set, VSA_DER_SEQUENCE, &pair, error));
    VSA_TRY(vsa_der_read(&pair, VSA_DER_OID, &attribute->oid, error));
    size_t start = pair.offset;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!vsa_der_next_is(&pair, types[i]))
            continue;
        VSA_TRY(vsa_der_read(&pair, types[i], &attribute->value, error));
        attribute->type = types[i];
        break;
    }
    if (!attribute->value.size)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, start, rule_name,
                           "a name's value is empty or not a UTF8String, PrintableString, "
                           "IA5String or BMPString");
    attribute->encoded = vsa_slice_of(pair.input.data + start, pair.offset - start);
    return vsa_der_finish(&pair, "a name's attribute", error);
}

enum vsa_status vsa_name_read(struct vsa_der_reader *reader, struct vsa_error *error)
{
    struct vsa_der_reader after = *reader;
    struct vsa_der_reader sets;
    VSA_TRY(vsa_der_enter(&after, VSA_DER_SEQUENCE, &sets, error));
    while (!vsa_der_at_end(&sets)) {
        struct vsa_der_reader set;
        VSA_TRY(vsa_der_enter(&sets, VSA_DER_SET, &set, error));
        do {
            struct vsa_name_attribute attribute = {.value = {NULL, 0}};
            VSA_TRY(read_attribute(&set, &attribute, error));
        } while (!vsa_der_at_end(&set));
    }
    *reader = after;
    return VSA_OK;
}

bool vsa_name_is_empty(struct vsa_slice name)
{
    return name.size <= 2;
}

/* A walk over the attributes of a name that has been read once. */
struct walk {
    struct vsa_der_reader sets;
    struct vsa_der_reader set;
};

static struct walk begin(struct vsa_slice name)
{
    struct vsa_der_reader reader = vsa_der_reader_of(name);
    struct walk walk = {reader, reader};
    (void)!vsa_der_enter(&reader, VSA_DER_SEQUENCE, &walk.sets, NULL);
    walk.set = walk.sets;
    walk.set.end = walk.set.offset;
    return walk;
}

static bool next(struct walk *walk, struct vsa_name_attribute *attribute)
{
    *attribute = (struct vsa_name_attribute){.begins_set = vsa_der_at_end(&walk->set)};
    if (attribute->begins_set &&
        (vsa_der_at_end(&walk->sets) ||
         vsa_der_enter(&walk->sets, VSA_DER_SET, &walk->set, NULL) != VSA_OK))
        return false;
    return read_attribute(&walk->set, attribute, NULL) == VSA_OK;
}

size_t vsa_name_count(struct vsa_slice name)
{
    struct walk walk = begin(name);
    struct vsa_name_attribute attribute;
    size_t count = 0;
    while (next(&walk, &attribute))
        count++;
    return count;
}

struct vsa_name_attribute vsa_name_at(struct vsa_slice name, size_t index)
{
    struct walk walk = begin(name);
    struct vsa_name_attribute attribute;
    while (next(&walk, &attribute) && index--)
        ;
    return attribute;
}

/* --- types ------------------------------------------------------------------------------------ */

#define TYPE(oid, short_name, long_name, most)                                                     \
    {                                                                                              \
        oid, sizeof(oid) - 1, short_name, long_name, most                                          \
    }

/* Names as RFC 4519 and X.520 have them, and as openssl prints them. */
static const struct vsa_name_type types[] = {
    TYPE("\x55\x04\x03", "CN", "commonName", 64),
    TYPE("\x55\x04\x04", "SN", "surname", 64),
    TYPE("\x55\x04\x05", "serialNumber", "serialNumber", 64),
    TYPE("\x55\x04\x06", "C", "countryName", 2),
    TYPE("\x55\x04\x07", "L", "localityName", 128),
    TYPE("\x55\x04\x08", "ST", "stateOrProvinceName", 128),
    TYPE("\x55\x04\x09", "street", "streetAddress", 128),
    TYPE("\x55\x04\x0a", "O", "organizationName", 64),
    TYPE("\x55\x04\x0b", "OU", "organizationalUnitName", 64),
    TYPE("\x55\x04\x0c", "title", "title", 64),
    TYPE("\x55\x04\x0d", "description", "description", 1024),
    TYPE("\x55\x04\x0f", "businessCategory", "businessCategory", 128),
    TYPE("\x55\x04\x11", "postalCode", "postalCode", 40),
    TYPE("\x55\x04\x29", "name", "name", 64),
    TYPE("\x55\x04\x2a", "GN", "givenName", 64),
    TYPE("\x55\x04\x2b", "initials", "initials", 64),
    TYPE("\x55\x04\x2c", "generationQualifier", "generationQualifier", 64),
    TYPE("\x55\x04\x2e", "dnQualifier", "dnQualifier", 64),
    TYPE("\x55\x04\x41", "pseudonym", "pseudonym", 128),
    TYPE("\x55\x04\x61", "organizationIdentifier", "organizationIdentifier", 256),
    TYPE("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress", "emailAddress", 128),
    TYPE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID", "userId", 256),
    TYPE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC", "domainComponent", 256),
};

const struct vsa_name_type *vsa_name_type_of(struct vsa_slice oid)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (vsa_slice_equal(oid, vsa_slice_of(types[i].oid, types[i].oid_size)))
            return &types[i];
    return NULL;
}

const struct vsa_name_type *vsa_name_type_named(const char *short_name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].short_name, short_name) == 0)
            return &types[i];
    return NULL;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Text for people: what does not fit is left out. */
struct text {
    char *at;
    size_t left; /* bytes, without the NUL */
};

static struct text text_of(char *buffer, size_t capacity)
{
    *buffer = '\0';
    return (struct text){buffer, capacity - 1};
}

static void append(struct text *text, char c)
{
    if (text->left) {
        *text->at++ = c;
        text->left--;
    }
    *text->at = '\0';
}

static void append_all(struct text *text, const char *more)
{
    while (*more)
        append(text, *more++);
}

static void append_hex(struct text *text, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    append(text, digits[byte >> 4]);
    append(text, digits[byte & 15]);
}

/* Writes the value's next character as UTF-8; returns its size. */
static size_t next_character(const struct vsa_name_attribute *attribute, size_t *offset,
                             uint8_t utf8[4])
{
    const uint8_t *data = attribute->value.data;
    if (attribute->type != VSA_DER_BMP_STRING) {
        size_t size = vsa_slice_character(attribute->value, *offset);
        memcpy(utf8, data + *offset, size);
        *offset += size;
        return size;
    }
    unsigned c = (unsigned)data[*offset] << 8 | data[*offset + 1];
    *offset += 2;
    if (c < 0x80) {
        utf8[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        utf8[0] = (uint8_t)(0xc0 | c >> 6);
        utf8[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    utf8[0] = (uint8_t)(0xe0 | c >> 12);
    utf8[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    utf8[2] = (uint8_t)(0x80 | (c & 0x3f));
    return 3;
}

/* Appends a character of a value (RFC 2253 section 2.4). */
static void append_character(struct text *text, const uint8_t *utf8, size_t size, bool is_first,
                             bool is_last)
{
    char c = (char)utf8[0];
    if (size > 1 || utf8[0] < 0x20 || utf8[0] >= 0x7f) {
        for (size_t i = 0; i < size; i++) {
            append(text, '\\');
            append_hex(text, utf8[i]);
        }
        return;
    }
    if (strchr(",+\"\\<>;", c) || (c == ' ' && (is_first || is_last)) || (c == '#' && is_first))
        append(text, '\\');
    append(text, c);
}

static void append_value(struct text *text, const struct vsa_name_attribute *attribute)
{
    size_t offset = 0;
    while (text->left && offset < attribute->value.size) {
        uint8_t utf8[4];
        bool is_first = offset == 0;
        size_t size = next_character(attribute, &offset, utf8);
        append_character(text, utf8, size, is_first, offset == attribute->value.size);
    }
}

/* Appends, of an unknown type, the value's encoding (RFC 2253 section 2.4). */
static void append_attribute(struct text *text, const struct vsa_name_attribute *attribute)
{
    const struct vsa_name_type *type = vsa_name_type_of(attribute->oid);
    char number[128];
    if (type) {
        append_all(text, type->short_name);
        append(text, '=');
        append_value(text, attribute);
        return;
    }
    vsa_oid_format(attribute->oid, number, sizeof(number));
    append_all(text, number);
    append_all(text, "=#");
    for (size_t i = 0; text->left && i < attribute->encoded.size; i++)
        append_hex(text, attribute->encoded.data[i]);
}

void vsa_name_format(struct vsa_slice name, char *buffer, size_t capacity)
{
    struct text text = text_of(buffer, capacity);
    for (size_t i = vsa_name_count(name); i-- && text.left;) {
        struct vsa_name_attribute attribute = vsa_name_at(name, i);
        append_attribute(&text, &attribute);
        if (i)
            append(&text, attribute.begins_set ? ',' : '+');
    }
}

void vsa_name_value_format(const struct vsa_name_attribute *attribute, char *buffer,
                           size_t capacity)
{
    struct text text = text_of(buffer, capacity);
    size_t offset = 0;
    while (offset < attribute->value.size) {
        uint8_t utf8[4];
        size_t size = next_character(attribute, &offset, utf8);
        if (size > text.left)
            return;
        for (size_t i = 0; i < size; i++)
            append(&text, (char)utf8[i]);
    }
}

void vsa_oid_format(struct vsa_slice oid, char *buffer, size_t capacity)
{
    struct text text = text_of(buffer, capacity);
    uint64_t arc = 0;
    bool is_first = true;
    for (size_t i = 0; i < oid.size; i++) {
        char number[32];
        /* Arcs are below 2^57 everywhere; of a larger one the lower bits do. */
        arc = (arc & (UINT64_MAX >> 7)) << 7 | (oid.data[i] & 0x7f);
        if (oid.data[i] & 0x80)
            continue;
        unsigned root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
        if (is_first)
            (void)snprintf(number, sizeof(number), "%u.%llu", root,
                           (unsigned long long)(arc - 40 * root));
        else
            (void)snprintf(number, sizeof(number), ".%llu", (unsigned long long)arc);
        append_all(&text, number);
        is_first = false;
        arc = 0;
    }
}
