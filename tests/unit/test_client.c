/* SPDX-License-Identifier: Apache-2.0 */
/* A channel, and the client on one, against a peer with a script: a thread on a Unix socket. */
#include "unit_test.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/slice.h"
#include "client/channel.h"
#include "forge.h"
#include <vsattest/client.h>
#include <vsattest/transport.h>

#define PATIENCE_MS 20000
#define MAX_STEPS   4

/* What the peer does about one request. */
struct step {
    enum { END, SAY, SAY_AND_CLOSE, BE_SILENT, ATTEST, SAY_UNASKED_AND_CLOSE } kind;
    const char *text; /* SAY: sent as it is, with a newline; "$" stands for the request's id */
    void (*change)(struct forge *forge); /* ATTEST: what is wrong with the document */
};

struct peer {
    struct vsa_listener listener;
    pthread_t thread;
    bool joined;
    struct step steps[MAX_STEPS];
    char lines[MAX_STEPS][VSA_MAX_REQUEST_LINE]; /* the requests, without the newline */
    char address[VSA_MAX_ADDRESS];
    char directory[32];
};

static struct peer peer;
static struct forge forge;

/* --- the peer --------------------------------------------------------------------------------- */

static void say(int fd, const char *text, size_t size)
{
    /* A client that is gone is the client's affair: the test sees what it made of it. */
    enum vsa_status ignored =
        vsa_send_all(fd, vsa_slice_of(text, size), vsa_deadline(PATIENCE_MS), NULL);
    (void)ignored;
}

static void say_step(int fd, const char *text, const char *request)
{
    static char line[VSA_MAX_REPLY_LINE + 100];
    const char *dollar = strchr(text, '$');
    json_t *object = json_loads(request, 0, NULL);
    int size =
        dollar ? snprintf(line, sizeof(line), "%.*s%lld%s\n", (int)(dollar - text), text,
                          (long long)json_integer_value(json_object_get(object, "id")), dollar + 1)
               : snprintf(line, sizeof(line), "%s\n", text);
    say(fd, line, (size_t)size);
    json_decref(object);
}

/* A document with the user data and nonce of the request, but for what `change` does to it. */
static void attest(int fd, const char *request, void (*change)(struct forge *))
{
    static char hex[2 * VSA_MAX_FIELD + 16];
    static char base64[2 * VSA_MAX_DOCUMENT];
    static char line[VSA_MAX_REPLY_LINE];
    static const char *const keys[] = {"user_data", "nonce"};
    static const enum forge_field fields[] = {FORGE_FIELD_USER_DATA, FORGE_FIELD_NONCE};
    json_t *object = json_loads(request, 0, NULL);
    forge_reset(&forge);
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(object, keys[i]));
        if (!text) {
            forge_set(&forge, fields[i], "f6");
            continue;
        }
        int head = snprintf(hex, sizeof(hex), "59%04zx", strlen(text));
        if (strlen(text) < 24)
            head = snprintf(hex, sizeof(hex), "%02zx", 0x40 + strlen(text));
        else if (strlen(text) < 256)
            head = snprintf(hex, sizeof(hex), "58%02zx", strlen(text));
        vsa_hex_encode(vsa_slice_of_text(text), hex + head, sizeof(hex) - (size_t)head);
        forge_set(&forge, fields[i], hex);
    }
    if (!json_is_true(json_object_get(object, "generate_key")))
        forge_set(&forge, FORGE_FIELD_PUBLIC_KEY, "f6");
    if (change)
        change(&forge);
    struct vsa_slice document = forge_build(&forge);
    assert_int_equal(vsa_base64_encode(document, base64, sizeof(base64), NULL), VSA_OK);
    int size = snprintf(
        line, sizeof(line),
        "{\"success\":true,\"id\":%lld,\"attestation_document\":\"%s\","
        "\"user_data\":\"by the server's word\",\"nonce\":null,"
        "\"has_public_key\":true,\"document_size\":%zu,\"timestamp\":1768478399000}\n",
        (long long)json_integer_value(json_object_get(object, "id")), base64, document.size);
    say(fd, line, (size_t)size);
    json_decref(object);
}

