/* SPDX-License-Identifier: Apache-2.0 */
/* The server in a thread, with an NSM that does what the test wants in another. */
#include "unit_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "crypto/key.h"
#include "nsm/message.h"
#include "protocol/json.h"
#include <vsattest/server.h>

#define PATIENCE_MS 20000
#define MODULE_ID   "i-0123456789abcdef0-enc0123456789abcdef"

static char directory[32];
static char server_address[80];
static char nsm_address[80];
static struct vsa_server_options options;
static struct vsa_server *server;
static pthread_t server_thread;
static bool server_runs;

/* --- the NSM ---------------------------------------------------------------------------------- */

static int nsm_listener = -1;
static pthread_t nsm_thread;
static uint8_t attested_key[VSA_MAX_FIELD]; /* public_key of the last Attestation */
static size_t attested_key_size;

/* The "document" of this NSM is the user data it was asked for. */
static struct vsa_nsm_response respond(const struct vsa_nsm_request *request)
{
    struct vsa_nsm_response response = {.kind = request->kind};
    if (request->kind == VSA_NSM_DESCRIBE_NSM) {
        response.description = (struct vsa_nsm_description){
            .version_major = 1, .max_pcrs = 32, .digest = "SHA384", .module_id = MODULE_ID};
    } else if (request->kind == VSA_NSM_ATTESTATION) {
        attested_key_size = request->public_key.size;
        if (request->public_key.data)
            memcpy(attested_key, request->public_key.data, request->public_key.size);
        response.document = request->user_data;
    } else {
        response.kind = VSA_NSM_ERROR;
        response.code = VSA_NSM_INVALID_OPERATION;
    }
    return response;
}

static void serve_nsm_connection(int fd)
{
    uint8_t message[VSA_NSM_MAX_REQUEST];
    uint8_t answer[VSA_NSM_MAX_RESPONSE];
    ssize_t size;
    while ((size = recv(fd, message, sizeof(message), 0)) > 0) {
        struct vsa_nsm_request request;
        struct vsa_slice encoded;
        if (vsa_nsm_request_decode(vsa_slice_of(message, (size_t)size), &request, NULL) != VSA_OK)
            break;
        struct vsa_nsm_response response = respond(&request);
        if (vsa_nsm_response_encode(&response, answer, sizeof(answer), &encoded, NULL) != VSA_OK)
            break;
        (void)send(fd, encoded.data, encoded.size, MSG_NOSIGNAL);
    }
    (void)close(fd);
}

static void *serve_nsm(void *unused)
{
    (void)unused;
    int fd;
    while ((fd = accept(nsm_listener, NULL, NULL)) >= 0)
        serve_nsm_connection(fd);
    return NULL;
}

