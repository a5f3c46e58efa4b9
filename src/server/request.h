/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request, and what all of them share. dispatch.c takes one from its line to a reply or into the
 * queue, waiting.c keeps those that wait, call.c has what is asked of the NSM.
 */
#ifndef VSA_SERVER_REQUEST_H
#define VSA_SERVER_REQUEST_H

#include "backend/backend.h"
#include "sealing/sealing.h"
#include "server/command_table.h"
#include "server/counters.h"
#include "server/nsm_health.h"
#include "server/rate_limit.h"
#include "server/reply.h"
#include "server/sharing.h"
#include "server/summary.h"

struct vsa_request {
    struct vsa_stream *stream;
    const struct vsa_command_row *named; /* that it is counted as; NULL: as none */
    int64_t started_us;
    struct vsa_slice id;       /* as the reply has it; borrowed */
    struct vsa_sealed *sealed; /* that it came in, and so its reply is sealed; or NULL */
};

/* Zeroed, but for the members up to the first empty line, which are borrowed. */
struct vsa_requests {
    struct vsa_event_loop *loop;
    struct vsa_streams *streams; /* with vsa_dispatch_handlers; their owner is this */
    struct vsa_worker *worker;   /* the NSM's */
    struct vsa_sealing *sealing; /* NULL: off */
    struct vsa_nsm_health *health;
    struct vsa_server *server; /* for handlers */
    const struct vsa_server_options *options;
    uint32_t port; /* vsock port, or 0 */

    struct vsa_command_table table;
    struct vsa_rate_limit rate;
    struct vsa_rate_limit sealed_rate; /* of `sealed` itself, whatever is inside */
    struct vsa_sharing sharing;
    struct vsa_counters counters;
    struct vsa_summary summaries[VSA_MAX_COMMANDS]; /* by row */
    struct vsa_backends *backends;                  /* owned; NULL: none */
    struct vsa_timer_list timeouts;                 /* of those that wait */
    bool refusing;                                  /* new ones: the server is stopping */
    char id[VSA_REPLY_ID];                          /* of the line that is being handled */
    char buffer[VSA_MAX_REPLY_LINE];                /* of the reply that is being made */
    char call_buffer[VSA_MAX_REPLY_LINE];           /* the same in the NSM's thread */
};

/* Calls the application, if it wants that; fills in `connections`. */
void vsa_observe(const struct vsa_requests *all, struct vsa_server_event event);

/* Counts the request and sends its reply: each ends here, once. */
void vsa_request_finish(struct vsa_requests *all, const struct vsa_request *request,
                        const struct vsa_reply *reply);
/* Does the same with an error's reply. */
void vsa_request_fail(struct vsa_requests *all, const struct vsa_request *request,
                      const struct vsa_error *why);

#endif
