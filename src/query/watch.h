/* SPDX-License-Identifier: Apache-2.0 */
/* One enclave, verified again and again: is it still the one that verified first? */
#ifndef VSA_QUERY_WATCH_H
#define VSA_QUERY_WATCH_H

#include "attestation/continuity.h"
#include "query/query.h"
#include "query/target.h"

/* Zero it, set the first three members; vsa_watch_free(). */
struct vsa_watch {
    const struct vsa_query *query; /* borrowed, of VSA_QUERY_VERIFY */
    const struct vsa_place *place; /* borrowed */
    int64_t timeout_ms;            /* of one round */

    /* the last round */
    uint64_t round;    /* the first is 1 */
    int64_t unix_ms;   /* when it began */
    bool has_document; /* one that verified, perhaps of another image */
    bool is_first;     /* its document is the first that verified */
    struct vsa_outcome outcome;
    struct vsa_claims_difference changes; /* from the first document */
    struct vsa_target target;

    /* private */
    bool found; /* the target: kept until a round fails */
    struct vsa_continuity continuity;
};

/*
 * Does the next round, which begins at `unix_ms`: verifies, and compares PCRs and module ID with
 * the first document's. The outcome fails with VSA_ERR_PCR_MISMATCH, and `has_document`, where they
 * are another image's.
 */
void vsa_watch_next(struct vsa_watch *watch, int64_t unix_ms);

/* Returns the age of the round's document when it was verified, in ms. */
int64_t vsa_watch_age_ms(const struct vsa_watch *watch);

/* Returns the round as JSON: a new reference, or NULL when memory is short. */
json_t *vsa_watch_json(const struct vsa_watch *watch);

void vsa_watch_free(struct vsa_watch *watch);

#endif
