/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DER reader: each rule by an example, and every input of up to three bytes (four with
 * VSA_DER_EXHAUSTIVE=4, which takes minutes) beside a second reading of X.690 that shares no code
 * with the first.
 */
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "der/reader.h"
#include "forge.h"
#include "slow_tool.h"

static struct forge forge;

/* A copy that sanitizers and valgrind guard to the byte; the caller frees it. */
static uint8_t *copy_of(const char *hex, struct vsa_slice *bytes)
{
    forge_reset(&forge);
    struct vsa_slice made = forge_hex(&forge, hex);
    uint8_t *copy = malloc(made.size ? made.size : 1);
    assert_non_null(copy);
    memcpy(copy, made.data, made.size);
    *bytes = vsa_slice_of(copy, made.size);
    return copy;
}

/* --- one element of any type --- */

static void elements(void **state)
{
    static const struct {
        const char *hex;
        const char *rule; /* that is broken; NULL: well-formed */
        const char *comment;
    } rows[] = {
        {"0500", NULL, "NULL"},
        {"3000", NULL, "empty SEQUENCE"},
        {"30030101ff", NULL, "TRUE in a SEQUENCE"},
        {"010100", NULL, "FALSE"},
        {"a003020102", NULL, "explicit tag"},
        {"a1020500", NULL, "NULL under an explicit tag"},
        {"8100", NULL, "implicit tag, nothing in it"},
        {"0403 0101 00", NULL, "OCTET STRINGs are not looked into"},
        {"30060404 30800000", NULL, "OCTET STRING in a SEQUENCE"},
        {"", "X.690 section 8.1.2", "nothing"},
        {"30", "X.690 section 8.1.2", "no length"},
        {"1f0100", "X.690 section 8.1.2", "tag number above 30"},
        {"bf2a020500", "X.690 section 8.1.2", "the same, constructed"},
        {"0000", "X.690 section 8.1.2", "end-of-contents"},
        {"1000", "X.690 section 8.1.2", "SEQUENCE as a primitive"},
        {"1100", "X.690 section 8.1.2", "SET as a primitive"},
        {"2100", "X.690 section 8.1.2", "BOOLEAN constructed"},
        {"24030401 61", "X.690 section 8.1.2", "OCTET STRING in pieces"},
        {"2304030200 61", "X.690 section 8.1.2", "BIT STRING in pieces"},
        {"2c030c0161", "X.690 section 8.1.2", "UTF8String in pieces"},
        {"0902 0000", "X.690 section 8.1.2", "REAL"},
        {"1400", "X.690 section 8.1.2", "TeletexString, which has several readings"},
        {"3003300101", "X.690 section 8.1.2", "cut off inside"},
        {"3081", "X.690 section 10.1", "length without its byte"},
        {"040261", "X.690 section 10.1", "longer than the input"},
        {"308100", "X.690 section 10.1", "length 0 in 2 bytes"},
        {"048101 61", "X.690 section 10.1", "length 1 in 2 bytes"},
        {"04820001 61", "X.690 section 10.1", "length with a leading zero"},
        {"3080 0500 0000", "X.690 section 10.1", "indefinite length"},
        {"0485 0000000001 61", "X.690 section 10.1", "length in 5 bytes"},
        {"0484ffffffff 61", "X.690 section 10.1", "length 2^32-1"},
        {"04ff61", "X.690 section 10.1", "reserved length"},
        {"30061004308100 00", "X.690 section 8.1.2", "bad length in a primitive SEQUENCE"},
        {"010101", "X.690 section 11.1", "BOOLEAN 1"},
        {"0100", "X.690 section 11.1", "BOOLEAN of no bytes"},
        {"0102ffff", "X.690 section 11.1", "BOOLEAN of 2 bytes"},
        {"0501 00", "X.690 section 8.8.2", "NULL with content"},

        {"0201 00", NULL, "0"},
        {"0201 80", NULL, "-128"},
        {"0202 0080", NULL, "128"},
        {"0202 ff7f", NULL, "-129"},
        {"0200", "X.690 section 8.3.2", "INTEGER of no bytes"},
        {"0202 007f", "X.690 section 8.3.2", "127 in 2 bytes"},
        {"0202 ff80", "X.690 section 8.3.2", "-128 in 2 bytes"},
        {"0a02 0001", "X.690 section 8.3.2", "ENUMERATED in 2 bytes"},

        {"0301 00", NULL, "no bits"},
        {"0302 07 80", NULL, "one bit"},
        {"0303 00 0000", NULL, "zero bits at the end: only of named bits is this wrong"},
        {"0300", "X.690 section 11.2.1", "BIT STRING of no bytes"},
        {"0301 01", "X.690 section 11.2.1", "unused bits of no byte"},
        {"0302 08 00", "X.690 section 11.2.1", "8 unused bits"},
        {"0302 01 81", "X.690 section 11.2.1", "an unused bit set"},

        {"0601 2a", NULL, "1.2"},
        {"0603 2a8f7f", NULL, "1.2.2047"},
        {"0605 2affffff7f", NULL, "1.2.268435455"},
        {"0606 2a8180808000", "RFC 5280 appendix B", "1.2.268435456"},
        {"0606 2affffffff7f", "RFC 5280 appendix B", "1.2.34359738367"},
        {"060a 2a8280808080808080 00", "RFC 5280 appendix B", "1.2.2^57"},
        {"0613 2a0102030405060708090a0b0c0d0e0f101112", NULL, "20 numbers"},
        {"0614 2a0102030405060708090a0b0c0d0e0f10111213", "RFC 5280 appendix B", "21 numbers"},
        {"0600", "X.690 section 8.19.2", "OID of no bytes"},
        {"0601 80", "X.690 section 8.19.2", "first arc not in shortest form"},
        {"0603 2a8001", "X.690 section 8.19.2", "an arc not in shortest form"},
        {"0602 2a81", "X.690 section 8.19.2", "last arc cut off"},
        {"0603 2a81807f", "X.690 section 8.19.2", "80 within an arc"},

        {"0c02 c3a4", NULL, "UTF8String"},
        {"0c02 c0af", "X.690 section 8.23", "UTF8String, overlong"},
        {"1306 41 7a 30 20 27 3f", NULL, "PrintableString"},
        {"1301 40", "X.690 section 8.23", "PrintableString with @"},
        {"1301 2a", "X.690 section 8.23", "PrintableString with *"},
        {"1301 00", "X.690 section 8.23", "PrintableString with NUL"},
        {"1602 407f", NULL, "IA5String"},
        {"1601 80", "X.690 section 8.23", "IA5String above 7f"},
        {"1e04 004100e4", NULL, "BMPString"},
        {"1e03 004100", "X.690 section 8.23.8", "BMPString of an odd size"},
        {"1e02 d800", "X.690 section 8.23.8", "BMPString with half a surrogate pair"},

        {"3106 020101 020102", NULL, "SET in order"},
        {"3100", NULL, "empty SET"},
        {"3106 020102 020101", "X.690 section 11.6", "SET out of order"},
        {"3106 020101 020101", "X.690 section 11.6", "SET with the same twice"},
        {"3107 02020100 020102", "X.690 section 11.6", "SET, the longer first"},
        {"3107 020102 02020100", NULL, "SET, the shorter first"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice bytes;
        struct vsa_error error = {0};
        uint8_t *copy = copy_of(rows[i].hex, &bytes);
        struct vsa_der_reader reader = vsa_der_reader_of(bytes);
        enum vsa_status status = vsa_der_skip(&reader, &error);
        if (!rows[i].rule && (status != VSA_OK || !vsa_der_at_end(&reader)))
            fail_msg("%s: %s", rows[i].comment, error.detail);
        if (rows[i].rule) {
            if (status != VSA_ERR_CERTIFICATE_SYNTAX || reader.offset != 0)
                fail_msg("%s: %s", rows[i].comment, vsa_status_code(status));
            if (!error.rule || strcmp(error.rule, rows[i].rule) != 0)
                fail_msg("%s: %s: %s", rows[i].comment, error.rule, error.detail);
        }
        free(copy);
    }
}

static void long_lengths(void **state)
{
    static const size_t sizes[] = {127, 128, 255, 256, 65535, 65536};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        uint8_t *bytes = calloc(1, size + 5);
        assert_non_null(bytes);
        size_t width = size < 128 ? 0 : size < 256 ? 1 : size < 65536 ? 2 : 3;
        bytes[0] = VSA_DER_OCTET_STRING;
        bytes[1] = (uint8_t)(width ? 0x80 | width : size);
        for (size_t k = 0; k < width; k++)
            bytes[2 + k] = (uint8_t)(size >> 8 * (width - 1 - k));
        struct vsa_slice content;
        struct vsa_der_reader reader = vsa_der_reader_of(vsa_slice_of(bytes, 2 + width + size));
        assert_int_equal(vsa_der_read(&reader, VSA_DER_OCTET_STRING, &content, NULL), VSA_OK);
        assert_int_equal(content.size, size);
        assert_true(vsa_der_at_end(&reader));
        reader = vsa_der_reader_of(vsa_slice_of(bytes, 2 + width + size - 1));
        assert_int_equal(vsa_der_skip(&reader, NULL), VSA_ERR_CERTIFICATE_SYNTAX);
        free(bytes);
    }
}

