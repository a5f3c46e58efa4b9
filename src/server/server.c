/* SPDX-License-Identifier: Apache-2.0 */
/* Wiring: options, making the parts, running them, stopping. */
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/sized.h"
#include "crypto/digest.h"
#include "server/builtin.h"
#include "server/calls.h"
#include "server/dispatch.h"
#include "server/waiting.h"
#include "stream/acceptor.h"
#include <vsattest/key.h>

/* Below this not even the requests of the guide fit. */
#define SMALLEST_MAX_LINE 256
/* Clients wait in the backlog until the NSM is known, but not longer. */
#define BEGIN_MS 500
/* Time for a peer to read its last replies before the server exits, in ms. */
#define LINGER_MS 2000

enum server_state {
    SERVER_NEW,
    SERVER_BEGINNING, /* asks the NSM how it is */
    SERVER_SERVING,
    SERVER_DRAINING,  /* answers what is in flight */
    SERVER_ENDING,    /* nothing is in flight; streams answer what they have, and close */
    SERVER_LINGERING, /* waits a little for peers to read */
    SERVER_ENDED,
};

struct vsa_server {
    struct vsa_server_options options; /* its strings are the next two */
    char *listen_text;
    char *nsm_text;
    struct vsa_listener listener;

    struct vsa_event_loop loop;
    struct vsa_streams *streams;
    struct vsa_acceptor acceptor;
    struct vsa_worker *worker;

    struct vsa_builtin builtin;
    struct vsa_nsm_health *health; /* a pointer: reading takes its lock */
    struct vsa_requests requests;

    atomic_bool stop; /* vsa_server_stop() was called */
    enum server_state state;
    enum vsa_status accept_status; /* why it could not begin */
    bool drain_timed_out;
    /* One timer at a time: for the present state. */
    struct vsa_timer_list begins;
    struct vsa_timer_list drains;
    struct vsa_timer_list lingers;
    struct vsa_timer limit;
};

/* --- options ---------------------------------------------------------------------------------- */

VSA_SIZED_ASSERT(struct vsa_server_options, user);
VSA_SIZED_ASSERT(struct vsa_server_statistics, nsm_age_ms);

void vsa_server_options_init_size(struct vsa_server_options *options, size_t size)
{
    const struct vsa_server_options defaults = {
        .listen = "vsock:any:9000",
        .nsm = VSA_NSM_DEVICE,
        .max_connections = VSA_DEFAULT_MAX_CONNECTIONS,
        .max_in_flight = VSA_DEFAULT_MAX_IN_FLIGHT,
        .max_queue = VSA_DEFAULT_MAX_QUEUE,
        .rate_limit = VSA_DEFAULT_RATE_LIMIT,
        .rate_burst = VSA_DEFAULT_RATE_BURST,
        .max_line = VSA_MAX_REQUEST_LINE,
        .max_buffered = VSA_DEFAULT_MAX_BUFFERED,
        .idle_timeout_ms = VSA_DEFAULT_IDLE_TIMEOUT_MS,
        .request_timeout_ms = VSA_DEFAULT_REQUEST_TIMEOUT_MS,
        .drain_timeout_ms = VSA_DEFAULT_DRAIN_TIMEOUT_MS,
    };
    vsa_sized_write(options, size, &defaults, sizeof(defaults));
}

static enum vsa_status check_options(const struct vsa_server_options *options,
                                     struct vsa_error *error)
{
    if (!options->listen || !options->nsm)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no address");
    if (options->max_connections == 0 || options->max_in_flight == 0 || options->max_queue == 0 ||
        options->max_buffered == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a limit of 0");
    if (options->max_line < SMALLEST_MAX_LINE || options->max_line > VSA_MAX_REQUEST_LINE)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "max_line must be %d..%d bytes", SMALLEST_MAX_LINE,
                        VSA_MAX_REQUEST_LINE);
    if (options->rate_limit > VSA_MAX_RATE_LIMIT || options->rate_burst > VSA_MAX_RATE_LIMIT)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "rate limit and burst must be at most %d",
                        VSA_MAX_RATE_LIMIT);
    if (options->cache_ttl_ms < 0 || options->cache_ttl_ms > VSA_MAX_CACHE_TTL_MS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the cache's time must be 0..%d ms",
                        VSA_MAX_CACHE_TTL_MS);
    if (options->idle_timeout_ms <= 0 || options->request_timeout_ms <= 0 ||
        options->drain_timeout_ms <= 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "time limits must be above 0 ms");
    return VSA_OK;
}

