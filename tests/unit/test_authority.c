/* SPDX-License-Identifier: Apache-2.0 */
/* The five levels, as measured on AWS's certificates (nitro-facts.md, section 2.3). */
#include "software_nsm/authority.h"

#include "base/slice.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"
#include "x509/certificate.h"

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static int setup(void **state)
{
    struct vsa_authority *authority = fixture_authority();
    assert_int_equal(vsa_authority_refresh(authority, FIXTURE_NOW_MS, NULL), VSA_OK);
    *state = authority;
    return 0;
}

static int teardown(void **state)
{
    vsa_authority_free(*state);
    return 0;
}

/* The caller releases it. */
static struct vsa_certificate *certificate_of(const struct vsa_authority *authority,
                                              enum vsa_authority_level level)
{
    struct vsa_certificate *certificate = NULL;
    assert_int_equal(vsa_certificate_parse(vsa_authority_certificate(authority, level), NULL,
                                           &certificate, NULL),
                     VSA_OK);
    return certificate;
}

static void test_profiles(void **state)
{
    const uint32_t ca_usage =
        VSA_KEY_USAGE_DIGITAL_SIGNATURE | VSA_KEY_USAGE_CERTIFICATE_SIGN | VSA_KEY_USAGE_CRL_SIGN;
    const struct {
        bool is_ca;
        int path_length;
        uint32_t key_usage;
        int64_t lifetime_ms;
    } expected[VSA_AUTHORITY_LEVELS] = {
        {true, VSA_NO_PATH_LENGTH, ca_usage, 10958 * DAY + HOUR},
        {true, 2, ca_usage, 20 * DAY + HOUR},
        {true, 1, ca_usage, 6 * DAY + HOUR},
        {true, 0, VSA_KEY_USAGE_CERTIFICATE_SIGN, DAY},
        {false, VSA_NO_PATH_LENGTH, VSA_KEY_USAGE_DIGITAL_SIGNATURE | VSA_KEY_USAGE_NON_REPUDIATION,
         3 * HOUR + 3 * SECOND},
    };
    for (int level = 0; level < VSA_AUTHORITY_LEVELS; level++) {
        struct vsa_certificate *certificate =
            certificate_of(*state, (enum vsa_authority_level)level);
        assert_int_equal(certificate->fields.version, 3);
        assert_true(certificate->fields.signed_with_ecdsa_sha384);
        assert_false(certificate->fields.malformed);
        assert_false(certificate->fields.unknown_critical);
        assert_int_equal(vsa_key_curve(certificate->key), VSA_CURVE_P384);
        assert_true(certificate->fields.basic_constraints_critical);
        assert_int_equal(certificate->fields.is_ca, expected[level].is_ca);
        assert_int_equal(certificate->fields.path_length, expected[level].path_length);
        assert_int_equal(certificate->fields.key_usage, expected[level].key_usage);
        assert_int_equal(certificate->fields.not_after_ms - certificate->fields.not_before_ms,
                         expected[level].lifetime_ms);
        assert_true(certificate->fields.not_before_ms < FIXTURE_NOW_MS);
        vsa_certificate_release(certificate);
    }
}

static void test_names_say_what_it_is(void **state)
{
    for (int level = 0; level < VSA_AUTHORITY_LEVELS; level++) {
        struct vsa_certificate *certificate =
            certificate_of(*state, (enum vsa_authority_level)level);
        assert_non_null(strstr(certificate->subject, "software-nsm.invalid"));
        assert_non_null(strstr(certificate->subject, "OU=not AWS"));
        assert_non_null(
            strstr(certificate->subject, "O=Not Amazon - software NSM for development"));
        assert_null(strstr(certificate->subject, "aws.nitro"));
        vsa_certificate_release(certificate);
    }
    struct vsa_certificate *leaf = certificate_of(*state, VSA_AUTHORITY_LEAF);
    assert_non_null(strstr(leaf->subject, "CN=" FIXTURE_MODULE_ID "."));
    vsa_certificate_release(leaf);
}

static void test_chain(void **state)
{
    for (int level = VSA_AUTHORITY_REGIONAL; level < VSA_AUTHORITY_LEVELS; level++) {
        struct vsa_certificate *issuer =
            certificate_of(*state, (enum vsa_authority_level)(level - 1));
        struct vsa_certificate *subject = certificate_of(*state, (enum vsa_authority_level)level);
        assert_true(vsa_certificate_names_issuer(subject, issuer));
        assert_int_equal(vsa_certificate_check_signature(subject, issuer, NULL), VSA_OK);
        assert_true(subject->fields.not_after_ms <= issuer->fields.not_after_ms);
        vsa_certificate_release(subject);
        vsa_certificate_release(issuer);
    }
}

