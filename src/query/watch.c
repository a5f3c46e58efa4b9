/* SPDX-License-Identifier: Apache-2.0 */
#include "query/watch.h"

#include "base/slice.h"
#include "base/time_text.h"
#include "query/outcome_json.h"
#include "query/run.h"

void vsa_watch_free(struct vsa_watch *watch)
{
    vsa_outcome_free(&watch->outcome);
}

static void verify(struct vsa_watch *watch)
{
    struct vsa_enclave_list running;
    struct vsa_outcome *outcome = &watch->outcome;
    int64_t deadline_ms = vsa_deadline(watch->timeout_ms);
    vsa_outcome_free(outcome);
    *outcome = (struct vsa_outcome){0};
    if (!watch->found) {
        watch->target = (struct vsa_target){0};
        outcome->status =
            vsa_target_find(watch->place, deadline_ms, &watch->target, &running, &outcome->error);
    }
    if (outcome->status == VSA_OK)
        vsa_query_run(watch->query, watch->target.address, deadline_ms, outcome);
    watch->found = outcome->status == VSA_OK;
}

void vsa_watch_next(struct vsa_watch *watch, int64_t unix_ms)
{
    struct vsa_outcome *outcome = &watch->outcome;
    watch->round++;
    watch->unix_ms = unix_ms;
    watch->changes = (struct vsa_claims_difference){0};
    verify(watch);
    watch->has_document = outcome->status == VSA_OK;
    watch->is_first = watch->has_document && !watch->continuity.has_first;
    if (watch->has_document)
        outcome->status = vsa_continuity_check(&watch->continuity, &outcome->claims,
                                               &watch->changes, &outcome->error);
}

int64_t vsa_watch_age_ms(const struct vsa_watch *watch)
{
    const struct vsa_claims *claims = &watch->outcome.claims;
    return claims->verified_at_ms - (int64_t)claims->timestamp_ms;
}

static json_t *changes_of(const struct vsa_claims_difference *changes)
{
    struct vsa_json_writer array = vsa_json_array();
    if (changes->module_id)
        vsa_json_append(&array, json_string("module_id"));
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (changes->pcrs >> i & 1)
            vsa_json_append(&array, json_sprintf("PCR%u", i));
    return vsa_json_finish(&array);
}

json_t *vsa_watch_json(const struct vsa_watch *watch)
{
    char time[VSA_TIME_TEXT_SIZE];
    const struct vsa_outcome *outcome = &watch->outcome;
    struct vsa_slice address = {0};
    struct vsa_slice module_id = {0};
    vsa_time_format(watch->unix_ms, time, sizeof(time));
    if (watch->target.address[0])
        address = vsa_slice_of_text(watch->target.address);
    if (watch->has_document)
        module_id = outcome->claims.module_id;
    struct vsa_json_writer line = vsa_json_object();
    vsa_json_put(&line, "round", json_integer((json_int_t)watch->round));
    vsa_json_put(&line, "time", json_string(time));
    vsa_json_put(&line, "address", vsa_json_text_or_null(address));
    vsa_json_put(&line, "state", json_string(outcome->status == VSA_OK ? "ok" : "failed"));
    vsa_json_put(&line, "error", json_null());
    vsa_json_put(&line, "error_code", json_null());
    vsa_json_put(&line, "duration_ms", json_real((double)outcome->microseconds / 1000.0));
    vsa_json_put(&line, "verified", json_boolean(watch->has_document));
    vsa_json_put(&line, "document_age_ms",
                 watch->has_document ? json_integer((json_int_t)vsa_watch_age_ms(watch))
                                     : json_null());
    vsa_json_put(&line, "module_id", vsa_json_text_or_null(module_id));
    vsa_json_put(&line, "changes", changes_of(&watch->changes));
    if (outcome->status != VSA_OK)
        vsa_outcome_put_error(&line, "error", &outcome->error);
    return vsa_json_finish(&line);
}
