/* SPDX-License-Identifier: Apache-2.0 */
/* One call in the NSM's thread: what is asked, running it there, and the reply's text. */
#ifndef VSA_SERVER_CALL_H
#define VSA_SERVER_CALL_H

#include "sealing/sealing.h"
#include "server/command_table.h"
#include "server/sharing.h"
#include "stream/state.h"

/* What all calls share: the thread has one at a time. */
struct vsa_call_context {
    const struct vsa_command_table *table;
    struct vsa_server *server;   /* for handlers */
    struct vsa_sharing *sharing; /* the loop's, but for `ttl_ms` */
    struct vsa_streams *streams; /* the loop's: their budget */
    struct vsa_worker *worker;
    char buffer[VSA_MAX_REPLY_LINE];
};

struct vsa_call {
    struct vsa_awaited awaited;
    struct vsa_work work;
    struct vsa_call_context *context;
    const struct vsa_command_row *row; /* NULL: a probe, DescribeNSM */
    json_t *object;                    /* owned; the request, but of `attest` and probes */
    struct vsa_attest_request asked;   /* of `attest`; borrows from `fields` */

    struct vsa_sealed *sealed;   /* a reference; NULL: the request came in clear */
    struct vsa_seal_offer offer; /* of `seal_key` */

    /* The loop's. */
    struct vsa_share share;
    size_t charged; /* bytes, to the streams' budget */

    /* Set once it is done. */
    enum vsa_status status;
    struct vsa_error error;
    char *text; /* owned; NULL: memory was short, or a probe */
    size_t text_size;
    int64_t life_ms; /* how long its document may be given again */
    char module_id[VSA_MAX_MODULE_ID + 1];

    uint8_t fields[];
};

/* Creates a probe. Returns NULL when memory is short, as the next two do. */
struct vsa_call *vsa_call_new_probe(struct vsa_call_context *context);
/* Copies what is asked: a tree would take fifty times the memory of its line. */
struct vsa_call *vsa_call_new_attest(struct vsa_call_context *context,
                                     const struct vsa_command_row *row,
                                     const struct vsa_attest_request *asked);
/* Takes over the request, and refers to it no more when it fails. */
struct vsa_call *vsa_call_new_command(struct vsa_call_context *context,
                                      const struct vsa_command_row *row, json_t *object);
/* Ends its sharing, too, and gives back what it was charged for. NULL is fine. */
void vsa_call_free(struct vsa_call *call);
/* Frees the call that this is the work of. */
void vsa_call_release(struct vsa_work *work);

/* Returns the bytes that the call keeps of its request, about. */
size_t vsa_call_size(const struct vsa_call *call);

#endif