static bool read_request(int fd, char *line)
{
    struct vsa_line_reader reader = {fd, line, VSA_MAX_REQUEST_LINE, 0, 0};
    struct vsa_slice read;
    if (vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &read, NULL) != VSA_OK)
        return false;
    line[read.size] = '\0';
    return true;
}

static void wait_until_closed(int fd)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    (void)poll(&poll_fd, 1, PATIENCE_MS);
}

static void *serve(void *unused)
{
    (void)unused;
    struct pollfd poll_fd = {peer.listener.fd, POLLIN, 0};
    if (poll(&poll_fd, 1, PATIENCE_MS) != 1)
        return NULL;
    int fd = accept4(peer.listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    for (size_t i = 0; i < MAX_STEPS && peer.steps[i].kind != END; i++) {
        const struct step *step = &peer.steps[i];
        if (step->kind == SAY_UNASKED_AND_CLOSE) {
            say_step(fd, step->text, "{}");
            break;
        }
        if (!read_request(fd, peer.lines[i]))
            break;
        if (step->kind == SAY || step->kind == SAY_AND_CLOSE)
            say_step(fd, step->text, peer.lines[i]);
        else if (step->kind == ATTEST)
            attest(fd, peer.lines[i], step->change);
        else
            wait_until_closed(fd);
        if (step->kind == SAY_AND_CLOSE)
            break;
    }
    (void)close(fd);
    return NULL;
}

static void join_peer(void)
{
    if (!peer.joined)
        assert_int_equal(pthread_join(peer.thread, NULL), 0);
    peer.joined = true;
}

/* For tests that may never connect. */
static void stop_peer(void)
{
    assert_int_equal(shutdown(peer.listener.fd, SHUT_RDWR), 0);
    join_peer();
}

static int set_up(void **state)
{
    (void)state;
    struct vsa_address address;
    peer = (struct peer){.joined = true};
    (void)strcpy(peer.directory, "/tmp/vsa-client-XXXXXX");
    if (!mkdtemp(peer.directory))
        return -1;
    (void)snprintf(peer.address, sizeof(peer.address), "unix:%s/s", peer.directory);
    return vsa_address_parse(peer.address, &address, NULL) != VSA_OK ||
           vsa_listen(&address, &peer.listener, NULL) != VSA_OK;
}

static int tear_down(void **state)
{
    (void)state;
    join_peer();
    vsa_listener_close(&peer.listener);
    return rmdir(peer.directory);
}

static void start_peer(const struct step *steps, size_t count)
{
    memcpy(peer.steps, steps, count * sizeof(*steps));
    assert_int_equal(pthread_create(&peer.thread, NULL, serve, NULL), 0);
    peer.joined = false;
}

static struct vsa_channel *channel_of_timeout(int64_t timeout_ms, const struct step *steps,
                                              size_t count)
{
    struct vsa_channel *channel = NULL;
    start_peer(steps, count);
    assert_int_equal(vsa_channel_open(peer.address, timeout_ms, &channel, NULL), VSA_OK);
    return channel;
}

static struct vsa_client *client_of(const struct step *steps, size_t count)
{
    struct vsa_client *client = NULL;
    struct vsa_client_options options;
    start_peer(steps, count);
    vsa_client_options_init(&options);
    options.timeout_ms = PATIENCE_MS;
    assert_int_equal(vsa_client_new(peer.address, &options, &client, NULL), VSA_OK);
    return client;
}

#define STEPS(...)                                                                                 \
    (const struct step[]){__VA_ARGS__},                                                            \
        sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step)
#define CHANNEL_OF(...) channel_of_timeout(PATIENCE_MS, STEPS(__VA_ARGS__))
#define CLIENT_OF(...)  client_of(STEPS(__VA_ARGS__))

static enum vsa_status ping(struct vsa_channel *channel, struct vsa_error *error)
{
    json_t *request = json_pack("{s:s}", "command", "ping");
    json_t *pong = NULL;
    enum vsa_status status = vsa_channel_request(channel, request, &pong, error);
    json_decref(pong);
    json_decref(request);
    return status;
}

#define PONG "{\"success\":true,\"message\":\"pong\",\"id\":$}"

/* --- requests and replies --------------------------------------------------------------------- */

