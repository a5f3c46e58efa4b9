/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifierd/service.h: from a request to an answer, without HTTP. All clocks are the test's, and
 * the documents forged ones, so that "hardware" is 97 at best. Over HTTP: test_http.c.
 */
#include "unit_test.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/slice.h"
#include "failing_memory.h"
#include "file/whole_file.h"
#include "forge.h"
#include "token/jws.h"
#include "verifierd/challenge.h"
#include "verifierd/ear.h"
#include "verifierd/limits.h"
#include "verifierd/service.h"
#include "json/value.h"

#define SECRET "0123456789abcdef0123456789abcdef"
/* printf SECRET | sha256sum */
#define SECRET_SHA256 "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"

static int64_t monotonic_ms;
static int64_t wall_ms;
static int64_t stop_ms;  /* what passes at each look at the wall clock */
static int callocs_left; /* until one fails; -1: none does */

/* Stand in for the library's. */
__attribute__((used)) int64_t __wrap_vsa_monotonic_ms(void);
int64_t __wrap_vsa_monotonic_ms(void)
{
    return monotonic_ms;
}

__attribute__((used)) int64_t __wrap_vsa_wall_clock_ms(void);
int64_t __wrap_vsa_wall_clock_ms(void)
{
    return wall_ms += stop_ms;
}

void *__real_calloc(size_t count, size_t size);
__attribute__((used)) void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (callocs_left == 0)
        return NULL;
    callocs_left -= callocs_left > 0;
    return __real_calloc(count, size);
}

static struct forge forge;
static char directory[64];
static struct vsa_service_options options;
static struct vsa_service *service;
static struct vsa_answer answer;

/* --- files ------------------------------------------------------------------------------------ */

/* Returns the path, good until 15 others were made: for an option, the test that sets it. */
static const char *path_of(const char *name)
{
    static char paths[16][128];
    static unsigned next;
    char *path = paths[next++ % 16];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, struct vsa_slice bytes)
{
    assert_int_equal(vsa_whole_file_write(path_of(name), VSA_FILE_PRIVATE, &bytes, 1, NULL),
                     VSA_OK);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, vsa_slice_of_text(text));
}

static const char *const files[] = {
    "policies/p.json", "policies/q.json", "policies/open.json", "policies/root.der", "keys/one.pem",
    "challenge-key",   "clients"};

static int make_files(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/vsattest-service-XXXXXX");
    if (!mkdtemp(directory) || mkdir(path_of("policies"), 0700) || mkdir(path_of("keys"), 0700))
        return -1;
    forge_reset(&forge);
    write_file("policies/root.der", forge_genuine_root(&forge));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)remove(path_of(files[i]));
    return remove(path_of("policies")) || remove(path_of("keys")) || remove(directory);
}

static int reset(void **state)
{
    (void)state;
    forge_reset(&forge);
    monotonic_ms = 1000000;
    wall_ms = FORGE_NOW_MS;
    stop_ms = 0;
    callocs_left = -1;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (strcmp(files[i], "policies/root.der") != 0)
            (void)remove(path_of(files[i]));
    write_text("policies/p.json", "{\"roots\":\"root.der\"}");
    write_text("policies/q.json", "{\"roots\":\"root.der\"}");
    write_text("policies/open.json", "{\"roots\":\"root.der\",\"challenge\":\"optional\"}");
    options = (struct vsa_service_options){
        .policies = path_of("policies"),
        .issuer = "https://verifier.example",
        .rate = 1,
        .burst = 2,
        .skew_ms = 5000,
        .store = {.url = "memory", .service_id = "test"},
    };
    return 0;
}

static int release(void **state)
{
    (void)state;
    failing_memory_after(-1);
    callocs_left = -1;
    vsa_answer_free(&answer);
    vsa_service_free(service);
    service = NULL;
    return 0;
}

