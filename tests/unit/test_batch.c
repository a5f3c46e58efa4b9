/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsa_verify_batch() (src/attestation/verify.c): each document of a batch gets what vsa_verify()
 * gives it alone, in every order and mixture. Each row of the mutation tables is in a batch, too
 * (mutation.c).
 */
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "slow_tool.h"

#define HOUR      INT64_C(3600000)
#define LANES     8
#define MAX_JOBS  80
#define MAX_KINDS 16

static struct forge forge;

/* A document, how it is verified, and what vsa_verify() finds out with an empty cache. */
struct kind {
    const char *name;
    uint8_t bytes[VSA_MAX_DOCUMENT];
    struct vsa_slice document;
    struct vsa_policy policy;
    int64_t now_ms;
    enum vsa_status expected;
    struct vsa_claims claims;
    struct vsa_error error;
};

static struct kind kinds[MAX_KINDS];
static size_t kind_count;
static uint8_t root_bytes[VSA_MAX_CERTIFICATE];
static struct vsa_slice root;

static struct vsa_verifier *new_verifier(void)
{
    struct vsa_verifier *verifier = vsa_verifier_new();
    assert_non_null(verifier);
    assert_int_equal(vsa_verifier_add_root(verifier, root, NULL), VSA_OK);
    return verifier;
}

/* Adds what the forge's knobs say; then sets them back. */
static struct kind *add_kind(const char *name, enum vsa_status expected)
{
    assert_true(kind_count < MAX_KINDS);
    struct kind *kind = &kinds[kind_count++];
    struct vsa_slice built = forge_build(&forge);
    assert_true(built.size <= sizeof(kind->bytes));
    *kind = (struct kind){.name = name, .expected = expected, .now_ms = FORGE_NOW_MS};
    memcpy(kind->bytes, built.data, built.size);
    kind->document = vsa_slice_of(kind->bytes, built.size);
    vsa_policy_init(&kind->policy);
    forge_reset(&forge);
    return kind;
}

static void forge_bad_certificates(void)
{
    forge.certificates[FORGE_REGIONAL].signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    (void)add_kind("first certificate's signature", VSA_ERR_CHAIN);
    forge.certificates[FORGE_LEAF].signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    (void)add_kind("leaf's signature", VSA_ERR_CHAIN);
    /* Two faults: the signature above comes first, though it is checked later. */
    forge.certificates[FORGE_ZONAL].signature_edit = FORGE_SIGNATURE_R_ZERO;
    forge.certificates[FORGE_LEAF].form = FORGE_CUT_OFF;
    (void)add_kind("signature above a malformed leaf", VSA_ERR_CHAIN);
    forge.certificates[FORGE_LEAF].form = FORGE_CUT_OFF;
    (void)add_kind("malformed leaf", VSA_ERR_CERTIFICATE_SYNTAX);
    forge.certificates[FORGE_INSTANCE].key_kind = FORGE_P384_OFF_CURVE;
    (void)add_kind("a key that is not on the curve", VSA_ERR_CERTIFICATE_SYNTAX);
}

static int make_kinds(void **state)
{
    (void)state;
    forge_reset(&forge);
    root = forge_genuine_root(&forge);
    memcpy(root_bytes, root.data, root.size);
    root = vsa_slice_of(root_bytes, root.size);
    (void)add_kind("genuine", VSA_OK);
    add_kind("a nonce", VSA_OK)->policy.nonce = vsa_slice_of_text("nonce");
    add_kind("another nonce", VSA_ERR_NONCE)->policy.nonce = vsa_slice_of_text("other");
    add_kind("expired", VSA_ERR_EXPIRED)->now_ms = FORGE_NOW_MS + 4 * HOUR;
    add_kind("no time", VSA_ERR_ARGUMENT)->now_ms = 0;
    add_kind("no policy", VSA_ERR_POLICY_EMPTY)->policy.magic = 0;
    forge.cose.signature_edit = FORGE_SIGNATURE_BIT_FLIPPED;
    (void)add_kind("document's signature", VSA_ERR_SIGNATURE);
    forge.cose.signature_edit = FORGE_SIGNATURE_NEGATED;
    (void)add_kind("negated signature", VSA_OK);
    forge.cose.array = "85";
    (void)add_kind("not a COSE_Sign1", VSA_ERR_COSE);
    forge_set_levels(&forge, 3);
    (void)add_kind("a short chain", VSA_OK);
    forge_bad_certificates();
    for (size_t i = 0; i < kind_count; i++) {
        struct vsa_verifier *verifier = new_verifier();
        enum vsa_status status = vsa_verify(verifier, kinds[i].document, &kinds[i].policy,
                                            kinds[i].now_ms, &kinds[i].claims, &kinds[i].error);
        if (status != kinds[i].expected)
            fail_msg("%s: %s", kinds[i].name, vsa_status_code(status));
        vsa_verifier_free(verifier);
    }
    return 0;
}