static void pings_on_one_connection(void **state)
{
    (void)state;
    /* Without an id: servers from before it. */
    struct vsa_channel *channel =
        CHANNEL_OF({SAY, PONG, NULL}, {SAY, PONG, NULL},
                   {SAY_AND_CLOSE, "{\"success\":true,\"message\":\"pong\"}\r", NULL});
    assert_int_equal(ping(channel, NULL), VSA_OK);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    join_peer();
    assert_string_equal(peer.lines[0], "{\"command\":\"ping\",\"id\":1}");
    assert_string_equal(peer.lines[1], "{\"command\":\"ping\",\"id\":2}");
    assert_string_equal(peer.lines[2], "{\"command\":\"ping\",\"id\":3}");
    assert_int_equal(ping(channel, NULL), VSA_ERR_CLOSED);
    vsa_channel_close(channel);
}

static void any_request_goes_through(void **state)
{
    (void)state;
    struct vsa_channel *channel =
        CHANNEL_OF({SAY_AND_CLOSE, "{\"success\":true,\"sum\":5,\"id\":$}", NULL});
    json_t *request = json_pack("{s:s, s:i, s:i}", "command", "add", "a", 2, "b", 3);
    json_t *reply = NULL;
    assert_int_equal(vsa_channel_request(channel, request, &reply, NULL), VSA_OK);
    assert_int_equal(json_integer_value(json_object_get(reply, "sum")), 5);
    assert_null(json_object_get(reply, "id"));
    assert_null(json_object_get(request, "id"));
    join_peer();
    assert_string_equal(peer.lines[0], "{\"command\":\"add\",\"a\":2,\"b\":3,\"id\":1}");
    json_decref(request);
    json_decref(reply);
    vsa_channel_close(channel);
}

/* Nothing of these is sent, and the connection is as good as before. */
static void requests_are_checked(void **state)
{
    (void)state;
    struct vsa_channel *channel = CHANNEL_OF({SAY_AND_CLOSE, PONG, NULL});
    json_t *reply = NULL;
    char *text = malloc(VSA_MAX_REQUEST_LINE);
    memset(text, 'x', VSA_MAX_REQUEST_LINE - 1);
    text[VSA_MAX_REQUEST_LINE - 1] = '\0';
    json_t *bad[] = {
        json_array(),
        json_object(),
        json_pack("{s:s, s:i}", "command", "ping", "id", 7),
        json_pack("{s:s, s:s}", "command", "ping", "text", text),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(vsa_channel_request(channel, bad[i], &reply, NULL), VSA_ERR_REQUEST);
        assert_null(reply);
        json_decref(bad[i]);
    }
    free(text);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    vsa_channel_close(channel);
}

static const struct {
    const char *reply;
    enum vsa_status status;
} broken_replies[] = {
    {"{\"success\":true,\"message\":\"pong\",\"id\":2}", VSA_ERR_REPLY},
    {"{\"success\":true,\"message\":\"pong\",\"id\":\"1\"}", VSA_ERR_REPLY},
    {"{\"success\":false,\"error\":\"x\",\"error_code\":\"busy\",\"id\":0}", VSA_ERR_REPLY},
    {"pong", VSA_ERR_JSON},
    {"[]", VSA_ERR_JSON},
    {"{\"success\":true,\"message\":\"pong\"}{}", VSA_ERR_JSON},
    {"{\"success\":true,\"success\":true}", VSA_ERR_DUPLICATE_KEY},
    {"{\"success\":true,\"a\":[[[[[[[[[[]]]]]]]]]]}", VSA_ERR_NESTING},
    {"", VSA_ERR_EMPTY},
};

/* After a line that answers something else, nothing on the connection can be trusted to be ours. */
static void broken_replies_end_the_connection(void **state)
{
    for (size_t i = 0; i < sizeof(broken_replies) / sizeof(broken_replies[0]); i++) {
        if (i) {
            assert_int_equal(tear_down(state), 0);
            assert_int_equal(set_up(state), 0);
        }
        struct vsa_error error = {0};
        struct vsa_channel *channel =
            CHANNEL_OF({SAY, broken_replies[i].reply, NULL}, {SAY, PONG, NULL});
        enum vsa_status status = ping(channel, &error);
        if (status != broken_replies[i].status)
            fail_msg("%s: status %d, %s", broken_replies[i].reply, status, error.detail);
        assert_int_equal(ping(channel, &error), VSA_ERR_CLOSED);
        assert_non_null(strstr(error.detail, "connect again"));
        vsa_channel_close(channel);
    }
}

