/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/round.h"

#include "base/error.h"
#include "base/slice.h"
#include "programs/wall_clock.h"
#include "protocol/service.h"

/*
 * PCRs that say which program runs, for whom and where: nothing changes them while an enclave
 * runs. 16 and above are the program's own to extend, and get into documents once it has locked
 * them (NSM API, docs/attestation_process.md).
 */
#define FIXED_PCRS UINT32_C(0x0000ffff)

/* Clocks of two machines may differ by a thousandth: quartz is ten times better. */
#define DRIFT_DIVISOR 1000
/* Servers that round their uptime instead of cutting it off. */
#define UPTIME_SLACK_MS 500

static enum vsa_status perform(struct client_watched *watched, enum client_action action)
{
    struct client_outcome *outcome = &watched->outcome;
    client_outcome_free(outcome);
    *outcome = (struct client_outcome){0};
    client_perform(watched->arguments, action, watched->target.address, watched->deadline_ms,
                   outcome);
    watched->round.duration_us += outcome->microseconds;
    return outcome->status;
}

/*
 * An uptime says when the server started, short of a second; several say it more closely. One that
 * says later than all before it is that of another start, be it greater than the last one or not.
 */
static void compare_uptime(struct client_watched *watched, uint64_t uptime_s, int64_t asked_at_ms)
{
    struct client_round *round = &watched->round;
    int64_t now = vsa_monotonic_ms();
    int64_t from = asked_at_ms - ((int64_t)uptime_s + 1) * 1000;
    int64_t to = now - (int64_t)uptime_s * 1000;
    int64_t drift = (asked_at_ms - watched->uptime_at_ms) / DRIFT_DIVISOR + 1;
    int64_t earliest = watched->started_from_ms - drift;
    int64_t latest = watched->started_to_ms + drift;
    round->has_uptime = true;
    round->uptime_s = uptime_s;
    round->uptime_went_back = watched->has_uptime && from > latest + UPTIME_SLACK_MS;
    bool same = watched->has_uptime && from <= latest && to >= earliest;
    watched->started_from_ms = same && earliest > from ? earliest : from;
    watched->started_to_ms = same && latest < to ? latest : to;
    watched->has_uptime = true;
    watched->uptime_at_ms = now;
}

static enum vsa_status look_at_status(struct client_watched *watched)
{
    struct vsa_service_status status;
    int64_t asked_at_ms = vsa_monotonic_ms();
    enum vsa_status asked = perform(watched, CLIENT_ACTION_STATUS);
    /* Servers of one's own may do without. */
    if (asked == VSA_ERR_REFUSED_BY_PEER)
        return VSA_OK;
    VSA_TRY(asked);
    VSA_TRY(vsa_status_reply_decode(watched->outcome.reply, &status, &watched->outcome.error));
    compare_uptime(watched, status.uptime_s, asked_at_ms);
    return VSA_OK;
}

static uint32_t differing(const struct vsa_pcrs *before, const struct vsa_pcrs *after)
{
    uint32_t changed = before->present ^ after->present;
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if ((before->present & after->present) >> i & 1 &&
            memcmp(before->value[i], after->value[i], VSA_PCR_SIZE) != 0)
            changed |= UINT32_C(1) << i;
    return changed;
}

static enum vsa_status compare_document(struct client_watched *watched)
{
    struct client_round *round = &watched->round;
    const struct vsa_claims *claims = &watched->outcome.claims;
    round->verified = true;
    round->document_age_ms = claims->verified_at_ms - (int64_t)claims->timestamp_ms;
    round->compared = watched->has_document;
    if (watched->has_document) {
        round->pcrs_changed = differing(&watched->pcrs, &claims->pcrs);
        round->module_id_changed = !vsa_slice_equal(
            claims->module_id, vsa_slice_of(watched->module_id, watched->module_id_size));
    }
    watched->has_document = true;
    watched->pcrs = claims->pcrs;
    watched->module_id_size = claims->module_id.size;
    if (claims->module_id.size)
        memcpy(watched->module_id, claims->module_id.data, claims->module_id.size);
    /* PCRs that the policy names cannot get here with another value. */
    if (round->pcrs_changed & FIXED_PCRS)
        return vsa_fail(&watched->outcome.error, VSA_ERR_PCR_MISMATCH, VSA_NO_OFFSET, NULL,
                        "PCRs differ from those of the round before: this is another enclave "
                        "image, or another place; to have them checked name them by "
                        "--measurements or --pcr");
    return VSA_OK;
}

static enum vsa_status look(struct client_watched *watched)
{
    VSA_TRY(perform(watched, CLIENT_ACTION_PING));
    watched->round.latency_us = watched->outcome.microseconds;
    VSA_TRY(look_at_status(watched));
    if (watched->arguments->watch_pings_only)
        return VSA_OK;
    VSA_TRY(perform(watched, CLIENT_ACTION_VERIFY));
    return compare_document(watched);
}

void client_round_perform(void *item)
{
    struct client_watched *watched = item;
    struct client_round *round = &watched->round;
    *round = (struct client_round){.unix_ms = wall_clock_ms(), .latency_us = -1};
    if (watched->unfindable.status != VSA_OK) {
        round->state = CLIENT_ROUND_FAILED;
        round->error = watched->unfindable;
        return;
    }
    if (look(watched) != VSA_OK) {
        round->state = CLIENT_ROUND_FAILED;
        round->error = watched->outcome.error;
    } else if (client_round_restarted(round)) {
        round->state = CLIENT_ROUND_RESTARTED;
    }
}

const char *client_round_state_text(enum client_round_state state)
{
    switch (state) {
    case CLIENT_ROUND_OK:
        return "ok";
    case CLIENT_ROUND_RESTARTED:
        return "restarted";
    case CLIENT_ROUND_FAILED:
        break;
    }
    return "failed";
}
