/* SPDX-License-Identifier: Apache-2.0 */
/* Reply lines, without a stream. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "server/reply.h"

static char buffer[VSA_MAX_REPLY_LINE];

static void assert_text(struct vsa_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static void assert_has(struct vsa_slice slice, const char *text)
{
    assert_non_null(memmem(slice.data, slice.size, text, strlen(text)));
}

/* {"success":true,"text":"aaa..."} of so many bytes without its closing brace. */
static json_t *reply_of_size(size_t size)
{
    static char text[VSA_MAX_REPLY_LINE + 1];
    json_t *reply = json_object();
    memset(text, 'a', sizeof(text));
    assert_int_equal(json_object_set_new(reply, "success", json_true()), 0);
    assert_int_equal(
        json_object_set_new(reply, "text",
                            json_stringn(text, size - strlen("{\"success\":true,\"text\":\"\""))),
        0);
    return reply;
}

static void test_print(void **state)
{
    (void)state;
    struct vsa_slice text;
    VSA_AUTO_JSON json_t *reply = json_pack("{s:b,s:i}", "success", 1, "n", 5);
    assert_int_equal(vsa_reply_print(reply, VSA_OK, buffer, &text), VSA_OK);
    assert_text(text, "{\"success\":true,\"n\":5");
}

static void test_id(void **state)
{
    (void)state;
    char id[VSA_REPLY_ID];
    struct vsa_slice text = {0};
    char longest[VSA_MAX_REQUEST_ID];
    assert_int_equal(vsa_reply_print_id(NULL, id, &text, NULL), VSA_OK);
    assert_int_equal(text.size, 0);
    VSA_AUTO_JSON json_t *number = json_integer(-7);
    assert_int_equal(vsa_reply_print_id(number, id, &text, NULL), VSA_OK);
    assert_text(text, ",\"id\":-7");
    memset(longest, 1, sizeof(longest));
    VSA_AUTO_JSON json_t *string = json_stringn_nocheck(longest, sizeof(longest));
    assert_int_equal(vsa_reply_print_id(string, id, &text, NULL), VSA_OK);
    assert_int_equal(text.size, strlen(",\"id\":\"\"") + 6 * sizeof(longest));
}

/* With the id that goes behind it, a line has VSA_MAX_REPLY_LINE bytes at most. */
static void test_too_large(void **state)
{
    (void)state;
    const struct vsa_slice id = vsa_slice_of_text(",\"id\":1");
    const size_t most = VSA_MAX_REPLY_LINE - strlen("}\n");
    VSA_AUTO_JSON json_t *fits = reply_of_size(most - id.size);
    assert_int_equal(vsa_reply_of_json(fits, id, VSA_OK, buffer).status, VSA_OK);
    VSA_AUTO_JSON json_t *fits_alone = reply_of_size(most);
    assert_int_equal(vsa_reply_of_json(fits_alone, (struct vsa_slice){0}, VSA_OK, buffer).status,
                     VSA_OK);
    struct vsa_reply reply = vsa_reply_of_json(fits_alone, id, VSA_OK, buffer);
    assert_int_equal(reply.status, VSA_ERR_TOO_LARGE);
    assert_has(reply.text, "\"error_code\":\"too_large\"");
    assert_text(reply.id, ",\"id\":1");
    VSA_AUTO_JSON json_t *too_much = reply_of_size(most + 1);
    reply = vsa_reply_of_json(too_much, (struct vsa_slice){0}, VSA_OK, buffer);
    assert_int_equal(reply.status, VSA_ERR_TOO_LARGE);
    assert_has(reply.text, "{\"success\":false");
}

static void test_too_deep(void **state)
{
    (void)state;
    json_t *value = json_array();
    for (int i = 0; i < VSA_MAX_JSON_DEPTH - 1; i++)
        value = json_pack("[o]", value);
    VSA_AUTO_JSON json_t *reply = json_pack("{s:b,s:o}", "success", 1, "deep", value);
    struct vsa_slice text;
    assert_int_equal(vsa_reply_print(reply, VSA_OK, buffer, &text), VSA_ERR_INTERNAL);
    assert_has(text, "\"error_code\":\"internal_error\"");
}

/* A reply that says nothing of success was short of memory. */
static void test_no_memory(void **state)
{
    (void)state;
    struct vsa_slice text;
    VSA_AUTO_JSON json_t *reply = json_object();
    assert_int_equal(vsa_reply_print(reply, VSA_OK, buffer, &text), VSA_ERR_MEMORY);
    assert_has(text, "\"error_code\":\"out_of_memory\"");
    assert_int_equal(vsa_reply_print(NULL, VSA_OK, buffer, &text), VSA_ERR_MEMORY);
    assert_has(text, "\"error_code\":\"out_of_memory\"");
}

static void test_error(void **state)
{
    (void)state;
    char got[1000];
    int pair[2];
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_BUSY, VSA_NO_OFFSET, NULL, "no \"room\"");
    struct vsa_reply reply = vsa_reply_of_error(&error, (struct vsa_slice){0}, buffer);
    assert_int_equal(reply.status, VSA_ERR_BUSY);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    vsa_reply_send_raw(pair[0], &reply);
    ssize_t size = recv(pair[1], got, sizeof(got), 0);
    (void)close(pair[0]);
    (void)close(pair[1]);
    assert_true(size > 0);
    assert_has(vsa_slice_of(got, (size_t)size), "no \\\"room\\\"");
    assert_has(vsa_slice_of(got, (size_t)size), "\"error_code\":\"busy\"}\n");
}

static void test_members(void **state)
{
    (void)state;
    struct vsa_reply reply = vsa_reply_of_text(vsa_slice_of_text("{\"a\":1"), ",\"cached\":true",
                                               vsa_slice_of_text(",\"id\":2"), VSA_ERR_NSM, buffer);
    assert_int_equal(reply.status, VSA_ERR_NSM);
    assert_text(reply.members, ",\"cached\":true");
    assert_text(reply.text, "{\"a\":1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),     cmocka_unit_test(test_id),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_error),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
