/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service counts, as Prometheus text. Labels are endpoints, statuses and names of
 * policies: nothing that a client chooses.
 */
#ifndef VSA_VERIFIERD_METRICS_H
#define VSA_VERIFIERD_METRICS_H

#include "base/cleanup.h"
#include "verifierd/verdict_log.h"

enum vsa_service_endpoint {
    VSA_ENDPOINT_CHALLENGES,
    VSA_ENDPOINT_VERIFY,
    VSA_ENDPOINT_INSPECT,
    VSA_ENDPOINT_VERDICTS,
    VSA_ENDPOINT_POLICIES,
    VSA_ENDPOINT_KEYS,
    VSA_ENDPOINT_METRICS,
    VSA_ENDPOINT_HEALTH,
    VSA_ENDPOINT_READY,
    VSA_ENDPOINT_FILES, /* the description, the page */
    VSA_ENDPOINT_OTHER,
    VSA_ENDPOINTS,
};

enum vsa_service_event {
    VSA_EVENT_CHALLENGE_ISSUED,
    VSA_EVENT_CHALLENGE_REDEEMED,
    VSA_EVENT_CHALLENGE_REPLAYED,
    VSA_EVENT_CHALLENGE_EXPIRED,
    VSA_EVENT_CHALLENGE_UNKNOWN,
    VSA_EVENT_CHALLENGE_MISMATCH,
    VSA_EVENT_STORE_ERROR,
    VSA_EVENT_RELOAD,
    VSA_EVENT_RELOAD_FAILED,
    VSA_EVENTS,
};

/* Safe to share between threads. */
struct vsa_service_metrics;

struct vsa_service_metrics *vsa_service_metrics_new(void);
/* Frees it; NULL is fine. */
void vsa_service_metrics_free(struct vsa_service_metrics *metrics);
VSA_DEFINE_CLEANUP(struct vsa_service_metrics, vsa_service_metrics_free,
                   vsa_cleanup_service_metrics);

void vsa_service_metrics_count_request(struct vsa_service_metrics *metrics,
                                       enum vsa_service_endpoint endpoint, unsigned status);
void vsa_service_metrics_count_event(struct vsa_service_metrics *metrics,
                                     enum vsa_service_event event);
/* Adds the time that one verification took. */
void vsa_service_metrics_observe(struct vsa_service_metrics *metrics, int64_t microseconds);

/* What is not counted but so at the moment. */
struct vsa_service_gauges {
    size_t policies;
    size_t signing_keys;
    int64_t key_age_s; /* of the one that signs */
    int64_t in_flight; /* requests */
    bool store_is_shared;
};

/* Writes all of it and the verdicts; the caller frees it. NULL when memory is short. */
char *vsa_service_metrics_text(struct vsa_service_metrics *metrics,
                               struct vsa_verdict_log *verdicts,
                               const struct vsa_service_gauges *gauges);

#endif
