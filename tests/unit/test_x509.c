/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What certificates state, and what is refused in them whatever their path; the rules about paths
 * are the rows of test_mutations_chain.c, and fuzz_x509 compares with libcrypto.
 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "der/writer.h"
#include "forge.h"
#include "x509/name.h"
#include "x509/parse.h"

static struct forge forge;

/* --- extensions ------------------------------------------------------------------------------- */

#define SAN    "551d11"
#define SKI    "551d0e"
#define AKI    "551d23"
#define EKU    "551d25"
#define CRLDP  "551d1f"
#define NS     "6086480186f8420101"
#define IAN    "551d12"
#define POL    "551d20"
#define FRESH  "551d2e"
#define AIA    "2b06010505070101"
#define SIA    "2b0601050507010b"
#define ISSUER "06082b06010505073002" /* caIssuers, a method of AIA */

/* A Name of one CN "a", and around it what makes a GeneralName of it. */
#define NAME      "300c310a3008060355040c0c0161"
#define DIRECTORY "a40e" NAME

struct extension_row {
    const char *oid;
    const char *value;
    const char *malformed; /* the rule; NULL: well-formed */
    const char *comment;
};

static const struct extension_row extension_rows[] = {
    {SKI, "040161", NULL, "subject key identifier"},
    {SKI, "0400", "RFC 5280 section 4.2.1.2", "empty identifier"},
    {SKI, "0401610500", "RFC 5280 section 4.2.1.2", "something after it"},
    {AKI, "3000", NULL, "authority key identifier that says nothing"},
    {AKI, "3003800161", NULL, "authority key identifier"},
    {AKI, "30028000", "RFC 5280 section 4.2.1.1", "empty identifier"},
    {AKI,
     "3013"
     "a110" DIRECTORY,
     "RFC 5280 section 4.2.1.1", "cut off"},
    {AKI,
     "3015"
     "a110" DIRECTORY "820101",
     NULL, "issuer and serial number"},
    {AKI,
     "3018"
     "800161"
     "a110" DIRECTORY "820101",
     NULL, "all three"},
    {AKI,
     "3012"
     "a110" DIRECTORY,
     "RFC 5280 section 4.2.1.1", "issuer without serial number"},
    {AKI, "3003820101", "RFC 5280 section 4.2.1.1", "serial number without issuer"},
    {AKI,
     "3016"
     "a110" DIRECTORY "82020001",
     "RFC 5280 section 4.2.1.1", "serial number 1 in 2"},
    {AKI,
     "3025"
     "a120" DIRECTORY DIRECTORY "820101",
     "RFC 5280 section 4.2.1.1", "two issuers"},
    {AKI,
     "3008"
     "a103"
     "860161"
     "820101",
     "RFC 5280 section 4.2.1.1", "a URI as issuer"},
    {AKI,
     "3018"
     "a110" DIRECTORY "820101"
     "800161",
     "RFC 5280 section 4.2.1.1", "other order"},
    {EKU, "300a06082b06010505070302", NULL, "a purpose"},
    {EKU, "3000", "RFC 5280 section 4.2.1.12", "no purpose"},
    {EKU, "300706052affffff7f", NULL, "purpose 1.2.268435455"},
    {EKU, "300806062a8180808000", "RFC 5280 section 4.2.1.12", "purpose 1.2.268435456"},
    {EKU, "30020600", "RFC 5280 section 4.2.1.12", "empty purpose"},
    {EKU, "30040101ff0500", "RFC 5280 section 4.2.1.12", "something else"},
    {SAN, "3003820161", NULL, "DNS name"},
    {SAN, "3003810161", NULL, "mail address"},
    {SAN, "3003860161", "RFC 5280 section 4.2.1.6", "URI, whose grammar is not read"},
    {SAN, "3006820161860161", "RFC 5280 section 4.2.1.6", "URI behind a DNS name"},
    {SAN, "3010" DIRECTORY, NULL, "directory name"},
    {SAN, "30068704c0000201", NULL, "IPv4 address"},
    {SAN, "3003870101", "RFC 5280 section 4.2.1.6", "IP address of a byte"},
    {SAN, "300388012a", NULL, "registered ID"},
    {SAN, "3003880180", "RFC 5280 section 4.2.1.6", "registered ID that is none"},
    {SAN, "300aa00806025380a0020500", "RFC 5280 section 4.2.1.6", "other name, broken OID"},
    {SAN, "3009a00706012aa0020500", NULL, "other name"},
    {SAN, "3005a00306012a", "RFC 5280 section 4.2.1.6", "other name without value"},
    {SAN, "300ba00906012aa00405000500", "RFC 5280 section 4.2.1.6", "other name with two values"},
    {SAN, "3000", "RFC 5280 section 4.2.1.6", "no name"},
    {SAN, "30028200", "RFC 5280 section 4.2.1.6", "empty DNS name"},
    {SAN, "30038201e4", "RFC 5280 section 4.2.1.6", "DNS name that is not ASCII"},
    {SAN, "3005a203820161", "RFC 5280 section 4.2.1.6", "DNS name constructed"},
    {SAN, "3003890161", "RFC 5280 section 4.2.1.6", "no such kind"},
    {SAN, "3002a300", "RFC 5280 section 4.2.1.6", "X.400 address"},
    {CRLDP, "300d300ba009a0078605613a2f2f62", NULL, "distribution point"},
    {CRLDP, "300f300ba009a0078605613a2f2f620500", "RFC 5280 section 4.2.1.13", "and a NULL"},
    {CRLDP, "3011300fa009a0078605613a2f2f6281020780", NULL, "with a reason"},
    {CRLDP, "3011300fa009a0078605613a2f2f6281020700", "RFC 5280 section 4.2.1.13",
     "reasons that end with zero bits"},
    {CRLDP, "3006300481020780", "RFC 5280 section 4.2.1.13", "reasons alone"},
    {CRLDP, "30143012a210" DIRECTORY, NULL, "whose CRL it is"},
    {CRLDP, "3000", "RFC 5280 section 4.2.1.13", "no point"},
    {CRLDP, "30023000", "RFC 5280 section 4.2.1.13", "empty point"},
    {CRLDP, "30063004a002a000", "RFC 5280 section 4.2.1.13", "point with no name"},
    {CRLDP, "300e300ca00aa108060355040c0c0161", "RFC 5280 section 4.2.1.13", "relative name"},
    {NS, "03020780", NULL, "Netscape's type"},
    {NS, "03020700", "X.690 section 11.2.2", "Netscape's type that ends with a zero bit"},
    {IAN, "3003820161", NULL, "issuer's DNS name"},
    {IAN, "3003860161", "RFC 5280 section 4.2.1.7", "issuer's URI"},
    {IAN, "3000", "RFC 5280 section 4.2.1.7", "no name of the issuer"},
    {POL, "3006300406022a03", NULL, "policy"},
    {POL, "3000", "RFC 5280 section 4.2.1.4", "no policy"},
    {POL, "30023000", "RFC 5280 section 4.2.1.4", "policy that names none"},
    {POL, "ff", "RFC 5280 section 4.2.1.4", "no element"},
    {POL, "300c300406022a03300406022a04", NULL, "two policies"},
    {POL, "300c300406022a03300406022a03", "RFC 5280 section 4.2.1.4", "one policy twice"},
    {POL, "3011300f06022a033009300706022a040c0161", NULL, "policy with a qualifier"},
    {POL, "3008300606022a033000", "RFC 5280 section 4.2.1.4", "policy with no qualifier"},
    {POL, "3013301106022a033009300706022a040c01610500", "RFC 5280 section 4.2.1.4", "and a NULL"},
    {POL,
     "3030300406022a01300406022a02300406022a03300406022a04"
     "300406022a05300406022a06300406022a07300406022a08",
     NULL, "8 policies"},
    {POL,
     "3036300406022a01300406022a02300406022a03300406022a04"
     "300406022a05300406022a06300406022a07300406022a08300406022a09",
     "RFC 5280 section 4.2.1.4", "9 policies"},
    {AIA, "300f300d" ISSUER "860161", NULL, "where the issuer is"},
    {AIA, "3000", "RFC 5280 section 4.2.2.1", "no description"},
    {AIA, "300c300a" ISSUER, "RFC 5280 section 4.2.2.1", "no location"},
    {AIA, "30123010" ISSUER "860161860161", "RFC 5280 section 4.2.2.1", "two locations"},
    {AIA, "300f300d" ISSUER "0c0161", "RFC 5280 section 4.2.2.1", "text as a location"},
    {SIA, "300f300d" ISSUER "860161", NULL, "where the subject's things are"},
    {SIA, "3000", "RFC 5280 section 4.2.2.2", "no description of them"},
    {FRESH, "300d300ba009a0078605613a2f2f62", NULL, "freshest CRL"},
    {FRESH, "3000", "RFC 5280 section 4.2.1.15", "no freshest CRL"},
    {"2a0304", "ff", NULL, "what is not read may be anything"},
};

