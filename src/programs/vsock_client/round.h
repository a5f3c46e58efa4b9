/* SPDX-License-Identifier: Apache-2.0 */
/* One round of --watch on one enclave: is it well, and is it still the same? */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ROUND_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ROUND_H

#include "programs/vsock_client/session.h"

enum client_round_state {
    CLIENT_ROUND_OK,
    CLIENT_ROUND_RESTARTED, /* it is well, and has started anew since the last time it was */
    CLIENT_ROUND_FAILED,
};

/* What one round found. */
struct client_round {
    enum client_round_state state;
    struct vsa_error error; /* if it failed */
    int64_t unix_ms;        /* when it began */
    int64_t latency_us;     /* of connecting and the ping; -1: no pong */
    int64_t duration_us;    /* of all of it */
    bool has_uptime;
    uint64_t uptime_s;
    bool verified;
    int64_t document_age_ms;
    bool compared; /* PCRs and module ID, with those of an earlier round */
    /* Changes since the last time that the enclave told */
    bool uptime_went_back; /* or is less than it would be now */
    bool module_id_changed;
    uint32_t pcrs_changed; /* bit n: PCR n */
};

/* An enclave that is watched, and what is remembered of it. */
struct client_watched {
    const struct client_arguments *arguments;
    struct client_target target;
    int64_t deadline_ms;         /* of the round under way */
    struct vsa_error unfindable; /* the status is VSA_OK while we know where it is */
    bool has_uptime;
    int64_t uptime_at_ms;    /* when it was told. Monotonic, likewise below */
    int64_t started_from_ms; /* by its uptimes the server started at this moment or later, */
    int64_t started_to_ms;   /* at this one or earlier */
    bool has_document;
    struct vsa_pcrs pcrs;
    uint8_t module_id[VSA_MAX_MODULE_ID];
    size_t module_id_size;
    struct client_round round;
    enum vsa_status told;          /* how the last round ended that was printed */
    bool warned;                   /* of what verification does not prove here */
    struct client_outcome outcome; /* of the round's last step; `claims` if it verified */
};

/* The round; `item` is a struct client_watched. For client_parallel(). */
void client_round_perform(void *item);

/* "ok", "restarted" or "failed". */
const char *client_round_state_text(enum client_round_state state);

/* Whether something says that the enclave or its server started anew. */
static inline bool client_round_restarted(const struct client_round *round)
{
    return round->uptime_went_back || round->module_id_changed;
}

#endif