static int start_nsm(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/nsm", directory);
    nsm_listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (nsm_listener < 0 || bind(nsm_listener, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
        listen(nsm_listener, 4) < 0)
        return -1;
    return pthread_create(&nsm_thread, NULL, serve_nsm, NULL);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(server_address, sizeof(server_address), "unix:%s/server", directory);
    (void)snprintf(nsm_address, sizeof(nsm_address), "unix:%s/nsm", directory);
    vsa_server_options_init(&options);
    options.listen = server_address;
    options.nsm = nsm_address;
    server = NULL;
    server_runs = false;
    attested_key_size = 0;
    return start_nsm();
}

static void *run_server(void *unused)
{
    (void)unused;
    return vsa_server_run(server, NULL) == VSA_OK ? server : NULL;
}

static void make_server(void)
{
    struct vsa_error error = {0};
    if (vsa_server_new(&options, &server, &error) != VSA_OK)
        fail_msg("%s", error.detail);
}

static void start_server(void)
{
    assert_int_equal(pthread_create(&server_thread, NULL, run_server, NULL), 0);
    server_runs = true;
}

/* It still is there to be asked. */
static void stop_server_only(void)
{
    void *result = NULL;
    if (server_runs) {
        vsa_server_stop(server);
        (void)pthread_join(server_thread, &result);
        assert_non_null(result);
    }
    server_runs = false;
}

static void stop_server(void)
{
    stop_server_only();
    vsa_server_free(server);
    server = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char path[64];
    stop_server();
    /* Ends accept() in the NSM's thread. */
    (void)shutdown(nsm_listener, SHUT_RDWR);
    (void)pthread_join(nsm_thread, NULL);
    (void)close(nsm_listener);
    (void)snprintf(path, sizeof(path), "%s/nsm", directory);
    (void)unlink(path);
    return rmdir(directory); /* fails if the server left its socket file */
}

/* --- asking ----------------------------------------------------------------------------------- */

/* A new connection. */
static int send_lines(const char *lines)
{
    struct vsa_address address;
    int64_t deadline = vsa_deadline(PATIENCE_MS);
    int fd = -1;
    assert_int_equal(vsa_address_parse(server_address, &address, NULL), VSA_OK);
    assert_int_equal(vsa_connect(&address, deadline, &fd, NULL), VSA_OK);
    assert_int_equal(vsa_send_all(fd, vsa_slice_of_text(lines), deadline, NULL), VSA_OK);
    return fd;
}

/* Reads as many replies as there are lines, and hangs up; the last one is returned. */
static json_t *receive_replies(int fd, const char *lines)
{
    static char buffer[VSA_MAX_REPLY_LINE];
    struct vsa_slice line;
    json_t *reply = NULL;
    int64_t deadline = vsa_deadline(PATIENCE_MS);
    struct vsa_line_reader reader = {.fd = fd, .buffer = buffer, .capacity = sizeof(buffer)};
    for (const char *c = lines; *c; c++) {
        if (*c != '\n')
            continue;
        json_decref(reply);
        reply = NULL;
        assert_int_equal(vsa_read_line(&reader, deadline, &line, NULL), VSA_OK);
        assert_int_equal(vsa_json_parse(line, &reply, NULL), VSA_OK);
    }
    (void)close(fd);
    return reply;
}

static json_t *ask(const char *lines)
{
    return receive_replies(send_lines(lines), lines);
}

static void assert_reply(const char *lines, const char *expected)
{
    VSA_AUTO_JSON json_t *reply = ask(lines);
    VSA_AUTO_JSON json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    if (!json_equal(reply, wanted)) {
        char *text = json_dumps(reply, 0);
        fail_msg("%s instead of %s", text, expected);
    }
}

static void assert_code(const char *lines, const char *code)
{
    VSA_AUTO_JSON json_t *reply = ask(lines);
    assert_true(json_is_false(json_object_get(reply, "success")));
    assert_string_equal(json_string_value(json_object_get(reply, "error_code")), code);
    assert_true(json_string_length(json_object_get(reply, "error")) > 0);
}

static void assert_counts(const struct vsa_server_statistics *statistics, const char *name,
                          uint64_t requests, uint64_t errors)
{
    size_t i = 0;
    while (i < statistics->command_count && strcmp(statistics->commands[i].name, name) != 0)
        i++;
    assert_true(i < statistics->command_count);
    assert_int_equal(statistics->commands[i].requests, requests);
    assert_int_equal(statistics->commands[i].errors, errors);
}

/* --- options ---------------------------------------------------------------------------------- */

static void assert_not_new(enum vsa_status status)
{
    struct vsa_server *made = NULL;
    enum vsa_status got = vsa_server_new(&options, &made, NULL);
    if (got != status)
        fail_msg("%s instead of %s", vsa_status_code(got), vsa_status_code(status));
    assert_null(made);
}

static void test_bad_options(void **state)
{
    (void)state;
    const struct vsa_server_options good = options;
#define WITH(member, value, status)                                                                \
    options = good;                                                                                \
    options.member = (value);                                                                      \
    assert_not_new(status)
    WITH(listen, NULL, VSA_ERR_ARGUMENT);
    WITH(listen, "tcp:80", VSA_ERR_ARGUMENT);
    WITH(listen, "tcp:0.0.0.0:80", VSA_ERR_ARGUMENT);
    WITH(listen, "unix:/nowhere/at/all", VSA_ERR_IO);
    WITH(nsm, NULL, VSA_ERR_ARGUMENT);
    WITH(nsm, "nsm", VSA_ERR_ARGUMENT);
    WITH(nsm, "/dev/vsattest-no-such-device", VSA_ERR_NSM_UNREACHABLE);
#undef WITH
}

static void test_address_in_use(void **state)
{
    (void)state;
    make_server();
    assert_not_new(VSA_ERR_ADDRESS_IN_USE);
}

/* The strings of the options need not live on. */
static void test_options_are_copied(void **state)
{
    (void)state;
    char address[80];
    (void)snprintf(address, sizeof(address), "%s", server_address);
    options.listen = address;
    make_server();
    memset(address, 'x', sizeof(address) - 1);
    start_server();
    assert_reply("{\"command\":\"ping\"}\n", "{\"success\":true,\"message\":\"pong\"}");
}

/* --- commands --------------------------------------------------------------------------------- */

static int greetings;

static enum vsa_status greet(const struct vsa_command_context *context, const json_t *request,
                             json_t *reply, struct vsa_error *error)
{
    greetings++;
    assert_null(context->nsm);
    if (!json_is_string(json_object_get(request, "name")))
        return vsa_fail(error, VSA_ERR_FIELD, "whom?");
    return vsa_json_set(
        reply, "greeting",
        json_pack("s++", context->user, " ", json_string_value(json_object_get(request, "name"))),
        error);
}

static enum vsa_status describe(const struct vsa_command_context *context, const json_t *request,
                                json_t *reply, struct vsa_error *error)
{
    struct vsa_nsm_description description;
    (void)request;
    VSA_TRY(vsa_nsm_describe(context->nsm, &description, error));
    return vsa_json_set(reply, "module_id", json_string(description.module_id), error);
}

static enum vsa_status fail_plainly(const struct vsa_command_context *context,
                                    const json_t *request, json_t *reply, struct vsa_error *error)
{
    (void)context;
    (void)request;
    (void)error;
    (void)json_object_set_new(reply, "half", json_true());
    return VSA_ERR_POLICY_EMPTY;
}

static void add(const char *name, vsa_command_handler *handler, void *user, unsigned flags)
{
    const struct vsa_command command = {name, handler, user, flags};
    assert_int_equal(vsa_server_register(server, &command, NULL), VSA_OK);
}

static void test_own_commands(void **state)
{
    (void)state;
    static char hello[] = "Hello";
    make_server();
    add("greet", greet, hello, 0);
    add("describe", describe, NULL, VSA_COMMAND_NSM);
    add("fail", fail_plainly, NULL, 0);
    start_server();
    assert_reply("{\"command\":\"greet\",\"name\":\"Ada\",\"id\":\"x\"}\n",
                 "{\"success\":true,\"greeting\":\"Hello Ada\",\"id\":\"x\"}");
    assert_reply(
        "{\"command\":\"greet\",\"id\":4}\n",
        "{\"success\":false,\"error\":\"whom?\",\"error_code\":\"field_invalid\",\"id\":4}");
    assert_reply("{\"command\":\"describe\"}\n",
                 "{\"success\":true,\"module_id\":\"" MODULE_ID "\"}");
    assert_reply("{\"command\":\"fail\"}\n",
                 "{\"success\":false,\"error\":\"nothing to check against\","
                 "\"error_code\":\"policy_empty\"}");
    assert_reply(
        "{\"command\":\"nope\"}\n",
        "{\"success\":false,\"error\":\"Unknown command\",\"error_code\":"
        "\"unknown_command\",\"available_commands\":[\"ping\",\"status\",\"attest\",\"metrics\","
        "\"greet\",\"describe\",\"fail\"]}");
}

/* --- standing before built-in commands -------------------------------------------------------- */

static unsigned seen;

/* Lets the built-in command answer, and adds a member. */
static enum vsa_status look(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    if (json_is_true(json_object_get(request, "forbidden")))
        return vsa_fail(error, VSA_ERR_REQUEST, "not for you");
    seen++;
    VSA_TRY(vsa_server_run_builtin(context, request, reply, error));
    return vsa_json_set(reply, "seen", json_integer(seen), error);
}

/* Another request than the client's. */
static enum vsa_status ping_instead(const struct vsa_command_context *context,
                                    const json_t *request, json_t *reply, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *other = json_pack("{s:s}", "command", "ping");
    (void)request;
    return vsa_server_run_builtin(context, other, reply, error);
}

static void assert_code_and_commands(const char *line, const char *code, size_t commands)
{
    VSA_AUTO_JSON json_t *reply = ask(line);
    assert_string_equal(json_string_value(json_object_get(reply, "error_code")), code);
    assert_int_equal(json_array_size(json_object_get(reply, "available_commands")), commands);
}

static void test_any(void **state)
{
    (void)state;
    static char hello[] = "Hello";
    struct vsa_server_statistics statistics;
    seen = 0;
    make_server();
    add(VSA_COMMAND_ANY, look, NULL, VSA_COMMAND_BLOCKING);
    add("greet", greet, hello, 0);
    start_server();
    assert_reply("{\"command\":\"ping\",\"id\":7}\n",
                 "{\"success\":true,\"message\":\"pong\",\"seen\":1,\"id\":7}");
    VSA_AUTO_JSON json_t *status = ask("{\"command\":\"status\"}\n");
    assert_string_equal(json_string_value(json_object_get(status, "status")), "running");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(status, "nsm"), "module_id")), MODULE_ID);
    assert_int_equal(json_integer_value(json_object_get(status, "seen")), 2);
    VSA_AUTO_JSON json_t *attested = ask("{\"command\":\"attest\",\"user_data\":\"x\"}\n");
    assert_string_equal(json_string_value(json_object_get(attested, "attestation_document")),
                        "eA==");
    assert_int_equal(json_integer_value(json_object_get(attested, "seen")), 3);
    /* It comes before unknown commands, too, and "*" is none. */
    assert_code_and_commands("{\"command\":\"nope\"}\n", "unknown_command", 5);
    assert_code_and_commands("{\"command\":\"*\"}\n", "unknown_command", 5);
    assert_code("{\"command\":\"ping\",\"forbidden\":true}\n", "request_invalid");
    assert_int_equal(seen, 5);
    /* Not for what is no request, and not for what has a handler by its name. */
    assert_code("{\"command\":1}\n", "field_invalid");
    assert_reply("{\"command\":\"greet\",\"name\":\"Ada\"}\n",
                 "{\"success\":true,\"greeting\":\"Hello Ada\"}");
    assert_int_equal(seen, 5);
    vsa_server_get_statistics(server, &statistics);
    assert_counts(&statistics, "ping", 2, 1);
    assert_counts(&statistics, "attest", 1, 0);
    assert_counts(&statistics, "greet", 1, 0);
    assert_counts(&statistics, VSA_COMMAND_ANY, 2, 2);
    assert_int_equal(statistics.requests, 8);
}

