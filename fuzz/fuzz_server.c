/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole server in this process: hostile clients and a hostile NSM do what the input says
 * (server_program.h), in lockstep with the server's loop (lockstep.h). Beside crashes it finds
 * requests without a reply or with two, replies that are no JSON, servers that do not end or spin,
 * and descriptors left open.
 *
 * VSA_FUZZ_TRACE=1 fuzz_server FILE prints what the input does and what comes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vsattest/server.h>

#include "fuzz.h"
#include "hostile_nsm.h"
#include "lockstep.h"
#include "sealed_lines.h"
#include "server_program.h"

#define CLIENTS 6
/* A long program finds no more than a short one does, and costs more. */
#define MAX_OPERATIONS 600
/* Bytes of all clients in one run. */
#define MAX_SENT (256 * 1024)
/* Below the largest `max_line` and above most. */
#define LONG_LINE 60000
/* How often `echo` repeats the request's text. */
#define ECHOES 8
/* Sealed requests of one client whose replies are opened; those before them are not. */
#define PENDING 16

struct pending {
    int64_t id;
    struct vsa_seal_pending *keys; /* NULL: none */
};

struct client {
    int fd;
    bool connected; /* at any time; it is not again */
    bool deaf;      /* it closed, or reads no more */
    bool mute;      /* it closed, or sends no more */
    bool tidy;      /* `lines` is the number of its requests */
    bool dismissed; /* a reply may have been the last one */

    char *queue; /* what is to be sent */
    size_t queued;
    bool holds;
    size_t may_send; /* while it holds */

    size_t lines;
    int64_t next_id;
    enum server_line last;
    struct pending pending[PENDING]; /* by id % PENDING */
    char *sealed;                    /* the last line of that kind, or NULL */

    size_t replies;
    int64_t last_id;
    size_t filled;
    char line[VSA_MAX_REPLY_LINE];
};

