/* SPDX-License-Identifier: Apache-2.0 */
#include "query/several.h"

#include <pthread.h>

#include "query/outcome_json.h"
#include "query/run.h"

void vsa_several_set(struct vsa_several *several, const struct vsa_enclave_list *running,
                     uint32_t port)
{
    several->count = running->count;
    for (size_t i = 0; i < running->count; i++)
        vsa_target_set(&several->entries[i].target, &running->enclaves[i], port);
}

struct job {
    const struct vsa_query *query;
    struct vsa_several_entry *entry;
    int64_t deadline_ms;
};

static void *ask(void *context)
{
    const struct job *job = context;
    vsa_query_run(job->query, job->entry->target.address, job->deadline_ms, &job->entry->outcome);
    return NULL;
}

void vsa_several_ask(struct vsa_several *several, const struct vsa_query *query,
                     int64_t deadline_ms)
{
    struct job jobs[VSA_MAX_ENCLAVES];
    pthread_t threads[VSA_MAX_ENCLAVES];
    bool started[VSA_MAX_ENCLAVES];
    for (size_t i = 0; i < several->count; i++) {
        jobs[i] = (struct job){query, &several->entries[i], deadline_ms};
        started[i] = pthread_create(&threads[i], NULL, ask, &jobs[i]) == 0;
    }
    for (size_t i = 0; i < several->count; i++)
        if (!started[i])
            (void)ask(&jobs[i]);
    for (size_t i = 0; i < several->count; i++)
        if (started[i])
            (void)pthread_join(threads[i], NULL);
}

static json_t *entry_json(const struct vsa_several_entry *entry, enum vsa_query_kind kind)
{
    static const struct vsa_enclave_list none;
    const struct vsa_outcome *outcome = &entry->outcome;
    VSA_AUTO_JSON json_t *enclave = vsa_enclave_json(&entry->target.enclave);
    struct vsa_json_writer writer = vsa_json_extend(enclave);
    vsa_json_put(&writer, "ok", json_boolean(outcome->status == VSA_OK));
    vsa_json_put(&writer, "latency_ms", json_real((double)outcome->microseconds / 1000.0));
    vsa_json_put(&writer, "result", vsa_outcome_json(kind, outcome, &none, NULL));
    return vsa_json_finish(&writer);
}

json_t *vsa_several_json(const struct vsa_several *several, enum vsa_query_kind kind)
{
    bool success = true;
    struct vsa_json_writer entries = vsa_json_array();
    for (size_t i = 0; i < several->count; i++) {
        success = success && several->entries[i].outcome.status == VSA_OK;
        vsa_json_append(&entries, entry_json(&several->entries[i], kind));
    }
    struct vsa_json_writer result = vsa_json_object();
    vsa_json_put(&result, "success", json_boolean(success));
    vsa_json_put(&result, "enclaves", vsa_json_finish(&entries));
    return vsa_json_finish(&result);
}

void vsa_several_free(struct vsa_several *several)
{
    for (size_t i = 0; i < several->count; i++)
        vsa_outcome_free(&several->entries[i].outcome);
}
