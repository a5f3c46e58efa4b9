/* SPDX-License-Identifier: Apache-2.0 */
/* Claims, anchors, the cache and threads. Refusals are the rows of test_mutations_*.c. */
#include "unit_test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "crypto/digest.h"
#include "forge.h"

#define HOUR INT64_C(3600000)

static struct forge forge;

static struct vsa_verifier *verifier_with(struct vsa_slice root)
{
    struct vsa_verifier *verifier = vsa_verifier_new();
    struct vsa_error error = {0};
    assert_non_null(verifier);
    if (root.data && vsa_verifier_add_root(verifier, root, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    return verifier;
}

static enum vsa_status verify(struct vsa_verifier *verifier, struct vsa_slice document,
                              int64_t now_ms)
{
    struct vsa_policy policy;
    struct vsa_claims claims;
    vsa_policy_init(&policy);
    policy.max_age_ms = 24 * HOUR;
    return vsa_verify(verifier, document, &policy, now_ms, &claims, NULL);
}

static void expect_statistics(struct vsa_verifier *verifier, uint64_t hits, uint64_t misses)
{
    struct vsa_verifier_statistics statistics;
    vsa_verifier_get_statistics(verifier, &statistics);
    assert_int_equal(statistics.hits, hits);
    assert_int_equal(statistics.misses, misses);
}

/* --- claims --- */

static void claims_of_the_genuine_document(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_slice root = forge_genuine_root(&forge);
    struct vsa_verifier *verifier = verifier_with(root);
    uint8_t root_sha256[32];
    vsa_policy_init(&policy);
    memset(&claims, 0xa5, sizeof(claims));
    assert_int_equal(vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, NULL), VSA_OK);
    assert_true(vsa_slice_equal_text(claims.module_id, FORGE_MODULE_ID));
    assert_true(claims.timestamp_ms == FORGE_TIMESTAMP_MS);
    assert_true(claims.verified_at_ms == FORGE_NOW_MS);
    assert_int_equal(claims.pcrs.present, 0xffff);
    assert_int_equal(claims.pcrs_checked, 0);
    assert_false(claims.debug_mode || claims.nonce_checked || claims.user_data_checked ||
                 claims.public_key_checked || claims.instance_checked);
    assert_true(vsa_slice_equal_text(claims.public_key, "public 1"));
    assert_true(vsa_slice_equal_text(claims.user_data, "user data"));
    assert_true(vsa_slice_equal_text(claims.nonce, "nonce"));
    assert_int_equal(vsa_sha256(&root, 1, root_sha256, NULL), VSA_OK);
    assert_memory_equal(claims.root_sha256, root_sha256, 32);
    assert_false(claims.root_is_aws);
    assert_string_equal(claims.root_subject, "CN=forge.nitro-enclaves,O=Forge,C=US");
    assert_string_equal(claims.certificate_subject,
                        "CN=" FORGE_MODULE_ID ".eu-north-1.forge,O=Forge,C=US");
    assert_true(claims.certificate_not_before_ms == FORGE_NOW_MS - 60000);
    assert_true(claims.certificate_not_after_ms == FORGE_NOW_MS + 2 * HOUR + 59 * 60000 + 3000);
    vsa_verifier_free(verifier);
}

/* Its policy and its claims end earlier: defaults for the rest, and no byte behind is touched. */
static void policy_and_claims_of_an_older_program(void **state)
{
    (void)state;
    union {
        struct vsa_policy policy;
        uint8_t bytes[sizeof(struct vsa_policy)];
    } old_policy;
    union {
        struct vsa_claims claims;
        uint8_t bytes[sizeof(struct vsa_claims)];
    } old_claims;
    const size_t policy_size = offsetof(struct vsa_policy, measurements);
    const size_t claims_size = offsetof(struct vsa_claims, certificate_not_before_ms);
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    memset(&old_policy, 0xa5, sizeof(old_policy));
    memset(&old_claims, 0xa5, sizeof(old_claims));
    vsa_policy_init_size(&old_policy.policy, policy_size);
    assert_int_equal(vsa_verify_size(verifier, document, &old_policy.policy, FORGE_NOW_MS,
                                     &old_claims.claims, claims_size, NULL),
                     VSA_OK);
    assert_int_equal(old_claims.claims.size, claims_size);
    assert_true(vsa_slice_equal_text(old_claims.claims.module_id, FORGE_MODULE_ID));
    for (size_t i = policy_size; i < sizeof(old_policy); i++)
        assert_int_equal(old_policy.bytes[i], 0xa5);
    for (size_t i = claims_size; i < sizeof(old_claims); i++)
        assert_int_equal(old_claims.bytes[i], 0xa5);
    vsa_verifier_free(verifier);
}

/* What was compared is said, and nothing else. */
static void claims_say_what_was_checked(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    for (unsigned chosen = 0; chosen < 16; chosen++) {
        struct vsa_policy policy;
        struct vsa_claims claims;
        uint8_t value[VSA_PCR_SIZE];
        vsa_policy_init(&policy);
        if (chosen & 1)
            policy.nonce = vsa_slice_of_text("nonce");
        if (chosen & 2)
            policy.user_data = vsa_slice_of_text("user data");
        if (chosen & 4)
            policy.public_key = vsa_slice_of_text("public 1");
        if (chosen & 8)
            policy.instance = vsa_slice_of_text(FORGE_INSTANCE_ID);
        forge_pcr_value(chosen, value);
        assert_int_equal(vsa_policy_expect_pcr(&policy, chosen, vsa_slice_of(value, 48), NULL),
                         VSA_OK);
        assert_int_equal(vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, NULL),
                         VSA_OK);
        assert_int_equal(claims.nonce_checked, (chosen & 1) != 0);
        assert_int_equal(claims.user_data_checked, (chosen & 2) != 0);
        assert_int_equal(claims.public_key_checked, (chosen & 4) != 0);
        assert_int_equal(claims.instance_checked, (chosen & 8) != 0);
        assert_int_equal(claims.pcrs_checked, 1u << chosen);
    }
    vsa_verifier_free(verifier);
}

