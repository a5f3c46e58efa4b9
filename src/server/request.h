/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: line, command, sharing, rate limit, run here or queue, reply. The only file that
 * sees all of them; its streams and worker call it by pointers.
 */
#ifndef VSA_SERVER_REQUEST_H
#define VSA_SERVER_REQUEST_H

#include "server/call.h"
#include "server/counters.h"
#include "server/events.h"
#include "server/nsm_health.h"
#include "server/rate_limit.h"
#include "server/reply.h"
#include "server/summary.h"

/* Set the members up to the first empty line, all borrowed; the rest is its own. */
struct vsa_requests {
    struct vsa_event_loop *loop;
    struct vsa_streams
        *streams; /* whose handlers are vsa_request_handlers and whose owner is this */
    struct vsa_worker *worker;
    struct vsa_command_table *table;
    struct vsa_rate_limit *rate;
    struct vsa_sharing *sharing;
    struct vsa_nsm_health *health;
    struct vsa_counters *counters;
    const struct vsa_observer *observer;
    struct vsa_server *server; /* for handlers */
    size_t max_in_flight;
    int64_t timeout_ms;

    struct vsa_timer_list timeouts;
    struct vsa_call_context context;
    struct vsa_summary summaries[VSA_MAX_COMMANDS]; /* by row */
    bool refusing;
    char buffer[VSA_MAX_REPLY_LINE]; /* of the reply that is being made */
};

/* What streams have for their owner (struct vsa_stream_limits). */
#define VSA_REQUEST_ATTACHMENT sizeof(struct vsa_bucket)

extern const struct vsa_stream_handlers vsa_request_handlers;

void vsa_requests_init(struct vsa_requests *all);
/* Frees what it keeps; the worker has been stopped. */
void vsa_requests_close(struct vsa_requests *all);

/* Takes in what the worker has done. */
void vsa_requests_collect(struct vsa_requests *all);

/* Has the NSM asked in the background, if what is known of it is old. */
void vsa_requests_probe(struct vsa_requests *all);

/* Answers new requests `shutting_down` from now on. */
void vsa_requests_refuse(struct vsa_requests *all);
/* Answers those in flight that they were not carried out, or, if begun, may have been. */
void vsa_requests_give_up(struct vsa_requests *all);

#endif
