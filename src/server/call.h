/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the NSM's thread: what is asked, running it there, the reply's text; queued, shared by
 * requests that may have the same document, and collected when done.
 */
#ifndef VSA_SERVER_CALL_H
#define VSA_SERVER_CALL_H

#include "server/waiting.h"

struct vsa_call {
    struct vsa_awaited awaited;
    struct vsa_work work;
    struct vsa_requests *all;
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

/*
 * Creates a call. Returns NULL when memory is short.
 *
 * row    in: NULL: a probe
 * asked  in: copied, since a tree would take fifty times the memory of its line; NULL: the caller
 *        sets `object`
 */
struct vsa_call *vsa_call_new(struct vsa_requests *all, const struct vsa_command_row *row,
                              const struct vsa_attest_request *asked);
/* Ends its sharing, too, and gives back what it was charged for. */
void vsa_call_free(struct vsa_call *call);
/* Frees the call that this is the work of. */
void vsa_call_release(struct vsa_work *work);

/* Returns the bytes that the call keeps of its request, about. */
size_t vsa_call_size(const struct vsa_call *call);
/*
 * Queues a call, which keeps memory of the streams' budget until it is freed.
 * Errors: VSA_ERR_BUSY; the call is the caller's then.
 */
VSA_MUST_USE enum vsa_status vsa_call_put(struct vsa_call *call, struct vsa_error *error);

/* Returns whether the request has its reply, or waits for the call of another one. */
bool vsa_call_coalesce(struct vsa_requests *all, const struct vsa_request *request,
                       const struct vsa_share_key *key);

/* Has the NSM asked in the background, if what is known of it is old. */
void vsa_call_probe(struct vsa_requests *all);
/* Takes in what the worker has done, and answers those that waited for it. */
void vsa_call_collect(struct vsa_requests *all);

#endif
