/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "protocol/json.h"
#include "server/command_table.h"

static struct vsa_command_table table;
static enum vsa_status answer_status;
static const char *answer_detail;

static enum vsa_status handler(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error)
{
    assert_ptr_equal(context->user, &table);
    assert_ptr_equal(context->nsm, NULL);
    assert_true(json_is_true(json_object_get(reply, "success")));
    assert_non_null(request);
    assert_int_equal(json_object_set_new(reply, "id", json_string("the handler's")), 0);
    if (answer_detail)
        return vsa_fail(error, answer_status, "%s", answer_detail);
    return answer_status;
}

static int set_up(void **state)
{
    (void)state;
    table = (struct vsa_command_table){0};
    answer_status = VSA_OK;
    answer_detail = NULL;
    return 0;
}

static void add(const char *name, unsigned flags, enum vsa_status expected)
{
    const struct vsa_command command = {name, handler, &table, flags};
    assert_int_equal(vsa_command_table_add(&table, &command, VSA_ROLE_PROGRAM, NULL), expected);
}

static void add_built_in(const char *name, enum vsa_command_role role)
{
    const struct vsa_command command = {name, handler, &table, 0};
    assert_int_equal(vsa_command_table_add(&table, &command, role, NULL), VSA_OK);
}

static void assert_found(const char *name, const char *row, const char *named)
{
    const struct vsa_command_row *named_row = NULL;
    const struct vsa_command_row *found = vsa_command_table_find(&table, name, &named_row);
    if (!row) {
        assert_null(found);
        return;
    }
    assert_string_equal(found->name, row);
    assert_ptr_equal(found->command.name, found->name);
    assert_string_equal(named_row->name, named);
}

static void test_names_and_flags(void **state)
{
    (void)state;
    char longest[VSA_MAX_COMMAND_NAME + 2];
    memset(longest, 'a', sizeof(longest));
    longest[VSA_MAX_COMMAND_NAME + 1] = '\0';
    add(longest, 0, VSA_ERR_ARGUMENT);
    add(longest + 1, 0, VSA_OK);
    add("", 0, VSA_ERR_ARGUMENT);
    add(NULL, 0, VSA_ERR_ARGUMENT);
    add("Ping", 0, VSA_ERR_ARGUMENT);
    add("**", 0, VSA_ERR_ARGUMENT);
    add("a", VSA_COMMAND_NSM | VSA_COMMAND_BLOCKING, VSA_ERR_ARGUMENT);
    add("a", 1U << 3, VSA_ERR_ARGUMENT);
    add("a", VSA_COMMAND_BLOCKING | VSA_COMMAND_RATE_LIMITED, VSA_OK);
    add("a", 0, VSA_ERR_ARGUMENT); /* there already */
    const struct vsa_command none = {"b", NULL, NULL, 0};
    assert_int_equal(vsa_command_table_add(&table, &none, VSA_ROLE_PROGRAM, NULL),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(table.count, 2);
}

static void test_full(void **state)
{
    (void)state;
    for (int i = 0; i < VSA_MAX_COMMANDS; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "c%d", i);
        add(name, 0, VSA_OK);
    }
    add("more", 0, VSA_ERR_TOO_MANY);
    assert_found("c0", "c0", "c0");
    assert_found("c63", "c63", "c63");
}

static void test_find(void **state)
{
    (void)state;
    add_built_in("ping", VSA_ROLE_PING);
    add_built_in("attest", VSA_ROLE_ATTEST);
    add("mine", 0, VSA_OK);
    assert_found("ping", "ping", "ping");
    assert_found("nope", NULL, NULL);
    assert_found("*", NULL, NULL);
    /* In the place of a built-in one, once. */
    add("attest", 0, VSA_OK);
    assert_int_equal(table.rows[1].role, VSA_ROLE_PROGRAM);
    add("attest", 0, VSA_ERR_ARGUMENT);
    /* Before all but the program's own. */
    add("*", 0, VSA_OK);
    assert_found("ping", "*", "ping");
    assert_found("mine", "mine", "mine");
    assert_found("attest", "attest", "attest");
    assert_found("nope", "*", "*");
    assert_found("*", "*", "*");
}

static void test_list(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *reply = json_object();
    VSA_AUTO_JSON json_t *expected = json_pack("{s:[s,s]}", "available_commands", "ping", "mine");
    add_built_in("ping", VSA_ROLE_PING);
    add("*", 0, VSA_OK);
    add("mine", 0, VSA_OK);
    vsa_command_table_list(&table, reply);
    assert_true(json_equal(reply, expected));
}

/* Runs the row "mine"; returns the reply. */
static json_t *run(const char *request_text, enum vsa_status expected)
{
    struct vsa_error error;
    json_t *reply = json_object();
    VSA_AUTO_JSON json_t *request = json_loads(request_text, 0, NULL);
    enum vsa_status status =
        vsa_command_run(&table, &table.rows[0], NULL, NULL, NULL, request, reply, &error);
    assert_int_equal(status, expected);
    if (expected != VSA_OK) {
        assert_int_equal(error.status, expected);
        assert_true(strlen(error.detail) > 0);
    }
    return reply;
}

