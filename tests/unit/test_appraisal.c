/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation with a service whose answers wait in a socket already. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/monotonic.h"
#include "base/slice.h"
#include "failing_memory.h"
#include "service_client/appraisal.h"
#include "token/ear_names.h"
#include "token/jwk.h"
#include "token/jws.h"
#include "json/load.h"

#define NOW_S     INT64_C(1768478400)
#define CHALLENGE "the-challenge"
#define ISSUED    "{\"challenge\": \"" CHALLENGE "\"}"

static struct vsa_key *key;
static char *affirming; /* tokens */
static char *warning;
static char *published; /* the key, as the service shows it */

static struct vsa_http_helper helper;
static int theirs;
static struct vsa_appraised appraised;
static struct vsa_error error;
static unsigned documents; /* that were asked for */
static enum vsa_status document_status;

/* --- the service ------------------------------------------------------------------------------ */

static char *token_of(const char *status, int hardware)
{
    char *token = NULL;
    json_t *claims = json_pack(
        "{s:s, s:I, s:I, s:s, s:s, s:{s:{s:s, s:{s:i}, s:[s], s:{s:[s]}}}}", "eat_profile",
        VSA_EAR_PROFILE, "iat", (json_int_t)NOW_S, "exp", (json_int_t)NOW_S + 300, "eat_nonce",
        CHALLENGE, "ear_status", status, "submods", VSA_EAR_SUBMODULE, "ear_status", status,
        "ear_trustworthiness_vector", "hardware", hardware, "ear_appraisal_policy_ids",
        "prod#sha256-x", "ear_verifier_claims", "error_codes", "untrusted_root");
    assert_non_null(claims);
    assert_int_equal(vsa_jws_sign(key, "the-key", VSA_EAR_TYPE, claims, &token, NULL), VSA_OK);
    json_decref(claims);
    return token;
}

static int make_service(void **state)
{
    (void)state;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &key, NULL), VSA_OK);
    json_t *set = json_pack("{s:[o]}", "keys", vsa_jwk_to_json(key, "the-key"));
    published = json_dumps(set, 0);
    json_decref(set);
    affirming = token_of("affirming", 2);
    warning = token_of("contraindicated", 97);
    return 0;
}

static int free_service(void **state)
{
    (void)state;
    free(published);
    free(affirming);
    free(warning);
    vsa_key_free(key);
    return 0;
}

static void answer(int status, const char *body)
{
    json_t *line = json_pack("{s:b, s:i, s:s?}", "success", 1, "status", status, "body", body);
    char *text = json_dumps(line, JSON_COMPACT);
    assert_int_equal(write(theirs, text, strlen(text)), strlen(text));
    assert_int_equal(write(theirs, "\n", 1), 1);
    free(text);
    json_decref(line);
}

/* Returns the next request that was sent, or NULL. */
static json_t *request_sent(void)
{
    char line[4096];
    size_t size = 0;
    while (size < sizeof(line) && recv(theirs, line + size, 1, MSG_DONTWAIT) == 1)
        if (line[size++] == '\n')
            return json_loadb(line, size, 0, NULL);
    assert_int_equal(size, 0);
    return NULL;
}

/* --- the client ------------------------------------------------------------------------------- */

static int attach(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    theirs = fds[1];
    documents = 0;
    document_status = VSA_OK;
    error = (struct vsa_error){0};
    assert_int_equal(vsa_http_helper_attach(&helper, fds[0], NULL), VSA_OK);
    return 0;
}

static int detach(void **state)
{
    (void)state;
    vsa_appraised_free(&appraised);
    vsa_http_helper_close(&helper);
    (void)close(theirs);
    return 0;
}

static int64_t now_ms(void)
{
    return NOW_S * 1000;
}

static enum vsa_status attest(void *context, struct vsa_slice nonce, struct vsa_slice *document,
                              struct vsa_error *why)
{
    assert_ptr_equal(context, &documents);
    assert_true(vsa_slice_equal_text(nonce, CHALLENGE));
    documents++;
    (void)why;
    *document = vsa_slice_of_text("document");
    return document_status;
}

static enum vsa_status get_from(const char *service, const char *audience)
{
    const struct vsa_appraisal_request request = {
        .service = service,
        .policy = "prod",
        .audience = audience,
        .deadline_ms = vsa_monotonic_ms() + 60000,
        .now_ms = now_ms,
        .attest = attest,
        .context = &documents,
    };
    return vsa_appraisal_get(&request, &helper, &appraised, &error);
}

static enum vsa_status get(void)
{
    return get_from("https://host/base/", NULL);
}