static void longest_reply_line(void **state)
{
    (void)state;
    static char text[VSA_MAX_REPLY_LINE + 1];
    int size = snprintf(text, sizeof(text), "{\"success\":true,\"message\":\"pong\"}");
    memset(text + size, ' ', sizeof(text) - (size_t)size);
    text[VSA_MAX_REPLY_LINE - 1] = '\0'; /* with its newline it just fits */
    struct vsa_channel *channel = CHANNEL_OF({SAY_AND_CLOSE, text, NULL});
    assert_int_equal(ping(channel, NULL), VSA_OK);
    vsa_channel_close(channel);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
    text[VSA_MAX_REPLY_LINE - 1] = ' ';
    text[VSA_MAX_REPLY_LINE] = '\0';
    channel = CHANNEL_OF({SAY_AND_CLOSE, text, NULL});
    assert_int_equal(ping(channel, NULL), VSA_ERR_LINE_TOO_LONG);
    assert_int_equal(ping(channel, NULL), VSA_ERR_CLOSED);
    vsa_channel_close(channel);
}

static const struct {
    const char *code;
    enum vsa_status status;
} refusals[] = {
    {"busy", VSA_ERR_BUSY},
    {"rate_limited", VSA_ERR_RATE_LIMITED},
    {"timeout", VSA_ERR_TIMEOUT},
    {"too_many_connections", VSA_ERR_CONNECTIONS},
    {"shutting_down", VSA_ERR_SHUTTING_DOWN},
    {"idle_timeout", VSA_ERR_IDLE_TIMEOUT},
    {"nsm_unreachable", VSA_ERR_NSM_UNREACHABLE},
    {"unknown_command", VSA_ERR_REFUSED_BY_PEER},
    {"field_invalid", VSA_ERR_REFUSED_BY_PEER},
    /* A peer cannot make us say that something was verified, or that we ran out of memory. */
    {"ok", VSA_ERR_REFUSED_BY_PEER},
    {"out_of_memory", VSA_ERR_REFUSED_BY_PEER},
    {"signature_invalid", VSA_ERR_REFUSED_BY_PEER},
    {"no such code", VSA_ERR_REFUSED_BY_PEER},
};

/* The peer's words are reported, and the connection goes on. */
static void refusals_are_distinguished(void **state)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char text[160];
        struct vsa_error error = {0};
        if (i) {
            assert_int_equal(tear_down(state), 0);
            assert_int_equal(set_up(state), 0);
        }
        (void)snprintf(text, sizeof(text),
                       "{\"success\":false,\"error\":\"no \\u001b[1mway\",\"error_code\":\"%s\","
                       "\"id\":$}",
                       refusals[i].code);
        struct vsa_channel *channel = CHANNEL_OF({SAY, text, NULL}, {SAY_AND_CLOSE, PONG, NULL});
        assert_int_equal(ping(channel, &error), refusals[i].status);
        assert_int_equal(error.status, refusals[i].status);
        assert_non_null(strstr(error.detail, "no ?[1mway"));
        assert_int_equal(ping(channel, NULL), VSA_OK);
        vsa_channel_close(channel);
    }
}

/* Of the last answer only. */
static void enclave_says_when_to_ask_again(void **state)
{
    (void)state;
    struct vsa_channel *channel = CHANNEL_OF(
        {SAY,
         "{\"success\":false,\"error\":\"e\",\"error_code\":\"rate_limited\",\"retry_after_ms\":70,"
         "\"id\":$}",
         NULL},
        {SAY_AND_CLOSE, PONG, NULL});
    assert_int_equal(vsa_channel_retry_after_ms(channel), -1);
    assert_int_equal(ping(channel, NULL), VSA_ERR_RATE_LIMITED);
    assert_int_equal(vsa_channel_retry_after_ms(channel), 70);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    assert_int_equal(vsa_channel_retry_after_ms(channel), -1);
    vsa_channel_close(channel);
}

