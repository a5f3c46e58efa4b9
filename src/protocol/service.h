/* SPDX-License-Identifier: Apache-2.0 */
/* `ping`, `status` and `metrics`: whether the server answers, and its state. */
#ifndef VSA_PROTOCOL_SERVICE_H
#define VSA_PROTOCOL_SERVICE_H

#include "protocol/json.h"

/* Adds "message": "pong" to `reply`. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_ping_reply_encode(json_t *reply, struct vsa_error *error);
/* Checks that a successful reply has "pong". Errors: VSA_ERR_REPLY. */
VSA_MUST_USE enum vsa_status vsa_ping_reply_decode(const json_t *reply, struct vsa_error *error);

struct vsa_service_status {
    const char *version;
    const char *module_id; /* the NSM's; NULL while unknown */
    uint64_t uptime_s;
    uint64_t requests;    /* requests answered since the start, errors included */
    uint64_t errors;      /* replies among these with "success": false */
    uint64_t connections; /* connections open now */
    uint32_t port;        /* vsock port; 0 when the server listens on a plain Unix socket */
    bool nsm_reachable;   /* result of the last call of the NSM */
    int64_t nsm_age_ms;   /* time since that call; -1: unknown */
};

/* Adds the members of a status reply. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_service_status_encode(const struct vsa_service_status *status,
                                                       json_t *reply, struct vsa_error *error);

/*
 * Reads a successful reply; strings are borrowed from it. Members that older servers do not send
 * stay 0 or NULL; ones of another type are VSA_ERR_REPLY, as is a missing "status".
 */
VSA_MUST_USE enum vsa_status vsa_service_status_decode(const json_t *reply,
                                                       struct vsa_service_status *status,
                                                       struct vsa_error *error);

/*
 * Sets `*metrics` to the text of a successful reply; borrowed from it. A textfile collector or a
 * terminal reads it, and takes metrics of other names for those of its own machine: lines that are
 * not about vsattest_... metrics are VSA_ERR_REPLY. The rest of the syntax is the reader's.
 */
VSA_MUST_USE enum vsa_status
vsa_metrics_reply_decode(const json_t *reply, struct vsa_slice *metrics, struct vsa_error *error);

#endif