static void answer_all(const char *token)
{
    answer(200, ISSUED);
    answer(200, token);
    answer(200, published);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void affirming_result(void **state)
{
    (void)state;
    answer_all(affirming);
    assert_int_equal(get(), VSA_OK);
    assert_int_equal(documents, 1);
    assert_string_equal(json_string_value(appraised.token), affirming);
    assert_string_equal(json_string_value(json_object_get(appraised.claims, "eat_nonce")),
                        CHALLENGE);
}

static void assert_sent(const char *expected)
{
    json_t *sent = request_sent();
    json_t *wanted = json_loads(expected, 0, NULL);
    assert_non_null(wanted);
    assert_int_equal(json_object_del(sent, "timeout_ms"), 0);
    assert_true(json_equal(sent, wanted));
    json_decref(sent);
    json_decref(wanted);
}

static void what_is_sent(void **state)
{
    (void)state;
    answer_all(affirming);
    assert_int_equal(get(), VSA_OK);
    assert_sent("{\"url\": \"https://host/base/v1/challenges\", \"accept\": \"application/json\", "
                "\"body\": {\"policy\": \"prod\"}}");
    assert_sent("{\"url\": \"https://host/base/v1/verify\", \"accept\": \"application/eat+jwt\", "
                "\"body\": {\"document\": \"ZG9jdW1lbnQ=\", \"policy\": \"prod\", \"challenge\": "
                "\"" CHALLENGE "\"}}");
    assert_sent("{\"url\": \"https://host/base/.well-known/jwks.json\", "
                "\"accept\": \"application/json\"}");
    assert_null(request_sent());
}

static void over_a_socket(void **state)
{
    (void)state;
    answer(500, NULL);
    assert_int_equal(get_from("unix:/run/service", NULL), VSA_ERR_BACKEND);
    assert_sent("{\"socket\": \"/run/service\", \"url\": \"http://localhost/v1/challenges\", "
                "\"accept\": \"application/json\", \"body\": {\"policy\": \"prod\"}}");
}

/* It holds, and says no: both are for the caller. */
static void result_that_is_not_affirming(void **state)
{
    (void)state;
    answer_all(warning);
    assert_int_equal(get(), VSA_ERR_UNTRUSTED_ROOT);
    assert_string_equal(json_string_value(appraised.token), warning);
    assert_non_null(appraised.claims);
    assert_string_equal(error.detail, "the service's result is contraindicated: the policy trusts "
                                      "the document's root, which is not one of AWS");
}

/* The same code, of a root that the policy does not trust either. */
static void root_that_no_policy_trusts(void **state)
{
    (void)state;
    char *forged = token_of("contraindicated", 99);
    answer_all(forged);
    free(forged);
    assert_int_equal(get(), VSA_ERR_UNTRUSTED_ROOT);
    assert_string_equal(error.detail, "the service's result is contraindicated: root is not a "
                                      "trust anchor");
}

/* Of another audience, another key, changed: no token. */
static void tokens_that_do_not_hold(void **state)
{
    (void)state;
    answer_all(affirming);
    assert_int_equal(get_from("https://host", "another"), VSA_ERR_TOKEN);
    assert_null(appraised.token);
    char *changed = strdup(affirming);
    char *middle = strchr(changed, '.') + 5;
    *middle = *middle == 'A' ? 'B' : 'A';
    answer_all(changed);
    free(changed);
    assert_int_equal(get(), VSA_ERR_TOKEN);
    answer(200, ISSUED);
    answer(200, affirming);
    answer(200, "{\"keys\": []}");
    assert_int_equal(get(), VSA_ERR_TOKEN);
    assert_null(appraised.token);
    assert_null(appraised.claims);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int http;
        enum vsa_status status;
    } rows[] = {
        {204, VSA_ERR_REPLY},     {302, VSA_ERR_REPLY},        {401, VSA_ERR_REFUSED_BY_PEER},
        {413, VSA_ERR_TOO_LARGE}, {429, VSA_ERR_RATE_LIMITED}, {503, VSA_ERR_BACKEND},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer(rows[i].http, "{\"error\": \"a_code\", \"message\": \"words\\u001b[1m\"}");
        assert_int_equal(get(), rows[i].status);
        assert_true(appraised.at_service);
        assert_null(strchr(error.detail, '\033'));
        if (rows[i].http != 302)
            assert_non_null(strstr(error.detail, "a_code: words"));
    }
    assert_int_equal(documents, 0);
}

static void challenges_that_are_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "no JSON",
        "{}",
        "{\"challenge\": 12345678}",
        "{\"challenge\": \"1234567\"}",
        "{\"challenge\": \"1234567\\n\"}",
        NULL,
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        answer(200, bodies[i]);
        assert_int_equal(get(), VSA_ERR_REPLY);
    }
    assert_int_equal(documents, 0);
}

static void no_document(void **state)
{
    (void)state;
    answer(200, ISSUED);
    document_status = VSA_ERR_REFUSED;
    assert_int_equal(get(), VSA_ERR_REFUSED);
    assert_false(appraised.at_service);
    json_decref(request_sent());
    assert_null(request_sent()); /* the challenge was all that was asked for */
}

/* A body that is lost would make another request of it: a GET. */
static void memory_is_short(void **state)
{
    (void)state;
    enum vsa_status status = VSA_ERR_MEMORY;
    for (int after = 0; status != VSA_OK; after++) {
        assert_in_range(after, 0, 2000);
        answer_all(affirming);
        failing_memory_once_after(after);
        status = get();
        failing_memory_after(-1);
        for (json_t *sent; (sent = request_sent()); json_decref(sent))
            assert_true(json_object_get(sent, "body") ||
                        strstr(json_string_value(json_object_get(sent, "url")), "jwks"));
        if (status != VSA_OK)
            assert_int_equal(status, VSA_ERR_MEMORY);
        (void)detach(NULL);
        (void)attach(NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, attach, detach)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(affirming_result),
        TEST(what_is_sent),
        TEST(over_a_socket),
        TEST(result_that_is_not_affirming),
        TEST(root_that_no_policy_trusts),
        TEST(tokens_that_do_not_hold),
        TEST(refusals),
        TEST(challenges_that_are_none),
        TEST(no_document),
        TEST(memory_is_short),
    };
    return cmocka_run_group_tests(tests, make_service, free_service);
}