static void start(void)
{
    assert_int_equal(vsa_service_new(&options, FORGE_NOW_MS, &service, NULL), VSA_OK);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Returns the answer's body as JSON; the caller releases it. */
static json_t *body_of(unsigned status)
{
    assert_int_equal(answer.status, status);
    json_t *body = json_loadb(answer.body, answer.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    return body;
}

static void assert_problem(unsigned status, const char *code)
{
    VSA_AUTO_JSON json_t *body = body_of(status);
    assert_string_equal(json_string_value(json_object_get(body, "error")), code);
}

/* Writes a challenge that the service has issued for this policy at this time. */
static void get_challenge(const char *policy, int64_t now_ms, char text[VSA_CHALLENGE_TEXT + 1])
{
    char request[64];
    (void)snprintf(request, sizeof(request), "{\"policy\":\"%s\"}", policy);
    vsa_service_issue_challenge(service, vsa_slice_of_text(request), now_ms, &answer);
    VSA_AUTO_JSON json_t *body = body_of(200);
    assert_string_equal(json_string_value(json_object_get(body, "policy")), policy);
    assert_int_equal(json_integer_value(json_object_get(body, "expires_in_ms")), 300000);
    (void)snprintf(text, VSA_CHALLENGE_TEXT + 1, "%s",
                   json_string_value(json_object_get(body, "challenge")));
    assert_int_equal(strlen(text), VSA_CHALLENGE_TEXT);
}

/* Returns the genuine document with this nonce. */
static struct vsa_slice document_with(const char *nonce)
{
    char hex[2 * VSA_CHALLENGE_TEXT + 5] = "5840";
    for (size_t i = 0; i < VSA_CHALLENGE_TEXT; i++)
        (void)snprintf(hex + 4 + 2 * i, 3, "%02x", (unsigned char)nonce[i]);
    forge_set(&forge, FORGE_FIELD_NONCE, hex);
    return forge_build(&forge);
}

static void verify_at(int64_t now_ms, struct vsa_slice document, const char *policy,
                      const char *challenge)
{
    const struct vsa_verify_request request = {
        .document = document,
        .policy = vsa_slice_of_text(policy),
        .challenge = challenge ? vsa_slice_of_text(challenge) : (struct vsa_slice){0},
        .audience = vsa_slice_of_text("app"),
    };
    wall_ms = now_ms;
    vsa_service_verify(service, &request, now_ms, false, &answer);
}

static void verify(struct vsa_slice document, const char *challenge)
{
    verify_at(FORGE_NOW_MS, document, "p", challenge);
}

/* Returns the claims of the answer's token, checked with the published keys. */
static json_t *claims_of_token(void)
{
    struct vsa_answer keys = {0};
    json_t *claims = NULL;
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.type, VSA_EAR_MEDIA_TYPE);
    vsa_service_show_keys(service, &keys);
    assert_int_equal(keys.status, 200);
    assert_int_equal(keys.max_age_ms, VSA_JWKS_MAX_AGE_MS);
    VSA_AUTO_JSON json_t *published = json_loadb(keys.body, keys.size, 0, NULL);
    assert_int_equal(vsa_jws_verify(vsa_slice_of(answer.body, answer.size), VSA_EAR_TYPE, published,
                                    &claims, NULL),
                     VSA_OK);
    vsa_answer_free(&keys);
    return claims;
}

static json_t *submodule_of(const json_t *claims)
{
    return json_object_get(json_object_get(claims, "submods"), VSA_EAR_SUBMODULE);
}

static json_int_t trust_of(const json_t *claims, const char *entry)
{
    const json_t *vector = json_object_get(submodule_of(claims), "ear_trustworthiness_vector");
    return json_integer_value(json_object_get(vector, entry));
}

static void assert_metric(const char *line)
{
    struct vsa_answer metrics = {0};
    vsa_service_show_metrics(service, FORGE_NOW_MS, 7, &metrics);
    assert_int_equal(metrics.status, 200);
    if (!strstr(metrics.body, line))
        fail_msg("no \"%s\" in\n%s", line, metrics.body);
    vsa_answer_free(&metrics);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void challenge_to_token(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    start();
    get_challenge("p", FORGE_NOW_MS, challenge);
    struct vsa_slice document = document_with(challenge);
    verify(document, challenge);
    VSA_AUTO_JSON json_t *claims = claims_of_token();
    assert_string_equal(json_string_value(json_object_get(claims, "ear_status")),
                        "contraindicated");
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), options.issuer);
    assert_string_equal(json_string_value(json_object_get(claims, "aud")), "app");
    assert_string_equal(json_string_value(json_object_get(claims, "eat_nonce")), challenge);
    assert_int_equal(trust_of(claims, "hardware"), 97);
    assert_int_equal(trust_of(claims, "configuration"), 3);
    verify(document, challenge);
    assert_problem(409, "challenge_used");
    assert_metric("challenges_total{event=\"redeemed\"} 1\n");
    assert_metric("challenges_total{event=\"replayed\"} 1\n");
    assert_metric("verdicts_total{policy=\"p\",status=\"contraindicated\"} 1\n");
    assert_metric("requests_in_flight 7\n");
    assert_metric("store_shared 0\n");
    vsa_service_show_verdicts(service, &answer);
    VSA_AUTO_JSON json_t *verdicts = body_of(200);
    assert_int_equal(json_array_size(json_object_get(verdicts, "recent")), 1);
}