static void the_image_that_matched_is_in_the_claims(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_measurements images[3] = {{.pcrs = {.present = 7}}, {.pcrs = {.present = 0x107}}};
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        memset(images[0].pcrs.value[i], 1, VSA_PCR_SIZE);
        forge_pcr_value(i, images[1].pcrs.value[i]);
    }
    images[2] = images[1];
    vsa_policy_init(&policy);
    policy.measurements = images;
    policy.measurement_count = 3;
    assert_int_equal(
        vsa_policy_expect_pcr(&policy, 3, vsa_slice_of(images[1].pcrs.value[3], 48), NULL), VSA_OK);
    assert_int_equal(vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, NULL), VSA_OK);
    assert_ptr_equal(claims.measurements, &images[1]);
    assert_int_equal(claims.pcrs_checked, 0x10f);
    policy.measurement_count = 1;
    assert_int_equal(vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, NULL),
                     VSA_ERR_PCR_MISMATCH);
    assert_null(claims.measurements);
    vsa_verifier_free(verifier);
}

static void debug_mode_shows_in_the_claims(void **state)
{
    (void)state;
    struct vsa_policy policy;
    struct vsa_claims claims;
    forge_reset(&forge);
    forge.pcrs[0].value = forge_bytes(&forge, VSA_PCR_SIZE, 0);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    assert_int_equal(vsa_verify(verifier, document, &policy, FORGE_NOW_MS, &claims, NULL), VSA_OK);
    assert_true(claims.debug_mode);
    vsa_verifier_free(verifier);
}

/* --- anchors --- */