static void depth(void **state)
{
    uint8_t bytes[2 * (VSA_MAX_DER_DEPTH + 1)];
    (void)state;
    for (size_t levels = 1; levels <= VSA_MAX_DER_DEPTH + 1; levels++) {
        for (size_t i = 0; i < levels; i++) {
            bytes[2 * i] = VSA_DER_SEQUENCE;
            bytes[2 * i + 1] = (uint8_t)(2 * (levels - 1 - i));
        }
        struct vsa_der_reader reader = vsa_der_reader_of(vsa_slice_of(bytes, 2 * levels));
        assert_int_equal(vsa_der_skip(&reader, NULL),
                         levels <= VSA_MAX_DER_DEPTH ? VSA_OK : VSA_ERR_CERTIFICATE_SYNTAX);
    }
}

/* --- typed reads --- */

/* What is inside is read within its own end; then the reader stands behind it. */
static void nesting(void **state)
{
    struct vsa_slice bytes;
    struct vsa_error error = {0};
    bool flag = false;
    (void)state;
    uint8_t *copy = copy_of("30 05 0101ff 0500 0101 00", &bytes);
    struct vsa_der_reader reader = vsa_der_reader_of(bytes);
    struct vsa_der_reader inside;
    assert_int_equal(vsa_der_enter(&reader, VSA_DER_SET, &inside, &error),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_string_equal(error.detail, "element with tag 30 instead of 31");
    assert_int_equal(vsa_der_enter(&reader, VSA_DER_SEQUENCE, &inside, NULL), VSA_OK);
    assert_int_equal(vsa_der_read_boolean(&inside, &flag, NULL), VSA_OK);
    assert_true(flag);
    assert_false(vsa_der_next_is(&inside, VSA_DER_BOOLEAN));
    assert_int_equal(vsa_der_finish(&inside, "it", &error), VSA_ERR_CERTIFICATE_SYNTAX);
    assert_int_equal(error.offset, 5);
    assert_string_equal(error.detail, "2 bytes after the end of it");
    assert_int_equal(vsa_der_skip(&inside, NULL), VSA_OK);
    assert_int_equal(vsa_der_finish(&inside, "it", NULL), VSA_OK);
    assert_false(vsa_der_next_is(&inside, VSA_DER_BOOLEAN));
    assert_int_equal(vsa_der_skip(&inside, &error), VSA_ERR_CERTIFICATE_SYNTAX);
    assert_int_equal(error.offset, 7);
    assert_int_equal(vsa_der_read_boolean(&reader, &flag, NULL), VSA_OK);
    assert_false(flag);
    free(copy);
}

/* An element that ends behind the one around it. */
static void elements_that_reach_out(void **state)
{
    struct vsa_slice bytes;
    struct vsa_slice content;
    struct vsa_der_reader inside;
    (void)state;
    uint8_t *copy = copy_of("30 03 0402 61 62", &bytes);
    struct vsa_der_reader reader = vsa_der_reader_of(bytes);
    assert_int_equal(vsa_der_enter(&reader, VSA_DER_SEQUENCE, &inside, NULL), VSA_OK);
    assert_int_equal(vsa_der_read(&inside, VSA_DER_OCTET_STRING, &content, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    free(copy);
}

static void implicit_tags(void **state)
{
    struct vsa_slice bytes;
    struct vsa_slice content;
    (void)state;
    uint8_t *copy = copy_of("82 02 0001 83 02 0001", &bytes);
    struct vsa_der_reader reader = vsa_der_reader_of(bytes);
    assert_int_equal(vsa_der_read_as(&reader, VSA_DER_CONTEXT(2), VSA_DER_INTEGER, &content, NULL),
                     VSA_ERR_CERTIFICATE_SYNTAX);
    assert_int_equal(vsa_der_read(&reader, VSA_DER_CONTEXT(2), &content, NULL), VSA_OK);
    assert_int_equal(
        vsa_der_read_as(&reader, VSA_DER_CONTEXT(3), VSA_DER_OCTET_STRING, &content, NULL), VSA_OK);
    assert_int_equal(content.size, 2);
    assert_true(vsa_der_at_end(&reader));
    free(copy);
}

static void unsigned_integers(void **state)
{
    static const struct {
        const char *hex;
        uint32_t most;
        int64_t value; /* -1: refused */
    } rows[] = {
        {"020100", 0, 0},
        {"020101", 0, -1},
        {"02017f", 255, 127},
        {"02020080", 255, 128},
        {"020200ff", 255, 255},
        {"02020100", 255, -1},
        {"0201ff", 255, -1},
        {"02050100000000", UINT32_MAX, -1},
        {"020500ffffffff", UINT32_MAX, UINT32_MAX},
        {"0a0101", 255, -1},
        {"0206010000000000", UINT32_MAX, -1},
        {"0200", 255, -1},
        {"020900800000000000000001", UINT32_MAX, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice bytes;
        uint32_t value = 12345;
        uint8_t *copy = copy_of(rows[i].hex, &bytes);
        struct vsa_der_reader reader = vsa_der_reader_of(bytes);
        enum vsa_status status = vsa_der_read_unsigned(&reader, rows[i].most, &value, NULL);
        assert_int_equal(status, rows[i].value < 0 ? VSA_ERR_CERTIFICATE_SYNTAX : VSA_OK);
        assert_true(value == (rows[i].value < 0 ? 12345 : (uint32_t)rows[i].value));
        assert_true(vsa_der_at_end(&reader) == (status == VSA_OK));
        free(copy);
    }
}

static void bits(void **state)
{
    static const struct {
        const char *hex;
        int64_t named; /* of 9 bits; -1: refused */
        int unused;    /* -1: refused */
    } rows[] = {
        {"030100", 0, 0},         {"03020780", 1, 7},        {"030206c0", 3, 6},
        {"03020186", 0x61, 1},    {"03020204", 0x20, 2},     {"0303078080", 0x101, 7},
        {"0303070080", 0x100, 7}, {"03020001", 0x80, 0},     {"03020000", -1, 0},
        {"03020006", -1, 0},      {"0303000400", -1, 0},     {"0303060040", -1, 6},
        {"03020386", -1, -1},     {"030209c0", -1, -1},      {"0300", -1, -1},
        {"04020186", -1, -1},     {"03050000000001", -1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_slice bytes;
        struct vsa_slice content;
        uint32_t named = 0;
        unsigned unused = 0;
        uint8_t *copy = copy_of(rows[i].hex, &bytes);
        struct vsa_der_reader reader = vsa_der_reader_of(bytes);
        enum vsa_status status =
            vsa_der_read_named_bits(&reader, VSA_DER_BIT_STRING, 9, &named, NULL);
        assert_int_equal(status, rows[i].named < 0 ? VSA_ERR_CERTIFICATE_SYNTAX : VSA_OK);
        if (status == VSA_OK)
            assert_true(named == (uint32_t)rows[i].named);
        reader = vsa_der_reader_of(bytes);
        status = vsa_der_read_bits(&reader, &content, &unused, NULL);
        assert_int_equal(status, rows[i].unused < 0 ? VSA_ERR_CERTIFICATE_SYNTAX : VSA_OK);
        if (status == VSA_OK) {
            assert_int_equal(unused, rows[i].unused);
            assert_int_equal(content.size, bytes.size - 3);
        }
        free(copy);
    }
}

static void times(void **state)
{
    static const struct {
        uint8_t tag;
        const char *text;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {VSA_DER_UTC_TIME, "700101000000Z", 0},
        {VSA_DER_UTC_TIME, "500101000000Z", -631152000},
        {VSA_DER_UTC_TIME, "491231235959Z", 2524607999},
        {VSA_DER_UTC_TIME, "260115120000Z", 1768478400},
        {VSA_DER_UTC_TIME, "240229000000Z", 1709164800},
        {VSA_DER_UTC_TIME, "000229000000Z", 951782400},
        {VSA_DER_GENERALIZED_TIME, "20500101000000Z", 2524608000},
        {VSA_DER_GENERALIZED_TIME, "20720229000000Z", 3223929600},
        {VSA_DER_GENERALIZED_TIME, "99991231235959Z", 253402300799},
        {VSA_DER_GENERALIZED_TIME, "20491231235959Z", -1},
        {VSA_DER_GENERALIZED_TIME, "19491231235959Z", -1},
        {VSA_DER_GENERALIZED_TIME, "00000101000000Z", -1},
        {VSA_DER_GENERALIZED_TIME, "21000229000000Z", -1},
        {VSA_DER_GENERALIZED_TIME, "20500101000000.0Z", -1},
        {VSA_DER_GENERALIZED_TIME, "20500101000000+", -1},
        {VSA_DER_GENERALIZED_TIME, "500101000000Z", -1},
        {VSA_DER_UTC_TIME, "20500101000000Z", -1},
        {VSA_DER_UTC_TIME, "250229000000Z", -1},
        {VSA_DER_UTC_TIME, "250230000000Z", -1},
        {VSA_DER_UTC_TIME, "250431000000Z", -1},
        {VSA_DER_UTC_TIME, "250400000000Z", -1},
        {VSA_DER_UTC_TIME, "250132000000Z", -1},
        {VSA_DER_UTC_TIME, "251301000000Z", -1},
        {VSA_DER_UTC_TIME, "250001000000Z", -1},
        {VSA_DER_UTC_TIME, "250101240000Z", -1},
        {VSA_DER_UTC_TIME, "250101006000Z", -1},
        {VSA_DER_UTC_TIME, "250101000060Z", -1},
        {VSA_DER_UTC_TIME, "2501010000Z", -1},
        {VSA_DER_UTC_TIME, "250101000000", -1},
        {VSA_DER_UTC_TIME, "250101000000z", -1},
        {VSA_DER_UTC_TIME, "250101000000+0000", -1},
        {VSA_DER_UTC_TIME, "25010100000OZ", -1},
        {VSA_DER_UTC_TIME, "-50101000000Z", -1},
        {VSA_DER_UTC_TIME, " 50101000000Z", -1},
        {VSA_DER_UTC_TIME, "2501 1000000Z", -1},
        {VSA_DER_UTC_TIME, "", -1},
        {VSA_DER_UTF8_STRING, "260115120000Z", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = strlen(rows[i].text);
        int64_t unix_ms = 0;
        uint8_t bytes[32];
        bytes[0] = rows[i].tag;
        bytes[1] = (uint8_t)size;
        memcpy(bytes + 2, rows[i].text, size);
        struct vsa_der_reader reader = vsa_der_reader_of(vsa_slice_of(bytes, 2 + size));
        enum vsa_status status = vsa_der_read_time(&reader, &unix_ms, NULL);
        if (rows[i].seconds == -1 && status != VSA_ERR_CERTIFICATE_SYNTAX)
            fail_msg("%s", rows[i].text);
        if (rows[i].seconds != -1 && (status != VSA_OK || unix_ms != rows[i].seconds * 1000))
            fail_msg("%s: %lld", rows[i].text, (long long)unix_ms);
    }
}

/* --- every short input --- */

/*
 * X.690 again, for inputs so short that lengths have one byte: returns the size of the element at
 * the front of `der`, 0 for none. Recursive and by the content's bytes, unlike the reader.
 */
static size_t element_size(const uint8_t *der, size_t size)
{
    if (size < 2 || der[1] > 127 || der[1] > size - 2)
        return 0;
    size_t length = der[1];
    const uint8_t *content = der + 2;
    unsigned class = der[0] >> 6;
    bool constructed = der[0] >> 5 & 1;
    unsigned number = der[0] & 31;
    if (number == 31)
        return 0;
    bool good = true;
    if (constructed && (class != 0 || number == 16 || number == 17)) {
        size_t used = 0;
        int last = -1;
        while (good && used < length) {
            size_t one = element_size(content + used, length - used);
            /* Within two bytes a SET has one element, or none. */
            good = one != 0 && (der[0] != 0x31 || last < 0);
            last = content[used];
            used += one;
        }
    } else if (class == 0) {
        static const char usable[] = {1, 2, 3, 4, 5, 6, 10, 12, 19, 22, 30};
        good = !constructed && memchr(usable, (int)number, sizeof(usable));
        if (number == 1)
            good = good && length == 1 && (content[0] == 0 || content[0] == 255);
        if (number == 2 || number == 10)
            good = good && length &&
                   (length == 1 || (int16_t)(content[0] << 8 | content[1]) < -128 ||
                    (int16_t)(content[0] << 8 | content[1]) > 127);
        if (number == 3)
            good = good && length &&
                   (length == 1 ? content[0] == 0
                                : content[0] < 8 && content[1] % (1 << content[0]) == 0);
        if (number == 5)
            good = good && !length;
        if (number == 6)
            good = good && length && content[0] != 128 && content[length - 1] < 128 &&
                   (length == 1 || content[0] > 127 || content[1] < 128);
        if (number == 12)
            good =
                good && (length == 0 || (content[0] < 128 && (length == 1 || content[1] < 128)) ||
                         (length == 2 && content[0] >= 0xc2 && content[0] <= 0xdf &&
                          content[1] >= 0x80 && content[1] <= 0xbf));
        for (size_t i = 0; number == 19 && i < length; i++)
            good = good && ((content[i] >= 0x27 && content[i] <= 0x3a && content[i] != 0x2a) ||
                            content[i] == 0x20 || content[i] == 0x3d || content[i] == 0x3f ||
                            (content[i] >= 0x41 && content[i] <= 0x5a) ||
                            (content[i] >= 0x61 && content[i] <= 0x7a));
        for (size_t i = 0; number == 22 && i < length; i++)
            good = good && content[i] < 128;
        if (number == 30)
            good = good && length != 1 && (!length || content[0] < 0xd8 || content[0] > 0xdf);
    }
    return good ? 2 + length : 0;
}

static void check(const uint8_t *bytes, size_t size)
{
    struct vsa_der_reader reader = vsa_der_reader_of(vsa_slice_of(bytes, size));
    size_t expected = element_size(bytes, size);
    enum vsa_status status = vsa_der_skip(&reader, NULL);
    if ((status == VSA_OK) != (expected != 0) || reader.offset != expected) {
        char text[16] = "";
        for (size_t i = 0; i < size; i++)
            (void)snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", bytes[i]);
        fail_msg("%s: element of %zu bytes, not %zu", text, reader.offset, expected);
    }
}

static void every_short_input(void **state)
{
    const char *wanted = getenv("VSA_DER_EXHAUSTIVE");
    size_t most = wanted ? (size_t)strtoul(wanted, NULL, 10) : is_slow_tool() ? 2 : 3;
    (void)state;
    assert_true(most >= 1 && most <= 4);
    check(NULL, 0);
    for (size_t size = 1; size <= most; size++) {
        uint8_t *bytes = malloc(size);
        assert_non_null(bytes);
        for (uint64_t number = 0; number < UINT64_C(1) << 8 * size; number++) {
            for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)(number >> 8 * (size - 1 - i));
            check(bytes, size);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(long_lengths),
        cmocka_unit_test(depth),
        cmocka_unit_test(nesting),
        cmocka_unit_test(implicit_tags),
        cmocka_unit_test(elements_that_reach_out),
        cmocka_unit_test(unsigned_integers),
        cmocka_unit_test(bits),
        cmocka_unit_test(times),
        cmocka_unit_test(every_short_input),
    };
    return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