/* A document that is not genuine has a result, with everything 99, and uses no challenge up. */
static void not_genuine(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    start();
    get_challenge("p", FORGE_NOW_MS, challenge);
    forge.cose.signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    verify(document_with(challenge), challenge);
    VSA_AUTO_JSON json_t *claims = claims_of_token();
    assert_int_equal(trust_of(claims, "hardware"), 99);
    assert_int_equal(trust_of(claims, "sourced-data"), 99);
    assert_null(json_object_get(submodule_of(claims), "ear_attester_claims"));
    forge.cose.signature_edit = FORGE_SIGNATURE_GOOD;
    verify(document_with(challenge), challenge);
    VSA_AUTO_JSON json_t *second = claims_of_token();
    assert_int_equal(trust_of(second, "hardware"), 97);
}

/* The store remembers a redemption ten seconds longer than the challenge's age is good. */
static void stopped_meanwhile(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    start();
    get_challenge("p", FORGE_NOW_MS, challenge);
    stop_ms = VSA_STORE_MARGIN_MS;
    verify(document_with(challenge), challenge);
    assert_problem(409, "challenge_expired");
    /* Each look at the clock takes a little, and all of them less than that. */
    stop_ms = 100;
    get_challenge("p", FORGE_NOW_MS, challenge);
    verify(document_with(challenge), challenge);
    json_decref(claims_of_token());
}

