/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that uses every struct that can grow, compiled with headers of an older version (each
 * such struct without its last member), with today's, and with those of a newer one (each with one
 * member more, `added`); run with today's shared library.
 */
#include "unit_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vsattest/client.h>
#include <vsattest/image.h>
#include <vsattest/report.h>
#include <vsattest/server.h>

#define ADDRESS "unix:/tmp/vsa-nobody-there"
#define GUARD   UINT64_C(0x5a5a5a5a5a5a5a5a)

/* Follows a struct in memory: the library must not write there. */
#define GUARDED(type)                                                                              \
    struct {                                                                                       \
        type given;                                                                                \
        uint64_t guard;                                                                            \
    }

/* As a caller's stack may be. */
#define FILL(box)                                                                                  \
    do {                                                                                           \
        memset(&(box), 0xff, sizeof(box));                                                         \
        (box).guard = GUARD;                                                                       \
    } while (0)

#define CHECK(box)                                                                                 \
    do {                                                                                           \
        assert_true((box).guard == GUARD);                                                         \
        assert_int_equal((box).given.size, sizeof((box).given));                                   \
        CHECK_ADDED(box);                                                                          \
    } while (0)

#ifdef NEWER
#define CHECK_ADDED(box) assert_true((box).given.added == 0)
#else
#define CHECK_ADDED(box) (void)0
#endif

static void client_options(void **state)
{
    (void)state;
    GUARDED(struct vsa_client_options) box;
    struct vsa_client *client = NULL;
    FILL(box);
    vsa_client_options_init(&box.given);
    CHECK(box);
    /* The older header has no max_connections, and the library takes no 0: it has its default. */
    assert_int_equal(vsa_client_new(ADDRESS, &box.given, &client, NULL), VSA_OK);
    vsa_client_free(client);
#ifdef NEWER
    client = NULL;
    box.given.added = 1;
    assert_int_equal(vsa_client_new(ADDRESS, &box.given, &client, NULL), VSA_ERR_ARGUMENT);
    assert_null(client);
#endif
    memset(&box.given, 0, sizeof(box.given));
    assert_int_equal(vsa_client_new(ADDRESS, &box.given, &client, NULL), VSA_ERR_ARGUMENT);
}

static void client_statistics(void **state)
{
    (void)state;
    GUARDED(struct vsa_client_statistics) box;
    struct vsa_client *client = NULL;
    assert_int_equal(vsa_client_new(ADDRESS, NULL, &client, NULL), VSA_OK);
    FILL(box);
    vsa_client_get_statistics(client, &box.given);
    CHECK(box);
    assert_int_equal(box.given.open, 0);
    assert_int_equal(box.given.expired, 0);
    vsa_client_free(client);
}

/* Until the request is sent: no enclave is there. */
static void attestation(void **state)
{
    (void)state;
    GUARDED(struct vsa_attestation_request) request;
    GUARDED(struct vsa_attestation_reply) reply;
    GUARDED(struct vsa_claims) claims;
    struct vsa_client *client = NULL;
    struct vsa_policy policy;
    struct vsa_verifier *verifier = vsa_verifier_new();
    FILL(request);
    FILL(reply);
    FILL(claims);
    vsa_policy_init(&policy);
    vsa_attestation_request_init(&request.given);
    CHECK(request);
    assert_int_equal(vsa_client_new(ADDRESS, NULL, &client, NULL), VSA_OK);
    assert_int_equal(vsa_client_attest(client, &request.given, &reply.given, NULL),
                     VSA_ERR_REFUSED);
    assert_true(reply.guard == GUARD);
    assert_int_equal(vsa_client_attest_and_verify(client, &request.given, verifier, &policy, NULL,
                                                  NULL, &reply.given, &claims.given, NULL),
                     VSA_ERR_REFUSED);
    CHECK(reply);
    assert_true(claims.guard == GUARD);
    assert_int_equal(reply.given.document_size, 0);
#ifdef NEWER
    request.given.added = 1;
    assert_int_equal(vsa_client_attest(client, &request.given, &reply.given, NULL),
                     VSA_ERR_ARGUMENT);
#endif
    memset(&request.given, 0, sizeof(request.given));
    assert_int_equal(vsa_client_attest(client, &request.given, &reply.given, NULL),
                     VSA_ERR_ARGUMENT);
    vsa_client_free(client);
    vsa_verifier_free(verifier);
}