/* A server that turns clients away says why before it hangs up, and may not wait for a request. */
static void reason_given_before_hanging_up(void **state)
{
    (void)state;
    struct vsa_channel *channel = CHANNEL_OF(
        {SAY_UNASKED_AND_CLOSE,
         "{\"success\":false,\"error\":\"full\",\"error_code\":\"too_many_connections\"}", NULL});
    join_peer(); /* closed for certain: sending fails */
    assert_int_equal(ping(channel, NULL), VSA_ERR_CONNECTIONS);
    vsa_channel_close(channel);
}

/* --- time and absence ------------------------------------------------------------------------- */

static void silence_ends_with_the_timeout(void **state)
{
    (void)state;
    const struct step silent[] = {{BE_SILENT, NULL, NULL}};
    struct vsa_channel *channel = channel_of_timeout(200, silent, 1);
    int64_t before = vsa_monotonic_ms();
    assert_int_equal(ping(channel, NULL), VSA_ERR_TIMEOUT);
    assert_true(vsa_monotonic_ms() - before < PATIENCE_MS);
    /* The answer may still come, to no question. */
    assert_int_equal(ping(channel, NULL), VSA_ERR_CLOSED);
    vsa_channel_close(channel);
}

/* Time runs from connecting on. */
static void timeout_includes_connecting(void **state)
{
    (void)state;
    const struct step pong[] = {{SAY, PONG, NULL}};
    struct vsa_channel *channel = channel_of_timeout(50, pong, 1);
    (void)usleep(100 * 1000);
    assert_int_equal(ping(channel, NULL), VSA_ERR_TIMEOUT);
    vsa_channel_close(channel);
}

/* Later exchanges have the whole time again. */
static void every_exchange_has_its_time(void **state)
{
    (void)state;
    const struct step pongs[] = {{SAY, PONG, NULL}, {SAY_AND_CLOSE, PONG, NULL}};
    struct vsa_channel *channel = channel_of_timeout(2000, pongs, 2);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    (void)usleep(2100 * 1000);
    assert_int_equal(ping(channel, NULL), VSA_OK);
    vsa_channel_close(channel);
}

static void hanging_up_is_no_answer(void **state)
{
    (void)state;
    struct vsa_channel *channel = CHANNEL_OF({END, NULL, NULL});
    assert_int_equal(ping(channel, NULL), VSA_ERR_CLOSED);
    vsa_channel_close(channel);
}

static void nobody_there(void **state)
{
    (void)state;
    struct vsa_channel *channel = NULL;
    assert_int_equal(vsa_channel_open("unix:/tmp/vsa-nobody-there", 1000, &channel, NULL),
                     VSA_ERR_REFUSED);
    assert_int_equal(vsa_channel_open("udp:1", 1000, &channel, NULL), VSA_ERR_ARGUMENT);
    assert_null(channel);
    vsa_channel_close(NULL);
}

static void replies_of_the_wrong_kind(void **state)
{
    (void)state;
    struct vsa_client *client =
        CLIENT_OF({SAY, "{\"success\":true,\"message\":\"pang\"}", NULL},
                  {SAY, "{\"message\":\"pong\"}", NULL},
                  {SAY, "{\"success\":1,\"message\":\"pong\"}", NULL}, {SAY_AND_CLOSE, PONG, NULL});
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_client_ping(client, NULL), VSA_OK);
    vsa_client_free(client);
}

/* --- status ----------------------------------------------------------------------------------- */

static void status_is_the_whole_reply(void **state)
{
    (void)state;
    struct vsa_client *client = CLIENT_OF(
        {SAY, "{\"success\":true,\"status\":\"running\",\"uptime\":7,\"x\":[1],\"id\":$}", NULL},
        {SAY, "{\"success\":true,\"status\":\"running\",\"uptime\":\"7\"}", NULL},
        {SAY, "{\"success\":true,\"status\":\"running\"}", NULL},
        {SAY_AND_CLOSE, "{\"success\":true,\"uptime\":7}", NULL});
    json_t *status = NULL;
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_OK);
    char *text = json_dumps(status, JSON_COMPACT);
    assert_string_equal(text, "{\"success\":true,\"status\":\"running\",\"uptime\":7,\"x\":[1]}");
    free(text);
    json_decref(status);
    status = NULL;
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_ERR_REPLY);
    assert_int_equal(vsa_client_status(client, &status, NULL), VSA_ERR_REPLY);
    assert_null(status);
    vsa_client_free(client);
}

