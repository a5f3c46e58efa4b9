/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed requests: opened in the loop or in a thread of their own, accepted once in the loop, and
 * their replies sealed there. What is inside is dispatched like any other request, by the caller.
 */
#ifndef VSA_SEALING_SEALING_H
#define VSA_SEALING_SEALING_H

#include "event/loop.h"
#include "protocol/reply.h"
#include "seal/seal_keys.h"
#include "sealing/senders.h"
#include "stream/budget.h"
#include "worker/worker.h"

/* What all sealed requests share. Set the first five members, and those of `keys`. */
struct vsa_sealing {
    struct vsa_event_loop *loop; /* borrowed, like the next one */
    struct vsa_budget *budget;   /* the streams' */
    size_t max_queue;            /* of requests that wait to be opened */
    void (*done)(void *user);    /* called in the thread: vsa_sealing_next() has something */
    void *user;

    struct vsa_worker *worker; /* owned */
    struct vsa_seal_keys keys;
    struct vsa_senders senders;
    struct vsa_timer_list rotations;
    struct vsa_timer rotation;
    struct vsa_link opened;
    vsa_counter depth; /* of requests that wait to be opened */
    size_t in_thread;  /* requests that the thread has, those that wait and are opened included */
    int64_t slice_us;  /* of the loop, in which it opened one */
    /* Of the reply that is being sealed. */
    uint8_t plaintext[VSA_SEAL_MAX_PLAINTEXT];
    uint8_t sealed[VSA_SEAL_MAX_SEALED];
    char line[VSA_MAX_REPLY_LINE];
};

/* Where such a request came from. */
struct vsa_origin {
    uint8_t aad[VSA_SEAL_MAX_AAD];
    size_t aad_size;
    char sender[VSA_SENDER_THUMBPRINT + 1]; /* "": not signed */
};

/* One of them, from its line to its reply. */
struct vsa_sealed {
    struct vsa_awaited awaited; /* while it is opened */
    struct vsa_work work;
    struct vsa_sealing *sealing;
    struct vsa_seal_generation *generation; /* held until it is accepted */
    size_t references;
    size_t charged; /* bytes, to the streams' budget */
    struct vsa_origin origin;
    struct vsa_slice outer_id; /* of the line; borrowed */
    char id[VSA_REPLY_ID];     /* of the request inside */
    struct vsa_slice sealed;   /* in `buffer` */
    uint8_t *buffer;           /* owned; wiped with the plaintext */
    size_t buffer_size;        /* bytes */
    struct vsa_seal_exchange exchange;
    uint8_t tag[VSA_REPLAY_TAG_SIZE];
    enum vsa_status status;        /* of opening it */
    enum vsa_status sender_status; /* of its signature; VSA_OK without one */
    struct vsa_error error;        /* of either */
    struct vsa_slice request;      /* the JSON, in `buffer` */
};

/* What `seal_key` announces; without a suite nothing. */
struct vsa_seal_offer {
    struct vsa_key_config config;
    int64_t expires_in_ms;
};

/* Makes the first key, and the thread's queue. Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_sealing_begin(struct vsa_sealing *sealing,
                                               struct vsa_error *error);
/* Starts the thread. NULL is fine. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_sealing_start(struct vsa_sealing *sealing,
                                               struct vsa_error *error);
/* Ends the thread, and frees all once the last request is gone. NULL is fine. */
void vsa_sealing_free(struct vsa_sealing *sealing);

/* Sets what `seal_key` attests. Errors: VSA_ERR_CRYPTO (no key could be made). */
VSA_MUST_USE enum vsa_status vsa_sealing_offer(struct vsa_sealing *sealing,
                                               struct vsa_seal_offer *offer,
                                               struct vsa_error *error);

/*
 * Reads a `sealed` request, and finds its key.
 *
 * object  in: hostile
 * apart   in: of vsa_json_parse_sealed(), or none
 * sealed  out: owned by the caller, vsa_sealed_release()
 *
 * Errors: VSA_ERR_FIELD, VSA_ERR_BASE64, VSA_ERR_TOO_LARGE, VSA_ERR_SEALED_KEY, VSA_ERR_BUSY (the
 * streams' budget), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_sealed_new(struct vsa_sealing *sealing, const json_t *object,
                                            struct vsa_slice apart, struct vsa_sealed **sealed,
                                            struct vsa_error *error);
/*
 * Opens it at once, where that costs other peers no more than a request in clear: returns true, and
 * it is opened, or does not open. Else vsa_sealed_put() must follow.
 */
bool vsa_sealed_open_now(struct vsa_sealed *sealed);
/* Has the thread open it. Errors: VSA_ERR_BUSY; it is still the caller's then. */
VSA_MUST_USE enum vsa_status vsa_sealed_put(struct vsa_sealed *sealed, struct vsa_error *error);

/* Returns one that the thread is done with, or NULL; the caller owns it again. */
struct vsa_sealed *vsa_sealing_next(struct vsa_sealing *sealing);

/*
 * Accepts one that is opened; from then on its `request` may be carried out, and every reply is
 * sealed.
 *
 * Errors: VSA_ERR_SEALED (it does not open), VSA_ERR_SEALED_KEY, VSA_ERR_REPLAYED, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_sealed_accept(struct vsa_sealed *sealed, struct vsa_error *error);

/*
 * Seals a reply.
 *
 * parts  in: of the object's text, without a newline
 * text   out: of the reply around it, without the closing brace; borrows from `sealing`
 *
 * Errors: VSA_ERR_TOO_LARGE, VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_sealed_reply(const struct vsa_sealed *sealed,
                                              const struct vsa_slice *parts, size_t count,
                                              struct vsa_slice *text, struct vsa_error *error);

/* Wipes what it held of the request's text. */
void vsa_sealed_forget_text(struct vsa_sealed *sealed);

/*
 * Charges the budget for `size` bytes that a request holds, and sets `*charged`.
 * Statistics show the budget: of what came sealed no more than how many steps.
 *
 * sealed  in: NULL for what came in clear, and for what is charged by its sealed size
 *
 * Errors: VSA_ERR_BUSY.
 */
VSA_MUST_USE enum vsa_status vsa_sealed_charge(const struct vsa_sealed *sealed,
                                               struct vsa_budget *budget, size_t size,
                                               size_t *charged, struct vsa_error *error);

/* Takes a reference, for a thread that answers it. NULL is fine. */
static inline struct vsa_sealed *vsa_sealed_hold(struct vsa_sealed *sealed)
{
    if (sealed)
        sealed->references++;
    return sealed;
}
/* Drops a reference; the last one wipes and frees it. */
void vsa_sealed_release(struct vsa_sealed *sealed);

#endif
