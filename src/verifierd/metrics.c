/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/metrics.h"

#include <pthread.h>
#include <stdio.h>

static const unsigned statuses[] = {200, 400, 401, 404, 405, 409, 413, 415, 421, 429, 500, 503};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const char *const endpoint_names[VSA_ENDPOINTS] = {
    [VSA_ENDPOINT_CHALLENGES] = "challenges", [VSA_ENDPOINT_VERIFY] = "verify",
    [VSA_ENDPOINT_INSPECT] = "inspect",       [VSA_ENDPOINT_VERDICTS] = "verdicts",
    [VSA_ENDPOINT_POLICIES] = "policies",     [VSA_ENDPOINT_KEYS] = "jwks",
    [VSA_ENDPOINT_METRICS] = "metrics",       [VSA_ENDPOINT_HEALTH] = "healthz",
    [VSA_ENDPOINT_READY] = "readyz",          [VSA_ENDPOINT_FILES] = "files",
    [VSA_ENDPOINT_OTHER] = "other",
};

static const struct {
    const char *name;
    const char *labels;
} event_names[VSA_EVENTS] = {
    [VSA_EVENT_CHALLENGE_ISSUED] = {"challenges", "{event=\"issued\"}"},
    [VSA_EVENT_CHALLENGE_REDEEMED] = {"challenges", "{event=\"redeemed\"}"},
    [VSA_EVENT_CHALLENGE_REPLAYED] = {"challenges", "{event=\"replayed\"}"},
    [VSA_EVENT_CHALLENGE_EXPIRED] = {"challenges", "{event=\"expired\"}"},
    [VSA_EVENT_CHALLENGE_UNKNOWN] = {"challenges", "{event=\"unknown\"}"},
    [VSA_EVENT_CHALLENGE_MISMATCH] = {"challenges", "{event=\"mismatch\"}"},
    [VSA_EVENT_STORE_ERROR] = {"store_errors", ""},
    [VSA_EVENT_RELOAD] = {"reloads", "{result=\"done\"}"},
    [VSA_EVENT_RELOAD_FAILED] = {"reloads", "{result=\"failed\"}"},
};

/* Upper bounds of the histogram, in microseconds. */
static const int64_t bounds_us[] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000};
#define BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

struct vsa_service_metrics {
    pthread_mutex_t mutex;
    uint64_t requests[VSA_ENDPOINTS][STATUSES];
    uint64_t events[VSA_EVENTS];
    uint64_t buckets[BOUNDS + 1];
    int64_t sum_us;
};

struct vsa_service_metrics *vsa_service_metrics_new(void)
{
    struct vsa_service_metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics)
        (void)pthread_mutex_init(&metrics->mutex, NULL);
    return metrics;
}

void vsa_service_metrics_free(struct vsa_service_metrics *metrics)
{
    if (!metrics)
        return;
    (void)pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

static void increment(struct vsa_service_metrics *metrics, uint64_t *counter)
{
    (void)pthread_mutex_lock(&metrics->mutex);
    (*counter)++;
    (void)pthread_mutex_unlock(&metrics->mutex);
}

void vsa_service_metrics_count_request(struct vsa_service_metrics *metrics,
                                       enum vsa_service_endpoint endpoint, unsigned status)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i] == status)
            increment(metrics, &metrics->requests[endpoint][i]);
}

void vsa_service_metrics_count_event(struct vsa_service_metrics *metrics,
                                     enum vsa_service_event event)
{
    increment(metrics, &metrics->events[event]);
}

void vsa_service_metrics_observe(struct vsa_service_metrics *metrics, int64_t microseconds)
{
    size_t i = 0;
    while (i < BOUNDS && microseconds > bounds_us[i])
        i++;
    (void)pthread_mutex_lock(&metrics->mutex);
    metrics->buckets[i]++;
    metrics->sum_us += microseconds;
    (void)pthread_mutex_unlock(&metrics->mutex);
}

/* --- text ------------------------------------------------------------------------------------- */

#define PREFIX "vsattest_verifierd_"