/* --- attest ----------------------------------------------------------------------------------- */

static struct vsa_attestation_reply reply;

static void attest_requests(void **state)
{
    (void)state;
    struct vsa_attestation_request silent = {.size = sizeof(silent), .generate_key = false};
    struct vsa_attestation_request none = {
        .size = sizeof(none), .no_user_data = true, .generate_key = true};
    struct vsa_attestation_request both = {.size = sizeof(both),
                                           .user_data = vsa_slice_of_text("a \"b\""),
                                           .nonce = vsa_slice_of("\xff\x00", 2)};
    struct vsa_client *client = CLIENT_OF({ATTEST, NULL, NULL}, {ATTEST, NULL, NULL},
                                          {ATTEST, NULL, NULL}, {SAY_AND_CLOSE, PONG, NULL});
    assert_int_equal(vsa_client_attest(client, &silent, &reply, NULL), VSA_OK);
    assert_int_equal(vsa_client_attest(client, &none, &reply, NULL), VSA_OK);
    assert_int_equal(vsa_client_attest(client, &both, &reply, NULL), VSA_OK);
    both.no_user_data = true;
    assert_int_equal(vsa_client_attest(client, &both, &reply, NULL), VSA_ERR_ARGUMENT);
    /* A pong is no document. */
    assert_int_equal(vsa_client_attest(client, &silent, &reply, NULL), VSA_ERR_REPLY);
    join_peer();
    assert_string_equal(peer.lines[0],
                        "{\"command\":\"attest\",\"nonce\":null,\"generate_key\":false,\"id\":1}");
    assert_string_equal(peer.lines[1], "{\"command\":\"attest\",\"user_data\":null,\"nonce\":null,"
                                       "\"generate_key\":true,\"id\":2}");
    assert_string_equal(peer.lines[2],
                        "{\"command\":\"attest\",\"user_data\":\"a \\\"b\\\"\","
                        "\"nonce_base64\":\"/wA=\",\"generate_key\":false,\"id\":3}");
    vsa_client_free(client);
}

/* An older program's reply ends before the last member that this library knows. */
static void attest_fills_what_the_program_knows(void **state)
{
    (void)state;
    size_t older = offsetof(struct vsa_attestation_reply, nonce);
    struct vsa_attestation_request request = {.size = sizeof(request)};
    struct vsa_client *client = CLIENT_OF({ATTEST, NULL, NULL});
    memset(&reply, 0x5a, sizeof(reply));
    assert_int_equal(vsa_client_attest_size(client, &request, &reply, older, NULL), VSA_OK);
    join_peer();
    assert_int_equal(reply.size, older);
    assert_true(vsa_slice_equal(vsa_reply_document(&reply), forge_build(&forge)));
    for (size_t i = 0; i < sizeof(reply.nonce); i++)
        assert_int_equal(reply.nonce[i], 0x5a);
    vsa_client_free(client);
}

static void attest_fields_are_limited(void **state)
{
    (void)state;
    static uint8_t bytes[VSA_MAX_FIELD + 1];
    struct vsa_attestation_request request = {.size = sizeof(request),
                                              .nonce = vsa_slice_of(bytes, sizeof(bytes))};
    struct vsa_client *client = CLIENT_OF({END, NULL, NULL});
    assert_int_equal(vsa_client_attest(client, &request, &reply, NULL), VSA_ERR_TOO_LARGE);
    vsa_client_free(client);
    stop_peer();
}

static void attest_gives_the_peers_word(void **state)
{
    (void)state;
    struct vsa_attestation_request request = {.size = sizeof(request),
                                              .nonce = vsa_slice_of_text("n")};
    struct vsa_client *client = CLIENT_OF({ATTEST, NULL, NULL});
    assert_int_equal(vsa_client_attest(client, &request, &reply, NULL), VSA_OK);
    join_peer();
    struct vsa_slice document = forge_build(&forge);
    assert_true(vsa_slice_equal(vsa_reply_document(&reply), document));
    assert_true(reply.has_user_data);
    assert_memory_equal(reply.user_data, "by the server's word", reply.user_data_size);
    assert_false(reply.has_nonce);
    assert_true(reply.has_public_key);
    assert_int_equal(reply.timestamp_ms, UINT64_C(1768478399000));
    vsa_client_free(client);
}