/* A root that breaks a rule cannot become an anchor. */
static void roots_that_are_refused(void **state)
{
    static const struct {
        const char *basic_constraints;
        bool critical;
        const char *key_usage;
        enum forge_key_kind key;
        enum forge_algorithm algorithm;
        const char *version;
        const char *issuer;
        int signer;
        enum forge_form form;
        enum vsa_status expected;
    } rows[] = {
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, 0, VSA_OK},
        {FORGE_NOT_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, 0, VSA_ERR_CERTIFICATE_PROFILE},
        {NULL, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, 0, VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, false, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, 0, VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_LEAF, 0, 0, NULL, NULL, 0, 0, VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, NULL, 0, 0, NULL, NULL, 0, 0, VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, FORGE_P256, 0, NULL, NULL, 0, 0,
         VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, FORGE_P384_EXPLICIT, 0, NULL, NULL, 0, 0,
         VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, FORGE_ECDSA_SHA256, NULL, NULL, 0, 0,
         VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, "a003020101", NULL, 0, 0,
         VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, "another", 0, 0,
         VSA_ERR_CERTIFICATE_PROFILE},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, FORGE_STRANGER, 0, VSA_ERR_CHAIN},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, FORGE_TRAILING_OUTSIDE,
         VSA_ERR_TRAILING_BYTES},
        {FORGE_CA, true, FORGE_USAGE_ROOT, 0, 0, NULL, NULL, 0, FORGE_CUT_OFF,
         VSA_ERR_CERTIFICATE_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge_reset(&forge);
        struct forge_certificate *root = &forge.certificates[FORGE_ROOT];
        forge_extension_set(root, FORGE_OID_BASIC_CONSTRAINTS, rows[i].critical,
                            rows[i].basic_constraints);
        forge_extension_set(root, FORGE_OID_KEY_USAGE, true, rows[i].key_usage);
        root->key_kind = rows[i].key;
        root->algorithm = rows[i].algorithm;
        root->outer_algorithm = rows[i].algorithm;
        root->version = rows[i].version ? rows[i].version : root->version;
        root->issuer = rows[i].issuer;
        root->signer = rows[i].signer;
        root->form = rows[i].form;
        struct vsa_verifier *verifier = vsa_verifier_new();
        struct vsa_error error = {0};
        assert_non_null(verifier);
        enum vsa_status status =
            vsa_verifier_add_root(verifier, forge_issue(&forge, FORGE_ROOT), &error);
        if (status != rows[i].expected)
            fail_msg("row %zu: %s: %s", i, vsa_status_code(status), error.detail);
        if (status != VSA_OK) {
            assert_memory_equal(error.detail, "root certificate: ", 18);
            /* It is not there. */
            assert_int_equal(verify(verifier, forge_build(&forge), FORGE_NOW_MS),
                             VSA_ERR_NO_ANCHOR);
        }
        vsa_verifier_free(verifier);
    }
}

/* An intermediate CA is no trust anchor: that would be X509_V_FLAG_PARTIAL_CHAIN. */
static void intermediates_are_no_anchors(void **state)
{
    (void)state;
    forge_reset(&forge);
    for (size_t i = FORGE_REGIONAL; i <= FORGE_LEAF; i++) {
        struct vsa_verifier *verifier = vsa_verifier_new();
        assert_non_null(verifier);
        assert_int_equal(vsa_verifier_add_root(verifier, forge_issue(&forge, i), NULL),
                         VSA_ERR_CERTIFICATE_PROFILE);
        vsa_verifier_free(verifier);
    }
}

static void anchors_are_bounded(void **state)
{
    (void)state;
    struct vsa_verifier *verifier = vsa_verifier_new();
    assert_non_null(verifier);
    for (int i = 0; i <= VSA_MAX_ANCHORS; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "root %d", i);
        forge_reset(&forge);
        forge.certificates[FORGE_ROOT].subject = name;
        struct vsa_slice root = forge_issue(&forge, FORGE_ROOT);
        assert_int_equal(vsa_verifier_add_root(verifier, root, NULL),
                         i < VSA_MAX_ANCHORS ? VSA_OK : VSA_ERR_TOO_MANY);
    }
    /* One that is there already needs no room. */
    forge_reset(&forge);
    forge.certificates[FORGE_ROOT].subject = "root 3";
    assert_int_equal(vsa_verifier_add_root(verifier, forge_issue(&forge, FORGE_ROOT), NULL),
                     VSA_OK);
    /* The last of them counts as the first does. */
    forge.certificates[FORGE_ROOT].subject = "root 15";
    assert_int_equal(verify(verifier, forge_build(&forge), FORGE_NOW_MS), VSA_OK);
    vsa_verifier_free(verifier);
    vsa_verifier_free(NULL);
}

