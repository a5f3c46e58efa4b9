/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/monotonic.h"
#include "http_exchange/limits.h"
#include "service_client/http_helper.h"
#include "json/load.h"

/* Ours is `helper`; what http_exchange would read and write is behind `theirs`. */
static struct vsa_http_helper helper;
static int theirs;

static int attach(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    theirs = fds[1];
    assert_int_equal(vsa_http_helper_attach(&helper, fds[0], NULL), VSA_OK);
    return 0;
}

static int detach(void **state)
{
    (void)state;
    vsa_http_helper_close(&helper);
    if (theirs >= 0)
        (void)close(theirs);
    return 0;
}

static void answer(const char *line)
{
    assert_int_equal(write(theirs, line, strlen(line)), strlen(line));
    assert_int_equal(write(theirs, "\n", 1), 1);
}

/* Asks within a minute; the answer, if there is one, waits already. */
static enum vsa_status ask(int *status, json_t **body, struct vsa_error *error)
{
    json_t *request = json_pack("{s:s}", "url", "https://host/");
    enum vsa_status result =
        vsa_http_helper_ask(&helper, request, vsa_monotonic_ms() + 60000, status, body, error);
    json_decref(request);
    return result;
}

static void answers(void **state)
{
    (void)state;
    int status = 0;
    json_t *body = NULL;
    answer("{\"success\": true, \"status\": 404, \"body\": \"text\\u0000\"}");
    answer("{\"success\": true, \"status\": 200, \"body\": null}");
    assert_int_equal(ask(&status, &body, NULL), VSA_OK);
    assert_int_equal(status, 404);
    assert_int_equal(json_string_length(body), 5);
    json_decref(body);
    assert_int_equal(ask(&status, &body, NULL), VSA_OK);
    assert_int_equal(status, 200);
    assert_true(json_is_null(body));
}

static void the_request_has_the_time_left(void **state)
{
    (void)state;
    char line[256] = {0};
    int status;
    json_t *body = NULL;
    answer("{\"success\": true, \"status\": 200, \"body\": null}");
    assert_int_equal(ask(&status, &body, NULL), VSA_OK);
    ssize_t size = read(theirs, line, sizeof(line) - 1);
    assert_in_range(size, 1, sizeof(line) - 1);
    assert_int_equal(line[size - 1], '\n');
    json_t *sent = json_loads(line, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(sent, "url")), "https://host/");
    assert_in_range(json_integer_value(json_object_get(sent, "timeout_ms")), 1, 60000);
    json_decref(sent);
}

static void no_time_is_left(void **state)
{
    (void)state;
    int status;
    json_t *body = NULL;
    json_t *request = json_object();
    char byte;
    assert_int_equal(
        vsa_http_helper_ask(&helper, request, vsa_monotonic_ms(), &status, &body, NULL),
        VSA_ERR_TIMEOUT);
    json_decref(request);
    assert_int_equal(recv(theirs, &byte, 1, MSG_DONTWAIT), -1);
}

static void errors_are_passed_on(void **state)
{
    (void)state;
    int status = 0;
    json_t *body = NULL;
    struct vsa_error error = {0};
    answer(
        "{\"success\": false, \"error_code\": \"too_large\", \"error\": \"an answer of 1 GiB\"}");
    assert_int_equal(ask(&status, &body, &error), VSA_ERR_TOO_LARGE);
    assert_string_equal(error.detail, "an answer of 1 GiB");
    assert_null(body);
}

static void lines_that_are_no_answer(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum vsa_status status;
    } rows[] = {
        {"[]", VSA_ERR_JSON},
        {"{\"success\": tru", VSA_ERR_JSON},
        {"{\"success\": true, \"status\": 200}", VSA_ERR_INTERNAL},
        {"{\"success\": \"true\", \"body\": \"\"}", VSA_ERR_INTERNAL},
        {"{}", VSA_ERR_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        json_t *body = NULL;
        answer(rows[i].line);
        assert_int_equal(ask(&status, &body, NULL), rows[i].status);
        assert_null(body);
    }
}

static void it_has_ended(void **state)
{
    (void)state;
    int status = 0;
    json_t *body = NULL;
    struct vsa_error error = {0};
    (void)shutdown(theirs, SHUT_WR);
    assert_int_equal(ask(&status, &body, &error), VSA_ERR_IO);
    assert_non_null(strstr(error.detail, "libcurl"));
}

static void closing_closes_the_socket(void **state)
{
    (void)state;
    char byte;
    vsa_http_helper_close(&helper);
    assert_int_equal(read(theirs, &byte, 1), 0);
    vsa_http_helper_close(&helper); /* a second time is harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, attach, detach),
        cmocka_unit_test_setup_teardown(the_request_has_the_time_left, attach, detach),
        cmocka_unit_test_setup_teardown(no_time_is_left, attach, detach),
        cmocka_unit_test_setup_teardown(errors_are_passed_on, attach, detach),
        cmocka_unit_test_setup_teardown(lines_that_are_no_answer, attach, detach),
        cmocka_unit_test_setup_teardown(it_has_ended, attach, detach),
        cmocka_unit_test_setup_teardown(closing_closes_the_socket, attach, detach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
