/* SPDX-License-Identifier: Apache-2.0 */
/* Calls run in the test's own thread, with an NSM that never sees a module. */
#include "unit_test.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "fake_nsm.h"
#include "server/builtin.h"
#include "server/call.h"

static struct fake_nsm fake;
static struct vsa_nsm *nsm;
static struct vsa_requests all;
static struct vsa_server_options options;

static enum vsa_status echo(const struct vsa_command_context *handler, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    (void)error;
    assert_int_equal(json_object_set(reply, "with_nsm", json_boolean(handler->nsm != NULL)), 0);
    return json_object_set(reply, "got", json_object_get(request, "say")) ? VSA_ERR_FIELD : VSA_OK;
}

static int set_up(void **state)
{
    (void)state;
    fake = (struct fake_nsm){0};
    memset(&all, 0, sizeof(all));
    all.options = &options;
    const struct vsa_command slow = {"slow", echo, NULL, VSA_COMMAND_BLOCKING};
    const struct vsa_command strict = {"strict", echo, NULL, VSA_COMMAND_NSM};
    assert_int_equal(vsa_builtin_add(&all, NULL), VSA_OK);
    assert_int_equal(vsa_command_table_add(&all.table, &slow, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    assert_int_equal(vsa_command_table_add(&all.table, &strict, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    nsm = fake_nsm_open(&fake);
    return nsm ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_nsm_free(nsm);
    return 0;
}

static const struct vsa_command_row *row_of(const char *name)
{
    const struct vsa_command_row *named;
    const struct vsa_command_row *row = vsa_command_table_find(&all.table, name, &named);
    assert_non_null(row);
    return row;
}

static void run(struct vsa_call *call, struct vsa_nsm *with)
{
    struct vsa_error error;
    vsa_error_set(&error, VSA_ERR_NSM_UNREACHABLE, VSA_NO_OFFSET, NULL, "there is none");
    assert_non_null(call);
    call->work.run(&call->work, with, &error);
}

static void assert_says(const struct vsa_call *call, const char *text)
{
    if (!memmem(call->text, call->text_size, text, strlen(text)))
        fail_msg("no %s in %.*s", text, (int)call->text_size, call->text);
}

static struct vsa_call *new_attest(const char *user_data)
{
    char copy[100];
    (void)snprintf(copy, sizeof(copy), "%s", user_data);
    const struct vsa_attest_request asked = {.user_data = vsa_slice_of_text(copy)};
    struct vsa_call *call = vsa_call_new(&all, row_of("attest"), &asked);
    memset(copy, 0, sizeof(copy)); /* it has its own */
    return call;
}

static struct vsa_call *new_command(const char *name, json_t *object)
{
    struct vsa_call *call = vsa_call_new(&all, row_of(name), NULL);
    assert_non_null(call);
    call->object = object;
    return call;
}

static void test_probe(void **state)
{
    (void)state;
    struct vsa_call *call = vsa_call_new(&all, NULL, NULL);
    run(call, nsm);
    assert_int_equal(call->status, VSA_OK);
    assert_string_equal(call->module_id, FAKE_NSM_MODULE_ID);
    assert_null(call->text);
    run(call, NULL);
    assert_int_equal(call->status, VSA_ERR_NSM_UNREACHABLE);
    assert_string_equal(call->error.detail, "there is none");
    assert_int_equal(vsa_call_size(call), 0);
    vsa_call_free(call);
}

static void test_attest(void **state)
{
    (void)state;
    struct vsa_call *call = new_attest("data");
    assert_int_equal(vsa_call_size(call), 4);
    run(call, nsm);
    assert_int_equal(call->status, VSA_OK);
    assert_says(call, "{\"success\":true,\"attestation_document\":\"ZGF0YQ==\"");
    assert_says(call, "\"user_data\":\"data\"");
    assert_int_equal(fake.attestations, 1);
    vsa_call_free(call);
}

/* No user data and user data of no bytes are two things. */
static void test_absent_fields(void **state)
{
    (void)state;
    const struct vsa_attest_request asked = {.nonce = vsa_slice_of("", 0)};
    struct vsa_call *call = vsa_call_new(&all, row_of("attest"), &asked);
    assert_non_null(call);
    assert_null(call->asked.user_data.data);
    assert_non_null(call->asked.nonce.data);
    assert_int_equal(vsa_call_size(call), 0);
    vsa_call_release(&call->work);
}

static void test_failures(void **state)
{
    (void)state;
    struct vsa_call *call = new_attest("data");
    run(call, NULL);
    assert_int_equal(call->status, VSA_ERR_NSM_UNREACHABLE);
    assert_says(call, "\"error_code\":\"nsm_unreachable\"");
    vsa_call_free(call);
    fake.refuses = true;
    call = new_attest("data");
    run(call, nsm);
    assert_int_equal(call->status, VSA_ERR_NSM);
    assert_says(call, "{\"success\":false");
    vsa_call_free(call);
}

static void assert_life(struct vsa_call *call, int64_t life_ms)
{
    call->life_ms = 7;
    run(call, nsm);
    assert_int_equal(call->life_ms, life_ms);
    vsa_call_free(call);
}

/* The life of its document is looked at only if replies are kept, and this one is shared. */
static void test_life(void **state)
{
    (void)state;
    const struct vsa_share_key key = {0};
    assert_life(new_attest("not a document"), 7);
    struct vsa_call *call = new_attest("not a document");
    vsa_sharing_begin(&all.sharing, &call->share, &key);
    assert_life(call, 7);
    all.sharing.ttl_ms = 1;
    call = new_attest("not a document");
    vsa_sharing_begin(&all.sharing, &call->share, &key);
    /* The list is the loop's: the thread does not look at it. */
    vsa_list_remove(&call->share.place);
    assert_life(call, 0); /* it has none */
}

static void test_commands(void **state)
{
    (void)state;
    struct vsa_call *call = new_command("slow", json_pack("{s:s}", "say", "hello"));
    assert_true(vsa_call_size(call) > strlen("hello"));
    run(call, NULL);
    assert_int_equal(call->status, VSA_OK);
    assert_says(call, "\"with_nsm\":false,\"got\":\"hello\"");
    vsa_call_free(call);
    call = new_command("strict", json_pack("{s:i}", "say", 5));
    run(call, NULL);
    assert_int_equal(call->status, VSA_ERR_NSM_UNREACHABLE);
    vsa_call_free(call);
    call = new_command("strict", json_pack("{s:i}", "say", 5));
    run(call, nsm);
    assert_says(call, "\"with_nsm\":true,\"got\":5");
    vsa_call_free(call);
}

/* A tree costs many times its line: that is what is charged. */
static void test_size(void **state)
{
    (void)state;
    json_t *many = json_array();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(json_array_append_new(many, json_object()), 0);
    struct vsa_call *call = new_command("slow", json_pack("{s:o}", "x", many));
    assert_true(vsa_call_size(call) > 1000 * 200);
    vsa_call_free(call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_probe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_absent_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_size, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
