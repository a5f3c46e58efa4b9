/* SPDX-License-Identifier: Apache-2.0 */
/* The short cut never says anything else than the long way. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "protocol/request.h"
#include "protocol/scan.h"

/* What the short cut accepts, the parser accepts with the same command and id. */
static bool scan_agrees(struct vsa_slice line)
{
    struct vsa_request_scan scan = {0};
    if (!vsa_request_scan(line, &scan))
        return false;
    VSA_AUTO_JSON json_t *request = NULL;
    struct vsa_error error = {0};
    const char *command = NULL;
    json_t *id = NULL;
    if (vsa_json_parse(line, &request, &error) != VSA_OK ||
        vsa_request_command(request, &command, &error) != VSA_OK ||
        vsa_request_id(request, &id, &error) != VSA_OK)
        fail_msg("%.*s: %s", (int)line.size, (const char *)line.data, error.detail);
    assert_true(vsa_slice_equal_text(scan.command, command));
    assert_int_equal(!id, !scan.id.data);
    if (id) {
        char text[VSA_MAX_REQUEST_ID + 8];
        size_t size = json_dumpb(id, text, sizeof(text), JSON_COMPACT | JSON_ENCODE_ANY);
        assert_int_equal(size, scan.id.size);
        assert_memory_equal(text, scan.id.data, size);
    }
    return true;
}

static void assert_short(const char *text)
{
    if (!scan_agrees(vsa_slice_of_text(text)))
        fail_msg("%s: not seen by the short cut", text);
}

static void assert_long(const char *text)
{
    if (scan_agrees(vsa_slice_of_text(text)))
        fail_msg("%s: taken by the short cut", text);
}

static void test_short(void **state)
{
    (void)state;
    assert_short("{\"command\":\"ping\"}");
    assert_short(" \t{ \"command\" : \"ping\" , \"id\" : 7 } \r");
    assert_short("{\"id\":\"x/y\",\"command\":\"ping\"}");
    assert_short("{\"id\":0,\"command\":\"ping\"}");
    assert_short("{\"id\":999999999999999999,\"command\":\"ping\"}");
    assert_short("{\"id\":null,\"command\":\"ping\"}");
    assert_short("{\"id\":\"\",\"command\":\"\"}");
    assert_short("{\"command\":\"ping\",\"a\":true,\"b\":false,\"c\":null,\"d\":12}");
    assert_short("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"command\":\"x\"}");
}

/* Right or wrong, these need the parser. */
static void test_long(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"command\":\"ping\"",
        "{\"command\":\"ping\"}}",
        "{\"command\":\"ping\"}x",
        "{\"command\":\"ping\",}",
        "{,\"command\":\"ping\"}",
        "{\"command\":\"ping\" \"id\":1}",
        "{\"command\" \"ping\"}",
        "{\"command\":}",
        "{\"command\":1}",
        "{\"command\":null}",
        "{\"id\":1}",
        "{\"command\":\"ping\",\"command\":\"ping\"}",
        "{\"command\":\"ping\",\"a\":1,\"a\":1}",
        "{\"command\":\"ping\",\"id\":1,\"id\":null}",
        "{\"command\":\"p\\u0069ng\"}",
        "{\"command\":\"p\xc3\xafng\"}",
        "{\"command\":\"pi\tng\"}",
        "{\"command\":\"pi\x7fng\"}",
        "{\"command\":\"ping\",\"id\":true}",
        "{\"command\":\"ping\",\"id\":-1}",
        "{\"command\":\"ping\",\"id\":01}",
        "{\"command\":\"ping\",\"id\":1.0}",
        "{\"command\":\"ping\",\"id\":1e3}",
        "{\"command\":\"ping\",\"id\":1000000000000000000}",
        "{\"command\":\"ping\",\"id\":{}}",
        "{\"command\":\"ping\",\"a\":[]}",
        "{\"command\":\"ping\",\"a\":tru}",
        "{\"command\":\"ping\",\"a\":truex}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"command\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_long(texts[i]);
}

static void test_long_id(void **state)
{
    (void)state;
    char line[VSA_MAX_REQUEST_ID + 64];
    for (int size = VSA_MAX_REQUEST_ID; size <= VSA_MAX_REQUEST_ID + 1; size++) {
        char id[VSA_MAX_REQUEST_ID + 2] = "";
        memset(id, 'i', (size_t)size);
        (void)snprintf(line, sizeof(line), "{\"command\":\"ping\",\"id\":\"%s\"}", id);
        assert_int_equal(scan_agrees(vsa_slice_of_text(line)), size == VSA_MAX_REQUEST_ID);
    }
}

static void test_nul(void **state)
{
    (void)state;
    static const char line[] = "{\"command\":\"pi\0ng\"}";
    assert_false(scan_agrees(vsa_slice_of(line, sizeof(line) - 1)));
    static const char end[] = "{\"command\":\"ping\"}\0";
    assert_false(scan_agrees(vsa_slice_of(end, sizeof(end) - 1)));
}

/* Every change of one byte to any other, and every cut, of lines that the short cut takes. */
static void test_every_byte(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"command\":\"ping\",\"id\":70}",
        "{\"id\": \"a b\", \"x\": null, \"command\": \"attest\", \"y\": true}",
    };
    size_t taken = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char line[80];
        size_t size = strlen(lines[i]);
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memcpy(line, lines[i], size);
                line[at] = (char)byte;
                taken += scan_agrees(vsa_slice_of(line, size));
            }
            taken += scan_agrees(vsa_slice_of(lines[i], at));
            taken += scan_agrees(vsa_slice_of(lines[i] + at, size - at));
        }
    }
    /* Letters and digits of values may change. */
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short),      cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_id),    cmocka_unit_test(test_nul),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