static enum vsa_status take_options(struct vsa_server *server,
                                    const struct vsa_server_options *options,
                                    struct vsa_error *error)
{
    server->options = *options;
    server->options.listen = server->listen_text = strdup(options->listen);
    server->options.nsm = server->nsm_text = strdup(options->nsm);
    if (!server->listen_text || !server->nsm_text)
        return vsa_fail_memory(error);
    struct vsa_requests *requests = &server->requests;
    requests->rate.rate = (int64_t)options->rate_limit;
    requests->rate.burst =
        options->rate_burst ? (int64_t)options->rate_burst : 2 * requests->rate.rate;
    requests->sharing.ttl_ms = options->cache_ttl_ms;
    requests->observer.on_event = options->on_event;
    requests->observer.user = options->user;
    return VSA_OK;
}

/* --- parts ------------------------------------------------------------------------------------ */

/* In the NSM's thread. */
static void on_done(void *user)
{
    struct vsa_server *server = user;
    vsa_event_loop_wake(&server->loop);
}

static void on_exchanged(void *user, int64_t duration_us, enum vsa_status status)
{
    struct vsa_server *server = user;
    vsa_latency_count(&server->requests.counters.nsm, (uint64_t)duration_us, status != VSA_OK);
}

static enum vsa_status make_worker(struct vsa_server *server, struct vsa_error *error)
{
    struct vsa_nsm *nsm = NULL;
    const char *address = server->options.nsm;
    int64_t timeout_ms = server->options.request_timeout_ms;
    const struct vsa_worker_options options = {
        .nsm = address,
        .timeout_ms = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms,
        .max_queue = server->options.max_queue,
        .done = on_done,
        .exchanged = on_exchanged,
        .user = server,
    };
    enum vsa_status status = vsa_nsm_open(address, options.timeout_ms, &nsm, error);
    /* A software NSM may come later; a device that is missing stays missing. */
    bool may_come = strncmp(address, "unix:", 5) == 0 &&
                    (status == VSA_ERR_NSM_UNREACHABLE || status == VSA_ERR_TIMEOUT);
    if (status != VSA_OK && !may_come)
        return status;
    return vsa_worker_new(&options, nsm, &server->worker, error);
}

static enum vsa_status make_streams(struct vsa_server *server, struct vsa_error *error)
{
    const struct vsa_server_options *options = &server->options;
    const struct vsa_stream_limits limits = {
        .max_streams = options->max_connections,
        .max_line = options->max_line,
        .max_buffered = options->max_buffered,
        .attachment = VSA_DISPATCH_ATTACHMENT,
        .idle_timeout_ms = options->idle_timeout_ms,
    };
    VSA_TRY(vsa_streams_new(&server->loop, &limits, &vsa_dispatch_handlers, &server->requests,
                            &server->streams, error));
    server->requests.observer.phases = vsa_streams_phases(server->streams);
    return VSA_OK;
}

static void read_statistics(const void *user, struct vsa_server_statistics *statistics)
{
    vsa_server_get_statistics(user, statistics);
}

static void connect_parts(struct vsa_server *server)
{
    struct vsa_requests *requests = &server->requests;
    requests->loop = &server->loop;
    requests->streams = server->streams;
    requests->worker = server->worker;
    requests->health = server->health;
    requests->server = server;
    requests->options = &server->options;
    vsa_dispatch_init(requests);
    server->builtin.options = &server->options;
    server->builtin.read = read_statistics;
    server->builtin.user = server;
}

