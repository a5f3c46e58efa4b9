/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's state in Prometheus's text format 0.0.4, for `metrics`: metrics named by its
 * conventions, in base units, each with HELP and TYPE; label values escaped.
 */
#ifndef VSA_SERVER_METRICS_H
#define VSA_SERVER_METRICS_H

#include "server/status.h"

/* Room for VSA_MAX_COMMANDS commands with the longest names; as JSON below VSA_MAX_REPLY_LINE. */
#define VSA_MAX_METRICS 40960

/*
 * Writes all metrics.
 *
 * text  out: VSA_MAX_METRICS bytes; `*size` of them are set, without a NUL
 *
 * Errors: VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_metrics_write(const struct vsa_snapshot *snapshot, char *text,
                                               size_t *size, struct vsa_error *error);

#endif
