/* SPDX-License-Identifier: Apache-2.0 */
#include "server/lifecycle.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "server/call.h"
#include "server/connections.h"
#include "server/dispatch.h"
#include "server/waiting.h"
#include "stream/stream.h"

/* Clients wait in the backlog until the NSM is known, but not longer. */
#define BEGIN_MS 500
/* Time for a peer to read its last replies before the server exits, in ms. */
#define LINGER_MS 2000

static void enter(struct vsa_lifecycle *lifecycle, enum vsa_lifecycle_state state, int64_t limit_ms)
{
    lifecycle->state = state;
    lifecycle->limits.duration_ms = limit_ms;
    vsa_timer_start(&lifecycle->limits, &lifecycle->limit, lifecycle->requests->loop->now_ms);
}

static bool is_in_flight(const struct vsa_lifecycle *lifecycle)
{
    return vsa_counter_get(&lifecycle->requests->counters.in_flight) > 0;
}

/* --- serving ---------------------------------------------------------------------------------- */

static void begin_serving(struct vsa_lifecycle *lifecycle)
{
    vsa_timer_stop(&lifecycle->limit);
    lifecycle->result = vsa_acceptor_start(&lifecycle->acceptor, NULL);
    lifecycle->state = lifecycle->result == VSA_OK ? VSA_LIFECYCLE_SERVING : VSA_LIFECYCLE_ENDED;
}

static void begin_draining(struct vsa_lifecycle *lifecycle)
{
    struct vsa_requests *requests = lifecycle->requests;
    enter(lifecycle, VSA_LIFECYCLE_DRAINING, requests->options->drain_timeout_ms);
    vsa_observe(requests, (struct vsa_server_event){.kind = VSA_EVENT_STOPPING});
    requests->refusing = true;
    vsa_acceptor_stop(&lifecycle->acceptor);
}

void vsa_lifecycle_woken(void *user)
{
    struct vsa_lifecycle *lifecycle = user;
    struct vsa_requests *requests = lifecycle->requests;
    vsa_call_collect(requests);
    vsa_dispatch_opened(requests);
    bool stops = atomic_load(&lifecycle->stop);
    if (lifecycle->state == VSA_LIFECYCLE_BEGINNING && (requests->health->known || stops))
        begin_serving(lifecycle);
    if (lifecycle->state == VSA_LIFECYCLE_SERVING && stops)
        begin_draining(lifecycle);
}

void vsa_lifecycle_stop(struct vsa_lifecycle *lifecycle)
{
    atomic_store(&lifecycle->stop, true);
    vsa_event_loop_wake(lifecycle->requests->loop);
}

/* --- ending ----------------------------------------------------------------------------------- */

/* Advances a server that stops, after each iteration. */
static void check_drained(struct vsa_lifecycle *lifecycle)
{
    struct vsa_streams *streams = lifecycle->requests->streams;
    if (lifecycle->state == VSA_LIFECYCLE_DRAINING && !is_in_flight(lifecycle)) {
        lifecycle->state = VSA_LIFECYCLE_ENDING;
        vsa_streams_drain(streams);
    }
    if (lifecycle->state != VSA_LIFECYCLE_ENDING && lifecycle->state != VSA_LIFECYCLE_LINGERING)
        return;
    if (vsa_streams_are_drained(streams, false))
        lifecycle->state = VSA_LIFECYCLE_ENDED;
    else if (lifecycle->state == VSA_LIFECYCLE_ENDING && vsa_streams_are_drained(streams, true))
        enter(lifecycle, VSA_LIFECYCLE_LINGERING, LINGER_MS);
}

/* Ends the drain. Peers that do not read are no reason to complain. */
static void give_up(struct vsa_lifecycle *lifecycle)
{
    if (is_in_flight(lifecycle))
        lifecycle->result = VSA_ERR_TIMEOUT;
    vsa_waiting_give_up(lifecycle->requests);
    vsa_streams_drain(lifecycle->requests->streams);
    enter(lifecycle, VSA_LIFECYCLE_LINGERING, LINGER_MS);
}

static void on_limit(void *user, struct vsa_timer *timer)
{
    struct vsa_lifecycle *lifecycle = user;
    (void)timer;
    if (lifecycle->state == VSA_LIFECYCLE_BEGINNING)
        begin_serving(lifecycle);
    else if (lifecycle->state == VSA_LIFECYCLE_LINGERING)
        lifecycle->state = VSA_LIFECYCLE_ENDED;
    else
        give_up(lifecycle);
}

/* --- running ---------------------------------------------------------------------------------- */

static enum vsa_status begin(struct vsa_lifecycle *lifecycle, struct vsa_listener *listener,
                             struct vsa_error *error)
{
    char address[VSA_MAX_ADDRESS];
    struct vsa_requests *requests = lifecycle->requests;
    struct vsa_event_loop *loop = requests->loop;
    lifecycle->acceptor = (struct vsa_acceptor){.loop = loop,
                                                .streams = requests->streams,
                                                .listener = listener,
                                                .refused = vsa_connection_refused,
                                                .user = requests};
    vsa_event_loop_add(loop, &lifecycle->limits, BEGIN_MS, on_limit, lifecycle);
    loop->now_ms = vsa_monotonic_ms();
    vsa_counter_set(&requests->counters.started_ms, (uint64_t)loop->now_ms);
    enter(lifecycle, VSA_LIFECYCLE_BEGINNING, BEGIN_MS);
    /* Not before: the application may have given up privileges since vsa_server_new(). */
    VSA_TRY(vsa_worker_start(requests->worker, error));
    VSA_TRY(vsa_sealing_start(requests->sealing, error));
    vsa_address_format(&listener->address, address, sizeof(address));
    vsa_observe(requests,
                (struct vsa_server_event){.kind = VSA_EVENT_LISTENING, .detail = address});
    vsa_call_probe(requests);
    return VSA_OK;
}

enum vsa_status vsa_lifecycle_run(struct vsa_lifecycle *lifecycle, struct vsa_listener *listener,
                                  struct vsa_error *error)
{
    struct vsa_requests *requests = lifecycle->requests;
    if (lifecycle->state != VSA_LIFECYCLE_NEW)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a server runs only once");
    VSA_TRY(begin(lifecycle, listener, error));
    while (lifecycle->state != VSA_LIFECYCLE_ENDED) {
        vsa_event_loop_iterate(requests->loop);
        check_drained(lifecycle);
        vsa_streams_end_iteration(requests->streams);
        vsa_backends_end_iteration(requests->backends);
    }
    vsa_streams_close_all(requests->streams, VSA_ERR_SHUTTING_DOWN);
    vsa_streams_end_iteration(requests->streams);
    enum vsa_status result = lifecycle->result;
    if (result != VSA_OK && result != VSA_ERR_TIMEOUT)
        return vsa_fail(error, result, "cannot take connections");
    vsa_observe(requests, (struct vsa_server_event){.kind = VSA_EVENT_STOPPED, .status = result});
    if (result == VSA_ERR_TIMEOUT)
        return vsa_fail(error, result, "requests were still in flight %lld ms after the stop",
                        (long long)requests->options->drain_timeout_ms);
    return VSA_OK;
}