static void on_woken(void *user);
static void on_begin_limit(void *user, struct vsa_timer *timer);
static void on_drain_limit(void *user, struct vsa_timer *timer);
static void on_linger_limit(void *user, struct vsa_timer *timer);

static enum vsa_status make_loop(struct vsa_server *server, struct vsa_error *error)
{
    VSA_TRY(vsa_event_loop_open(&server->loop, on_woken, server, error));
    vsa_timer_list_init(&server->begins, BEGIN_MS, on_begin_limit, server);
    vsa_timer_list_init(&server->drains, server->options.drain_timeout_ms, on_drain_limit, server);
    vsa_timer_list_init(&server->lingers, LINGER_MS, on_linger_limit, server);
    vsa_event_loop_add(&server->loop, &server->begins);
    vsa_event_loop_add(&server->loop, &server->drains);
    vsa_event_loop_add(&server->loop, &server->lingers);
    return VSA_OK;
}

/*
 * Has libcrypto make what it makes at its first use: OpenSSL 3.0 crashes if memory is short then.
 * A server that cannot do it does not start.
 */
static enum vsa_status use_crypto_once(struct vsa_error *error)
{
    struct vsa_key_pair pair;
    uint8_t digest[VSA_SHA384_SIZE];
    VSA_TRY(vsa_sha384(NULL, 0, digest, error));
    VSA_TRY(vsa_key_pair_generate(&pair, error));
    vsa_key_pair_wipe(&pair);
    return VSA_OK;
}

static enum vsa_status build(struct vsa_server *server, const struct vsa_server_options *options,
                             struct vsa_error *error)
{
    struct vsa_address address;
    VSA_TRY(take_options(server, options, error));
    VSA_TRY(use_crypto_once(error));
    VSA_TRY(vsa_address_parse(options->listen, &address, error));
    VSA_TRY(make_loop(server, error));
    VSA_TRY(make_worker(server, error));
    VSA_TRY(make_streams(server, error));
    connect_parts(server);
    VSA_TRY(vsa_builtin_add(&server->builtin, &server->requests.table, error));
    /* Last: a client that connects now will be served. */
    VSA_TRY(vsa_listen(&address, &server->listener, error));
    server->builtin.port = server->listener.address.port;
    return VSA_OK;
}

enum vsa_status vsa_server_new(const struct vsa_server_options *options, struct vsa_server **server,
                               struct vsa_error *error)
{
    struct vsa_server_options known;
    vsa_server_options_init(&known);
    VSA_TRY(vsa_sized_read(&known, sizeof(known), options, "server options",
                           "vsa_server_options_init()", error));
    VSA_TRY(check_options(&known, error));
    struct vsa_server *built = calloc(1, sizeof(*built));
    struct vsa_nsm_health *health = malloc(sizeof(*health));
    if (!built || !health) {
        free(built);
        free(health);
        return vsa_fail_memory(error);
    }
    vsa_nsm_health_init(health);
    built->health = health;
    built->listener.fd = -1;
    built->loop.epoll_fd = -1;
    built->loop.wake.fd = -1;
    enum vsa_status status = build(built, &known, error);
    if (status != VSA_OK) {
        vsa_server_free(built);
        return status;
    }
    *server = built;
    return VSA_OK;
}

void vsa_server_free(struct vsa_server *server)
{
    if (!server)
        return;
    /* First: it may still want to wake the loop. */
    vsa_worker_free(server->worker, vsa_call_release);
    vsa_dispatch_close(&server->requests);
    vsa_streams_free(server->streams);
    vsa_event_loop_close(&server->loop);
    vsa_listener_close(&server->listener);
    vsa_nsm_health_destroy(server->health);
    free(server->health);
    free(server->listen_text);
    free(server->nsm_text);
    free(server);
}

/* --- commands and statistics ------------------------------------------------------------------ */

enum vsa_status vsa_server_register(struct vsa_server *server, const struct vsa_command *command,
                                    struct vsa_error *error)
{
    if (server->state != SERVER_NEW)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "commands are registered before the server runs");
    return vsa_command_table_add(&server->requests.table, command, error);
}

