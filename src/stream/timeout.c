/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/timeout.h"

#include "base/container_of.h"
#include "stream/reading.h"
#include "stream/schedule.h"

/* Time for a peer to read why its stream ends, in ms. */
#define LINGER_MS 2000

static struct vsa_stream *stream_of(struct vsa_timer *timer)
{
    return VSA_CONTAINER_OF(timer, struct vsa_stream, timer);
}

static void on_idle(void *user, struct vsa_timer *timer)
{
    struct vsa_stream *stream = stream_of(timer);
    (void)user;
    if (vsa_stream_takes_lines(stream))
        vsa_stream_fail(stream, VSA_ERR_IDLE_TIMEOUT, "no complete request for too long");
    else
        vsa_stream_break_off(stream, VSA_ERR_IDLE_TIMEOUT);
    vsa_stream_work(stream);
}

static void on_lingered(void *user, struct vsa_timer *timer)
{
    (void)user;
    vsa_stream_break_off(stream_of(timer), VSA_OK);
    vsa_stream_schedule(stream_of(timer));
}

static void on_runnable(void *user, struct vsa_timer *timer)
{
    (void)user;
    vsa_stream_run(stream_of(timer));
}

void vsa_streams_add_timers(struct vsa_streams *streams)
{
    struct vsa_event_loop *loop = streams->loop;
    vsa_event_loop_add(loop, &streams->idle, streams->limits.idle_timeout_ms, on_idle, NULL);
    vsa_event_loop_add(loop, &streams->lingering, LINGER_MS, on_lingered, NULL);
    vsa_event_loop_add(loop, &streams->runnable, 0, on_runnable, NULL);
}
