/* SPDX-License-Identifier: Apache-2.0 */
/* verifierd/metrics.h: buckets, rows of policies, and that none of them grows without end. */
#include "unit_test.h"

#include <stdio.h>

#include "verifierd/limits.h"
#include "verifierd/metrics.h"

static const struct vsa_service_gauges gauges = {
    .policies = 3, .signing_keys = 2, .key_age_s = 77, .in_flight = 5, .store_is_shared = true};

static void assert_line(struct vsa_service_metrics *metrics, const char *line)
{
    char wanted[160];
    char *text = vsa_service_metrics_text(metrics, &gauges);
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
    char *text = vsa_service_metrics_text(metrics, &gauges);
    assert_null(strstr(text, "418"));
    free(text);
    vsa_service_metrics_free(metrics);
}

/* Twice the policies that can be loaded: reloads with other names fill no memory. */
static void rows_of_policies(void **state)
{
    (void)state;
    struct vsa_service_metrics *metrics = vsa_service_metrics_new();
    char name[VSA_MAX_POLICY_NAME + 1];
    for (int i = 0; i <= 2 * VSA_MAX_POLICY_FILES; i++) {
        (void)snprintf(name, sizeof(name), "p%d", i);
        vsa_service_metrics_count_verdict(metrics, name, VSA_TIER_AFFIRMING);
        vsa_service_metrics_count_verdict(metrics, name, VSA_TIER_WARNING);
        vsa_service_metrics_count_verdict(metrics, name, VSA_TIER_WARNING);
    }
    assert_line(metrics, "verdicts_total{policy=\"p0\",status=\"affirming\"} 1");
    assert_line(metrics, "verdicts_total{policy=\"p511\",status=\"warning\"} 2");
    assert_line(metrics, "verdicts_total{policy=\"p511\",status=\"contraindicated\"} 0");
    char *text = vsa_service_metrics_text(metrics, &gauges);
    assert_null(strstr(text, "\"p512\""));
    free(text);
    vsa_service_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram),
        cmocka_unit_test(counters),
        cmocka_unit_test(rows_of_policies),
    };
    return cmocka_run_group_tests_name("service_metrics", tests, NULL, NULL);
}