static struct {
    bool traced;
    const uint8_t *settings;
    const uint8_t *at; /* the next operation */
    const uint8_t *end;
    size_t operations;
    size_t sent;
    struct vsa_server *server;
    bool stopped;
    int64_t connections; /* by events */
    bool dropped;        /* one of them, perhaps with replies that its client did not read */
    unsigned keys;
    char address[sizeof("unix:") + sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct client clients[CLIENTS];
} scene;

/* For people who look at a finding. */
static void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trace(const char *format, ...)
{
    va_list arguments;
    if (!scene.traced)
        return;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

static long index_of(const struct client *client)
{
    return client - scene.clients;
}

/* --- lines ------------------------------------------------------------------------------------ */

#define TEN(text)     text text text text text text text text text text
#define HUNDRED(text) TEN(TEN(text))
#define ID            "\"id\":%lld}\n"

/* By enum server_line; `%lld`: the next id. The long one is made when it is needed. */
static const char *const lines[SERVER_SEALED_PING] = {
    [SERVER_PING] = "{\"command\":\"ping\"," ID,
    [SERVER_PING_LONG_ID] = "{\"command\":\"ping\",\"id\":\"" TEN("twelve bytes") "\"}\n",
    [SERVER_STATUS] = "{\"command\":\"status\"," ID,
    [SERVER_METRICS] = "{\"command\":\"metrics\"}\n",
    [SERVER_ATTEST] = "{\"command\":\"attest\"," ID,
    [SERVER_ATTEST_NONCE] =
        "{\"command\":\"attest\",\"nonce\":\"n\",\"user_data_base64\":\"AAH/\"," ID,
    [SERVER_ATTEST_KEY] = "{\"command\":\"attest\",\"generate_key\":true," ID,
    [SERVER_ATTEST_NULL] = "{\"command\":\"attest\",\"user_data\":null," ID,
    [SERVER_ATTEST_WRONG] = "{\"command\":\"attest\",\"nonce_base64\":\"AAH\"," ID,
    [SERVER_ECHO] = "{\"command\":\"echo\",\"text\":\"" HUNDRED("twenty bytes of text") "\"," ID,
    [SERVER_ECHO_BLOCKING] = "{\"command\":\"echo_blocking\",\"text\":\"b\"," ID,
    [SERVER_ECHO_LIMITED] = "{\"command\":\"echo_limited\",\"text\":\"l\"," ID,
    [SERVER_UNKNOWN] = "{\"command\":\"who\"," ID,
    [SERVER_NO_JSON] = "{\n",
    [SERVER_NO_COMMAND] = "{" ID,
    [SERVER_KEY_TWICE] = "{\"command\":\"ping\",\"command\":\"ping\"}\n",
    [SERVER_DEEP] = "{\"command\":\"ping\",\"a\":[[[[[[[[[]]]]]]]]]}\n",
    [SERVER_ID_WRONG] = "{\"command\":\"ping\",\"id\":[]}\n",
    [SERVER_BLANK] = " \t\r\n",
    [SERVER_HALF_LINE] = "{\"command\":\"" HUNDRED(TEN("four")),
    [SERVER_SEAL_KEY] = "{\"command\":\"seal_key\",\"nonce\":\"n\"," ID,
};

/* What is inside of the sealed ones. */
static const struct {
    const char *inner;
    unsigned manner;
} sealed_lines[SERVER_LINES] = {
    [SERVER_SEALED_PING] = {"{\"command\":\"ping\",\"id\":\"inner\"}", 0},
    [SERVER_SEALED_ATTEST] = {"{\"command\":\"attest\",\"generate_key\":true}", 0},
    [SERVER_SEALED_ECHO] = {"{\"command\":\"echo\",\"text\":\"" HUNDRED(
                                "twenty bytes of text") "\"}",
                            0},
    [SERVER_SEALED_ECHO_BLOCKING] = {"{\"command\":\"echo_blocking\",\"text\":\"b\"}", 0},
    [SERVER_SEALED_NO_JSON] = {"{", 0},
    [SERVER_SEALED_NESTED] = {"{\"command\":\"sealed\",\"sealed\":\"\"}", 0},
    [SERVER_SEALED_SIGNED] = {"{\"command\":\"echo\",\"text\":\"s\"}", SEALED_SIGNED},
    [SERVER_SEALED_CHANGED] = {"{\"command\":\"ping\"}", SEALED_CHANGED},
};

static void flush(struct client *client)
{
    size_t most =
        client->holds && client->may_send < client->queued ? client->may_send : client->queued;
    if (client->fd < 0 || most == 0)
        return;
    ssize_t sent = send(client->fd, client->queue, most, MSG_NOSIGNAL | MSG_DONTWAIT);
    trace("    client %ld sends %zd of %zu bytes\n", index_of(client), sent, client->queued);
    if (sent < 0 && errno != EAGAIN) {
        /* The server closed. */
        client->queued = 0;
        client->tidy = false;
    }
    if (sent <= 0)
        return;
    client->queued -= (size_t)sent;
    client->may_send -= client->holds ? (size_t)sent : 0;
    memmove(client->queue, client->queue + sent, client->queued);
}

static void put(struct client *client, const void *bytes, size_t size)
{
    if (size > MAX_SENT - scene.sent) {
        client->tidy = false;
        return;
    }
    scene.sent += size;
    client->queue = realloc(client->queue, client->queued + size);
    FUZZ_REQUIRE(client->queue != NULL);
    memcpy(client->queue + client->queued, bytes, size);
    client->queued += size;
    flush(client);
}

static size_t long_line(char *text)
{
    memset(text, 'x', LONG_LINE);
    memcpy(text + LONG_LINE - 1, "\n", 1);
    return LONG_LINE;
}

/* The table's texts are formats with one number or none. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t format_line(char text[VSA_MAX_REQUEST_LINE], enum server_line number, int64_t id)
{
    int size = snprintf(text, VSA_MAX_REQUEST_LINE, lines[number], (long long)id);
    FUZZ_REQUIRE(size > 0 && size < VSA_MAX_REQUEST_LINE);
    return (size_t)size;
}
#pragma GCC diagnostic pop

static size_t sealed_line(struct client *client, char text[VSA_MAX_REQUEST_LINE],
                          enum server_line number)
{
    struct pending *pending = &client->pending[client->next_id % PENDING];
    vsa_seal_pending_free(pending->keys);
    *pending = (struct pending){.id = client->next_id};
    sealed_lines_write(sealed_lines[number].inner, sealed_lines[number].manner, client->next_id,
                       text, VSA_MAX_REQUEST_LINE, &pending->keys);
    free(client->sealed);
    client->sealed = strdup(text);
    FUZZ_REQUIRE(client->sealed != NULL);
    return strlen(text);
}

static size_t make_line(struct client *client, char text[VSA_MAX_REQUEST_LINE],
                        enum server_line number)
{
    if (number == SERVER_LONG_LINE)
        return long_line(text);
    if (number < SERVER_SEALED_PING)
        return format_line(text, number, client->next_id);
    if (number < SERVER_SEALED_AGAIN)
        return sealed_line(client, text, number);
    const char *last = client->sealed ? client->sealed : "{}\n";
    memcpy(text, last, strlen(last) + 1);
    return strlen(text);
}

static void put_line(struct client *client, enum server_line number)
{
    static char text[VSA_MAX_REQUEST_LINE];
    if (client->fd < 0 || client->mute)
        return;
    size_t size = make_line(client, text, number);
    /* Its id comes twice. */
    client->tidy = client->tidy && number != SERVER_SEALED_AGAIN;
    client->next_id++;
    client->last = number;
    client->lines += number != SERVER_BLANK;
    client->tidy = client->tidy && number != SERVER_HALF_LINE && !scene.stopped;
    put(client, text, size);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void check_id(struct client *client, const json_t *id)
{
    if (!client->tidy || !json_is_integer(id))
        return;
    FUZZ_REQUIRE(json_integer_value(id) > client->last_id);
    FUZZ_REQUIRE(json_integer_value(id) < client->next_id);
    client->last_id = json_integer_value(id);
}

/* Of what was sealed, the reply opens, and holds one. */
static void check_sealed(struct client *client, const json_t *reply)
{
    int64_t id = json_integer_value(json_object_get(reply, "id"));
    struct pending *pending = &client->pending[(id < 0 ? 0 : id) % PENDING];
    if (!json_object_get(reply, "sealed") || !pending->keys || pending->id != id)
        return;
    sealed_lines_check(pending->keys, reply);
    vsa_seal_pending_free(pending->keys);
    pending->keys = NULL;
}

/* Codes that a connection may end with. */
static bool may_be_last(const char *code)
{
    static const char *const codes[] = {"busy",         "line_too_long", "too_many_connections",
                                        "idle_timeout", "shutting_down", "out_of_memory"};
    for (size_t i = 0; code && i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static void check_reply(struct client *client, const char *text, size_t size)
{
    trace("    client %ld reads %.*s\n", index_of(client), size < 100 ? (int)size : 100, text);
    json_t *reply = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *success = json_object_get(reply, "success");
    const char *code = json_string_value(json_object_get(reply, "error_code"));
    FUZZ_REQUIRE(json_is_boolean(success));
    FUZZ_REQUIRE(json_is_true(success) == (code == NULL));
    check_id(client, json_object_get(reply, "id"));
    check_sealed(client, reply);
    sealed_lines_learn(reply);
    client->dismissed |= may_be_last(code);
    client->replies++;
    json_decref(reply);
}

static void check_replies(struct client *client)
{
    size_t begin = 0;
    for (size_t i = 0; i < client->filled; i++) {
        if (client->line[i] != '\n')
            continue;
        check_reply(client, client->line + begin, i - begin);
        begin = i + 1;
    }
    client->filled -= begin;
    memmove(client->line, client->line + begin, client->filled);
}

/* Returns how much there was. */
static size_t read_some(struct client *client, size_t most)
{
    size_t total = 0;
    while (client->fd >= 0 && !client->deaf && total < most) {
        size_t room = sizeof(client->line) - client->filled;
        FUZZ_REQUIRE(room > 0);
        if (room > most - total)
            room = most - total;
        ssize_t size = recv(client->fd, client->line + client->filled, room, MSG_DONTWAIT);
        /* Of a server that closed with bytes unread the end is an error, before what it sent. */
        if (size < 0 && errno == ECONNRESET) {
            client->tidy = false;
            continue;
        }
        if (size <= 0)
            break;
        client->filled += (size_t)size;
        total += (size_t)size;
        check_replies(client);
    }
    return total;
}

/* Every request has its one reply, unless its connection was ended. */
static void check_count(const struct client *client)
{
    if (!client->connected || !client->tidy)
        return;
    FUZZ_REQUIRE(client->replies <= client->lines + client->dismissed);
    if (!client->deaf && !client->dismissed && !scene.dropped)
        FUZZ_REQUIRE(client->replies == client->lines && client->filled == 0);
}

/* --- operations ------------------------------------------------------------------------------- */

static void connect_client(struct client *client, unsigned argument)
{
    (void)argument;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const char *path = scene.address + strlen("unix:");
    if (client->connected)
        return;
    memcpy(name.sun_path, path, strlen(path));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    FUZZ_REQUIRE(client->fd >= 0);
    if (connect(client->fd, (const struct sockaddr *)&name, sizeof(name)) < 0) {
        /* It listens until it is stopped. */
        FUZZ_REQUIRE(scene.stopped);
        (void)close(client->fd);
        client->fd = -1;
        return;
    }
    client->connected = true;
    client->tidy = !scene.stopped;
}

static void close_client(struct client *client, unsigned argument)
{
    (void)argument;
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
    client->deaf = client->mute = true;
}

static void shut_down(struct client *client, unsigned argument)
{
    int how = (int)(argument % 3);
    if (client->fd < 0)
        return;
    if (how != SHUT_RD && client->queued > 0)
        client->tidy = false;
    client->deaf |= how != SHUT_WR;
    client->mute |= how != SHUT_RD;
    (void)shutdown(client->fd, how);
}

/* Up to so many bytes of the input that follow. */
static struct vsa_slice take_bytes(size_t size)
{
    size_t left = (size_t)(scene.end - scene.at);
    struct vsa_slice bytes = vsa_slice_of(scene.at, size < left ? size : left);
    scene.at += bytes.size;
    return bytes;
}

static void set_nsm(unsigned answer, unsigned argument)
{
    struct hostile_manner manner = {.answer = answer % HOSTILE_ANSWERS, .argument = argument};
    if (manner.answer == HOSTILE_BYTES && scene.at < scene.end)
        manner.bytes = take_bytes(*scene.at++);
    hostile_nsm_behave(&manner);
}

static void stop(void)
{
    if (!scene.stopped)
        for (size_t i = 0; i < CLIENTS; i++)
            scene.clients[i].tidy &= scene.clients[i].queued == 0;
    scene.stopped = true;
    vsa_server_stop(scene.server);
}

static void send_line(struct client *client, unsigned argument)
{
    put_line(client, argument % SERVER_LINES);
}

static void send_again(struct client *client, unsigned argument)
{
    for (unsigned i = 0; i < argument; i++)
        put_line(client, client->last);
}

static void hold(struct client *client, unsigned argument)
{
    client->holds = true;
    client->may_send = argument;
}

static void send_held(struct client *client, unsigned argument)
{
    (void)argument;
    client->holds = false;
    flush(client);
}

static void send_bytes(struct client *client, unsigned argument)
{
    struct vsa_slice bytes = take_bytes(argument);
    if (client->fd < 0 || client->mute || bytes.size == 0)
        return;
    client->tidy = false;
    put(client, bytes.data, bytes.size);
}

static void read_replies(struct client *client, unsigned argument)
{
    (void)read_some(client, argument ? (size_t)argument * 256 : SIZE_MAX);
}

/* Those of one client, by enum server_operation. */
static void (*const of_client[SERVER_OPERATIONS])(struct client *client, unsigned argument) = {
    [SERVER_CONNECT] = connect_client, [SERVER_LINE] = send_line,
    [SERVER_REPEAT] = send_again,      [SERVER_HOLD] = hold,
    [SERVER_FINISH] = send_held,       [SERVER_BYTES] = send_bytes,
    [SERVER_SHUTDOWN] = shut_down,     [SERVER_READ] = read_replies,
    [SERVER_CLOSE] = close_client,
};

/* One operation; false where the loop has its turn after it. */
static bool operate(unsigned kind, unsigned client, unsigned argument)
{
    if (of_client[kind]) {
        of_client[kind](&scene.clients[client % CLIENTS], argument);
        return true;
    }
    switch (kind) {
    case SERVER_NSM:
        set_nsm(argument, client);
        return true;
    case SERVER_NSM_LISTEN:
        hostile_nsm_listen(argument & 1);
        return true;
    case SERVER_STOP:
        stop();
        scene.dropped = true; /* what is not read before the drain limit is lost */
        return true;
    case SERVER_NSM_RELEASE:
        hostile_nsm_release();
        return false;
    case SERVER_TIME:
        /* Up to a quarter of an hour: longer than all time limits. */
        lockstep_advance(INT64_C(1) << argument % 21);
        return false;
    default:
        return false;
    }
}

static const char *const names[SERVER_OPERATIONS] = {
    "turn",     "settle", "connect", "line", "repeat", "hold",        "finish",     "bytes",
    "shutdown", "read",   "close",   "time", "nsm",    "nsm release", "nsm listen", "stop",
};

/* Up to the next turn; false: the program is at its end. */
static bool go_on(enum lockstep_next *next)
{
    while (scene.end - scene.at >= 2 && scene.operations < MAX_OPERATIONS) {
        unsigned kind = scene.at[0] % SERVER_OPERATIONS;
        unsigned client = scene.at[0] / SERVER_OPERATIONS;
        unsigned argument = scene.at[1];
        scene.at += 2;
        scene.operations++;
        trace("%zu: %s client %u argument %u\n", scene.operations, names[kind], client, argument);
        *next = kind == SERVER_SETTLE ? LOCKSTEP_SETTLE : LOCKSTEP_TURN;
        if (!operate(kind, client, argument))
            return true;
    }
    return false;
}

/* --- the server's surroundings ---------------------------------------------------------------- */

/* After the program: all read what there is, then the server stops, then time passes. */
static enum lockstep_next finish(int timeout_ms)
{
    size_t read = 0;
    if (timeout_ms == 0)
        return LOCKSTEP_SETTLE;
    for (size_t i = 0; i < CLIENTS; i++) {
        scene.clients[i].holds = false;
        flush(&scene.clients[i]);
        read += read_some(&scene.clients[i], SIZE_MAX);
    }
    if (read > 0)
        return LOCKSTEP_SETTLE;
    if (!scene.stopped)
        stop();
    else
        lockstep_advance(timeout_ms < 0 || timeout_ms > 1000 ? 1000 : timeout_ms);
    return LOCKSTEP_SETTLE;
}

static enum lockstep_next step(void *user, int timeout_ms)
{
    enum lockstep_next next = LOCKSTEP_TURN;
    (void)user;
    for (size_t i = 0; i < CLIENTS; i++)
        flush(&scene.clients[i]);
    return go_on(&next) ? next : finish(timeout_ms);
}

static bool serve(void *user)
{
    (void)user;
    return hostile_nsm_serve();
}

static void on_event(void *user, const struct vsa_server_event *event)
{
    (void)user;
    const char *name = vsa_server_event_name(event->kind);
    FUZZ_REQUIRE(strcmp(name, "unknown") != 0);
    trace("    event %s: connection %llu, status %d, %s\n", name,
          (unsigned long long)event->connection, event->status,
          event->detail    ? event->detail
          : event->command ? event->command
                           : "");
    if (event->kind == VSA_EVENT_CONNECTION_OPENED)
        scene.connections++;
    if (event->kind == VSA_EVENT_CONNECTION_CLOSED)
        scene.connections--;
    if (event->kind == VSA_EVENT_CONNECTION_CLOSED &&
        (event->status == VSA_ERR_BUSY || event->status == VSA_ERR_IDLE_TIMEOUT))
        scene.dropped = true;
    FUZZ_REQUIRE(scene.connections >= 0);
}

static enum vsa_status on_key(void *user, const struct vsa_server_key *key)
{
    (void)user;
    FUZZ_REQUIRE(key->private_key.size > 0 && key->public_key.size == VSA_P384_SPKI_SIZE);
    if (scene.settings[SERVER_FLAGS] & SERVER_REFUSE_KEYS && ++scene.keys % 2 == 0)
        return VSA_ERR_BUSY;
    return VSA_OK;
}

static enum vsa_status audit(const struct vsa_command_context *context, const json_t *request,
                             json_t *reply, struct vsa_error *error)
{
    return vsa_server_run_builtin(context, request, reply, error);
}

static enum vsa_status echo(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    (void)context;
    (void)error;
    json_t *texts = json_array();
    for (int i = 0; i < ECHOES; i++)
        FUZZ_CALL(json_array_append(texts, json_object_get(request, "text")));
    return json_object_set_new(reply, "texts", texts) == 0 ? VSA_OK : VSA_ERR_MEMORY;
}

/* --- settings --------------------------------------------------------------------------------- */

static size_t setting(enum server_setting which, size_t unit, size_t otherwise)
{
    return scene.settings[which] ? scene.settings[which] * unit : otherwise;
}

static int64_t timeout(unsigned shift)
{
    static const int64_t ms[] = {10000, 1000, 100, 1};
    return ms[scene.settings[SERVER_TIMEOUTS] >> shift & 3];
}

static void set_options(struct vsa_server_options *options)
{
    vsa_server_options_init(options);
    options->listen = scene.address;
    options->nsm = hostile_nsm_address();
    options->max_connections = setting(SERVER_MAX_CONNECTIONS, 1, options->max_connections);
    options->max_line = setting(SERVER_MAX_LINE, 256, options->max_line);
    options->max_buffered = setting(SERVER_MAX_BUFFERED, 1024, options->max_buffered);
    options->max_in_flight = setting(SERVER_MAX_IN_FLIGHT, 1, options->max_in_flight);
    options->max_queue = setting(SERVER_MAX_QUEUE, 1, options->max_queue);
    options->rate_limit = setting(SERVER_RATE_LIMIT, 1, options->rate_limit);
    if (scene.settings[SERVER_RATE_LIMIT] == UINT8_MAX)
        options->rate_limit = 0;
    options->rate_burst = setting(SERVER_RATE_LIMIT, 1, options->rate_burst);
    options->cache_ttl_ms = (int64_t)setting(SERVER_CACHE_TTL, 100, 0);
    options->idle_timeout_ms = timeout(0);
    options->request_timeout_ms = timeout(2);
    options->drain_timeout_ms = timeout(4);
    options->on_event = on_event;
    if (scene.settings[SERVER_FLAGS] & (SERVER_KEEP_KEYS | SERVER_REFUSE_KEYS))
        options->on_key = on_key;
}

static void add(const char *name, vsa_command_handler *handler, unsigned flags)
{
    struct vsa_command command = {.name = name, .handler = handler, .flags = flags};
    FUZZ_REQUIRE(vsa_server_register(scene.server, &command, NULL) == VSA_OK);
}

static void add_commands(void)
{
    unsigned flags = scene.settings[SERVER_FLAGS];
    add("echo", echo, 0);
    add("echo_blocking", echo, VSA_COMMAND_BLOCKING);
    add("echo_limited", echo, VSA_COMMAND_RATE_LIMITED);
    if (flags & (SERVER_AUDIT | SERVER_AUDIT_BLOCKING))
        add(VSA_COMMAND_ANY, audit, flags & SERVER_AUDIT_BLOCKING ? VSA_COMMAND_BLOCKING : 0);
}

static void enable_sealing(void)
{
    unsigned flags = scene.settings[SERVER_FLAGS];
    struct vsa_sealing_options options;
    if (!(flags & (SERVER_SEALING | SERVER_SEALING_P384)))
        return;
    vsa_sealing_options_init(&options);
    options.kem = flags & SERVER_SEALING_P384 ? VSA_SEALING_P384 : VSA_SEALING_X25519;
    options.lifetime_ms = 60000;
    options.overlap_ms = 10000;
    options.rate_limit = scene.settings[SERVER_RATE_LIMIT];
    FUZZ_REQUIRE(vsa_server_enable_sealing(scene.server, &options, NULL) == VSA_OK);
    if (flags & SERVER_SENDERS)
        FUZZ_REQUIRE(vsa_server_allow_senders(scene.server, "echo", sealed_lines_sender(), NULL) ==
                     VSA_OK);
}

/* --- one input -------------------------------------------------------------------------------- */

static char directory[] = "/tmp/vsattest-fuzz-XXXXXX";

static void remove_directory(void)
{
    (void)rmdir(directory);
}

static void make_directory(void)
{
    static bool made;
    if (made)
        return;
    FUZZ_REQUIRE(mkdtemp(directory) != NULL && atexit(remove_directory) == 0);
    (void)snprintf(scene.address, sizeof(scene.address), "unix:%s/server", directory);
    made = true;
}

static int next_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && close(fd) == 0);
    return fd;
}

static void run_server(void)
{
    struct vsa_server_statistics counted;
    struct vsa_error error = {.status = VSA_OK};
    add_commands();
    enable_sealing();
    enum vsa_status status = vsa_server_run(scene.server, &error);
    FUZZ_REQUIRE(status == VSA_OK || (status == VSA_ERR_TIMEOUT && error.status == status));
    vsa_server_get_statistics(scene.server, &counted);
    FUZZ_REQUIRE(counted.connections == 0 && scene.connections == 0);
    FUZZ_REQUIRE(counted.requests >= counted.errors);
    lockstep_release();
    vsa_server_free(scene.server);
}

static void end_clients(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &scene.clients[i];
        (void)read_some(client, SIZE_MAX);
        check_count(client);
        close_client(client, 0);
        free(client->queue);
        free(client->sealed);
        for (size_t k = 0; k < PENDING; k++)
            vsa_seal_pending_free(client->pending[k].keys);
    }
}

static void begin(const uint8_t *data, size_t size)
{
    make_directory();
    sealed_lines_begin();
    scene.traced = getenv("VSA_FUZZ_TRACE") != NULL;
    scene.settings = data;
    scene.at = data + SERVER_SETTINGS;
    scene.end = data + size;
    scene.operations = 0;
    scene.sent = 0;
    scene.stopped = false;
    scene.connections = 0;
    scene.dropped = false;
    scene.keys = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        memset(&scene.clients[i], 0, offsetof(struct client, line));
    for (size_t i = 0; i < CLIENTS; i++)
        scene.clients[i].fd = -1;
    for (size_t i = 0; i < CLIENTS; i++)
        scene.clients[i].next_id = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_server_options options;
    struct lockstep lockstep = {.step = step, .serve = serve};
    if (size < SERVER_SETTINGS)
        return 0;
    begin(data, size);
    hostile_nsm_begin(directory);
    int descriptor = next_descriptor();
    hostile_nsm_listen(!(data[SERVER_FLAGS] & SERVER_NSM_IS_AWAY));
    lockstep.tick_us = data[SERVER_TICK] * 8U;
    lockstep_begin(&lockstep);
    set_options(&options);
    enum vsa_status status = vsa_server_new(&options, &scene.server, NULL);
    FUZZ_REQUIRE(status == VSA_OK || status == VSA_ERR_ARGUMENT);
    if (status == VSA_OK)
        run_server();
    lockstep_end();
    end_clients();
    hostile_nsm_end();
    FUZZ_REQUIRE(next_descriptor() == descriptor);
    return 0;
}