static void image_recipe(void **state)
{
    (void)state;
    GUARDED(struct vsa_image_recipe) box;
    struct vsa_built_image *built = NULL;
    struct vsa_error error;
    FILL(box);
    vsa_image_recipe_init(&box.given);
    CHECK(box);
    box.given.kernel = "/vsa-nothing-there";
    box.given.program = "/vsa-nothing-there";
    /* The older header has no module_count, which is 0 then. */
    assert_int_equal(vsa_image_build(&box.given, &built, &error), VSA_ERR_IO);
    assert_non_null(strstr(error.detail, "/vsa-nothing-there"));
#ifdef NEWER
    box.given.added = 1;
    assert_int_equal(vsa_image_build(&box.given, &built, &error), VSA_ERR_ARGUMENT);
#endif
    memset(&box.given, 0, sizeof(box.given));
    assert_int_equal(vsa_image_build(&box.given, &built, &error), VSA_ERR_ARGUMENT);
}

static void policy(void **state)
{
    (void)state;
    GUARDED(struct vsa_policy) box;
    GUARDED(struct vsa_claims) claims;
    struct vsa_verifier *verifier = vsa_verifier_new();
    const struct vsa_slice garbage = vsa_slice_of("garbage", 7);
    FILL(box);
    FILL(claims);
    vsa_policy_init(&box.given);
    CHECK(box);
    assert_int_equal(vsa_policy_check(&box.given, NULL), VSA_OK);
    /* The policy is as it should be, the document is not. */
    enum vsa_status status = vsa_verify(verifier, garbage, &box.given, 1, &claims.given, NULL);
    assert_int_equal(vsa_status_class(status), VSA_CLASS_FORMAT);
    assert_true(claims.guard == GUARD);
    assert_int_equal(claims.given.size, 0);
#ifdef NEWER
    box.given.added = 1;
    assert_int_equal(vsa_policy_check(&box.given, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_verify(verifier, garbage, &box.given, 1, &claims.given, NULL),
                     VSA_ERR_ARGUMENT);
#endif
    vsa_verifier_free(verifier);
}

/* Two in a row: the second stands where the program has it. The older header has no errors. */
static void verify_jobs(void **state)
{
    (void)state;
    GUARDED(struct vsa_claims) claims[2];
    struct {
        struct vsa_verify_job given[2];
        uint64_t guard;
    } jobs = {.guard = GUARD};
    struct vsa_policy policy;
    struct vsa_verifier *verifier = vsa_verifier_new();
    vsa_policy_init(&policy);
    for (int i = 0; i < 2; i++) {
        FILL(claims[i]);
        memset(&jobs.given[i], 0xff, sizeof(jobs.given[i]));
        vsa_verify_job_init(&jobs.given[i]);
        assert_int_equal(jobs.given[i].size, sizeof(jobs.given[i]));
        jobs.given[i].document = vsa_slice_of("garbage", 7);
        jobs.given[i].policy = &policy;
        jobs.given[i].now_ms = 1;
        jobs.given[i].claims = &claims[i].given;
    }
    assert_int_equal(vsa_status_class(vsa_verify_batch(verifier, jobs.given, 2)), VSA_CLASS_FORMAT);
    assert_true(jobs.guard == GUARD);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vsa_status_class(jobs.given[i].status), VSA_CLASS_FORMAT);
        assert_true(claims[i].guard == GUARD);
        assert_int_equal(claims[i].given.size, 0);
    }