/* Every refusal before the redemption; at the end the challenge is as good as new. */
static void refusals_use_nothing_up(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    char others[VSA_CHALLENGE_TEXT + 1];
    start();
    get_challenge("p", FORGE_NOW_MS, challenge);
    get_challenge("q", FORGE_NOW_MS, others);
    struct vsa_slice document = document_with(challenge);
    const struct {
        int64_t now_ms;
        struct vsa_slice document;
        const char *policy;
        const char *challenge;
        unsigned status;
        const char *code;
    } table[] = {
        {FORGE_NOW_MS, document, "none", challenge, 404, "policy_unknown"},
        {FORGE_NOW_MS, document, "", challenge, 404, "policy_unknown"},
        {FORGE_NOW_MS, document, "p", NULL, 400, "challenge_missing"},
        {FORGE_NOW_MS, document, "p", "", 400, "challenge_malformed"},
        {FORGE_NOW_MS, document, "p", challenge + 1, 400, "challenge_malformed"},
        {FORGE_NOW_MS, document, "p", others, 409, "challenge_unknown"},
        {FORGE_NOW_MS, document, "q", others, 409, "challenge_mismatch"},
        {FORGE_NOW_MS + 300001, document, "p", challenge, 409, "challenge_expired"},
        {FORGE_NOW_MS - 5001, document, "p", challenge, 409, "challenge_expired"},
        {FORGE_NOW_MS + 299000, document, "p", challenge, 409, "document_too_old"},
        {FORGE_NOW_MS, vsa_slice_of_text("x"), "p", challenge, 400, "document_malformed"},
        {FORGE_NOW_MS, vsa_slice_of(document.data, document.size - 1), "p", challenge, 400,
         "document_malformed"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        verify_at(table[i].now_ms, table[i].document, table[i].policy, table[i].challenge);
        assert_problem(table[i].status, table[i].code);
    }
    verify(document, challenge);
    assert_int_equal(answer.status, 200);
    assert_metric("challenges_total{event=\"expired\"} 2\n");
    assert_metric("challenges_total{event=\"unknown\"} 3\n");
    assert_metric("challenges_total{event=\"mismatch\"} 1\n");
}

/*
 * The clock is set back after the start. A process before, which has the same key by a file, may
 * have redeemed what has a time before this one's memory; without a file there is none.
 */
static void clock_set_back(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    for (int has_file = 0; has_file < 2; has_file++) {
        write_text("challenge-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
        options.challenge_key = has_file ? path_of("challenge-key") : NULL;
        assert_int_equal(vsa_service_new(&options, FORGE_NOW_MS + 60000, &service, NULL), VSA_OK);
        get_challenge("p", FORGE_NOW_MS, challenge);
        verify(document_with(challenge), challenge);
        assert_int_equal(answer.status, has_file ? 409 : 200);
        vsa_service_free(service);
        service = NULL;
    }
    assert_problem(409, "challenge_expired");
}

/* Debug mode is the appraisal's to judge: the document is genuine, and answered with 200. */
static void debug_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        forge.pcrs[i].value = forge_bytes(&forge, VSA_PCR_SIZE, 0);
    start();
    verify_at(FORGE_NOW_MS, forge_build(&forge), "open", NULL);
    VSA_AUTO_JSON json_t *claims = claims_of_token();
    assert_int_equal(trust_of(claims, "configuration"), 96);
    assert_int_equal(trust_of(claims, "hardware"), 97);
}

static void document_from_future(void **state)
{
    (void)state;
    start();
    forge_set_value(&forge, FORGE_FIELD_TIMESTAMP,
                    forge_unsigned(&forge, (uint64_t)FORGE_NOW_MS + 3600000));
    verify_at(FORGE_NOW_MS, forge_build(&forge), "open", NULL);
    assert_problem(409, "document_from_future");
}

/* No request costs more than five signature checks. */
static void long_bundle(void **state)
{
    (void)state;
    start();
    forge_set_levels(&forge, 6);
    verify_at(FORGE_NOW_MS, forge_build(&forge), "open", NULL);
    assert_problem(400, "document_malformed");
    forge_reset(&forge);
    verify_at(FORGE_NOW_MS, forge_build(&forge), "open", NULL);
    assert_int_equal(answer.status, 200);
}

static void challenge_requests(void **state)
{
    (void)state;
    static const char *const malformed[] = {"", "{}", "[]", "{\"policy\":1}", "{\"policy\":\"p\""};
    start();
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        vsa_service_issue_challenge(service, vsa_slice_of_text(malformed[i]), FORGE_NOW_MS,
                                    &answer);
        assert_problem(400, "request_malformed");
    }
    vsa_service_issue_challenge(service, vsa_slice_of_text("{\"policy\":\"none\"}"), FORGE_NOW_MS,
                                &answer);
    assert_problem(404, "policy_unknown");
    assert_metric("challenges_total{event=\"issued\"} 0\n");
}

