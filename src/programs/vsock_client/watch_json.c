/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch_json.h"

#include <stdio.h>

#include "base/error.h"
#include "base/time_text.h"
#include "programs/output.h"
#include "programs/vsock_client/result.h"
#include "protocol/json.h"

/* NULL when memory is short, as below: json_pack() notices in the end. */
static json_t *milliseconds(int64_t microseconds)
{
    return microseconds < 0 ? json_null() : json_real((double)microseconds / 1000.0);
}

static json_t *integer_or_null(bool known, int64_t value)
{
    return known ? json_integer((json_int_t)value) : json_null();
}

static bool append(json_t *array, const char *text)
{
    return json_array_append_new(array, json_string(text)) == 0;
}

static json_t *changes_of(const struct client_round *round)
{
    char name[8];
    json_t *changes = json_array();
    bool ok = (!round->uptime_went_back || append(changes, "uptime")) &&
              (!round->module_id_changed || append(changes, "module_id"));
    for (unsigned i = 0; ok && i < VSA_PCR_COUNT; i++) {
        (void)snprintf(name, sizeof(name), "PCR%u", i);
        ok = !(round->pcrs_changed >> i & 1) || append(changes, name);
    }
    if (ok)
        return changes;
    json_decref(changes);
    return NULL;
}

static json_t *module_id_of(const struct client_watched *watched)
{
    if (!watched->round.verified)
        return json_null();
    return vsa_json_text_or_null(vsa_slice_of(watched->module_id, watched->module_id_size));
}

static json_t *line_of(uint64_t number, const struct client_watched *watched)
{
    const struct client_round *round = &watched->round;
    const struct client_target *target = &watched->target;
    char time[VSA_TIME_TEXT_SIZE];
    vsa_time_format(round->unix_ms, time, sizeof(time));
    json_t *enclave = target->enclave.id[0] ? client_result_enclave(&target->enclave) : json_null();
    json_t *unchanged = round->compared ? json_boolean(!round->pcrs_changed) : json_null();
    return json_pack(
        "{s:I, s:s, s:o, s:s?, s:s, s:n, s:n, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "round",
        (json_int_t)number, "time", time, "enclave", enclave, "address",
        target->address[0] ? target->address : NULL, "state", client_round_state_text(round->state),
        "error", "error_code", "latency_ms", milliseconds(round->latency_us), "duration_ms",
        milliseconds(round->duration_us), "uptime",
        integer_or_null(round->has_uptime, (int64_t)round->uptime_s), "verified", round->verified,
        "document_age_ms", integer_or_null(round->verified, round->document_age_ms), "module_id",
        module_id_of(watched), "pcrs_unchanged", unchanged, "changes", changes_of(round));
}

enum vsa_status client_watch_json(uint64_t number, const struct client_watched *watched,
                                  struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *line = line_of(number, watched);
    bool ok = line && (watched->round.state != CLIENT_ROUND_FAILED ||
                       client_result_add_error(line, "error", &watched->round.error));
    if (!ok)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    if (json_dumpf(line, stdout, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15)) != 0)
        return vsa_fail(error, VSA_ERR_IO, VSA_NO_OFFSET, NULL, "cannot write to standard output");
    (void)fputc('\n', stdout);
    return output_finish(error);
}