/* --- attest and verify ------------------------------------------------------------------------ */

static int clock_reads;

static int64_t test_clock(const void *context)
{
    clock_reads++;
    return *(const int64_t *)context;
}

static enum vsa_status attest_and_verify(const struct vsa_attestation_request *request,
                                         const struct vsa_policy *policy, const struct step *step,
                                         struct vsa_claims *claims)
{
    static const int64_t now_ms = FORGE_NOW_MS;
    static struct forge roots;
    struct vsa_verifier *verifier = vsa_verifier_new();
    forge_reset(&roots);
    assert_int_equal(vsa_verifier_add_root(verifier, forge_genuine_root(&roots), NULL), VSA_OK);
    struct vsa_client *client = client_of(step, 1);
    clock_reads = 0;
    memset(claims, 0xff, sizeof(*claims));
    reply.document_size = 12345;
    enum vsa_status status = vsa_client_attest_and_verify(
        client, request, verifier, policy, test_clock, &now_ms, &reply, claims, NULL);
    vsa_client_free(client);
    vsa_verifier_free(verifier);
    stop_peer();
    return status;
}

static void assert_no_claims(const struct vsa_claims *claims)
{
    static const struct vsa_claims zero;
    assert_memory_equal(claims, &zero, sizeof(zero));
}

static void other_nonce(struct forge *made)
{
    forge_set(made, FORGE_FIELD_NONCE, "43616263");
}

static void other_user_data(struct forge *made)
{
    forge_set(made, FORGE_FIELD_USER_DATA, "43616263");
}

static void no_public_key(struct forge *made)
{
    forge_set(made, FORGE_FIELD_PUBLIC_KEY, "f6");
}

static void empty_public_key(struct forge *made)
{
    forge_set(made, FORGE_FIELD_PUBLIC_KEY, "40");
}

static void bad_signature(struct forge *made)
{
    made->cose.signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
}

static void verifies_with_a_nonce_of_its_own(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_attestation_request request = {.size = sizeof(request)};
    struct step honest = {ATTEST, NULL, NULL};
    vsa_policy_init(&policy);
    assert_int_equal(attest_and_verify(&request, &policy, &honest, &claims), VSA_OK);
    assert_true(claims.nonce_checked);
    assert_int_equal(claims.nonce.size, 64);
    for (size_t i = 0; i < claims.nonce.size; i++)
        assert_non_null(memchr("0123456789abcdef", claims.nonce.data[i], 16));
    assert_true(claims.nonce.data >= reply.document &&
                claims.nonce.data < reply.document + sizeof(reply.document));
    assert_int_equal(clock_reads, 1);
    assert_int_equal(claims.verified_at_ms, FORGE_NOW_MS);
    assert_false(claims.user_data_checked);
    /* The policy is the caller's: nothing was put into it. */
    assert_null(policy.nonce.data);
}

static void verifies_what_was_asked_for(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_attestation_request request = {.size = sizeof(request),
                                              .user_data = vsa_slice_of_text("session"),
                                              .nonce = vsa_slice_of_text("challenge"),
                                              .generate_key = true};
    struct step honest = {ATTEST, NULL, NULL};
    vsa_policy_init(&policy);
    assert_int_equal(attest_and_verify(&request, &policy, &honest, &claims), VSA_OK);
    assert_true(claims.nonce_checked);
    assert_true(claims.user_data_checked);
    assert_memory_equal(claims.nonce.data, "challenge", 9);
    assert_true(claims.public_key.size > 0);
}

/* What only the policy names is asked for as well. */
static void asks_for_what_the_policy_names(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_attestation_request request = {.size = sizeof(request)};
    struct step honest = {ATTEST, NULL, NULL};
    vsa_policy_init(&policy);
    policy.nonce = vsa_slice_of_text("of the policy");
    policy.user_data = vsa_slice_of_text("in the same way");
    assert_int_equal(attest_and_verify(&request, &policy, &honest, &claims), VSA_OK);
    assert_string_equal(peer.lines[0],
                        "{\"command\":\"attest\",\"user_data\":\"in the same way\","
                        "\"nonce\":\"of the policy\",\"generate_key\":false,\"id\":1}");
    assert_true(claims.nonce_checked && claims.user_data_checked);
}

