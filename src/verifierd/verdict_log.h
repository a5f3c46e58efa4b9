/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts by policy: counted since the start for the metrics, by minute of the last hour and the
 * last few of them for the page. It holds names of policies and results, nothing of a document or
 * a client, in memory of a fixed size.
 */
#ifndef VSA_VERIFIERD_VERDICT_LOG_H
#define VSA_VERIFIERD_VERDICT_LOG_H

#include <jansson.h>

#include "base/cleanup.h"
#include "verifierd/appraise.h"

/* Safe to share between threads. */
struct vsa_verdict_log;

/* Makes an empty one; NULL when memory is short. */
struct vsa_verdict_log *vsa_verdict_log_new(void);
/* Frees it; NULL is fine. */
void vsa_verdict_log_free(struct vsa_verdict_log *log);
VSA_DEFINE_CLEANUP(struct vsa_verdict_log, vsa_verdict_log_free, vsa_cleanup_verdict_log);

/*
 * Counts a verdict.
 *
 * policy        in: name of one that was loaded. Twice VSA_MAX_POLICY_FILES have a row; a new one
 *               takes over that of one without a verdict in the hour, or is not counted
 * monotonic_ms  in: vsa_monotonic_ms(), so that no clock that is set moves counts
 */
void vsa_verdict_log_add(struct vsa_verdict_log *log, const char *policy, enum vsa_trust_tier tier,
                         int64_t monotonic_ms);

/*
 * Calls `visit` with each policy's verdicts since the start, or since it has its row. It must call
 * nothing of the log.
 */
void vsa_verdict_log_visit(struct vsa_verdict_log *log,
                           void (*visit)(void *context, const char *policy,
                                         const uint64_t totals[VSA_TIERS]),
                           void *context);

/*
 * Returns the last hour as JSON (openapi.json, "Verdicts"): policies that have a verdict in it,
 * with its minutes, oldest first, and the last verdicts, newest first. New reference; NULL when
 * memory is short.
 */
json_t *vsa_verdict_log_to_json(struct vsa_verdict_log *log, int64_t monotonic_ms);

#endif
