/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdlib.h>

#include "base/slice.h"
#include "protocol/json.h"
#include "server/metrics.h"
#include "server/status.h"

static struct vsa_snapshot snapshot;
static char *text;

static int set_up(void **state)
{
    (void)state;
    snapshot.statistics = (struct vsa_server_statistics){
        .uptime_ms = 61500,
        .requests = 10,
        .errors = 4,
        .command_count = 2,
        .commands = {{"ping", 5, 0}, {"attest", 3, 2}},
        .connections = 10,
        .connections_idle = 1,
        .connections_busy = 2,
        .connections_sending = 3,
        .connections_closing = 4,
        .connections_opened = 20,
        .connections_refused = 6,
        .in_flight = 2,
        .queue_depth = 1,
        .rate_limited = 7,
        .cached = 8,
        .coalesced = 9,
        .nsm_latency = {.count = 3,
                        .failures = 1,
                        .sum_us = 1002500,
                        .p50_us = 11,
                        .p99_us = 12,
                        .max_us = 1000000,
                        .buckets = {{500, 1}, {1000, 1}, {2500, 2}}},
        .buffered_bytes = 30,
        .nsm_reachable = true,
        .nsm_age_ms = 1250,
        .module_id = "i-0123",
    };
    snapshot.usage =
        (struct vsa_process_usage){.resident_bytes = 4096, .user_us = 1500000, .system_us = 250000};
    snapshot.max_connections = 100;
    snapshot.max_in_flight = 50;
    snapshot.max_queue = 25;
    snapshot.max_buffered = 1000;
    text = malloc(VSA_MAX_METRICS + 1);
    return text ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    return 0;
}

/* The text, with a NUL. */
static size_t write_metrics(void)
{
    size_t size = 0;
    assert_int_equal(vsa_metrics_write(&snapshot, text, &size, NULL), VSA_OK);
    text[size] = '\0';
    return size;
}

static void assert_line(const char *line)
{
    char whole[300];
    (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_metrics(void **state)
{
    (void)state;
    (void)write_metrics();
    assert_line("vsattest_uptime_seconds 61.5");
    assert_line("# TYPE vsattest_requests_total counter");
    assert_line("vsattest_requests_total{command=\"ping\"} 5");
    assert_line("vsattest_requests_total{command=\"attest\"} 3");
    assert_line("vsattest_requests_total{command=\"(none)\"} 2");
    assert_line("vsattest_request_errors_total{command=\"ping\"} 0");
    assert_line("vsattest_request_errors_total{command=\"attest\"} 2");
    assert_line("vsattest_request_errors_total{command=\"(none)\"} 2");
    assert_line("vsattest_requests_rate_limited_total 7");
    assert_line("vsattest_requests_cached_total 8");
    assert_line("vsattest_requests_coalesced_total 9");
    assert_line("vsattest_connections{state=\"idle\"} 1");
    assert_line("vsattest_connections{state=\"busy\"} 2");
    assert_line("vsattest_connections{state=\"sending\"} 3");
    assert_line("vsattest_connections{state=\"closing\"} 4");
    assert_line("vsattest_connections_limit 100");
    assert_line("vsattest_connections_opened_total 20");
    assert_line("vsattest_connections_refused_total 6");
    assert_line("vsattest_buffered_bytes 30");
    assert_line("vsattest_buffered_bytes_limit 1000");
    assert_line("vsattest_nsm_age_seconds 1.25");
    assert_line("vsattest_requests_in_flight 2");
    assert_line("vsattest_requests_in_flight_limit 50");
    assert_line("vsattest_nsm_reachable 1");
    assert_line("vsattest_nsm_info{module_id=\"i-0123\"} 1");
    assert_line("vsattest_nsm_queue_requests 1");
    assert_line("vsattest_nsm_queue_limit 25");
    assert_line("vsattest_nsm_exchange_failures_total 1");
    assert_line("# TYPE vsattest_nsm_exchange_duration_seconds histogram");
    assert_line("vsattest_nsm_exchange_duration_seconds_bucket{le=\"0.0005\"} 1");
    assert_line("vsattest_nsm_exchange_duration_seconds_bucket{le=\"0.001\"} 1");
    assert_line("vsattest_nsm_exchange_duration_seconds_bucket{le=\"0.0025\"} 2");
    assert_line("vsattest_nsm_exchange_duration_seconds_bucket{le=\"+Inf\"} 3");
    assert_line("vsattest_nsm_exchange_duration_seconds_sum 1.0025");
    assert_line("vsattest_nsm_exchange_duration_seconds_count 3");
    assert_line("vsattest_nsm_exchange_duration_max_seconds 1");
    assert_line("vsattest_process_resident_memory_bytes 4096");
    assert_line("vsattest_process_cpu_seconds_total{mode=\"user\"} 1.5");
    assert_line("vsattest_process_cpu_seconds_total{mode=\"system\"} 0.25");
}

/* Every sample's metric has been announced, once, directly before. */
static void test_form(void **state)
{
    (void)state;
    char name[100] = "";
    size_t size = write_metrics();
    assert_true(text[size - 1] == '\n');
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %99s", name), 1);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char typed[100];
            assert_int_equal(sscanf(line, "# TYPE %99s", typed), 1);
            assert_string_equal(typed, name);
        } else {
            assert_memory_equal(line, name, strlen(name));
        }
    }
}

static void test_what_is_not_known(void **state)
{
    (void)state;
    snapshot.usage.resident_bytes = -1;
    snapshot.statistics.module_id[0] = '\0';
    (void)write_metrics();
    assert_null(strstr(text, "resident"));
    assert_null(strstr(text, "nsm_info"));
}

