/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the NSM, by probes and by what requests met. Knows neither the NSM nor the loop:
 * times are the caller's.
 */
#ifndef VSA_SERVER_NSM_HEALTH_H
#define VSA_SERVER_NSM_HEALTH_H

#include <pthread.h>

#include <vsattest/server.h>

struct vsa_nsm_health {
    pthread_mutex_t mutex; /* guards what follows: the loop writes, any thread reads */
    bool known;
    bool reachable;
    bool probing;       /* a probe is under way */
    int64_t updated_ms; /* CLOCK_MONOTONIC of the last update */
    char module_id[VSA_MAX_MODULE_ID + 1];
};

void vsa_nsm_health_init(struct vsa_nsm_health *health);
void vsa_nsm_health_destroy(struct vsa_nsm_health *health);

/*
 * Returns whether the NSM has to be probed: nothing was learnt for a second, and no probe is under
 * way; it is from now on.
 */
bool vsa_nsm_health_begin_probe(struct vsa_nsm_health *health, int64_t now_ms);

/*
 * Takes in how the probe went; the module ID if it has one. Returns whether the NSM was lost or is
 * back, or is known for the first time.
 */
bool vsa_nsm_health_end_probe(struct vsa_nsm_health *health, enum vsa_status status,
                              const char *module_id, int64_t now_ms);

/* Takes in that a request did not reach the NSM. Returns whether it was lost by that. */
bool vsa_nsm_health_lost(struct vsa_nsm_health *health, int64_t now_ms);

/* Sets `nsm_reachable`, `nsm_age_ms` and `module_id`. */
void vsa_nsm_health_read(struct vsa_nsm_health *health, int64_t now_ms,
                         struct vsa_server_statistics *statistics);

#endif