static void as_json(void **state)
{
    (void)state;
    const struct vsa_verify_request request = {
        .document = forge_build(&forge),
        .policy = vsa_slice_of_text("open"),
    };
    start();
    vsa_service_verify(service, &request, FORGE_NOW_MS, true, &answer);
    VSA_AUTO_JSON json_t *body = body_of(200);
    assert_string_equal(answer.type, "application/json");
    assert_true(json_is_false(json_object_get(body, "affirming")));
    assert_true(json_is_string(json_object_get(body, "token")));
    assert_int_equal(trust_of(json_object_get(body, "result"), "hardware"), 97);
    assert_int_equal(json_object_size(json_object_get(body, "pcrs_compared")), 0);
}

static void published_policies(void **state)
{
    (void)state;
    start();
    vsa_service_show_policy(service, vsa_slice_of_text("p"), &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"roots\":\"root.der\"}");
    vsa_service_show_policy(service, vsa_slice_of_text(""), &answer);
    json_t *body = body_of(200);
    assert_int_equal(json_array_size(json_object_get(body, "policies")), 3);
    json_decref(body);
    vsa_service_show_policy(service, vsa_slice_of_text("root"), &answer);
    assert_problem(404, "policy_unknown");
}

/* --- who may ask ------------------------------------------------------------------------------ */

static bool admit(const char *authorization, const char *address)
{
    return vsa_service_admit(service, authorization, vsa_slice_of_text(address), &answer);
}

static void rates(void **state)
{
    (void)state;
    start();
    assert_true(admit(NULL, "a"));
    assert_true(admit(NULL, "a"));
    assert_int_equal(answer.status, 0);
    assert_false(admit(NULL, "a"));
    assert_problem(429, "rate_limited");
    assert_int_equal(answer.retry_after_ms, 1000);
    assert_true(admit(NULL, "b"));
    monotonic_ms += 1000;
    vsa_answer_free(&answer);
    assert_true(admit(NULL, "a"));
    assert_false(admit(NULL, "a"));
}

static void clients(void **state)
{
    (void)state;
    write_text("clients", "app1 " SECRET_SHA256 " 3\n");
    options.clients = path_of("clients");
    start();
    static const char *const strangers[] = {NULL, "", "Basic " SECRET, "Bearer " SECRET "x"};
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        monotonic_ms += 1000;
        assert_false(admit(strangers[i], "a"));
        assert_problem(401, "unauthorized");
    }
    /* Its own rate, wherever it is; the buckets of addresses are others'. */
    for (size_t i = 0; i < 6; i++)
        assert_true(admit("Bearer " SECRET, "a"));
    assert_false(admit("Bearer " SECRET, "b"));
    assert_problem(429, "rate_limited");
    vsa_answer_free(&answer);
    /* Who guesses has the bucket of the address. */
    assert_false(admit(NULL, "b"));
    assert_false(admit(NULL, "b"));
    assert_problem(401, "unauthorized");
    assert_false(admit(NULL, "b"));
    assert_problem(429, "rate_limited");
}

/* --- reading files ---------------------------------------------------------------------------- */

static void reload_is_all_or_nothing(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    struct vsa_error error = {0};
    start();
    get_challenge("p", FORGE_NOW_MS, challenge);
    vsa_service_show_keys(service, &answer);
    char *keys = strdup(answer.body);
    write_text("policies/p.json", "{\"roots\":\"root.der\",\"allow_debug\":true}");
    write_text("policies/q.json", "{\"roots\":");
    assert_int_not_equal(vsa_service_reload(service, &error), VSA_OK);
    assert_non_null(strstr(error.detail, "q.json"));
    vsa_service_show_policy(service, vsa_slice_of_text("p"), &answer);
    assert_string_equal(answer.body, "{\"roots\":\"root.der\"}");
    assert_metric("reloads_total{result=\"failed\"} 1\n");
    assert_int_equal(remove(path_of("policies/q.json")), 0);
    assert_int_equal(vsa_service_reload(service, NULL), VSA_OK);
    assert_metric("reloads_total{result=\"done\"} 1\n");
    vsa_service_show_policy(service, vsa_slice_of_text("q"), &answer);
    assert_problem(404, "policy_unknown");
    vsa_service_show_policy(service, vsa_slice_of_text("p"), &answer);
    assert_non_null(strstr(answer.body, "allow_debug"));
    /* Keys that this process made are kept. */
    vsa_service_show_keys(service, &answer);
    assert_string_equal(answer.body, keys);
    free(keys);
    verify(document_with(challenge), challenge);
    assert_int_equal(answer.status, 200);
}

