/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <stddef.h>

#include "base/monotonic.h"

const char *vsa_server_event_name(enum vsa_server_event_kind kind)
{
    switch (kind) {
    case VSA_EVENT_LISTENING:
        return "listening";
    case VSA_EVENT_NSM_REACHABLE:
        return "nsm_reachable";
    case VSA_EVENT_NSM_UNREACHABLE:
        return "nsm_unreachable";
    case VSA_EVENT_CONNECTION_OPENED:
        return "connection_opened";
    case VSA_EVENT_CONNECTION_CLOSED:
        return "connection_closed";
    case VSA_EVENT_CONNECTION_REFUSED:
        return "connection_refused";
    case VSA_EVENT_REQUEST:
        return "request";
    case VSA_EVENT_ACCEPT_PAUSED:
        return "accept_paused";
    case VSA_EVENT_STOPPING:
        return "stopping";
    case VSA_EVENT_STOPPED:
        return "stopped";
    }
    return "unknown";
}

void vsa_server_tell(struct vsa_server *server, struct vsa_server_event event)
{
    event.connections = server->connections;
    if (server->options.on_event)
        server->options.on_event(server->options.user, &event);
}

/* --- beginning -------------------------------------------------------------------------------- */

static void tell_listening(struct vsa_server *server)
{
    char address[VSA_MAX_ADDRESS];
    vsa_address_format(&server->listener.address, address, sizeof(address));
    vsa_server_tell(server,
                    (struct vsa_server_event){.kind = VSA_EVENT_LISTENING, .detail = address});
}

void vsa_server_begin(struct vsa_server *server)
{
    if (server->begun)
        return;
    server->begun = true;
    vsa_deadlines_remove(&server->begin_limit);
    server->begin_status = vsa_accept_start(server, NULL);
    server->ended = server->begin_status != VSA_OK;
}

static void begin_limit_expired(void *user, struct vsa_deadline *entry)
{
    (void)entry;
    vsa_server_begin(user);
}

/* --- stopping --------------------------------------------------------------------------------- */

/* Nothing is in flight: each connection answers what its peer sent already, and closes. */
static void begin_ending(struct vsa_server *server)
{
    struct vsa_deadline_list *lists[] = {&server->lingering, &server->idle};
    struct vsa_deadline *entry;
    server->ending = true;
    /* In this order: those with unread replies move from the second list to the first. */
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        while ((entry = vsa_deadlines_pop(lists[i])))
            vsa_connection_end(vsa_connection_of(entry));
}

/* The loop ends once it is draining, nothing is in flight, and all connections are closed. */
static void check_drained(struct vsa_server *server)
{
    if (server->draining && !server->ending && vsa_deadlines_empty(&server->busy))
        begin_ending(server);
    if (server->ending && server->connections == 0)
        server->ended = true;
}

static void give_up_all(struct vsa_deadline_list *waiters)
{
    struct vsa_deadline *entry;
    while ((entry = vsa_deadlines_pop(waiters)))
        vsa_jobs_shut_down(vsa_waiter_of(entry));
}

/* Each is closed now, so none comes back into a list. */
static void drain_connections(struct vsa_deadline_list *list)
{
    struct vsa_deadline *entry;
    while ((entry = vsa_deadlines_pop(list)))
        vsa_connection_drain(vsa_connection_of(entry));
}

static void drain_limit_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_server *server = user;
    struct vsa_deadline_list *lists[] = {&server->ready, &server->idle, &server->busy,
                                         &server->lingering};
    (void)entry;
    /* Peers that do not read are no reason to complain. */
    server->drain_timed_out = !vsa_deadlines_empty(&server->busy);
    give_up_all(&server->requests);
    server->ending = true;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        drain_connections(lists[i]);
}

static void begin_drain(struct vsa_server *server)
{
    vsa_server_begin(server);
    server->draining = true;
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_STOPPING});
    vsa_accept_stop(server);
    vsa_server_limit(server, &server->drains, &server->drain_limit);
}

