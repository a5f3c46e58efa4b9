/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which documents are handed over, each alone; tests/e2e tries them on programs. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "forge.h"
#include <vsattest/report.h>

static struct forge forge;
static struct vsa_slice document;
static char base64[8192];
static char hex[16384];
static char text[65536];
static size_t text_size;

static int set_up(void **state)
{
    (void)state;
    forge_reset(&forge);
    document = forge_build(&forge);
    assert_int_equal(vsa_base64_encode(document, base64, sizeof(base64), NULL), VSA_OK);
    vsa_hex_encode(document, hex, sizeof(hex));
    return 0;
}

static void decode(const char *name, struct vsa_slice input, enum vsa_status expected,
                   struct vsa_slice wanted)
{
    static uint8_t buffer[65536];
    struct vsa_slice out = {NULL, 0};
    struct vsa_error error = {0};
    enum vsa_status status = vsa_document_decode(input, buffer, input.size, &out, &error);
    if (status != expected || (status == VSA_OK && !vsa_slice_equal(out, wanted)))
        fail_msg("%s: %s %s", name, vsa_status_code(status), error.detail);
}

/* Formats into `text`. */
#define MAKE(...) (text_size = (size_t)snprintf(text, sizeof(text), __VA_ARGS__))

static void is_the_document(const char *name)
{
    decode(name, vsa_slice_of(text, text_size), VSA_OK, document);
}

static void is_refused(const char *name, enum vsa_status status)
{
    decode(name, vsa_slice_of(text, text_size), status, document);
}

static void raw(void **state)
{
    (void)state;
    decode("raw", document, VSA_OK, document);
    decode("nothing", vsa_slice_of("", 0), VSA_ERR_EMPTY, document);
    forge.cose.before = "d2";
    struct vsa_slice tagged = forge_build(&forge);
    decode("raw with tag 18", tagged, VSA_OK, tagged);
    vsa_hex_encode(tagged, hex, sizeof(hex));
    decode("hexadecimal with tag 18", vsa_slice_of_text(hex), VSA_OK, tagged);
}

static void base64_forms(void **state)
{
    (void)state;
    MAKE("%s", base64);
    is_the_document("base64");
    MAKE("\n  %s\n\n", base64);
    is_the_document("base64 with room around");
    text_size = 0;
    for (const char *at = base64; *at; at += strnlen(at, 76))
        text_size += (size_t)snprintf(text + text_size, sizeof(text) - text_size, "%.76s\r\n", at);
    is_the_document("base64 in lines");
    MAKE("%s", base64);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    assert_true(strpbrk(base64, "+/") != NULL);
    is_the_document("base64url");
    text_size = strcspn(text, "=");
    is_the_document("base64url without padding");
    /* A character that is not base64 is not passed over. */
    MAKE("%s.", base64);
    is_refused("base64 and a point", VSA_ERR_BASE64);
    MAKE("Zm9vY");
    is_refused("one character too many", VSA_ERR_BASE64);
    MAKE("Zm9vYh");
    is_refused("stray bits", VSA_ERR_BASE64);
    MAKE("Zm9vYg=");
    is_refused("half of the padding", VSA_ERR_BASE64);
    MAKE("\n");
    decode("a line break", vsa_slice_of(text, 1), VSA_OK, vsa_slice_of("", 0));
}

