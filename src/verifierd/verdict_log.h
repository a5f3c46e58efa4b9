/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts of the last hour, counted by policy and minute, and the last few of them: what the page
 * shows. It holds names of policies and results, nothing of a document or a client, in memory of a
 * fixed size.
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
 * policy        in: name of one that was loaded; a new one is not counted by minute while
 *               VSA_MAX_POLICY_FILES others have verdicts in the hour
 * monotonic_ms  in: vsa_monotonic_ms(), so that no clock that is set moves counts
 */
void vsa_verdict_log_add(struct vsa_verdict_log *log, const char *policy, enum vsa_trust_tier tier,
                         int64_t monotonic_ms);

/*
 * Returns all of it as JSON (openapi.json, "Verdicts"): policies that have a verdict in the hour,
 * with its minutes, oldest first, and the last verdicts, newest first. New reference; NULL when
 * memory is short.
 */
json_t *vsa_verdict_log_to_json(struct vsa_verdict_log *log, int64_t monotonic_ms);

#endif
