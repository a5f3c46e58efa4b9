/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own numbers in words: for `status` as JSON, for `metrics` as Prometheus has them. */
#ifndef VSA_SERVER_STATUS_H
#define VSA_SERVER_STATUS_H

#include "server/process.h"
#include <vsattest/server.h>

/* Limits that are told beside what they limit. */
struct vsa_server_limits {
    size_t connections;
    size_t in_flight;
    size_t nsm_queue;
};

/* Adds what `status` has besides what it always had. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status
vsa_service_add_statistics(const struct vsa_server_statistics *statistics,
                           const struct vsa_process_usage *usage, json_t *reply,
                           struct vsa_error *error);

/* Room for VSA_MAX_COMMANDS commands with the longest names; as JSON below VSA_MAX_REPLY_LINE. */
#define VSA_MAX_METRICS 40960

/*
 * Prometheus text format 0.0.4: metrics named by its conventions, in base units, each with HELP and
 * TYPE; label values escaped.
 *
 * text  out: VSA_MAX_METRICS bytes; `*size` of them are set, without a NUL
 *
 * Errors: VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_metrics_write(const struct vsa_server_statistics *statistics,
                                               const struct vsa_process_usage *usage,
                                               const struct vsa_server_limits *limits, char *text,
                                               size_t *size, struct vsa_error *error);

#endif