static void test_built_in_replaced(void **state)
{
    (void)state;
    seen = 0;
    make_server();
    add("attest", look, NULL, VSA_COMMAND_NSM);
    add("status", ping_instead, NULL, 0);
    start_server();
    assert_reply("{\"command\":\"ping\"}\n", "{\"success\":true,\"message\":\"pong\"}");
    assert_int_equal(seen, 0);
    json_decref(ask("{\"command\":\"attest\"}\n"));
    assert_int_equal(seen, 1);
    assert_reply("{\"command\":\"status\"}\n", "{\"success\":true,\"message\":\"pong\"}");
    assert_code_and_commands("{\"command\":\"nope\"}\n", "unknown_command", 4);
}

/* In the loop's thread there is no NSM to attest with. */
static void test_any_in_the_loop(void **state)
{
    (void)state;
    seen = 0;
    make_server();
    add(VSA_COMMAND_ANY, look, NULL, 0);
    start_server();
    assert_reply("{\"command\":\"ping\"}\n", "{\"success\":true,\"message\":\"pong\",\"seen\":1}");
    assert_code("{\"command\":\"attest\"}\n", "nsm_unreachable");
}

/* Handlers that can do without an NSM are called without one. */
static void test_any_without_nsm(void **state)
{
    (void)state;
    static char nowhere[100];
    (void)snprintf(nowhere, sizeof(nowhere), "%s-nowhere", nsm_address);
    seen = 0;
    options.nsm = nowhere;
    make_server();
    add(VSA_COMMAND_ANY, look, NULL, VSA_COMMAND_BLOCKING);
    add("describe", describe, NULL, VSA_COMMAND_NSM);
    start_server();
    assert_reply("{\"command\":\"ping\"}\n", "{\"success\":true,\"message\":\"pong\",\"seen\":1}");
    VSA_AUTO_JSON json_t *status = ask("{\"command\":\"status\"}\n");
    assert_true(json_is_false(json_object_get(json_object_get(status, "nsm"), "reachable")));
    assert_code("{\"command\":\"attest\"}\n", "nsm_unreachable");
    assert_code("{\"command\":\"describe\"}\n", "nsm_unreachable");
}