/* Enclave ID || 00000000 || time of issue; notBefore 3 seconds before that. */
static void test_leaf_serial(void **state)
{
    static const uint8_t serial[] = {0x02, 0x10, 0x01, 0x9b, 0x85, 0x96, 0xb1, 0xa9, 0xda,
                                     0xd6, 0x00, 0x00, 0x00, 0x00, 0x69, 0x59, 0x7f, 0x68};
    struct vsa_slice der = vsa_authority_certificate(*state, VSA_AUTHORITY_LEAF);
    struct vsa_certificate *leaf = certificate_of(*state, VSA_AUTHORITY_LEAF);
    assert_int_equal(FIXTURE_NOW_MS / 1000, 0x69597f68);
    assert_non_null(memmem(der.data, der.size, serial, sizeof(serial)));
    assert_int_equal(leaf->fields.not_before_ms, FIXTURE_NOW_MS - 3 * SECOND);
    vsa_certificate_release(leaf);
}

static bool has_extension(const struct vsa_authority *authority, enum vsa_authority_level level,
                          uint8_t last)
{
    const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, last};
    struct vsa_slice der = vsa_authority_certificate(authority, level);
    return memmem(der.data, der.size, oid, sizeof(oid)) != NULL;
}

static void test_other_extensions(void **state)
{
    static const bool subject_identifier[] = {true, true, true, true, false};
    static const bool authority_identifier[] = {false, true, true, true, false};
    static const bool distribution_point[] = {false, true, true, false, false};
    for (int i = 0; i < VSA_AUTHORITY_LEVELS; i++) {
        enum vsa_authority_level level = (enum vsa_authority_level)i;
        assert_int_equal(has_extension(*state, level, 0x0e), subject_identifier[i]);
        assert_int_equal(has_extension(*state, level, 0x23), authority_identifier[i]);
        assert_int_equal(has_extension(*state, level, 0x1f), distribution_point[i]);
    }
}

/* Which levels have another certificate after a refresh at `now_ms`: bit n for level n. */
static unsigned refresh(struct vsa_authority *authority, int64_t now_ms)
{
    uint8_t before[VSA_AUTHORITY_LEVELS][VSA_MAX_CERTIFICATE];
    size_t sizes[VSA_AUTHORITY_LEVELS];
    unsigned changed = 0;
    for (int i = 0; i < VSA_AUTHORITY_LEVELS; i++) {
        struct vsa_slice der = vsa_authority_certificate(authority, (enum vsa_authority_level)i);
        sizes[i] = der.size;
        memcpy(before[i], der.data, der.size);
    }
    assert_int_equal(vsa_authority_refresh(authority, now_ms, NULL), VSA_OK);
    for (int i = 0; i < VSA_AUTHORITY_LEVELS; i++) {
        struct vsa_slice der = vsa_authority_certificate(authority, (enum vsa_authority_level)i);
        if (!vsa_slice_equal(der, vsa_slice_of(before[i], sizes[i])))
            changed |= 1u << i;
    }
    return changed;
}

#define LEAF_ON     (1u << VSA_AUTHORITY_LEAF)
#define INSTANCE_ON (LEAF_ON | 1u << VSA_AUTHORITY_INSTANCE)
#define ZONAL_ON    (INSTANCE_ON | 1u << VSA_AUTHORITY_ZONAL)
#define REGIONAL_ON (ZONAL_ON | 1u << VSA_AUTHORITY_REGIONAL)

static void test_renewal(void **state)
{
    struct vsa_authority *authority = *state;
    const int64_t start = FIXTURE_NOW_MS;
    const int64_t leaf_edge = 3 * HOUR - VSA_AUTHORITY_LEAF_SLACK_MS;
    assert_int_equal(refresh(authority, start), 0);
    assert_int_equal(refresh(authority, start + leaf_edge), 0);
    assert_int_equal(refresh(authority, start + leaf_edge + 1), LEAF_ON);
    /* The instance certificate of 24 h is renewed when a leaf would outlive it. */
    assert_int_equal(refresh(authority, start + 20 * HOUR), LEAF_ON);
    assert_int_equal(refresh(authority, start + 21 * HOUR), INSTANCE_ON);
    /* Zonal: 6 d, renewed 24 h before. Regional: 20 d, renewed 6 d before. */
    assert_int_equal(refresh(authority, start + 5 * DAY - HOUR), INSTANCE_ON);
    assert_int_equal(refresh(authority, start + 5 * DAY + 1), ZONAL_ON);
    assert_int_equal(refresh(authority, start + 14 * DAY + 1), REGIONAL_ON);
    test_chain(state);
}