void vsa_server_stop(struct vsa_server *server)
{
    atomic_store(&server->stop, true);
    vsa_loop_wake(&server->loop);
}

/* --- serving ---------------------------------------------------------------------------------- */

/* The NSM's thread is done with something, or somebody wants us to stop. */
static void on_wake(struct vsa_watch *wake, uint32_t events)
{
    struct vsa_server *server =
        (struct vsa_server *)(void *)((char *)wake - offsetof(struct vsa_server, loop.wake));
    (void)events;
    vsa_jobs_collect(server);
    if (atomic_load(&server->stop) && !server->draining)
        begin_drain(server);
}

enum vsa_status vsa_server_init_loop(struct vsa_server *server, struct vsa_error *error)
{
    const struct vsa_server_options *options = &server->options;
    vsa_deadlines_init(&server->idle, options->idle_timeout_ms, vsa_connection_idle_expired);
    vsa_deadlines_init(&server->ready, 0, vsa_connection_ready_expired);
    vsa_deadlines_init(&server->busy, VSA_DEADLINE_NEVER, vsa_connection_idle_expired);
    vsa_deadlines_init(&server->lingering, VSA_LINGER_MS, vsa_connection_linger_expired);
    vsa_deadlines_init(&server->requests, options->request_timeout_ms, vsa_jobs_request_expired);
    vsa_deadlines_init(&server->pauses, VSA_ACCEPT_PAUSE_MS, vsa_accept_pause_over);
    vsa_deadlines_init(&server->drains, options->drain_timeout_ms, drain_limit_expired);
    vsa_deadlines_init(&server->begins, VSA_BEGIN_MS, begin_limit_expired);
    return vsa_loop_init(&server->loop, on_wake, error);
}

/* Those that have more to be answered, one turn each, until others should have a chance. */
static void serve_ready(struct vsa_server *server)
{
    int64_t until_us = vsa_monotonic_us() + VSA_ROUND_US;
    struct vsa_deadline *entry;
    while ((entry = vsa_deadlines_pop(&server->ready))) {
        vsa_connection_ready_expired(server, entry);
        if (vsa_monotonic_us() >= until_us)
            return;
    }
}

/* Until something happens or the first time limit is over; then what that asks for. */
static void take_turn(struct vsa_server *server)
{
    struct vsa_deadline_list *lists[] = {
        &server->idle,   &server->lingering, &server->requests,
        &server->pauses, &server->drains,    &server->begins,
    };
    const size_t count = sizeof(lists) / sizeof(lists[0]);
    int64_t next_ms = vsa_deadlines_next(&server->ready);
    for (size_t i = 0; i < count; i++)
        if (vsa_deadlines_next(lists[i]) < next_ms)
            next_ms = vsa_deadlines_next(lists[i]);
    vsa_loop_turn(&server->loop, next_ms);
    for (size_t i = 0; i < count; i++)
        vsa_deadlines_expire(lists[i], server->loop.now_ms, server);
    serve_ready(server);
    check_drained(server);
    vsa_connection_bury(server);
}

enum vsa_status vsa_server_run(struct vsa_server *server, struct vsa_error *error)
{
    if (server->started)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a server runs only once");
    server->started = true;
    server->loop.now_ms = vsa_monotonic_ms();
    vsa_statistic_set(&server->statistics->started_ms, (uint64_t)server->loop.now_ms);
    tell_listening(server);
    vsa_server_limit(server, &server->begins, &server->begin_limit);
    vsa_jobs_probe(server);
    while (!server->ended)
        take_turn(server);
    VSA_TRY(server->begin_status
                ? vsa_fail(error, server->begin_status, "cannot accept connections")
                : VSA_OK);
    enum vsa_status status = server->drain_timed_out ? VSA_ERR_TIMEOUT : VSA_OK;
    vsa_server_tell(server, (struct vsa_server_event){.kind = VSA_EVENT_STOPPED, .status = status});
    if (status != VSA_OK)
        return vsa_fail(error, status, "requests were still in flight %lld ms after the stop",
                        (long long)server->options.drain_timeout_ms);
    return VSA_OK;
}
