/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on stderr: what is written, what is escaped, what is dropped. */
#include "unit_test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"
#include "log/server_event.h"

static int stderr_copy = -1;
static int reader = -1;
static char text[1 << 17]; /* more than a pipe has room for */

static int set_up(void **state)
{
    (void)state;
    int ends[2];
    stderr_copy = dup(STDERR_FILENO);
    if (stderr_copy < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    reader = ends[0];
    int replaced = dup2(ends[1], STDERR_FILENO);
    (void)close(ends[1]);
    return replaced == STDERR_FILENO ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)dup2(stderr_copy, STDERR_FILENO);
    (void)close(stderr_copy);
    (void)close(reader);
    log_set_level(LOG_INFO);
    return 0;
}

/* Returns what was written, after "time=... ", which differs each time. */
static const char *written(void)
{
    size_t size = 0;
    ssize_t got;
    while ((got = read(reader, text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    const char *after_time = strchr(text, ' ');
    return after_time ? after_time + 1 : "";
}

static void write_detail(enum log_level level, const char *detail)
{
    struct log_line line;
    if (!log_begin(&line, level, "test", false))
        return;
    log_text(&line, "detail", detail);
    log_end(&line);
}

static void test_members(void **state)
{
    (void)state;
    struct log_line line;
    assert_true(log_begin(&line, LOG_WARN, "test", false));
    log_text(&line, "none", NULL);
    log_text(&line, "plain", "unix:/run/x");
    log_text(&line, "empty", "");
    log_text(&line, "quoted", "a \"b\" \\ c");
    log_number(&line, "number", -7);
    log_end(&line);
    assert_string_equal(written(), "level=warn event=test plain=unix:/run/x empty=\"\" "
                                   "quoted=\"a \\\"b\\\" \\\\ c\" number=-7\n");
    assert_memory_equal(text, "time=20", 7);
}

/* A peer's text cannot end the line or move the terminal's cursor. */
static void test_hostile_text(void **state)
{
    (void)state;
    write_detail(LOG_INFO, "a\nlevel=error\x1b[2J\xff");
    const char *line = written();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_null(strchr(line, '\x1b'));
    assert_null(strchr(line, '\xff'));
}

static void test_levels(void **state)
{
    (void)state;
    enum log_level level;
    assert_int_equal(log_level_parse("warn", &level, NULL), VSA_OK);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse("loud", &level, NULL), VSA_ERR_ARGUMENT);
    log_set_level(level);
    assert_true(log_is_wanted(LOG_ERROR));
    assert_true(log_is_wanted(LOG_WARN));
    assert_false(log_is_wanted(LOG_INFO));
    write_detail(LOG_INFO, "x");
    assert_string_equal(written(), "");
}

static void test_too_long(void **state)
{
    (void)state;
    char detail[2000];
    memset(detail, 'x', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    write_detail(LOG_INFO, detail);
    (void)written();
    assert_int_equal(strlen(text), sizeof(((struct log_line *)NULL)->text));
    assert_int_equal(text[strlen(text) - 1], '\n');
}

/* The pipe is full: lines are dropped, not waited for; the next one says how many. */
static void test_stuck_reader(void **state)
{
    (void)state;
    char detail[900];
    memset(detail, 'x', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';
    for (int i = 0; i < 200; i++)
        write_detail(LOG_INFO, detail);
    (void)written();
    write_detail(LOG_INFO, "after");
    const char *lines = written();
    assert_memory_equal(lines, "level=warn event=lines_dropped lines=", 37);
    assert_non_null(strstr(lines, "detail=after\n"));
}

/* Of lines that clients cause there are so many at once and no more. */
static void test_limited(void **state)
{
    (void)state;
    struct log_line line;
    int begun = 0;
    for (int i = 0; i < 1000; i++)
        begun += log_begin(&line, LOG_INFO, "test", true);
    /* Of 200 the tests above have taken a few. */
    assert_in_range(begun, 150, 999);
    assert_true(log_begin(&line, LOG_INFO, "test", false));
}

/* --- events of a server ----------------------------------------------------------------------- */

static const char *logged(const struct vsa_server_event *event)
{
    log_server_event(NULL, event);
    return written();
}

static void test_request_event(void **state)
{
    (void)state;
    struct vsa_server_event event = {
        .kind = VSA_EVENT_REQUEST,
        .status = VSA_OK,
        .connection = 7,
        .connections = 2,
        .command = "attest",
        .duration_us = 1500,
    };
    assert_string_equal(logged(&event), "level=info event=request connection=7 command=attest "
                                        "duration_us=1500 status=ok connections=2\n");
    /* Health checks would fill the log. */
    event.command = "ping";
    assert_string_equal(logged(&event), "");
    log_set_level(LOG_DEBUG);
    assert_memory_equal(logged(&event), "level=debug event=request ", 26);
}

static void test_levels_of_events(void **state)
{
    (void)state;
    static const struct {
        enum vsa_server_event_kind kind;
        enum vsa_status status;
        const char *begin;
    } rows[] = {
        {VSA_EVENT_LISTENING, VSA_OK, "level=info "},
        {VSA_EVENT_NSM_UNREACHABLE, VSA_ERR_NSM_UNREACHABLE, "level=error "},
        {VSA_EVENT_CONNECTION_OPENED, VSA_OK, "level=debug "},
        {VSA_EVENT_CONNECTION_REFUSED, VSA_ERR_CONNECTIONS, "level=warn "},
        {VSA_EVENT_REQUEST, VSA_ERR_BUSY, "level=warn "},
        {VSA_EVENT_REQUEST, VSA_ERR_JSON, "level=info "},
        {VSA_EVENT_REQUEST, VSA_ERR_INTERNAL, "level=error "},
        {VSA_EVENT_STOPPED, VSA_OK, "level=info "},
        {VSA_EVENT_STOPPED, VSA_ERR_TIMEOUT, "level=error "},
    };
    log_set_level(LOG_DEBUG);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_server_event event = {
            .kind = rows[i].kind, .status = rows[i].status, .command = "attest"};
        const char *line = logged(&event);
        if (strncmp(line, rows[i].begin, strlen(rows[i].begin)) != 0)
            fail_msg("%zu: %s", i, line);
    }
}

/* Clients cause requests as often as they like, and cannot push out what else is logged. */
static void test_events_are_limited(void **state)
{
    (void)state;
    struct vsa_server_event request = {.kind = VSA_EVENT_REQUEST, .command = "attest"};
    struct vsa_server_event stopping = {.kind = VSA_EVENT_STOPPING};
    for (int i = 0; i < 1000; i++)
        log_server_event(NULL, &request);
    (void)written();
    assert_string_equal(logged(&request), "");
    assert_non_null(strstr(logged(&stopping), "event=stopping "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stuck_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_request_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels_of_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_events_are_limited, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