/* --- batches --- */

struct batch {
    size_t count;
    const struct kind *kinds[MAX_JOBS];
    struct vsa_verify_job jobs[MAX_JOBS];
    struct vsa_claims claims[MAX_JOBS];
    struct vsa_error errors[MAX_JOBS];
};

static struct batch batch;

static void batch_add(const struct kind *kind)
{
    size_t at = batch.count++;
    struct vsa_verify_job *job = &batch.jobs[at];
    memset(&batch.claims[at], 0xa5, sizeof(batch.claims[at]));
    memset(&batch.errors[at], 0, sizeof(batch.errors[at]));
    batch.kinds[at] = kind;
    memset(job, 0xa5, sizeof(*job));
    vsa_verify_job_init(job);
    assert_int_equal(job->status, VSA_ERR_ARGUMENT);
    job->document = kind->document;
    job->policy = &kind->policy;
    job->now_ms = kind->now_ms;
    job->claims = &batch.claims[at];
    job->error = &batch.errors[at];
}

static void expect_same_error(const struct vsa_error *got, const struct vsa_error *expected)
{
    assert_int_equal(got->status, expected->status);
    assert_int_equal(got->offset, expected->offset);
    assert_string_equal(got->detail, expected->detail);
    assert_true(got->rule == expected->rule);
}

static void batch_check(struct vsa_verifier *verifier)
{
    enum vsa_status first = VSA_OK;
    enum vsa_status status = vsa_verify_batch(verifier, batch.jobs, batch.count);
    for (size_t i = 0; i < batch.count; i++) {
        const struct kind *kind = batch.kinds[i];
        if (batch.jobs[i].status != kind->expected)
            fail_msg("%zu of %zu, %s: %s", i, batch.count, kind->name,
                     vsa_status_code(batch.jobs[i].status));
        if (first == VSA_OK)
            first = kind->expected;
        assert_memory_equal(&batch.claims[i], &kind->claims, sizeof(kind->claims));
        expect_same_error(&batch.errors[i], &kind->error);
    }
    assert_int_equal(status, first);
    batch.count = 0;
}

static void every_document_beside_every_other(void **state)
{
    (void)state;
    struct vsa_verifier *warm = new_verifier();
    for (size_t i = 0; i < kind_count; i += slow_tool_step())
        for (size_t k = 0; k < kind_count; k++) {
            struct vsa_verifier *cold = new_verifier();
            batch_add(&kinds[i]);
            batch_add(&kinds[k]);
            batch_add(&kinds[i]);
            batch_check(cold);
            vsa_verifier_free(cold);
            batch_add(&kinds[k]);
            batch_add(&kinds[i]);
            batch_check(warm);
        }
    vsa_verifier_free(warm);
}

/* Around the sizes of lanes and rounds, in orders that a generator chooses. */
static void any_size_order_and_mixture(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, MAX_JOBS};
    uint64_t random = 20260101;
    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n += slow_tool_step()) {
        struct vsa_verifier *verifier = new_verifier();
        for (int again = 0; again < 3; again++) {
            while (batch.count < counts[n]) {
                random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
                batch_add(&kinds[(random >> 33) % kind_count]);
            }
            batch_check(verifier);
        }
        vsa_verifier_free(verifier);
    }
}

/* Every subset of eight signatures is bad: each is refused, and no other. */
static void every_subset_of_bad_lanes(void **state)
{
    (void)state;
    const struct kind *good = &kinds[0];
    const struct kind *bad = NULL;
    for (size_t i = 0; i < kind_count; i++)
        if (kinds[i].expected == VSA_ERR_SIGNATURE)
            bad = &kinds[i];
    assert_non_null(bad);
    struct vsa_verifier *verifier = new_verifier();
    for (unsigned subset = 0; subset < 1u << LANES; subset += is_slow_tool() ? 37 : 1) {
        for (unsigned lane = 0; lane < LANES; lane++)
            batch_add(subset & 1u << lane ? bad : good);
        batch_check(verifier);
    }
    vsa_verifier_free(verifier);
}

/* --- the cache --- */

static void expect_statistics(struct vsa_verifier *verifier, uint64_t hits, uint64_t misses)
{
    struct vsa_verifier_statistics statistics;
    vsa_verifier_get_statistics(verifier, &statistics);
    assert_int_equal(statistics.hits, hits);
    assert_int_equal(statistics.misses, misses);
}