/* A start that fails leaves `service` alone. */
static void assert_no_start(enum vsa_status status, const char *detail)
{
    struct vsa_error error = {0};
    assert_int_equal(vsa_service_new(&options, FORGE_NOW_MS, &service, &error), status);
    assert_null(service);
    if (!strstr(error.detail, detail))
        fail_msg("no \"%s\" in \"%s\"", detail, error.detail);
}

static void mistakes(void **state)
{
    (void)state;
    options.store.url = "redis:/";
    assert_no_start(VSA_ERR_ARGUMENT, "is no store");
    options.store.url = "unix:/nonexistent/store";
    assert_no_start(VSA_ERR_ARGUMENT, "same challenge key");
    options.store.url = "memory";
    options.policies = path_of("keys");
    assert_no_start(VSA_ERR_ARGUMENT, "no policy");
    options.policies = path_of("none");
    assert_no_start(VSA_ERR_IO, "none");
    options.policies = path_of("policies");
    options.keys = path_of("keys");
    assert_no_start(VSA_ERR_ARGUMENT, "no signing key");
    options.keys = NULL;
    options.challenge_key = path_of("challenge-key");
    assert_no_start(VSA_ERR_IO, "challenge-key");
    write_text("challenge-key", "\n");
    assert_no_start(VSA_ERR_ARGUMENT, "no challenge key");
    options.challenge_key = NULL;
    options.clients = path_of("clients");
    assert_no_start(VSA_ERR_IO, "clients");
    write_text("clients", "app1\n");
    assert_no_start(VSA_ERR_ARGUMENT, "line 1 of the clients");
}

/* --- what fails ------------------------------------------------------------------------------- */

static void write_signing_key(void)
{
    uint8_t buffer[VSA_MAX_PRIVATE_KEY];
    struct vsa_slice der;
    struct vsa_key *key = NULL;
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    assert_int_equal(vsa_key_write_private(key, buffer, sizeof(buffer), &der, NULL), VSA_OK);
    write_file("keys/one.pem", der);
    vsa_key_free(key);
}

