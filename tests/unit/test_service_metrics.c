/* SPDX-License-Identifier: Apache-2.0 */
/* verifierd/metrics.h: buckets and counters; rows of policies are verdict_log.h's. */
#include "unit_test.h"

#include <stdio.h>

#include "verifierd/answer.h"
#include "verifierd/metrics.h"

static const struct vsa_service_gauges gauges = {
    .policies = 3, .signing_keys = 2, .key_age_s = 77, .in_flight = 5, .store_is_shared = true};

static struct vsa_verdict_log *verdicts;

static int make(void **state)
{
    (void)state;
    verdicts = vsa_verdict_log_new();
    return verdicts ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    vsa_verdict_log_free(verdicts);
    return 0;
}

static void assert_line(struct vsa_service_metrics *metrics, const char *line)
{
    char wanted[160];
    char *text = vsa_service_metrics_text(metrics, verdicts, &gauges);
    assert_non_null(text);
    (void)snprintf(wanted, sizeof(wanted), "\nvsattest_verifierd_%s\n", line);
    if (!strstr(text, wanted))
        fail_msg("no line %s in\n%s", line, text);
    free(text);
}

/* A bound belongs to its bucket; each bucket counts those below, too. */
static void histogram(void **state)
{
    (void)state;
    struct vsa_service_metrics *metrics = vsa_service_metrics_new();
    static const int64_t times_us[] = {0, 500, 501, 250000, 250001, 9000000};
    for (size_t i = 0; i < sizeof(times_us) / sizeof(times_us[0]); i++)
        vsa_service_metrics_observe(metrics, times_us[i]);
    assert_line(metrics, "verify_seconds_bucket{le=\"0.0005\"} 2");
    assert_line(metrics, "verify_seconds_bucket{le=\"0.001\"} 3");
    assert_line(metrics, "verify_seconds_bucket{le=\"0.1\"} 3");
    assert_line(metrics, "verify_seconds_bucket{le=\"0.25\"} 4");
    assert_line(metrics, "verify_seconds_bucket{le=\"+Inf\"} 6");
    assert_line(metrics, "verify_seconds_count 6");
    assert_line(metrics, "verify_seconds_sum 9.501");
    vsa_service_metrics_free(metrics);
}

static void counters(void **state)
{
    (void)state;
    struct vsa_service_metrics *metrics = vsa_service_metrics_new();
    vsa_service_metrics_count_request(metrics, VSA_ENDPOINT_VERIFY, 409);
    vsa_service_metrics_count_request(metrics, VSA_ENDPOINT_VERIFY, 409);
    /* Not one of the service's: no row of it is made. */
    vsa_service_metrics_count_request(metrics, VSA_ENDPOINT_VERIFY, 418);
    vsa_service_metrics_count_event(metrics, VSA_EVENT_CHALLENGE_REPLAYED);
    assert_line(metrics, "requests_total{endpoint=\"verify\",status=\"409\"} 2");
    assert_line(metrics, "challenges_total{event=\"replayed\"} 1");
    assert_line(metrics, "challenges_total{event=\"issued\"} 0");
    assert_line(metrics, "requests_in_flight 5");
    assert_line(metrics, "store_shared 1");
    char *text = vsa_service_metrics_text(metrics, verdicts, &gauges);
    assert_null(strstr(text, "418"));
    free(text);
    vsa_service_metrics_free(metrics);
}

/* No answer of the service is left out of the counts. */
static void every_status(void **state)
{
    (void)state;
    static const unsigned statuses[] = {200,
#define STATUS_ROW(name, status, code, meaning) status,
                                        VSA_PROBLEM_TABLE(STATUS_ROW)
#undef STATUS_ROW
    };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct vsa_service_metrics *metrics = vsa_service_metrics_new();
        char line[80];
        vsa_service_metrics_count_request(metrics, VSA_ENDPOINT_OTHER, statuses[i]);
        (void)snprintf(line, sizeof(line), "requests_total{endpoint=\"other\",status=\"%u\"} 1",
                       statuses[i]);
        assert_line(metrics, line);
        vsa_service_metrics_free(metrics);
    }
}

static void verdicts_by_policy(void **state)
{
    (void)state;
    struct vsa_service_metrics *metrics = vsa_service_metrics_new();
    vsa_verdict_log_add(verdicts, "p", VSA_TIER_WARNING, 0);
    vsa_verdict_log_add(verdicts, "q", VSA_TIER_AFFIRMING, 0);
    /* A counter, whatever the hour that the page shows has. */
    vsa_verdict_log_add(verdicts, "p", VSA_TIER_WARNING, 10000000);
    assert_line(metrics, "verdicts_total{policy=\"p\",status=\"affirming\"} 0");
    assert_line(metrics, "verdicts_total{policy=\"p\",status=\"warning\"} 2");
    assert_line(metrics, "verdicts_total{policy=\"p\",status=\"contraindicated\"} 0");
    assert_line(metrics, "verdicts_total{policy=\"q\",status=\"affirming\"} 1");
    vsa_service_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram),
        cmocka_unit_test(counters),
        cmocka_unit_test(every_status),
        cmocka_unit_test(verdicts_by_policy),
    };
    return cmocka_run_group_tests_name("service_metrics", tests, make, release);
}