/* --- the cache --- */

static void lookups_are_counted(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    expect_statistics(verifier, 0, 0);
    /* Three CAs and a leaf; the root is no lookup. */
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 0, 4);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 4, 4);
    /* Another leaf under the same CAs. */
    forge_reset(&forge);
    forge.certificates[FORGE_LEAF].not_after = "260115145904Z";
    assert_int_equal(verify(verifier, forge_build(&forge), FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 7, 5);
    /* What is malformed is not even looked up. */
    assert_int_equal(verify(verifier, vsa_slice_of("\x84", 1), FORGE_NOW_MS), VSA_ERR_CBOR);
    expect_statistics(verifier, 7, 5);
    vsa_verifier_free(verifier);
}

/* A refused certificate is not remembered as good: it is looked at each time. */
static void refusals_are_not_cached(void **state)
{
    (void)state;
    forge_reset(&forge);
    forge.certificates[FORGE_ZONAL].signer = FORGE_STRANGER;
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_ERR_CHAIN);
        expect_statistics(verifier, i - 1, 1 + i);
    }
    vsa_verifier_free(verifier);
}

/* Cantina, base/base PR #1972: a cached CA must not outlive its own certificate. */
static void expiry_is_checked_at_every_use(void **state)
{
    static const struct {
        size_t level;
        const char *not_after; /* an hour after the first verification */
        const char *not_before;
    } rows[] = {{FORGE_REGIONAL, "260115130000Z", NULL}, {FORGE_ZONAL, "260115130000Z", NULL},
                {FORGE_INSTANCE, "260115130000Z", NULL}, {FORGE_LEAF, "260115130000Z", NULL},
                {FORGE_REGIONAL, NULL, "260115115930Z"}, {FORGE_ZONAL, NULL, "260115115930Z"},
                {FORGE_INSTANCE, NULL, "260115115930Z"}, {FORGE_LEAF, NULL, "260115115930Z"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge_reset(&forge);
        struct forge_certificate *certificate = &forge.certificates[rows[i].level];
        if (rows[i].not_after)
            certificate->not_after = rows[i].not_after;
        else
            certificate->not_before = rows[i].not_before;
        struct vsa_slice document = forge_build(&forge);
        struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
        assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
        if (rows[i].not_after) {
            assert_int_equal(verify(verifier, document, FORGE_NOW_MS + HOUR + 999), VSA_OK);
            assert_int_equal(verify(verifier, document, FORGE_NOW_MS + HOUR + 1000),
                             VSA_ERR_EXPIRED);
        } else {
            /* From the allowed skew on, and there the document is what comes too early. */
            assert_int_equal(verify(verifier, document, FORGE_NOW_MS - 30000), VSA_OK);
            assert_int_equal(verify(verifier, document, FORGE_NOW_MS - 60000), VSA_ERR_FROM_FUTURE);
            assert_int_equal(verify(verifier, document, FORGE_NOW_MS - 60001),
                             VSA_ERR_NOT_YET_VALID);
        }
        /* A clock that is set back is no reason to forget. */
        assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
        vsa_verifier_free(verifier);
    }
}

static void root_expires_too(void **state)
{
    (void)state;
    forge_reset(&forge);
    forge.certificates[FORGE_ROOT].not_after = "260115130000Z";
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge.made_certificates[FORGE_ROOT]);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS + HOUR + 1000), VSA_ERR_EXPIRED);
    vsa_verifier_free(verifier);
}

