/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

/* News of the NSM are good for so long. */
#define FRESH_MS 1000

/* Tells the application when that is news. */
static void learn(struct vsa_server *server, bool reachable, enum vsa_status status,
                  const char *detail)
{
    struct vsa_nsm_state *nsm = &server->nsm;
    bool is_news = !nsm->known || nsm->reachable != reachable;
    nsm->known = true;
    nsm->reachable = reachable;
    nsm->heard_ms = server->loop.now_ms;
    vsa_statistics_set_nsm(server->statistics, reachable, nsm->module_id);
    if (!reachable)
        vsa_reply_cache_clear(&server->cache); /* another module may come back */
    if (is_news)
        vsa_server_tell(server,
                        (struct vsa_server_event){
                            .kind = reachable ? VSA_EVENT_NSM_REACHABLE : VSA_EVENT_NSM_UNREACHABLE,
                            .status = status,
                            .detail = detail,
                        });
}

void vsa_nsm_state_probe(struct vsa_server *server)
{
    if (server->nsm.probe)
        return;
    struct vsa_job *job = vsa_job_new();
    if (!job)
        return; /* whoever waits for it is answered with what is known */
    job->in_worker = true;
    server->nsm.probe = job;
    vsa_worker_submit_first(server->worker, job);
}

bool vsa_nsm_state_fresh(const struct vsa_server *server)
{
    return server->nsm.known && server->loop.now_ms - server->nsm.heard_ms < FRESH_MS;
}

void vsa_nsm_state_probed(struct vsa_server *server, const struct vsa_job *job)
{
    struct vsa_deadline *entry;
    server->nsm.probe = NULL;
    if (job->status == VSA_OK)
        memcpy(server->nsm.module_id, job->module_id, sizeof(server->nsm.module_id));
    /* A module that refuses to describe itself is there all the same. */
    if (job->status == VSA_OK || job->status == VSA_ERR_NSM)
        learn(server, true, VSA_OK, server->nsm.module_id);
    else
        learn(server, false, job->status, job->error.detail);
    while ((entry = vsa_deadlines_pop(&server->awaiting)))
        vsa_jobs_run(vsa_waiter_of(entry));
}

void vsa_nsm_state_heard(struct vsa_server *server, const struct vsa_job *job)
{
    if (job->status == VSA_ERR_NSM_UNREACHABLE)
        learn(server, false, job->status, job->error.detail);
    else if (job->status == VSA_OK && !server->nsm.reachable)
        vsa_nsm_state_probe(server); /* it seems to be back */
}

void vsa_nsm_state_expired(void *user, struct vsa_deadline *entry)
{
    struct vsa_server *server = user;
    /*
     * The probe goes before all other requests: one call of the NSM takes too long already. Or a
     * handler that blocks does, which is no news of the NSM.
     */
    if (!vsa_worker_is_blocked(server->worker))
        learn(server, false, VSA_ERR_TIMEOUT, "the NSM does not answer");
    vsa_jobs_run(vsa_waiter_of(entry));
}