/* As by single calls: the first document misses, the others find what it had checked. */
static void certificates_in_common_are_checked_once(void **state)
{
    (void)state;
    struct vsa_verifier *together = new_verifier();
    struct vsa_verifier *apart = new_verifier();
    for (int i = 0; i < 5; i++) {
        struct vsa_claims claims;
        batch_add(&kinds[0]);
        assert_int_equal(
            vsa_verify(apart, kinds[0].document, &kinds[0].policy, kinds[0].now_ms, &claims, NULL),
            VSA_OK);
    }
    expect_statistics(apart, 16, 4);
    batch_check(together);
    expect_statistics(together, 16, 4);
    batch_add(&kinds[0]);
    batch_add(&kinds[0]);
    batch_check(together);
    expect_statistics(together, 24, 4);
    vsa_verifier_free(together);
    vsa_verifier_free(apart);
}

/* --- jobs --- */

static void a_job_that_was_not_set_up(void **state)
{
    (void)state;
    struct vsa_verifier *verifier = new_verifier();
    for (int wrong = 0; wrong < 3; wrong++) {
        static const size_t sizes[] = {0, 8, sizeof(struct vsa_verify_job) + 8};
        for (int i = 0; i < 3; i++)
            batch_add(&kinds[0]);
        batch.jobs[wrong].size = sizes[wrong];
        assert_int_equal(vsa_verify_batch(verifier, batch.jobs, 3), VSA_ERR_ARGUMENT);
        for (int i = 0; i < 3; i++)
            assert_int_equal(batch.jobs[i].status, VSA_ERR_ARGUMENT);
        /* Verdicts of a call before do not stay, behind the wrong one either. */
        for (int i = 0; i < 3; i++)
            batch.jobs[i].status = VSA_OK;
        assert_int_equal(vsa_verify_batch(verifier, batch.jobs, 3), VSA_ERR_ARGUMENT);
        for (int i = 0; wrong > 0 && i < 3; i++)
            if (i != wrong)
                assert_int_equal(batch.jobs[i].status, VSA_ERR_ARGUMENT);
        batch.count = 0;
    }
    expect_statistics(verifier, 0, 0);
    vsa_verifier_free(verifier);
}

/* A job and claims of an older program end earlier: no error is set, no byte behind is touched. */
static void jobs_of_an_older_program(void **state)
{
    (void)state;
    const size_t size = offsetof(struct vsa_verify_job, error);
    const size_t claims_size = offsetof(struct vsa_claims, certificate_not_before_ms);
    uint64_t memory[2 * sizeof(struct vsa_verify_job) / sizeof(uint64_t)];
    struct vsa_claims claims[2];
    struct vsa_verifier *verifier = new_verifier();
    memset(memory, 0xa5, sizeof(memory));
    memset(claims, 0xa5, sizeof(claims));
    for (size_t i = 0; i < 2; i++) {
        struct vsa_verify_job *job =
            (struct vsa_verify_job *)(void *)((uint8_t *)memory + i * size);
        vsa_verify_job_init_size(job, size, claims_size);
        job->document = kinds[i ? 2 : 0].document;
        job->policy = &kinds[i ? 2 : 0].policy;
        job->now_ms = FORGE_NOW_MS;
        job->claims = &claims[i];
    }
    struct vsa_verify_job *jobs = (struct vsa_verify_job *)(void *)memory;
    assert_int_equal(vsa_verify_batch(verifier, jobs, 2), VSA_ERR_NONCE);
    assert_int_equal(jobs->status, VSA_OK);
    assert_int_equal(claims[0].size, claims_size);
    for (size_t i = 2 * size; i < sizeof(memory); i++)
        assert_int_equal(((uint8_t *)memory)[i], 0xa5);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = claims_size; k < sizeof(claims[i]); k++)
            assert_int_equal(((uint8_t *)&claims[i])[k], 0xa5);
    vsa_verifier_free(verifier);
}

/* The error object is optional, as everywhere. */
static void without_errors(void **state)
{
    (void)state;
    struct vsa_verifier *verifier = new_verifier();
    for (size_t i = 0; i < kind_count; i++) {
        batch_add(&kinds[i]);
        batch.jobs[i].error = NULL;
    }
    assert_int_equal(vsa_verify_batch(verifier, batch.jobs, kind_count), VSA_ERR_NONCE);
    for (size_t i = 0; i < kind_count; i++)
        assert_int_equal(batch.jobs[i].status, kinds[i].expected);
    batch.count = 0;
    vsa_verifier_free(verifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_beside_every_other),
        cmocka_unit_test(any_size_order_and_mixture),
        cmocka_unit_test(every_subset_of_bad_lanes),
        cmocka_unit_test(certificates_in_common_are_checked_once),
        cmocka_unit_test(a_job_that_was_not_set_up),
        cmocka_unit_test(jobs_of_an_older_program),
        cmocka_unit_test(without_errors),
    };
    return cmocka_run_group_tests(tests, make_kinds, NULL);
}