/* What one verifier trusts and remembers is nothing to another. */
static void two_verifiers_share_nothing(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *one = verifier_with(forge_genuine_root(&forge));
    struct vsa_verifier *other = verifier_with(vsa_slice_of(NULL, 0));
    assert_int_equal(verify(one, document, FORGE_NOW_MS), VSA_OK);
    assert_int_equal(verify(other, document, FORGE_NOW_MS), VSA_ERR_NO_ANCHOR);
    struct forge_certificate *root = &forge.certificates[FORGE_ROOT];
    root->subject = "another root";
    assert_int_equal(vsa_verifier_add_root(other, forge_issue(&forge, FORGE_ROOT), NULL), VSA_OK);
    assert_int_equal(verify(other, document, FORGE_NOW_MS), VSA_ERR_UNTRUSTED_ROOT);
    expect_statistics(other, 0, 0);
    expect_statistics(one, 0, 4);
    vsa_verifier_free(other);
    vsa_verifier_free(one);
}

/* A cached leaf does not stand in for a CA, nor a CA for a leaf. */
static void roles_are_kept_apart(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    /* The cached instance CA in the leaf's place, and its key under the document. */
    forge.levels = FORGE_INSTANCE + 1;
    forge.bundle_count = FORGE_INSTANCE;
    forge.cose.signer = FORGE_INSTANCE;
    forge_set_value(&forge, FORGE_FIELD_CERTIFICATE, vsa_slice_of(NULL, 0));
    forge_set_value(&forge, FORGE_FIELD_CABUNDLE, vsa_slice_of(NULL, 0));
    assert_int_equal(verify(verifier, forge_build(&forge), FORGE_NOW_MS),
                     VSA_ERR_CERTIFICATE_PROFILE);
    /* The cached leaf in a CA's place. */
    forge_reset(&forge);
    forge.levels = FORGE_LEVELS + 1;
    memcpy(&forge.certificates[FORGE_LEAF + 1], &forge.certificates[FORGE_LEAF],
           sizeof(forge.certificates[0]));
    forge.certificates[FORGE_LEAF + 1].signer = FORGE_LEAF;
    forge.certificates[FORGE_LEAF + 1].key_number = FORGE_STRANGER;
    forge.bundle_count = FORGE_LEVELS;
    forge.bundle[FORGE_LEAF] = FORGE_LEAF;
    forge.cose.signer = FORGE_STRANGER;
    assert_int_equal(verify(verifier, forge_build(&forge), FORGE_NOW_MS),
                     VSA_ERR_CERTIFICATE_PROFILE);
    vsa_verifier_free(verifier);
}

/* The document `number` of a region: its own leaf, the CAs shared. */
static struct vsa_slice document_of_leaf(unsigned number)
{
    static char subject[32];
    (void)snprintf(subject, sizeof(subject), "leaf %u", number);
    forge_reset(&forge);
    forge.certificates[FORGE_LEAF].subject = subject;
    return forge_build(&forge);
}