static void hexadecimal_forms(void **state)
{
    (void)state;
    MAKE("%s\n", hex);
    is_the_document("hexadecimal");
    MAKE("0x%s", hex);
    is_the_document("hexadecimal with 0x");
    for (char *c = text; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    is_the_document("upper-case hexadecimal");
    text_size = 0;
    for (const char *at = hex; *at; at += strnlen(at, 60))
        text_size += (size_t)snprintf(text + text_size, sizeof(text) - text_size, "%.60s\n", at);
    is_the_document("hexadecimal in lines, as xxd -p prints it");
    MAKE("%s0", hex);
    is_refused("half a byte too many", VSA_ERR_HEX);
    MAKE("%s.", hex);
    is_refused("hexadecimal and a point", VSA_ERR_BASE64);
}

static void quoted_forms(void **state)
{
    (void)state;
    MAKE("\"%s\"\n", base64);
    is_the_document("in quotes");
    MAKE("'%s'", base64);
    is_the_document("in single quotes");
    MAKE("\"0x%s\"", hex);
    is_the_document("hexadecimal in quotes");
    MAKE("\"%s", base64);
    is_refused("one quote", VSA_ERR_BASE64);
    MAKE("'%s\"", base64);
    is_refused("two kinds of quotes", VSA_ERR_BASE64);
    MAKE("\"\"%s\"\"", base64);
    is_refused("quotes twice", VSA_ERR_BASE64);
}

/* Makes UTF-16 of the text, with its byte order mark. */
static void widen(bool little)
{
    static char wide[sizeof(text)];
    size_t at = 0;
    wide[at++] = (char)(little ? 0xff : 0xfe);
    wide[at++] = (char)(little ? 0xfe : 0xff);
    for (size_t i = 0; i < text_size; i++) {
        wide[at + (little ? 0 : 1)] = text[i];
        wide[at + (little ? 1 : 0)] = 0;
        at += 2;
    }
    memcpy(text, wide, at);
    text_size = at;
}

static void wide_forms(void **state)
{
    (void)state;
    MAKE("\xef\xbb\xbf%s\r\n", base64);
    is_the_document("UTF-8 with a byte order mark");
    for (int little = 0; little < 2; little++) {
        MAKE("%s\r\n", base64);
        widen(little);
        is_the_document("UTF-16 base64");
        text_size--;
        is_refused("half a character", VSA_ERR_BASE64);
        text[3 - little] = 1;
        is_refused("a character above 255", VSA_ERR_BASE64);
        MAKE("{\"attestation\": \"%s\"}", hex);
        widen(little);
        is_the_document("UTF-16 JSON with hexadecimal");
    }
    MAKE("\xff\xfe");
    decode("nothing but a byte order mark", vsa_slice_of(text, 2), VSA_OK, vsa_slice_of("", 0));
    uint8_t buffer[1];
    struct vsa_slice out = {NULL, 7};
    MAKE("Zg");
    widen(true);
    assert_int_equal(vsa_document_decode(vsa_slice_of(text, text_size), buffer, 1, &out, NULL),
                     VSA_ERR_BUFFER);
    assert_int_equal(out.size, 7);
}

static void json_forms(void **state)
{
    (void)state;
    MAKE("{\"success\": true, \"attestation_document\": \"%s\", \"nonce\": \"\\u0000\"}\n", base64);
    is_the_document("what vsock_client --json prints");
    MAKE("{\"attestation\": \" %s\\n\"}", base64);
    is_the_document("what other services print");
    static const struct {
        const char *json;
        enum vsa_status status;
    } refused[] = {
        {"{", VSA_ERR_JSON},
        {"{\"success\": false}", VSA_ERR_JSON},
        {"{\"attestation\": null}", VSA_ERR_JSON},
        {"{\"attestation\": {\"attestation\": \"Zg==\"}}", VSA_ERR_JSON},
        {"{\"attestation\": \"Zg==\", \"attestation_document\": \"Zg==\"}", VSA_ERR_JSON},
        {"{\"attestation\": \"Zg==\", \"attestation\": \"Zg==\"}", VSA_ERR_DUPLICATE_KEY},
        {"{\"attestation\": \"Zg==\"} x", VSA_ERR_JSON},
        {"{\"attestation\": \"\"}", VSA_ERR_EMPTY},
        {"{\"attestation\": \"{}\"}", VSA_ERR_BASE64},
        {"[\"Zg==\"]", VSA_ERR_BASE64},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        MAKE("%s", refused[i].json);
        is_refused(refused[i].json, refused[i].status);
    }
    MAKE("{\"a\": ");
    memset(text + text_size, '[', 1000);
    text_size += 1000;
    is_refused("too deep", VSA_ERR_NESTING);
}

/* The caller is sent on by the message, not left with "not base64". */
static void advice_for_json(void **state)
{
    (void)state;
    uint8_t buffer[64];
    struct vsa_slice out;
    struct vsa_error error = {0};
    assert_int_equal(vsa_document_decode(vsa_slice_of_text("{\"document\": \"Zg==\"}"), buffer,
                                         sizeof(buffer), &out, &error),
                     VSA_ERR_JSON);
    assert_non_null(strstr(error.detail, "jq -r .KEY"));
}

static void into_a_small_buffer(void **state)
{
    (void)state;
    uint8_t buffer[3];
    struct vsa_slice out = {NULL, 7};
    assert_int_equal(vsa_document_decode(vsa_slice_of_text("Zm9v"), buffer, 3, &out, NULL), VSA_OK);
    assert_ptr_equal(out.data, buffer);
    out.size = 7;
    assert_int_equal(vsa_document_decode(vsa_slice_of_text("Zm9vYg=="), buffer, 3, &out, NULL),
                     VSA_ERR_BUFFER);
    assert_int_equal(vsa_document_decode(vsa_slice_of_text("8444a101"), buffer, 3, &out, NULL),
                     VSA_ERR_BUFFER);
    assert_int_equal(out.size, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(raw, set_up),
        cmocka_unit_test_setup(base64_forms, set_up),
        cmocka_unit_test_setup(hexadecimal_forms, set_up),
        cmocka_unit_test_setup(quoted_forms, set_up),
        cmocka_unit_test_setup(wide_forms, set_up),
        cmocka_unit_test_setup(json_forms, set_up),
        cmocka_unit_test(advice_for_json),
        cmocka_unit_test(into_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