static void test_run(void **state)
{
    (void)state;
    add("mine", 0, VSA_OK);
    VSA_AUTO_JSON json_t *reply = run("{}", VSA_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "id")), "the handler's");
    /* The request's own goes before, and is not in the object. */
    VSA_AUTO_JSON json_t *other = run("{\"id\":7}", VSA_OK);
    assert_null(json_object_get(other, "id"));
    assert_true(json_is_true(json_object_get(other, "success")));
}

static void test_failures(void **state)
{
    (void)state;
    add("mine", 0, VSA_OK);
    answer_status = VSA_ERR_BUSY;
    VSA_AUTO_JSON json_t *silent = run("{}", VSA_ERR_BUSY);
    assert_string_equal(json_string_value(json_object_get(silent, "error_code")), "busy");
    answer_detail = "the reason";
    VSA_AUTO_JSON json_t *reply = run("{}", VSA_ERR_BUSY);
    assert_non_null(strstr(json_string_value(json_object_get(reply, "error")), "the reason"));
    assert_null(json_object_get(reply, "available_commands"));
    answer_status = VSA_ERR_UNKNOWN_COMMAND;
    VSA_AUTO_JSON json_t *unknown = run("{}", VSA_ERR_UNKNOWN_COMMAND);
    assert_int_equal(json_array_size(json_object_get(unknown, "available_commands")), 1);
}

static void add_backend(const char *name, enum vsa_status expected)
{
    const struct vsa_command command = {name, handler, &table, VSA_COMMAND_SEALED_ONLY};
    assert_int_equal(vsa_command_table_add(&table, &command, VSA_ROLE_BACKEND, NULL), expected);
}

static void backends(void **state)
{
    (void)state;
    add_built_in("ping", VSA_ROLE_PING);
    add("own", 0, VSA_OK);
    add_backend("sign", VSA_OK);
    assert_int_equal(table.rows[2].role, VSA_ROLE_BACKEND);
    assert_found("sign", "sign", "sign");
    assert_found("*", NULL, NULL);
    add_backend("sign", VSA_ERR_ARGUMENT);
    add_backend("own", VSA_ERR_ARGUMENT);
    add_backend("Sign", VSA_ERR_ARGUMENT);
    add_backend("ping", VSA_ERR_ARGUMENT);
    /* The one for all others takes nothing from the rows that there are. */
    add_backend("*", VSA_OK);
    assert_null(table.catch_all);
    assert_found("sign", "sign", "sign");
    assert_found("ping", "ping", "ping");
    assert_found("own", "own", "own");
    assert_found("nothing", "*", "*");
    assert_found("*", "*", "*");
    add_backend("*", VSA_ERR_ARGUMENT);
    add("*", 0, VSA_ERR_ARGUMENT);
    /* It has no name that a client would use. */
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_command_table_list(&table, reply);
    assert_int_equal(json_array_size(json_object_get(reply, "available_commands")), 3);
}

/* What the handler learnt of where its request came from. */
static bool was_sealed;
static char aad_text[8];
static const char *sent_by;

static void *ask_elsewhere(void *answer)
{
    *(bool *)answer = vsa_server_sealed(NULL, NULL);
    return NULL;
}

static enum vsa_status ask_origin(const struct vsa_command_context *context, const json_t *request,
                                  json_t *reply, struct vsa_error *error)
{
    struct vsa_slice aad = vsa_slice_of("none", 4);
    pthread_t thread;
    bool elsewhere = true;
    (void)request, (void)reply, (void)error;
    was_sealed = vsa_server_sealed(context, &aad);
    assert_true(vsa_server_sealed(context, NULL) == was_sealed);
    (void)snprintf(aad_text, sizeof(aad_text), "%.*s", (int)aad.size, (const char *)aad.data);
    sent_by = vsa_server_sender(context);
    /* A handler in one thread learns nothing of what another thread answers. */
    assert_int_equal(pthread_create(&thread, NULL, ask_elsewhere, &elsewhere), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(elsewhere);
    return VSA_OK;
}

static void run_from(const struct vsa_origin *origin)
{
    struct vsa_error error;
    VSA_AUTO_JSON json_t *request = json_object();
    VSA_AUTO_JSON json_t *reply = json_object();
    assert_int_equal(
        vsa_command_run(&table, &table.rows[0], NULL, NULL, origin, request, reply, &error),
        VSA_OK);
    assert_false(vsa_server_sealed(NULL, NULL));
}

static void test_origin(void **state)
{
    (void)state;
    const struct vsa_command command = {"ask", ask_origin, NULL, 0};
    struct vsa_origin origin = {.aad = "tenant", .aad_size = strlen("tenant")};
    assert_int_equal(vsa_command_table_add(&table, &command, VSA_ROLE_PROGRAM, NULL), VSA_OK);
    run_from(NULL);
    assert_false(was_sealed);
    assert_string_equal(aad_text, "none");
    assert_null(sent_by);
    run_from(&origin);
    assert_true(was_sealed);
    assert_string_equal(aad_text, "tenant");
    assert_null(sent_by);
    strcpy(origin.sender, "print");
    run_from(&origin);
    assert_string_equal(sent_by, "print");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_names_and_flags, set_up),
        cmocka_unit_test_setup(test_full, set_up),
        cmocka_unit_test_setup(test_find, set_up),
        cmocka_unit_test_setup(test_list, set_up),
        cmocka_unit_test_setup(test_run, set_up),
        cmocka_unit_test_setup(test_failures, set_up),
        cmocka_unit_test_setup(test_origin, set_up),
        cmocka_unit_test_setup(backends, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
