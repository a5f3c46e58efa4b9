/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What remembers which challenges were redeemed: this process's memory, or a Redis or Valkey that
 * all replicas share. Every failure means that nothing was redeemed as far as the caller knows: no
 * token.
 */
#ifndef VSA_VERIFIERD_STORE_H
#define VSA_VERIFIERD_STORE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "verifierd/challenge.h"

enum vsa_redemption {
    VSA_REDEMPTION_FIRST,
    VSA_REDEMPTION_AGAIN,     /* it was redeemed before */
    VSA_REDEMPTION_FORGOTTEN, /* issued before the store's memory begins */
};

struct vsa_store;

/* One kind of store. */
struct vsa_store_operations {
    /* Remembers a challenge until `expires_ms`; with `only_look` only looks at its age. */
    enum vsa_status (*redeem)(struct vsa_store *store, const struct vsa_challenge *challenge,
                              int64_t now_ms, bool only_look, enum vsa_redemption *redemption,
                              struct vsa_error *error);
    enum vsa_status (*probe)(struct vsa_store *store, int64_t now_ms, struct vsa_error *error);
    void (*free)(struct vsa_store *store);
};

/* What every kind begins with. */
struct vsa_store {
    const struct vsa_store_operations *operations;
    bool is_shared; /* by replicas; else of this process alone */
};

struct vsa_store_options {
    const char *url;        /* "memory", "redis://HOST:PORT/DB" or "unix:PATH" */
    const char *service_id; /* prefix of all keys, at most 64 bytes */
    const char *password;   /* NULL: none */
    unsigned replicas;      /* of the store, that must have a redemption; 0: not asked */
    int64_t skew_ms;        /* by which clocks of the service's replicas differ */
    int64_t timeout_ms;     /* of a connection attempt, and of a reply */
};

/* Frees it; NULL is fine. */
void vsa_store_free(struct vsa_store *store);
VSA_DEFINE_CLEANUP(struct vsa_store, vsa_store_free, vsa_cleanup_store);

/*
 * Redeems a challenge; from any thread. At most one call in the whole fleet is the first.
 * Errors: VSA_ERR_BACKEND (away, slow, evicting), VSA_ERR_BUSY (full).
 */
VSA_MUST_USE enum vsa_status vsa_store_redeem(struct vsa_store *store,
                                              const struct vsa_challenge *challenge, int64_t now_ms,
                                              enum vsa_redemption *redemption,
                                              struct vsa_error *error);

/*
 * Looks whether the store is there and its memory reaches back to the challenge, for answers that
 * redeem nothing. Never VSA_REDEMPTION_AGAIN. Errors as above.
 */
VSA_MUST_USE enum vsa_status vsa_store_look(struct vsa_store *store,
                                            const struct vsa_challenge *challenge, int64_t now_ms,
                                            enum vsa_redemption *redemption,
                                            struct vsa_error *error);

/* Checks that challenges can be redeemed now. Errors as above. */
VSA_MUST_USE enum vsa_status vsa_store_probe(struct vsa_store *store, int64_t now_ms,
                                             struct vsa_error *error);

#endif