static void print_head(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void print_requests(FILE *out, const struct vsa_service_metrics *metrics)
{
    print_head(out, "requests_total", "counter", "Requests answered, by endpoint and status.");
    for (size_t i = 0; i < VSA_ENDPOINTS; i++)
        for (size_t j = 0; j < STATUSES; j++)
            if (metrics->requests[i][j])
                (void)fprintf(out, PREFIX "requests_total{endpoint=\"%s\",status=\"%u\"} %llu\n",
                              endpoint_names[i], statuses[j],
                              (unsigned long long)metrics->requests[i][j]);
}

static void print_policy(void *context, const char *policy, const uint64_t totals[VSA_TIERS])
{
    FILE *out = context;
    for (size_t i = VSA_TIER_AFFIRMING; i < VSA_TIERS; i++)
        (void)fprintf(out, PREFIX "verdicts_total{policy=\"%s\",status=\"%s\"} %llu\n", policy,
                      vsa_trust_tier_name((enum vsa_trust_tier)i), (unsigned long long)totals[i]);
}

static void print_verdicts(FILE *out, struct vsa_verdict_log *verdicts)
{
    print_head(out, "verdicts_total", "counter", "Tokens issued, by policy and status.");
    vsa_verdict_log_visit(verdicts, print_policy, out);
}

static void print_events(FILE *out, const struct vsa_service_metrics *metrics)
{
    static const char *const help[VSA_EVENTS] = {
        [VSA_EVENT_CHALLENGE_ISSUED] = "Challenges, by what became of them.",
        [VSA_EVENT_STORE_ERROR] = "Times that the store did not answer or may not be used.",
        [VSA_EVENT_RELOAD] = "Reloads of policies and keys.",
    };
    for (size_t i = 0; i < VSA_EVENTS; i++) {
        char name[40];
        (void)snprintf(name, sizeof(name), "%s_total", event_names[i].name);
        if (help[i])
            print_head(out, name, "counter", help[i]);
        (void)fprintf(out, PREFIX "%s%s %llu\n", name, event_names[i].labels,
                      (unsigned long long)metrics->events[i]);
    }
}

static void print_histogram(FILE *out, const struct vsa_service_metrics *metrics)
{
    unsigned long long total = 0;
    print_head(out, "verify_seconds", "histogram", "Time of a verification, without the store.");
    for (size_t i = 0; i < BOUNDS; i++) {
        total += metrics->buckets[i];
        (void)fprintf(out, PREFIX "verify_seconds_bucket{le=\"%g\"} %llu\n",
                      (double)bounds_us[i] / 1e6, total);
    }
    total += metrics->buckets[BOUNDS];
    (void)fprintf(out, PREFIX "verify_seconds_bucket{le=\"+Inf\"} %llu\n", total);
    (void)fprintf(out, PREFIX "verify_seconds_sum %g\n", (double)metrics->sum_us / 1e6);
    (void)fprintf(out, PREFIX "verify_seconds_count %llu\n", total);
}

static void print_gauge(FILE *out, const char *name, const char *help, int64_t value)
{
    print_head(out, name, "gauge", help);
    (void)fprintf(out, PREFIX "%s %lld\n", name, (long long)value);
}

static void print_gauges(FILE *out, const struct vsa_service_gauges *gauges)
{
    print_gauge(out, "policies", "Policies loaded.", (int64_t)gauges->policies);
    print_gauge(out, "signing_keys", "Signing keys published.", (int64_t)gauges->signing_keys);
    print_gauge(out, "signing_key_age_seconds", "Age of the key that signs.", gauges->key_age_s);
    print_gauge(out, "requests_in_flight", "Requests being read or answered.", gauges->in_flight);
    print_gauge(out, "store_shared", "Whether challenges are redeemed in a store of all replicas.",
                gauges->store_is_shared);
}

char *vsa_service_metrics_text(struct vsa_service_metrics *metrics,
                               struct vsa_verdict_log *verdicts,
                               const struct vsa_service_gauges *gauges)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    (void)pthread_mutex_lock(&metrics->mutex);
    print_requests(out, metrics);
    print_events(out, metrics);
    print_histogram(out, metrics);
    (void)pthread_mutex_unlock(&metrics->mutex);
    print_verdicts(out, verdicts);
    print_gauges(out, gauges);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
