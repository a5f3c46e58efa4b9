/* SPDX-License-Identifier: Apache-2.0 */
#include "server/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "stream/writing.h"

/* Returns NULL for NULL. */
static struct vsa_waiter *waiter_of(struct vsa_timer *timer)
{
    return timer ? VSA_CONTAINER_OF(timer, struct vsa_waiter, timer) : NULL;
}

enum vsa_status vsa_waiting_check_room(const struct vsa_requests *all, struct vsa_error *error)
{
    if (vsa_counter_get(&all->counters.in_flight) < all->options->max_in_flight)
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_BUSY, "%zu requests are in flight already; try again later",
                    all->options->max_in_flight);
}

struct vsa_waiter *vsa_waiter_new(struct vsa_requests *all, const struct vsa_request *request)
{
    struct vsa_slice id = request->id;
    struct vsa_waiter *waiter = calloc(1, sizeof(*waiter) + id.size);
    if (!waiter)
        return NULL;
    waiter->all = all;
    waiter->request = *request;
    if (id.size > 0)
        memcpy(waiter->id, id.data, id.size);
    waiter->request.id = vsa_slice_of(waiter->id, id.size);
    return waiter;
}

void vsa_waiter_wait(struct vsa_waiter *waiter, struct vsa_awaited *awaited)
{
    struct vsa_requests *all = waiter->all;
    vsa_list_remove(&waiter->place);
    waiter->awaited = awaited;
    vsa_list_append(&awaited->waiters, &waiter->place);
    if (vsa_timer_runs(&waiter->timer))
        return;
    vsa_timer_start(&all->timeouts, &waiter->timer, all->loop->now_ms);
    vsa_counter_add(&all->counters.in_flight, 1);
    vsa_stream_suspend(waiter->request.stream, waiter);
}

void vsa_waiter_free(struct vsa_waiter *waiter)
{
    vsa_list_remove(&waiter->place);
    vsa_timer_stop(&waiter->timer);
    vsa_counter_add(&waiter->all->counters.in_flight, -1);
    if (waiter->request.sealed)
        vsa_sealed_release(waiter->request.sealed);
    free(waiter);
}

void vsa_waiter_abandon(struct vsa_waiter *waiter)
{
    struct vsa_awaited *awaited = waiter->awaited;
    vsa_waiter_free(waiter);
    if (!vsa_waiter_first(awaited))
        awaited->kind->abandon(awaited);
}

static void fail_waiter(struct vsa_waiter *waiter, enum vsa_status status, const char *detail)
{
    struct vsa_error error;
    vsa_error_set(&error, status, VSA_NO_OFFSET, NULL, "%s", detail);
    vsa_request_fail(waiter->all, &waiter->request, &error);
    vsa_waiter_abandon(waiter);
}

static void on_timeout(void *user, struct vsa_timer *timer)
{
    struct vsa_waiter *waiter = VSA_CONTAINER_OF(timer, struct vsa_waiter, timer);
    (void)user;
    fail_waiter(waiter, VSA_ERR_TIMEOUT, waiter->awaited->kind->late);
}

/* Distinguishes what was not carried out: a client that reads "shutting_down" sends that again. */
void vsa_waiting_give_up(struct vsa_requests *all)
{
    struct vsa_waiter *waiter;
    while ((waiter = waiter_of(vsa_timer_first(&all->timeouts)))) {
        if (waiter->awaited->kind->has_begun(waiter->awaited))
            fail_waiter(waiter, VSA_ERR_TIMEOUT, "the server stopped before the request was done");
        else
            fail_waiter(waiter, VSA_ERR_SHUTTING_DOWN, "the server is stopping");
    }
}

void vsa_waiting_init(struct vsa_requests *all)
{
    vsa_event_loop_add(all->loop, &all->timeouts, all->options->request_timeout_ms, on_timeout,
                       NULL);
}

void vsa_waiting_close(struct vsa_requests *all)
{
    struct vsa_waiter *waiter;
    while ((waiter = waiter_of(vsa_timer_first(&all->timeouts))))
        vsa_waiter_abandon(waiter);
}