/* 100 leaves through a cache of 64: the CAs, used each time, stay; the oldest leaves go. */
static void least_used_goes_first(void **state)
{
    (void)state;
    forge_reset(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(verify(verifier, document_of_leaf(i), FORGE_NOW_MS), VSA_OK);
        expect_statistics(verifier, 3 * i, 4 + i);
    }
    /* 61 leaves fit beside 3 CAs: the last 61 are there. */
    assert_int_equal(verify(verifier, document_of_leaf(99), FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 297 + 4, 103);
    assert_int_equal(verify(verifier, document_of_leaf(39), FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 301 + 4, 103);
    assert_int_equal(verify(verifier, document_of_leaf(38), FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 305 + 3, 104);
    vsa_verifier_free(verifier);
}

/* --- threads --- */

#define THREADS      4
#define ROUNDS       40
#define LEAVES       3
#define DOCUMENT_MAX 8192

static struct {
    struct vsa_verifier *verifier;
    uint8_t bytes[LEAVES][DOCUMENT_MAX];
    size_t size[LEAVES];
    uint8_t forged[DOCUMENT_MAX];
    size_t forged_size;
} work;

static void *verify_many(void *argument)
{
    size_t wrong = 0;
    unsigned first = (unsigned)(uintptr_t)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned n = (first + i) % LEAVES;
        struct vsa_slice document = vsa_slice_of(work.bytes[n], work.size[n]);
        wrong += verify(work.verifier, document, FORGE_NOW_MS) != VSA_OK;
        wrong += verify(work.verifier, document, FORGE_NOW_MS + 4 * HOUR) != VSA_ERR_EXPIRED;
        wrong += verify(work.verifier, vsa_slice_of(work.forged, work.forged_size), FORGE_NOW_MS) !=
                 VSA_ERR_SIGNATURE;
    }
    return (void *)(uintptr_t)wrong;
}

static void threads_share_a_verifier(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < LEAVES; i++) {
        struct vsa_slice document = document_of_leaf(i);
        assert_true(document.size <= DOCUMENT_MAX);
        memcpy(work.bytes[i], document.data, document.size);
        work.size[i] = document.size;
    }
    memcpy(work.forged, work.bytes[0], work.size[0]);
    work.forged_size = work.size[0];
    work.forged[work.forged_size - 1] ^= 1;
    work.verifier = verifier_with(forge_genuine_root(&forge));
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_many, (void *)i), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    struct vsa_verifier_statistics statistics;
    vsa_verifier_get_statistics(work.verifier, &statistics);
    /* Per round: 4 lookups, 4 (the leaf expires last), 4. Each certificate is missed at least
     * once, at most once in each thread. */
    assert_int_equal(statistics.hits + statistics.misses, THREADS * ROUNDS * 12);
    assert_in_range(statistics.misses, 3 + LEAVES, THREADS * (3 + LEAVES));
    vsa_verifier_free(work.verifier);
}

static void the_cache_can_be_larger(void **state)
{
    (void)state;
    struct vsa_error error = {.status = VSA_OK};
    forge_reset(&forge);
    struct vsa_slice document = forge_build(&forge);
    struct vsa_verifier *verifier = verifier_with(forge_genuine_root(&forge));
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 0, 4);
    assert_int_equal(vsa_verifier_set_cache_size(verifier, 0, &error), VSA_ERR_ARGUMENT);
    assert_int_equal(vsa_verifier_set_cache_size(verifier, VSA_MAX_CACHED_CERTIFICATES + 1, &error),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 4, 4);
    /* Another size forgets what was there, and keeps the roots. */
    assert_int_equal(vsa_verifier_set_cache_size(verifier, VSA_MAX_CACHED_CERTIFICATES, &error),
                     VSA_OK);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    assert_int_equal(verify(verifier, document, FORGE_NOW_MS), VSA_OK);
    expect_statistics(verifier, 8, 8);
    vsa_verifier_free(verifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_of_the_genuine_document),
        cmocka_unit_test(the_cache_can_be_larger),
        cmocka_unit_test(policy_and_claims_of_an_older_program),
        cmocka_unit_test(claims_say_what_was_checked),
        cmocka_unit_test(the_image_that_matched_is_in_the_claims),
        cmocka_unit_test(debug_mode_shows_in_the_claims),
        cmocka_unit_test(roots_that_are_refused),
        cmocka_unit_test(intermediates_are_no_anchors),
        cmocka_unit_test(anchors_are_bounded),
        cmocka_unit_test(lookups_are_counted),
        cmocka_unit_test(refusals_are_not_cached),
        cmocka_unit_test(expiry_is_checked_at_every_use),
        cmocka_unit_test(root_expires_too),
        cmocka_unit_test(two_verifiers_share_nothing),
        cmocka_unit_test(roles_are_kept_apart),
        cmocka_unit_test(least_used_goes_first),
        cmocka_unit_test(threads_share_a_verifier),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