static const struct {
    void (*change)(struct forge *forge);
    enum vsa_status status;
} lies[] = {
    {other_nonce, VSA_ERR_NONCE},        {other_user_data, VSA_ERR_USER_DATA},
    {no_public_key, VSA_ERR_PUBLIC_KEY}, {empty_public_key, VSA_ERR_PUBLIC_KEY},
    {bad_signature, VSA_ERR_SIGNATURE},
};

static void lies_are_refused(void **state)
{
    struct vsa_policy policy;
    struct vsa_attestation_request request = {
        .size = sizeof(request), .user_data = vsa_slice_of_text("session"), .generate_key = true};
    vsa_policy_init(&policy);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct vsa_claims claims;
        struct step lying = {ATTEST, NULL, lies[i].change};
        if (i) {
            assert_int_equal(tear_down(state), 0);
            assert_int_equal(set_up(state), 0);
        }
        assert_int_equal(attest_and_verify(&request, &policy, &lying, &claims), lies[i].status);
        assert_no_claims(&claims);
        /* The document is there all the same, for a caller that wants to look at it. */
        assert_true(vsa_slice_equal(vsa_reply_document(&reply), forge_build(&forge)));
    }
}

static void nothing_received_is_nothing(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_attestation_request request = {.size = sizeof(request)};
    struct step refusing = {SAY, "{\"success\":false,\"error\":\"no\",\"error_code\":\"busy\"}",
                            NULL};
    vsa_policy_init(&policy);
    assert_int_equal(attest_and_verify(&request, &policy, &refusing, &claims), VSA_ERR_BUSY);
    assert_no_claims(&claims);
    assert_int_equal(reply.document_size, 0);
    assert_int_equal(clock_reads, 0);
}

static void contradictions_are_not_sent(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_attestation_request request = {.size = sizeof(request),
                                              .nonce = vsa_slice_of_text("a")};
    struct step honest = {ATTEST, NULL, NULL};
    vsa_policy_init(&policy);
    policy.nonce = vsa_slice_of_text("b");
    assert_int_equal(attest_and_verify(&request, &policy, &honest, &claims), VSA_ERR_ARGUMENT);
    assert_no_claims(&claims);
    assert_string_equal(peer.lines[0], "");
}

static void nonces_differ(void **state)
{
    (void)state;
    char a[VSA_NONCE_TEXT_SIZE];
    char b[VSA_NONCE_TEXT_SIZE];
    assert_int_equal(vsa_make_nonce(a, NULL), VSA_OK);
    assert_int_equal(vsa_make_nonce(b, NULL), VSA_OK);
    assert_int_equal(strlen(a), 64);
    assert_string_not_equal(a, b);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(pings_on_one_connection),
        WITH_PEER(any_request_goes_through),
        WITH_PEER(requests_are_checked),
        WITH_PEER(broken_replies_end_the_connection),
        WITH_PEER(replies_of_the_wrong_kind),
        WITH_PEER(longest_reply_line),
        WITH_PEER(refusals_are_distinguished),
        WITH_PEER(enclave_says_when_to_ask_again),
        WITH_PEER(reason_given_before_hanging_up),
        WITH_PEER(silence_ends_with_the_timeout),
        WITH_PEER(timeout_includes_connecting),
        WITH_PEER(every_exchange_has_its_time),
        WITH_PEER(hanging_up_is_no_answer),
        cmocka_unit_test(nobody_there),
        WITH_PEER(status_is_the_whole_reply),
        WITH_PEER(attest_requests),
        WITH_PEER(attest_fills_what_the_program_knows),
        WITH_PEER(attest_fields_are_limited),
        WITH_PEER(attest_gives_the_peers_word),
        WITH_PEER(verifies_with_a_nonce_of_its_own),
        WITH_PEER(verifies_what_was_asked_for),
        WITH_PEER(asks_for_what_the_policy_names),
        WITH_PEER(lies_are_refused),
        WITH_PEER(nothing_received_is_nothing),
        WITH_PEER(contradictions_are_not_sent),
        cmocka_unit_test(nonces_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
