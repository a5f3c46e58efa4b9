/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/verdict_log.h"

#include <pthread.h>
#include <stdio.h>

#include "verifierd/limits.h"
#include "json/writer.h"

#define MINUTE_MS 60000
#define MINUTES   VSA_VERDICT_MINUTES
/* A reload may replace every name. */
#define ROWS (2 * VSA_MAX_POLICY_FILES)

struct recent {
    char policy[VSA_MAX_POLICY_NAME + 1];
    enum vsa_trust_tier tier;
    int64_t monotonic_ms;
};

struct row {
    char policy[VSA_MAX_POLICY_NAME + 1];
    uint64_t totals[VSA_TIERS]; /* since the policy has the row */
};

struct vsa_verdict_log {
    pthread_mutex_t mutex;
    int64_t minute; /* the newest one that has counts */
    size_t row_count;
    struct row rows[ROWS];
    uint32_t counts[MINUTES][ROWS][VSA_TIERS]; /* by minute modulo MINUTES */
    size_t recent_count;                       /* ever; the last ones are in `recent` */
    struct recent recent[VSA_RECENT_VERDICTS];
};

struct vsa_verdict_log *vsa_verdict_log_new(void)
{
    struct vsa_verdict_log *log = calloc(1, sizeof(*log));
    if (log)
        (void)pthread_mutex_init(&log->mutex, NULL);
    return log;
}

void vsa_verdict_log_free(struct vsa_verdict_log *log)
{
    if (!log)
        return;
    (void)pthread_mutex_destroy(&log->mutex);
    free(log);
}

/* Makes the present minute the newest one; what is older than the hour is forgotten. */
static void advance(struct vsa_verdict_log *log, int64_t monotonic_ms)
{
    int64_t minute = monotonic_ms / MINUTE_MS;
    int64_t steps = minute - log->minute < MINUTES ? minute - log->minute : MINUTES;
    for (int64_t i = 0; i < steps; i++)
        memset(log->counts[(minute - i) % MINUTES], 0, log->row_count * sizeof(log->counts[0][0]));
    if (steps > 0)
        log->minute = minute;
}

static uint64_t sum_row(const struct vsa_verdict_log *log, size_t row, enum vsa_trust_tier tier)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < MINUTES; i++)
        sum += log->counts[i][row][tier];
    return sum;
}

static bool is_idle(const struct vsa_verdict_log *log, size_t row)
{
    for (size_t tier = 0; tier < VSA_TIERS; tier++)
        if (sum_row(log, row, (enum vsa_trust_tier)tier))
            return false;
    return true;
}

/* Returns the policy's row: its own, a new one, one without a verdict in the hour; or ROWS. */
static size_t find_row(struct vsa_verdict_log *log, const char *policy)
{
    size_t row = 0;
    while (row < log->row_count && strcmp(log->rows[row].policy, policy) != 0)
        row++;
    if (row < log->row_count)
        return row;
    if (row == ROWS)
        for (row = 0; row < ROWS && !is_idle(log, row);)
            row++;
    else
        log->row_count++;
    if (row < ROWS) {
        log->rows[row] = (struct row){0};
        (void)snprintf(log->rows[row].policy, sizeof(log->rows[row].policy), "%s", policy);
    }
    return row;
}

void vsa_verdict_log_add(struct vsa_verdict_log *log, const char *policy, enum vsa_trust_tier tier,
                         int64_t monotonic_ms)
{
    (void)pthread_mutex_lock(&log->mutex);
    advance(log, monotonic_ms);
    size_t row = find_row(log, policy);
    if (row < ROWS) {
        log->counts[log->minute % MINUTES][row][tier]++;
        log->rows[row].totals[tier]++;
    }
    struct recent *recent = &log->recent[log->recent_count++ % VSA_RECENT_VERDICTS];
    (void)snprintf(recent->policy, sizeof(recent->policy), "%s", policy);
    recent->tier = tier;
    recent->monotonic_ms = monotonic_ms;
    (void)pthread_mutex_unlock(&log->mutex);
}

void vsa_verdict_log_visit(struct vsa_verdict_log *log,
                           void (*visit)(void *context, const char *policy,
                                         const uint64_t totals[VSA_TIERS]),
                           void *context)
{
    (void)pthread_mutex_lock(&log->mutex);
    for (size_t row = 0; row < log->row_count; row++)
        visit(context, log->rows[row].policy, log->rows[row].totals);
    (void)pthread_mutex_unlock(&log->mutex);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Returns verdicts of each minute, oldest first. */
static json_t *minutes_of(const struct vsa_verdict_log *log, size_t row)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (int64_t i = 1; i <= MINUTES; i++) {
        const uint32_t *counts = log->counts[(log->minute + i) % MINUTES][row];
        json_int_t sum = 0;
        for (size_t tier = 0; tier < VSA_TIERS; tier++)
            sum += counts[tier];
        vsa_json_append(&writer, json_integer(sum));
    }
    return vsa_json_finish(&writer);
}

static json_t *policy_of(const struct vsa_verdict_log *log, size_t row)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "policy", json_string(log->rows[row].policy));
    for (size_t i = VSA_TIER_AFFIRMING; i < VSA_TIERS; i++) {
        enum vsa_trust_tier tier = (enum vsa_trust_tier)i;
        vsa_json_put(&writer, vsa_trust_tier_name(tier),
                     json_integer((json_int_t)sum_row(log, row, tier)));
    }
    vsa_json_put(&writer, "minutes", minutes_of(log, row));
    return vsa_json_finish(&writer);
}

static json_t *policies_of(const struct vsa_verdict_log *log)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (size_t row = 0; row < log->row_count; row++)
        if (!is_idle(log, row))
            vsa_json_append(&writer, policy_of(log, row));
    return vsa_json_finish(&writer);
}

static json_t *recent_of(const struct vsa_verdict_log *log, int64_t monotonic_ms)
{
    struct vsa_json_writer list = vsa_json_array();
    for (size_t i = 1; i <= log->recent_count && i <= VSA_RECENT_VERDICTS; i++) {
        const struct recent *recent = &log->recent[(log->recent_count - i) % VSA_RECENT_VERDICTS];
        struct vsa_json_writer writer = vsa_json_object();
        vsa_json_put(&writer, "policy", json_string(recent->policy));
        vsa_json_put(&writer, "status", json_string(vsa_trust_tier_name(recent->tier)));
        /* Another thread may have read its clock after this one. */
        int64_t age_ms = monotonic_ms - recent->monotonic_ms;
        vsa_json_put(&writer, "age_ms", json_integer(age_ms > 0 ? age_ms : 0));
        vsa_json_append(&list, vsa_json_finish(&writer));
    }
    return vsa_json_finish(&list);
}

json_t *vsa_verdict_log_to_json(struct vsa_verdict_log *log, int64_t monotonic_ms)
{
    struct vsa_json_writer writer = vsa_json_object();
    (void)pthread_mutex_lock(&log->mutex);
    advance(log, monotonic_ms);
    vsa_json_put(&writer, "policies", policies_of(log));
    vsa_json_put(&writer, "recent", recent_of(log, monotonic_ms));
    (void)pthread_mutex_unlock(&log->mutex);
    return vsa_json_finish(&writer);
}