static void start_without_store(void)
{
    write_signing_key();
    write_text("challenge-key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    options.keys = path_of("keys");
    options.challenge_key = path_of("challenge-key");
    options.store.url = "unix:/nonexistent/store";
    start();
}

/* Without the store there is no token: neither for what would redeem, nor for what would not. */
static void store_away(void **state)
{
    (void)state;
    char challenge[VSA_CHALLENGE_TEXT + 1];
    start_without_store();
    assert_metric("store_errors_total 1\n");
    assert_metric("store_shared 1\n");
    vsa_service_show_readiness(service, FORGE_NOW_MS, &answer);
    assert_problem(503, "store_unavailable");
    assert_int_equal(answer.retry_after_ms, 1000);
    get_challenge("p", FORGE_NOW_MS, challenge);
    verify(document_with(challenge), challenge);
    assert_problem(503, "store_unavailable");
    forge.cose.signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    verify(document_with(challenge), challenge);
    assert_problem(503, "store_unavailable");
    assert_metric("store_errors_total 4\n");
}

/* A flood of questions reaches the store at one client's rate; none of them is refused. */
static void flood_of_readiness(void **state)
{
    (void)state;
    start_without_store();
    for (int i = 0; i < 100; i++) {
        vsa_service_show_readiness(service, FORGE_NOW_MS, &answer);
        assert_problem(503, "store_unavailable");
    }
    assert_metric("store_errors_total 3\n");
    monotonic_ms += 1000;
    vsa_service_show_readiness(service, FORGE_NOW_MS, &answer);
    assert_problem(503, "store_unavailable");
    assert_metric("store_errors_total 4\n");
}

static void ready(void **state)
{
    (void)state;
    start();
    vsa_service_show_readiness(service, FORGE_NOW_MS, &answer);
    VSA_AUTO_JSON json_t *body = body_of(200);
    assert_true(json_is_true(json_object_get(body, "ready")));
    assert_string_equal(json_string_value(json_object_get(body, "store")),
                        "memory of this process only");
}

enum { SHORT_VERIFY, SHORT_VERIFY_JSON, SHORT_CHALLENGE, SHORT_KEYS, SHORT_LIST, SHORT_CASES };

static void ask(int which, struct vsa_slice document)
{
    const struct vsa_verify_request request = {
        .document = document,
        .policy = vsa_slice_of_text("open"),
    };
    if (which == SHORT_VERIFY || which == SHORT_VERIFY_JSON)
        vsa_service_verify(service, &request, FORGE_NOW_MS, which == SHORT_VERIFY_JSON, &answer);
    else if (which == SHORT_CHALLENGE)
        vsa_service_issue_challenge(service, vsa_slice_of_text("{\"policy\":\"p\"}"), FORGE_NOW_MS,
                                    &answer);
    else if (which == SHORT_KEYS)
        vsa_service_show_keys(service, &answer);
    else
        vsa_service_show_policy(service, vsa_slice_of_text(""), &answer);
}

/* One allocation of JSON fails after the other: an answer is whole, or it is an error. */
static void memory_short(void **state)
{
    (void)state;
    struct vsa_slice document = forge_build(&forge);
    start();
    for (int which = 0; which < SHORT_CASES; which++) {
        ask(which, document);
        assert_int_equal(answer.status, 200);
        const size_t whole = answer.size;
        int failures = 0;
        for (; failures < 1000; failures++) {
            failing_memory_once_after(failures);
            ask(which, document);
            failing_memory_after(-1);
            if (answer.status == 200)
                break;
            assert_int_equal(answer.status, 500); /* and no fault of the client */
            assert_true(!answer.body || !strstr(answer.body, "\"token\""));
        }
        assert_in_range(failures, 4, 999);
        assert_int_equal(answer.size, whole);
    }
}

/* Each allocation of the start fails in turn. */
static void memory_short_at_start(void **state)
{
    (void)state;
    int failures = 0;
    write_text("clients", "app1 " SECRET_SHA256 "\n");
    options.clients = path_of("clients");
    for (; failures < 1000; failures++) {
        struct vsa_error error = {0};
        callocs_left = failures;
        enum vsa_status status = vsa_service_new(&options, FORGE_NOW_MS, &service, &error);
        callocs_left = -1;
        if (status == VSA_OK)
            break;
        assert_int_equal(status, VSA_ERR_MEMORY);
        assert_null(service);
    }
    assert_in_range(failures, 8, 999);
}

int main(void)
{
#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, reset, release)
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(challenge_to_token),
        SERVICE_TEST(not_genuine),
        SERVICE_TEST(stopped_meanwhile),
        SERVICE_TEST(refusals_use_nothing_up),
        SERVICE_TEST(clock_set_back),
        SERVICE_TEST(debug_mode),
        SERVICE_TEST(document_from_future),
        SERVICE_TEST(long_bundle),
        SERVICE_TEST(challenge_requests),
        SERVICE_TEST(as_json),
        SERVICE_TEST(published_policies),
        SERVICE_TEST(rates),
        SERVICE_TEST(clients),
        SERVICE_TEST(reload_is_all_or_nothing),
        SERVICE_TEST(mistakes),
        SERVICE_TEST(store_away),
        SERVICE_TEST(flood_of_readiness),
        SERVICE_TEST(ready),
        SERVICE_TEST(memory_short),
        SERVICE_TEST(memory_short_at_start),
    };
    return cmocka_run_group_tests_name("service", tests, make_files, remove_files);
}