#ifdef NEWER
    jobs.given[1].added = 1;
    assert_int_equal(vsa_verify_batch(verifier, jobs.given, 2), VSA_ERR_ARGUMENT);
#endif
    vsa_verifier_free(verifier);
}

/* A policy that is as long as the program knows it, and no byte is mapped behind it. */
static void policy_before_a_gap(void **state)
{
    (void)state;
    static const char json[] = "{\"PCR5\": \"000000000000000000000000000000000000000000000000"
                               "000000000000000000000000000000000000000000000000\"}";
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    struct vsa_policy *policy = (struct vsa_policy *)(void *)(pages + page - sizeof(*policy));
    vsa_policy_init(policy);
    assert_int_equal(
        vsa_policy_expect_measurements(policy, vsa_slice_of(json, sizeof(json) - 1), NULL), VSA_OK);
    assert_int_equal(policy->pcrs.present, 1u << 5);
    assert_int_equal(vsa_policy_check(policy, NULL), VSA_OK);
    assert_int_equal(munmap(pages, 2 * page), 0);
}

/* An older program's claims have no end of the certificate's validity: it is 0, not the guard. */
static void claims(void **state)
{
    (void)state;
    GUARDED(struct vsa_claims) box;
    FILL(box);
    memset(&box.given, 0, sizeof(box.given));
    box.given.size = sizeof(box.given);
    json_t *report = vsa_claims_to_json(&box.given);
    const json_t *certificate = json_object_get(report, "certificate");
    assert_string_equal(json_string_value(json_object_get(certificate, "not_after")),
                        "1970-01-01T00:00:00Z");
    json_decref(report);
}

static void verifier_statistics(void **state)
{
    (void)state;
    GUARDED(struct vsa_verifier_statistics) box;
    struct vsa_verifier *verifier = vsa_verifier_new();
    FILL(box);
    vsa_verifier_get_statistics(verifier, &box.given);
    CHECK(box);
    assert_int_equal(box.given.hits, 0);
    vsa_verifier_free(verifier);
}

static void server_options(void **state)
{
    (void)state;
    GUARDED(struct vsa_server_options) box;
    struct vsa_server *server = NULL;
    struct vsa_error error = {0};
    FILL(box);
    vsa_server_options_init(&box.given);
    CHECK(box);
    box.given.max_line = 1;
    assert_int_equal(vsa_server_new(&box.given, &server, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "max_line"));
#ifdef NEWER
    box.given.added = 1;
    assert_int_equal(vsa_server_new(&box.given, &server, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "does not have"));
#endif
    memset(&box.given, 0, sizeof(box.given));
    assert_int_equal(vsa_server_new(&box.given, &server, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "vsa_server_options_init()"));
}

static void server_statistics(void **state)
{
    (void)state;
    GUARDED(struct vsa_server_statistics) box;
    struct vsa_server_options options;
    struct vsa_server *server = NULL;
    char directory[] = "/tmp/vsa-growth-XXXXXX";
    char listen[64];
    char nsm[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(listen, sizeof(listen), "unix:%s/s", directory);
    (void)snprintf(nsm, sizeof(nsm), "unix:%s/n", directory);
    vsa_server_options_init(&options);
    options.listen = listen;
    options.nsm = nsm; /* does not answer, which is no error */
    assert_int_equal(vsa_server_new(&options, &server, NULL), VSA_OK);
    FILL(box);
    vsa_server_get_statistics(server, &box.given);
    CHECK(box);
    assert_int_equal(box.given.requests, 0);
    vsa_server_free(server);
    assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_options),      cmocka_unit_test(client_statistics),
        cmocka_unit_test(attestation),         cmocka_unit_test(policy),
        cmocka_unit_test(policy_before_a_gap), cmocka_unit_test(claims),
        cmocka_unit_test(verifier_statistics), cmocka_unit_test(server_options),
        cmocka_unit_test(server_statistics),   cmocka_unit_test(image_recipe),
        cmocka_unit_test(verify_jobs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
