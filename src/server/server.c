/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface: makes the parts, connects and frees them. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "crypto/begin.h"
#include "crypto/digest.h"
#include "server/builtin.h"
#include "server/call.h"
#include "server/dispatch.h"
#include "server/enable_sealing.h"
#include "server/forward.h"
#include "server/lifecycle.h"
#include "server/options.h"
#include "server/status.h"
#include "stream/stream.h"
#include <vsattest/key.h>

struct vsa_server {
    struct vsa_server_options options; /* its strings are the next two */
    char *listen_text;
    char *nsm_text;
    struct vsa_listener listener;
    struct vsa_event_loop loop;
    struct vsa_nsm_health health;
    struct vsa_requests requests; /* its streams and its worker are the server's */
    struct vsa_lifecycle lifecycle;
};

VSA_SIZED_ASSERT(struct vsa_server_statistics, sealed_rotated_early);

/* --- parts ------------------------------------------------------------------------------------ */

/* Wakes the loop, from one of the threads. */
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
        .depth = &server->requests.counters.queue_depth,
        .begin = vsa_crypto_begin_thread,
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
    return vsa_worker_new(&options, nsm, &server->requests.worker, error);
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
    return vsa_streams_new(&server->loop, &limits, &vsa_dispatch_handlers, &server->requests,
                           &server->requests.streams, error);
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
    return VSA_OK;
}

static void connect_parts(struct vsa_server *server)
{
    struct vsa_requests *requests = &server->requests;
    const struct vsa_server_options *options = &server->options;
    requests->loop = &server->loop;
    requests->health = &server->health;
    requests->server = server;
    requests->options = options;
    requests->rate.rate = (int64_t)options->rate_limit;
    requests->rate.burst =
        options->rate_burst ? (int64_t)options->rate_burst : 2 * requests->rate.rate;
    requests->sharing.ttl_ms = options->cache_ttl_ms;
    vsa_waiting_init(requests);
    server->lifecycle.requests = requests;
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
    VSA_TRY(vsa_event_loop_open(&server->loop, vsa_lifecycle_woken, &server->lifecycle, error));
    VSA_TRY(make_worker(server, error));
    VSA_TRY(make_streams(server, error));
    connect_parts(server);
    VSA_TRY(vsa_builtin_add(&server->requests, error));
    /* Last: a client that connects now will be served. */
    VSA_TRY(vsa_listen(&address, &server->listener, error));
    server->requests.port = server->listener.address.port;
    return VSA_OK;
}

enum vsa_status vsa_server_new(const struct vsa_server_options *options, struct vsa_server **server,
                               struct vsa_error *error)
{
    struct vsa_server_options known;
    VSA_TRY(vsa_server_options_read(options, &known, error));
    struct vsa_server *built = calloc(1, sizeof(*built));
    if (!built)
        return vsa_fail_memory(error);
    vsa_nsm_health_init(&built->health);
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
    vsa_dispatch_close(&server->requests);
    /* Before the loop: the threads may still want to wake it. */
    vsa_worker_free(server->requests.worker, vsa_call_release);
    vsa_sealing_free(server->requests.sealing);
    vsa_streams_free(server->requests.streams);
    vsa_event_loop_close(&server->loop);
    vsa_listener_close(&server->listener);
    vsa_nsm_health_destroy(&server->health);
    free(server->listen_text);
    free(server->nsm_text);
    free(server);
}

/* --- the rest of the public interface --------------------------------------------------------- */

const char *vsa_server_event_name(enum vsa_server_event_kind kind)
{
    static const char *const names[] = {
        [VSA_EVENT_LISTENING] = "listening",
        [VSA_EVENT_NSM_REACHABLE] = "nsm_reachable",
        [VSA_EVENT_NSM_UNREACHABLE] = "nsm_unreachable",
        [VSA_EVENT_CONNECTION_OPENED] = "connection_opened",
        [VSA_EVENT_CONNECTION_CLOSED] = "connection_closed",
        [VSA_EVENT_CONNECTION_REFUSED] = "connection_refused",
        [VSA_EVENT_REQUEST] = "request",
        [VSA_EVENT_ACCEPT_PAUSED] = "accept_paused",
        [VSA_EVENT_STOPPING] = "stopping",
        [VSA_EVENT_STOPPED] = "stopped",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* Refuses what has to be done before the server runs, and what needs sealing where that is off. */
static enum vsa_status check_may_set_up(const struct vsa_server *server, bool needs_sealing,
                                        const char *what, struct vsa_error *error)
{
    if (server->lifecycle.state != VSA_LIFECYCLE_NEW)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s before the server runs", what);
    if (needs_sealing && !server->requests.sealing)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s after vsa_server_enable_sealing()", what);
    return VSA_OK;
}

enum vsa_status vsa_server_register(struct vsa_server *server, const struct vsa_command *command,
                                    struct vsa_error *error)
{
    VSA_TRY(check_may_set_up(server, command->flags & VSA_COMMAND_SEALED_ONLY,
                             "commands are registered", error));
    return vsa_command_table_add(&server->requests.table, command, VSA_ROLE_PROGRAM, error);
}

enum vsa_status vsa_server_enable_sealing(struct vsa_server *server,
                                          const struct vsa_sealing_options *options,
                                          struct vsa_error *error)
{
    VSA_TRY(check_may_set_up(server, false, "sealing is enabled", error));
    if (server->requests.sealing)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "sealing is enabled once");
    return vsa_enable_sealing(&server->requests, options, on_done, server, error);
}

enum vsa_status vsa_server_allow_senders(struct vsa_server *server, const char *command,
                                         struct vsa_slice pem, struct vsa_error *error)
{
    VSA_TRY(check_may_set_up(server, true, "senders are named", error));
    return vsa_senders_allow(&server->requests.sealing->senders, command, pem, error);
}

enum vsa_status vsa_server_add_backend(struct vsa_server *server, const char *commands,
                                       const char *address, size_t max_connections, unsigned flags,
                                       struct vsa_error *error)
{
    VSA_TRY(check_may_set_up(server, flags & VSA_COMMAND_SEALED_ONLY, "backends are added", error));
    return vsa_forward_add(&server->requests, commands, address, max_connections, flags, error);
}

enum vsa_status vsa_server_run_builtin(const struct vsa_command_context *context,
                                       const json_t *request, json_t *reply,
                                       struct vsa_error *error)
{
    return vsa_builtin_run(&context->server->requests, context->nsm, request, reply, error);
}

void vsa_server_get_statistics_size(const struct vsa_server *server,
                                    struct vsa_server_statistics *statistics, size_t size)
{
    struct vsa_server_statistics known;
    vsa_statistics_read(&server->requests, &known);
    vsa_sized_write(statistics, size, &known, sizeof(known));
}

enum vsa_status vsa_server_run(struct vsa_server *server, struct vsa_error *error)
{
    VSA_TRY(vsa_check_senders(&server->requests, error));
    return vsa_lifecycle_run(&server->lifecycle, &server->listener, error);
}

void vsa_server_stop(struct vsa_server *server)
{
    vsa_lifecycle_stop(&server->lifecycle);
}