/* --- attest and keys -------------------------------------------------------------------------- */

static struct {
    int calls;
    bool matches; /* the private key has the public half that was attested */
    enum vsa_status answer;
} keys;

static enum vsa_status on_key(void *user, const struct vsa_server_key *key)
{
    struct vsa_key *private_key = NULL;
    uint8_t buffer[VSA_P384_SPKI_SIZE];
    struct vsa_slice spki = {0};
    assert_ptr_equal(user, &keys);
    keys.calls++;
    assert_int_equal(vsa_key_read_private(key->private_key, &private_key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_public(private_key, buffer, sizeof(buffer), &spki, NULL),
                     VSA_OK);
    vsa_key_free(private_key);
    keys.matches = vsa_slice_equal(spki, key->public_key) &&
                   vsa_slice_equal(spki, vsa_slice_of(attested_key, attested_key_size)) &&
                   vsa_slice_equal_text(key->document, "data") &&
                   vsa_slice_equal_text(key->user_data, "data") &&
                   vsa_slice_equal_text(key->nonce, "n");
    return keys.answer;
}

static void test_key_hook(void **state)
{
    (void)state;
    static const char request[] =
        "{\"command\":\"attest\",\"user_data\":\"data\",\"nonce\":\"n\",\"generate_key\":true}\n";
    keys.calls = 0;
    keys.answer = VSA_OK;
    options.on_key = on_key;
    options.user = &keys;
    make_server();
    start_server();
    json_decref(ask("{\"command\":\"attest\"}\n"));
    assert_int_equal(keys.calls, 0);
    VSA_AUTO_JSON json_t *reply = ask(request);
    assert_true(json_is_true(json_object_get(reply, "success")));
    assert_int_equal(keys.calls, 1);
    assert_true(keys.matches);
    /* An application that cannot keep the key makes the request fail. */
    keys.answer = VSA_ERR_TOO_MANY;
    assert_code(request, "too_many");
    assert_int_equal(keys.calls, 2);
}

/* --- events ----------------------------------------------------------------------------------- */

static char events[1024];

static void on_event(void *user, const struct vsa_server_event *event)
{
    char text[200];
    (void)user;
    (void)snprintf(text, sizeof(text), "%s%s%s %s %d/%zu\n", vsa_server_event_name(event->kind),
                   event->command ? " " : "", event->command ? event->command : "",
                   vsa_status_code(event->status), (int)event->connection, event->connections);
    assert_true(strlen(events) + strlen(text) < sizeof(events));
    strcat(events, text);
}

static void test_events(void **state)
{
    (void)state;
    events[0] = '\0';
    options.on_event = on_event;
    make_server();
    start_server();
    json_decref(ask("{\"command\":\"status\"}\n{\"command\":\"ping\"}\n{\"command\":\"x\"}\n"
                    "{\"command\":\"attest\",\"nonce\":1}\n{\n"));
    stop_server();
    /* When the server learns of the first client and of the NSM is a matter of luck. */
    assert_non_null(strstr(events, "listening ok 0/0\n"));
    assert_non_null(strstr(events, "nsm_reachable ok 0/"));
    assert_non_null(strstr(events, "connection_opened ok 1/1\n"));
    assert_non_null(strstr(events, "request status ok 1/1\n"
                                   "request ping ok 1/1\n"
                                   "request unknown_command 1/1\n"
                                   "request attest field_invalid 1/1\n"
                                   "request json_invalid 1/1\n"));
    assert_non_null(strstr(events, "connection_closed "));
    assert_non_null(strstr(events, "stopping ok 0/"));
    assert_non_null(strstr(events, "\nstopped ok 0/0\n"));
}

/* --- statistics ------------------------------------------------------------------------------- */

static void test_statistics(void **state)
{
    (void)state;
    struct vsa_server_statistics statistics;
    make_server();
    vsa_server_get_statistics(server, &statistics);
    assert_int_equal(statistics.uptime_ms, 0);
    assert_int_equal(statistics.requests, 0);
    start_server();
    json_decref(ask("{\"command\":\"ping\"}\n{\"command\":\"ping\"}\n{\"command\":\"x\"}\n"
                    "{\"command\":\"attest\",\"nonce\":1}\n{\"command\":\"attest\"}\n{\n"));
    /* From another thread, while it serves. */
    vsa_server_get_statistics(server, &statistics);
    assert_int_equal(statistics.requests, 6);
    assert_int_equal(statistics.errors, 3);
    assert_counts(&statistics, "ping", 2, 0);
    assert_counts(&statistics, "attest", 2, 1);
    assert_counts(&statistics, "status", 0, 0);
    assert_int_equal(statistics.connections_opened, 1);
    assert_int_equal(statistics.connections_refused, 0);
    assert_int_equal(statistics.in_flight, 0);
    assert_int_equal(statistics.queue_depth, 0);
    /* One document, and DescribeNSM at the start. */
    assert_in_range(statistics.nsm_latency.count, 1, 2);
    assert_int_equal(statistics.nsm_latency.failures, 0);
    assert_true(statistics.nsm_latency.max_us >= statistics.nsm_latency.p99_us);
    assert_true(statistics.nsm_latency.p99_us >= statistics.nsm_latency.p50_us);
    stop_server_only();
    vsa_server_get_statistics(server, &statistics);
    assert_int_equal(statistics.connections, 0);
    assert_string_equal(statistics.module_id, MODULE_ID);
    assert_true(statistics.nsm_reachable);
}

struct statistics_reader {
    atomic_bool stop;
    uint64_t reads;
    bool backwards; /* a count went down */
};

static void *read_statistics(void *user)
{
    struct statistics_reader *reader = user;
    struct vsa_server_statistics statistics;
    uint64_t requests = 0;
    do {
        vsa_server_get_statistics(server, &statistics);
        reader->backwards = reader->backwards || statistics.requests < requests;
        requests = statistics.requests;
        reader->reads++;
    } while (!atomic_load(&reader->stop));
    return NULL;
}

/* For the thread sanitizer more than for itself. */
static void test_statistics_while_serving(void **state)
{
    (void)state;
    struct statistics_reader reader = {0};
    struct vsa_server_statistics statistics;
    pthread_t thread;
    make_server();
    add(VSA_COMMAND_ANY, look, NULL, VSA_COMMAND_BLOCKING);
    assert_int_equal(pthread_create(&thread, NULL, read_statistics, &reader), 0);
    start_server();
    for (int i = 0; i < 20; i++)
        json_decref(ask("{\"command\":\"ping\"}\n{\"command\":\"status\"}\n"
                        "{\"command\":\"metrics\"}\n{\"command\":\"attest\"}\n"));
    stop_server_only();
    atomic_store(&reader.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(reader.reads > 0);
    assert_false(reader.backwards);
    vsa_server_get_statistics(server, &statistics);
    assert_int_equal(statistics.requests, 80);
    assert_int_equal(statistics.errors, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bad_options),        TEST(test_address_in_use),
        TEST(test_options_are_copied), TEST(test_own_commands),
        TEST(test_key_hook),           TEST(test_events),
        TEST(test_statistics),         TEST(test_any),
        TEST(test_built_in_replaced),  TEST(test_any_in_the_loop),
        TEST(test_any_without_nsm),    TEST(test_statistics_while_serving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