enum vsa_status vsa_server_run_builtin(const struct vsa_command_context *context,
                                       const json_t *request, json_t *reply,
                                       struct vsa_error *error)
{
    return vsa_builtin_run(&context->server->builtin, context->nsm, request, reply, error);
}

static void collect_statistics(const struct vsa_server *server,
                               struct vsa_server_statistics *statistics)
{
    const vsa_counter *phases = server->requests.observer.phases;
    int64_t now_ms = vsa_monotonic_ms();
    vsa_counters_read(&server->requests.counters, now_ms, statistics);
    vsa_nsm_health_read(server->health, now_ms, statistics);
    statistics->connections_idle = vsa_counter_get(&phases[VSA_STREAM_IDLE]);
    statistics->connections_busy = vsa_counter_get(&phases[VSA_STREAM_BUSY]);
    statistics->connections_sending = vsa_counter_get(&phases[VSA_STREAM_SENDING]);
    statistics->connections_closing = vsa_counter_get(&phases[VSA_STREAM_CLOSING]);
    statistics->connections = statistics->connections_idle + statistics->connections_busy +
                              statistics->connections_sending + statistics->connections_closing;
    statistics->buffered_bytes = vsa_counter_get(vsa_streams_buffered(server->streams));
    statistics->queue_depth = vsa_counter_get(vsa_worker_depth(server->worker));
    statistics->command_count = server->requests.table.count;
    for (size_t i = 0; i < server->requests.table.count; i++)
        statistics->commands[i].name = server->requests.table.rows[i].name;
}

void vsa_server_get_statistics_size(const struct vsa_server *server,
                                    struct vsa_server_statistics *statistics, size_t size)
{
    struct vsa_server_statistics known = {0};
    collect_statistics(server, &known);
    vsa_sized_write(statistics, size, &known, sizeof(known));
}

/* --- accepting -------------------------------------------------------------------------------- */

/* One line of explanation, if the peer's buffer takes it: a new one's does. */
static void on_refused(void *user, int fd, const struct vsa_error *why)
{
    struct vsa_server *server = user;
    if (fd < 0) {
        vsa_observe(&server->requests.observer,
                    (struct vsa_server_event){.kind = VSA_EVENT_ACCEPT_PAUSED,
                                              .status = VSA_ERR_IO,
                                              .detail = why->detail});
        return;
    }
    struct vsa_reply reply =
        vsa_reply_of_error(why, (struct vsa_slice){0}, server->requests.buffer);
    vsa_reply_send_raw(fd, &reply);
    vsa_counter_add(&server->requests.counters.refused, 1);
    vsa_observe(
        &server->requests.observer,
        (struct vsa_server_event){.kind = VSA_EVENT_CONNECTION_REFUSED, .status = why->status});
}

static void begin_serving(struct vsa_server *server)
{
    vsa_timer_stop(&server->limit);
    server->acceptor = (struct vsa_acceptor){.loop = &server->loop,
                                             .streams = server->streams,
                                             .listener = &server->listener,
                                             .refused = on_refused,
                                             .user = server};
    server->accept_status = vsa_acceptor_start(&server->acceptor, NULL);
    server->state = server->accept_status == VSA_OK ? SERVER_SERVING : SERVER_ENDED;
}

static void on_begin_limit(void *user, struct vsa_timer *timer)
{
    (void)timer;
    begin_serving(user);
}

/* --- stopping --------------------------------------------------------------------------------- */

void vsa_server_stop(struct vsa_server *server)
{
    atomic_store(&server->stop, true);
    vsa_event_loop_wake(&server->loop);
}

static void set_limit(struct vsa_server *server, struct vsa_timer_list *list)
{
    vsa_timer_start(list, &server->limit, server->loop.now_ms);
}