static struct vsa_x509 parse_with(const char *oid, bool critical, const char *value)
{
    struct vsa_x509 fields;
    struct vsa_error error = {0};
    forge_reset(&forge);
    forge_extension_add(&forge.certificates[FORGE_LEAF], oid, critical, value);
    if (vsa_x509_parse(forge_issue(&forge, FORGE_LEAF), &fields, &error) != VSA_OK)
        fail_msg("%s: %s", value, error.detail);
    return fields;
}

static void extensions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(extension_rows) / sizeof(extension_rows[0]); i++) {
        const struct extension_row *row = &extension_rows[i];
        struct vsa_x509 fields = parse_with(row->oid, false, row->value);
        if (!row->malformed != !fields.malformed)
            fail_msg("%s: %s", row->comment, fields.malformed ? fields.malformed : "accepted");
        if (row->malformed)
            assert_string_equal(fields.malformed, row->malformed);
        assert_false(fields.unknown_critical);
        assert_null(fields.not_applied);
        /* Critical, all of them are refused. */
        assert_true(parse_with(row->oid, true, row->value).unknown_critical);
    }
}

/* They narrow what a certificate may do: passing over them would be laxer than to refuse them. */
static void limits_are_not_passed_over(void **state)
{
    static const char *const oids[] = {"551d10",           "551d1e",          "551d21",
                                       "551d24",           "551d36",          "2b06010505070107",
                                       "2b06010505070108", "2b0601050507010e"};
    (void)state;
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
        assert_non_null(parse_with(oids[i], false, "3000").not_applied);
        assert_non_null(parse_with(oids[i], false, "ff").not_applied);
        assert_true(parse_with(oids[i], true, "3000").unknown_critical);
    }
}