/*
 * Serving for a week, asked every half hour: the leaf always has its slack, and nothing
 * outlives what is above it.
 */
static void test_a_week(void **state)
{
    struct vsa_authority *authority = *state;
    unsigned renewed = 0;
    for (int64_t now = FIXTURE_NOW_MS; now < FIXTURE_NOW_MS + 7 * DAY; now += HOUR / 2) {
        unsigned changed = refresh(authority, now);
        renewed += changed & LEAF_ON ? 1 : 0;
        assert_false(changed & 1u << VSA_AUTHORITY_ROOT);
        if (changed & ~LEAF_ON)
            test_chain(state);
        struct vsa_certificate *leaf = certificate_of(authority, VSA_AUTHORITY_LEAF);
        assert_true(leaf->fields.not_after_ms - now >= VSA_AUTHORITY_LEAF_SLACK_MS);
        assert_true(leaf->fields.not_before_ms <= now);
        vsa_certificate_release(leaf);
    }
    assert_in_range(renewed, 50, 66);
}

/* A clock set back: what is not valid yet is replaced, too. */
static void test_clock_set_back(void **state)
{
    assert_int_equal(refresh(*state, FIXTURE_NOW_MS - 3 * SECOND), 0);
    assert_int_equal(refresh(*state, FIXTURE_NOW_MS - 4 * SECOND), INSTANCE_ON);
    assert_int_equal(refresh(*state, FIXTURE_NOW_MS - HOUR), INSTANCE_ON);
}

static void test_root_out_of_its_time(void **state)
{
    struct vsa_authority *authority = *state;
    struct vsa_error error = {0};
    assert_int_equal(vsa_authority_refresh(authority, FIXTURE_NOW_MS - HOUR - 1, &error),
                     VSA_ERR_NOT_YET_VALID);
    assert_int_equal(vsa_authority_refresh(authority, FIXTURE_NOW_MS + 10938 * DAY, NULL), VSA_OK);
    assert_int_equal(vsa_authority_refresh(authority, FIXTURE_NOW_MS + 10938 * DAY + 1, &error),
                     VSA_ERR_EXPIRED);
    assert_non_null(strstr(error.detail, "state directory"));
}

static void test_before_the_first_refresh(void **state)
{
    (void)state;
    struct vsa_authority *authority = fixture_authority();
    assert_non_null(vsa_authority_certificate(authority, VSA_AUTHORITY_ROOT).data);
    assert_null(vsa_authority_certificate(authority, VSA_AUTHORITY_LEAF).data);
    assert_null(vsa_authority_leaf_key(authority));
    vsa_authority_free(authority);
}

static void test_key_and_root_must_match(void **state)
{
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice root;
    struct vsa_key *key = NULL;
    struct vsa_authority *authority = NULL;
    const struct vsa_module_id *module_id = vsa_authority_module_id(*state);
    assert_int_equal(
        vsa_authority_make_root(FIXTURE_NOW_MS, &key, buffer, sizeof(buffer), &root, NULL), VSA_OK);
    /* The root of another authority; not a root at all. Each takes the key and frees it. */
    assert_int_equal(vsa_authority_new(key, vsa_authority_certificate(*state, VSA_AUTHORITY_ROOT),
                                       module_id, &authority, NULL),
                     VSA_ERR_CERTIFICATE_PROFILE);
    assert_int_equal(vsa_key_generate(VSA_CURVE_P384, &key, NULL), VSA_OK);
    assert_int_equal(vsa_authority_new(key,
                                       vsa_authority_certificate(*state, VSA_AUTHORITY_REGIONAL),
                                       module_id, &authority, NULL),
                     VSA_ERR_CERTIFICATE_PROFILE);
    assert_int_equal(vsa_key_generate(VSA_CURVE_P256, &key, NULL), VSA_OK);
    assert_int_equal(vsa_authority_new(key, root, module_id, &authority, NULL),
                     VSA_ERR_CERTIFICATE_PROFILE);
    assert_null(authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profiles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_say_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaf_serial, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_extensions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renewal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_week, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clock_set_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_out_of_its_time, setup, teardown),
        cmocka_unit_test(test_before_the_first_refresh),
        cmocka_unit_test_setup_teardown(test_key_and_root_must_match, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
