/* SPDX-License-Identifier: Apache-2.0 */
#include "server/nsm_health.h"

#include <string.h>

/* Age above which the NSM is probed again, in ms. */
#define NSM_STATUS_MAX_AGE_MS 1000

void vsa_nsm_health_init(struct vsa_nsm_health *health)
{
    *health = (struct vsa_nsm_health){0};
    (void)pthread_mutex_init(&health->mutex, NULL);
}

void vsa_nsm_health_destroy(struct vsa_nsm_health *health)
{
    (void)pthread_mutex_destroy(&health->mutex);
}

bool vsa_nsm_health_begin_probe(struct vsa_nsm_health *health, int64_t now_ms)
{
    if (health->probing || (health->known && now_ms - health->updated_ms < NSM_STATUS_MAX_AGE_MS))
        return false;
    health->probing = true;
    return true;
}

static bool set_reachable(struct vsa_nsm_health *health, bool reachable, const char *module_id,
                          int64_t now_ms)
{
    (void)pthread_mutex_lock(&health->mutex);
    bool changed = !health->known || health->reachable != reachable;
    health->known = true;
    health->reachable = reachable;
    health->updated_ms = now_ms;
    if (module_id)
        memcpy(health->module_id, module_id, strnlen(module_id, VSA_MAX_MODULE_ID) + 1);
    (void)pthread_mutex_unlock(&health->mutex);
    return changed;
}

bool vsa_nsm_health_end_probe(struct vsa_nsm_health *health, enum vsa_status status,
                              const char *module_id, int64_t now_ms)
{
    health->probing = false;
    /* A module that refuses to describe itself is there all the same. */
    bool reachable = status == VSA_OK || status == VSA_ERR_NSM;
    return set_reachable(health, reachable, status == VSA_OK ? module_id : NULL, now_ms);
}

bool vsa_nsm_health_lost(struct vsa_nsm_health *health, int64_t now_ms)
{
    return set_reachable(health, false, NULL, now_ms);
}

void vsa_nsm_health_read(struct vsa_nsm_health *health, int64_t now_ms,
                         struct vsa_server_statistics *statistics)
{
    (void)pthread_mutex_lock(&health->mutex);
    statistics->nsm_reachable = health->reachable;
    /* Learnt since the caller looked at the clock: now. */
    int64_t age_ms = now_ms > health->updated_ms ? now_ms - health->updated_ms : 0;
    statistics->nsm_age_ms = health->known ? age_ms : -1;
    memcpy(statistics->module_id, health->module_id, sizeof(health->module_id));
    (void)pthread_mutex_unlock(&health->mutex);
}