static void identifiers(void **state)
{
    (void)state;
    struct vsa_x509 fields = parse_with(AKI, false,
                                        "3018"
                                        "800161"
                                        "a110" DIRECTORY "820101");
    assert_true(vsa_slice_equal(fields.authority_key_identifier, vsa_slice_of_text("a")));
    assert_int_equal(fields.authority_serial.size, 1);
    assert_true(vsa_slice_equal(fields.authority_issuer, forge_hex(&forge, NAME)));
    assert_null(fields.subject_key_identifier.data);
    fields = parse_with(SKI, false, "040161");
    assert_true(vsa_slice_equal(fields.subject_key_identifier, vsa_slice_of_text("a")));
    assert_null(fields.authority_key_identifier.data);
    assert_null(fields.authority_issuer.data);
    /* Nothing of what is malformed is taken. */
    fields = parse_with(SKI, false, "0401610500");
    assert_non_null(fields.malformed);
}

/* --- the fields around them ------------------------------------------------------------------- */

/* `find` in the genuine leaf's TBSCertificate becomes `replacement`, of the same size. */
static void replaced_parts(void **state)
{
    static const struct {
        const char *find;
        const char *replacement;
        const char *rule; /* that is broken; NULL: none */
        const char *comment;
    } rows[] = {
        {"a0030201020201 05", "a0030201020201 00", NULL, "serial number 0"},
        {"a0030201020201 05", "a0030201020201 85", "RFC 5280 section 4.1.2.2", "negative"},
        {"a0030201020201 05", "a0030201020200 05", "X.690 section 8.3.2", "no serial number"},
        {"0603550406 0c02 5553", "0603550406 1302 5553", NULL, "PrintableString"},
        {"0603550406 0c02 5553", "0603550406 1302 5540", "X.690 section 8.23", "with @ in it"},
        {"0603550406 0c02 5553", "0603550406 1602 5540", NULL, "IA5String"},
        {"0603550406 0c02 5553", "0603550406 1e02 00e4", NULL, "BMPString"},
        {"0603550406 0c02 5553", "0603550406 1402 5553", "RFC 5280 section 4.1.2.4", "Teletex"},
        {"0603550406 0c02 5553", "0603550406 1202 3132", "RFC 5280 section 4.1.2.4", "Numeric"},
        {"0603550406 0c02 5553", "0603550406 0302 0053", "RFC 5280 section 4.1.2.4", "bits"},
        {"0603550406 0c02 5553", "0603550406 0c02 55c3", "X.690 section 8.23", "not UTF-8"},
        {"0603550406 0c02 5553", "0603558006 0c02 5553", "X.690 section 8.19.2", "OID"},
        {"310b 3009 0603550406", "310b 3109 0603550406", "X.690 section 8.1.2", "SET in SET"},
        {"06052b81040022", "06052b81040023", NULL, "P-521 with a point of P-384"},
        {"06052b81040022", "0605ab81040022", NULL, "no such curve"},
        {"06052b81040022", "06052b8104 0082", "X.690 section 8.19.2", "no OID"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_x509 fields;
        struct vsa_error error = {0};
        forge_reset(&forge);
        forge.certificates[FORGE_LEAF].find = rows[i].find;
        forge.certificates[FORGE_LEAF].replacement = rows[i].replacement;
        enum vsa_status status = vsa_x509_parse(forge_issue(&forge, FORGE_LEAF), &fields, &error);
        if (status != (rows[i].rule ? VSA_ERR_CERTIFICATE_SYNTAX : VSA_OK))
            fail_msg("%s: %s: %s", rows[i].comment, vsa_status_code(status), error.detail);
        if (rows[i].rule && (!error.rule || strcmp(error.rule, rows[i].rule) != 0))
            fail_msg("%s: %s: %s", rows[i].comment, error.rule, error.detail);
    }
}

static void curves(void **state)
{
    static const struct {
        enum forge_key_kind kind;
        enum vsa_curve curve;
    } rows[] = {
        {FORGE_P256, VSA_CURVE_P256},
        {FORGE_P384, VSA_CURVE_P384},
        {FORGE_P521, VSA_CURVE_P521},
        {FORGE_P384_COMPRESSED, VSA_CURVE_NONE},
        {FORGE_P384_HYBRID, VSA_CURVE_NONE},
        {FORGE_P384_EXPLICIT, VSA_CURVE_NONE},
        {FORGE_P384_OFF_CURVE, VSA_CURVE_P384},
        {FORGE_BRAINPOOL384, VSA_CURVE_NONE},
        {FORGE_RSA, VSA_CURVE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_x509 fields;
        forge_reset(&forge);
        forge.certificates[FORGE_LEAF].key_kind = rows[i].kind;
        assert_int_equal(vsa_x509_parse(forge_issue(&forge, FORGE_LEAF), &fields, NULL), VSA_OK);
        assert_int_equal(fields.curve, rows[i].curve);
        assert_true(!fields.point.data == (rows[i].curve == VSA_CURVE_NONE));
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static void names(void **state)
{
    static const struct {
        const char *hex; /* of the Name */
        const char *text;
        const char *rule;
    } rows[] = {
        {"3000", "", NULL},
        {"300c310a300806035504030c0161", "CN=a", NULL},
        {"3018310a300806035504060c0161310a300806035504030c0162", "CN=b,C=a", NULL},
        /* Two attributes in one set, in order. */
        {"30163114300806035504030c0161300806035504060c0162", "C=b+CN=a", NULL},
        {"30163114300806035504060c0162300806035504030c0161", NULL, "X.690 section 11.6"},
        {"30163114300806035504030c0161300806035504030c0161", NULL, "X.690 section 11.6"},
        {"300c310a300806032a03040c0161", "1.2.3.4=#0C0161", NULL},
        {"300d310b3009060455048f7f0c0161", "2.5.4.2047=#0C0161", NULL},
        {"300e310c300a06035504030c0323612c", "CN=\\#a\\,", NULL},
        {"300e310c300a06035504030c03206120", "CN=\\ a\\ ", NULL},
        {"300e310c300a06035504030c03207f20", "CN=\\ \\7F\\ ", NULL},
        {"300f310d300b06035504031e0400e420ac", "CN=\\C3\\A4\\E2\\82\\AC", NULL},
        {"300b3109300706035504030c00", NULL, "RFC 5280 section 4.1.2.4"},
        {"30023100", NULL, "X.690 section 8.1.2"},
        {"30043102 3000", NULL, "X.690 section 8.1.2"},
        {"300e310c300a06035504030c01610500", NULL, "X.690 section 10.1"},
        {"300c300a300806035504030c0161", NULL, "X.690 section 8.1.2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64] = "?";
        struct vsa_error error = {0};
        forge_reset(&forge);
        struct vsa_slice name = forge_hex(&forge, rows[i].hex);
        struct vsa_der_reader reader = vsa_der_reader_of(name);
        enum vsa_status status = vsa_name_read(&reader, &error);
        if (status != (rows[i].rule ? VSA_ERR_CERTIFICATE_SYNTAX : VSA_OK))
            fail_msg("%s: %s", rows[i].hex, error.detail);
        if (rows[i].rule) {
            assert_string_equal(error.rule, rows[i].rule);
            assert_int_equal(reader.offset, 0);
            continue;
        }
        assert_true(vsa_der_at_end(&reader));
        vsa_name_format(name, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
        /* Cut off at any size. */
        for (size_t size = 1; size < sizeof(text); size++) {
            char *cut = malloc(size);
            assert_non_null(cut);
            vsa_name_format(name, cut, size);
            assert_int_equal(strncmp(cut, text, size - 1), 0);
            assert_true(strnlen(cut, size) < size);
            free(cut);
        }
    }
}

static void values_are_cut_at_characters(void **state)
{
    char text[4];
    (void)state;
    forge_reset(&forge);
    struct vsa_slice name = forge_hex(&forge, "300f310d300b06035504030c0461c3a462");
    assert_int_equal(vsa_name_count(name), 1);
    struct vsa_name_attribute attribute = vsa_name_at(name, 0);
    vsa_name_value_format(&attribute, text, 2);
    assert_string_equal(text, "a");
    vsa_name_value_format(&attribute, text, 3);
    assert_string_equal(text, "a");
    vsa_name_value_format(&attribute, text, 4);
    assert_string_equal(text, "a\xc3\xa4");
}

/* --- the writer ------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 255, 256, 300};
    static uint8_t buffer[1024];
    static uint8_t filler[300];
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct vsa_builder builder = vsa_builder_of(buffer, sizeof(buffer));
        struct vsa_slice out;
        struct vsa_slice content;
        size_t sequence = vsa_der_open(&builder, VSA_DER_SEQUENCE);
        vsa_der_write(&builder, VSA_DER_OCTET_STRING, vsa_slice_of(filler, sizes[i]));
        vsa_der_write_named_bits(&builder, 0x141);
        vsa_der_write_bits(&builder, vsa_slice_of_text("ab"));
        vsa_der_write_unsigned(&builder, vsa_slice_of("\0\0\x80", 3));
        vsa_der_write_unsigned(&builder, vsa_slice_of("\0", 1));
        vsa_der_write_time(&builder, INT64_C(2524607999000));
        vsa_der_write_time(&builder, INT64_C(2524608000000));
        vsa_der_close(&builder, sequence);
        assert_int_equal(vsa_builder_finish(&builder, &out, NULL), VSA_OK);
        struct vsa_der_reader reader = vsa_der_reader_of(out);
        struct vsa_der_reader inside;
        uint32_t number = 0;
        unsigned unused = 1;
        int64_t time = 0;
        assert_int_equal(vsa_der_enter(&reader, VSA_DER_SEQUENCE, &inside, NULL), VSA_OK);
        assert_true(vsa_der_at_end(&reader));
        assert_int_equal(vsa_der_read(&inside, VSA_DER_OCTET_STRING, &content, NULL), VSA_OK);
        assert_int_equal(content.size, sizes[i]);
        assert_int_equal(vsa_der_read_named_bits(&inside, VSA_DER_BIT_STRING, 9, &number, NULL),
                         VSA_OK);
        assert_int_equal(number, 0x141);
        assert_int_equal(vsa_der_read_bits(&inside, &content, &unused, NULL), VSA_OK);
        assert_true(!unused && vsa_slice_equal_text(content, "ab"));
        assert_int_equal(vsa_der_read_unsigned(&inside, 255, &number, NULL), VSA_OK);
        assert_int_equal(number, 128);
        assert_int_equal(vsa_der_read_unsigned(&inside, 255, &number, NULL), VSA_OK);
        assert_int_equal(number, 0);
        assert_true(vsa_der_next_is(&inside, VSA_DER_UTC_TIME));
        assert_int_equal(vsa_der_read_time(&inside, &time, NULL), VSA_OK);
        assert_true(time == INT64_C(2524607999000));
        assert_int_equal(vsa_der_read_time(&inside, &time, NULL), VSA_OK);
        assert_true(time == INT64_C(2524608000000));
        assert_true(vsa_der_at_end(&inside));
        /* No buffer that is smaller will do, and none is overrun. */
        for (size_t size = 0; size < out.size; size++) {
            builder = vsa_builder_of(buffer, size);
            sequence = vsa_der_open(&builder, VSA_DER_SEQUENCE);
            vsa_der_write(&builder, VSA_DER_OCTET_STRING, vsa_slice_of(filler, out.size - 4));
            vsa_der_close(&builder, sequence);
            assert_int_equal(vsa_builder_finish(&builder, &content, NULL), VSA_ERR_BUFFER);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions),
        cmocka_unit_test(limits_are_not_passed_over),
        cmocka_unit_test(identifiers),
        cmocka_unit_test(replaced_parts),
        cmocka_unit_test(curves),
        cmocka_unit_test(names),
        cmocka_unit_test(values_are_cut_at_characters),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests_name("x509", tests, NULL, NULL);
}