static void begin_draining(struct vsa_server *server)
{
    server->state = SERVER_DRAINING;
    vsa_observe(&server->requests.observer, (struct vsa_server_event){.kind = VSA_EVENT_STOPPING});
    server->requests.refusing = true;
    vsa_acceptor_stop(&server->acceptor);
    set_limit(server, &server->drains);
}

static void begin_ending(struct vsa_server *server)
{
    server->state = SERVER_ENDING;
    vsa_streams_drain(server->streams);
}

static void begin_lingering(struct vsa_server *server)
{
    server->state = SERVER_LINGERING;
    set_limit(server, &server->lingers);
}

static void end(struct vsa_server *server)
{
    vsa_streams_close_all(server->streams, VSA_ERR_SHUTTING_DOWN);
    server->state = SERVER_ENDED;
}

/* Peers that do not read are no reason to complain. */
static void on_drain_limit(void *user, struct vsa_timer *timer)
{
    struct vsa_server *server = user;
    (void)timer;
    server->drain_timed_out = vsa_counter_get(&server->requests.counters.in_flight) > 0;
    vsa_waiting_give_up(&server->requests);
    begin_ending(server);
    begin_lingering(server);
}

static void on_linger_limit(void *user, struct vsa_timer *timer)
{
    (void)timer;
    end(user);
}

/* After each iteration, until all is answered. */
static void check_drained(struct vsa_server *server)
{
    if (server->state == SERVER_DRAINING &&
        vsa_counter_get(&server->requests.counters.in_flight) == 0)
        begin_ending(server);
    if (server->state != SERVER_ENDING && server->state != SERVER_LINGERING)
        return;
    if (vsa_streams_are_drained(server->streams, false))
        end(server);
    else if (server->state == SERVER_ENDING && vsa_streams_are_drained(server->streams, true))
        begin_lingering(server);
}

/* --- running ---------------------------------------------------------------------------------- */

/* The NSM's thread is done with something, or vsa_server_stop() was called. */
static void on_woken(void *user)
{
    struct vsa_server *server = user;
    vsa_calls_collect(&server->requests);
    bool stops = atomic_load(&server->stop);
    if (server->state == SERVER_BEGINNING && (server->health->known || stops))
        begin_serving(server);
    if (server->state == SERVER_SERVING && stops)
        begin_draining(server);
}

static void report_listening(const struct vsa_server *server)
{
    char address[VSA_MAX_ADDRESS];
    vsa_address_format(&server->listener.address, address, sizeof(address));
    vsa_observe(&server->requests.observer,
                (struct vsa_server_event){.kind = VSA_EVENT_LISTENING, .detail = address});
}

static enum vsa_status begin(struct vsa_server *server, struct vsa_error *error)
{
    server->state = SERVER_BEGINNING;
    server->loop.now_ms = vsa_monotonic_ms();
    vsa_counter_set(&server->requests.counters.started_ms, (uint64_t)server->loop.now_ms);
    /* Not before: the application may have given up privileges since vsa_server_new(). */
    VSA_TRY(vsa_worker_start(server->worker, error));
    report_listening(server);
    set_limit(server, &server->begins);
    vsa_calls_probe(&server->requests);
    return VSA_OK;
}

enum vsa_status vsa_server_run(struct vsa_server *server, struct vsa_error *error)
{
    if (server->state != SERVER_NEW)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a server runs only once");
    VSA_TRY(begin(server, error));
    while (server->state != SERVER_ENDED) {
        vsa_event_loop_iterate(&server->loop);
        check_drained(server);
        vsa_streams_end_iteration(server->streams);
    }
    if (server->accept_status != VSA_OK)
        return vsa_fail(error, server->accept_status, "cannot take connections");
    enum vsa_status status = server->drain_timed_out ? VSA_ERR_TIMEOUT : VSA_OK;
    vsa_observe(&server->requests.observer,
                (struct vsa_server_event){.kind = VSA_EVENT_STOPPED, .status = status});
    if (status != VSA_OK)
        return vsa_fail(error, status, "requests were still in flight %lld ms after the stop",
                        (long long)server->options.drain_timeout_ms);
    return VSA_OK;
}