/* Requests that came in between two readings are no reason for a count of 2^64. */
static void test_counts_out_of_step(void **state)
{
    (void)state;
    snapshot.statistics.requests = 1;
    snapshot.statistics.errors = 0;
    (void)write_metrics();
    assert_line("vsattest_requests_total{command=\"(none)\"} 0");
    assert_line("vsattest_request_errors_total{command=\"(none)\"} 0");
}

static void test_escapes(void **state)
{
    (void)state;
    strcpy(snapshot.statistics.module_id, "a\"b\\c\nd\x01\xc3\xa9");
    (void)write_metrics();
    assert_line("vsattest_nsm_info{module_id=\"a\\\"b\\\\c\\nd???\"} 1");
}

/* As many commands as there can be, with the longest names and the largest numbers. */
static void test_largest(void **state)
{
    (void)state;
    static char names[VSA_MAX_COMMANDS][VSA_MAX_COMMAND_NAME + 1];
    static char line[VSA_MAX_REPLY_LINE];
    uint64_t *numbers = (uint64_t *)&snapshot.statistics;
    size_t line_size = 0;
    for (size_t i = 0; i < sizeof(snapshot.statistics) / sizeof(*numbers); i++)
        numbers[i] = INT64_MAX;
    snapshot.statistics.command_count = VSA_MAX_COMMANDS;
    for (size_t i = 0; i < VSA_MAX_COMMANDS; i++) {
        memset(names[i], 'n', VSA_MAX_COMMAND_NAME);
        (void)snprintf(names[i], 4, "%03zu", i);
        names[i][3] = 'n';
        snapshot.statistics.commands[i] =
            (struct vsa_command_statistics){names[i], INT64_MAX, INT64_MAX};
    }
    snapshot.statistics.uptime_ms = INT64_MAX / 1000;
    snapshot.statistics.nsm_reachable = true;
    memset(snapshot.statistics.module_id, '"', VSA_MAX_MODULE_ID);
    snapshot.statistics.module_id[VSA_MAX_MODULE_ID] = '\0';
    size_t size = write_metrics();
    VSA_AUTO_JSON json_t *reply = json_pack("{s:b,s:s#}", "success", 1, "metrics", text, (int)size);
    VSA_AUTO_JSON json_t *status = json_object();
    assert_int_equal(vsa_json_write_line(reply, line, sizeof(line) - 200, &line_size, NULL),
                     VSA_OK);
    assert_int_equal(vsa_service_add_statistics(&snapshot, status, NULL), VSA_OK);
    assert_int_equal(vsa_json_write_line(status, line, sizeof(line) - 1000, &line_size, NULL),
                     VSA_OK);
}

static void assert_member(const json_t *reply, const char *path, const char *key, json_int_t value)
{
    const json_t *object = path ? json_object_get(reply, path) : reply;
    const json_t *member = json_object_get(object, key);
    if (!json_is_integer(member) || json_integer_value(member) != value)
        fail_msg("%s %s is not %lld", path ? path : "", key, (long long)value);
}

static void test_status(void **state)
{
    (void)state;
    VSA_AUTO_JSON json_t *reply = json_object();
    assert_int_equal(vsa_service_add_statistics(&snapshot, reply, NULL), VSA_OK);
    assert_member(reply, "connections_by_state", "idle", 1);
    assert_member(reply, "connections_by_state", "busy", 2);
    assert_member(reply, "connections_by_state", "sending", 3);
    assert_member(reply, "connections_by_state", "closing", 4);
    assert_member(reply, NULL, "connections_opened", 20);
    assert_member(reply, NULL, "connections_refused", 6);
    assert_member(reply, NULL, "in_flight", 2);
    assert_member(reply, NULL, "queue_depth", 1);
    assert_member(reply, NULL, "rate_limited", 7);
    assert_member(reply, NULL, "cached", 8);
    assert_member(reply, NULL, "coalesced", 9);
    assert_member(reply, "nsm_latency_us", "count", 3);
    assert_member(reply, "nsm_latency_us", "failures", 1);
    assert_member(reply, "nsm_latency_us", "p50", 11);
    assert_member(reply, "nsm_latency_us", "p99", 12);
    assert_member(reply, "nsm_latency_us", "max", 1000000);
    assert_member(json_object_get(reply, "commands"), "attest", "requests", 3);
    assert_member(json_object_get(reply, "commands"), "attest", "errors", 2);
    assert_member(reply, NULL, "resident_bytes", 4096);
    assert_member(reply, "cpu_ms", "user", 1500);
    assert_member(reply, "cpu_ms", "system", 250);
    const json_t *libraries = json_object_get(reply, "libraries");
    assert_string_equal(json_string_value(json_object_get(libraries, "vsattest")), vsa_version());
    assert_true(json_string_length(json_object_get(libraries, "libcrypto")) > 0);
    assert_true(json_string_length(json_object_get(libraries, "jansson")) > 0);
    snapshot.usage.resident_bytes = -1;
    assert_int_equal(vsa_service_add_statistics(&snapshot, reply, NULL), VSA_OK);
    assert_true(json_is_null(json_object_get(reply, "resident_bytes")));
}

static void test_usage(void **state)
{
    (void)state;
    vsa_process_read(&snapshot.usage);
    assert_in_range(snapshot.usage.resident_bytes, 100000, INT64_MAX);
    assert_true(snapshot.usage.resident_bytes % 4096 == 0);
    assert_true(snapshot.usage.user_us + snapshot.usage.system_us > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_metrics), TEST(test_form),    TEST(test_what_is_not_known),
        TEST(test_escapes), TEST(test_largest), TEST(test_counts_out_of_step),
        TEST(test_status),  TEST(test_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
