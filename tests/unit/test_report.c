/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "unit_test.h"

#include <vsattest/report.h>

static const struct vsa_measurements sample_image = {.file = "h.json", .index = 3, .name = "v2"};

static struct vsa_claims sample_claims(void)
{
    struct vsa_claims claims = {
        .size = sizeof(claims),
        .module_id = vsa_slice_of_text("i-0123456789abcdef0-enc0123456789abcdef"),
        .timestamp_ms = UINT64_C(1725911352345),
        .verified_at_ms = INT64_C(1725911353000),
        .pcrs_checked = (UINT32_C(1) << 0) | (UINT32_C(1) << 31),
        .public_key = vsa_slice_of("\x30\x00\xff", 3),
        .user_data = vsa_slice_of_text("gr\xc3\xbc\xc3\x9f dich"),
        .nonce = vsa_slice_of("\xff\xfe", 2),
        .measurements = &sample_image,
        .root_is_aws = true,
        .root_subject = "CN=root",
        .certificate_subject = "CN=leaf",
        .certificate_not_before_ms = INT64_C(1725911349000),
        .certificate_not_after_ms = INT64_C(1725922152000),
    };
    claims.pcrs.present = (UINT32_C(1) << 0) | (UINT32_C(1) << 10) | (UINT32_C(1) << 31);
    memset(claims.pcrs.value[0], 0x0a, VSA_PCR_SIZE);
    memset(claims.pcrs.value[10], 0xbc, VSA_PCR_SIZE);
    memset(claims.pcrs.value[31], 0xff, VSA_PCR_SIZE);
    memset(claims.root_sha256, 0x64, sizeof(claims.root_sha256));
    return claims;
}

#define TWICE(x)   x x
#define TIMES48(x) TWICE(TWICE(TWICE(TWICE(x x x))))
#define TIMES32(x) TWICE(TWICE(TWICE(TWICE(TWICE(x)))))

/* The whole report, letter by letter: its keys, their order, their values. */
static void claims_become_this_json(void **state)
{
    (void)state;
    struct vsa_claims claims = sample_claims();
    json_t *report = vsa_claims_to_json(&claims);
    assert_non_null(report);
    char *text = json_dumps(report, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"verification_status\":\"SUCCESS\","
        "\"module_id\":\"i-0123456789abcdef0-enc0123456789abcdef\","
        "\"digest\":\"SHA384\","
        "\"timestamp\":1725911352345,"
        "\"document_time\":\"2024-09-09T19:49:12.345Z\","
        "\"verified_at\":\"2024-09-09T19:49:13Z\","
        "\"pcrs\":{\"0\":\"" TIMES48("0a") "\",\"10\":\"" TIMES48("bc") "\",\"31\":\"" TIMES48(
            "ff") "\"},"
                  "\"pcrs_checked\":[0,31],"
                  "\"measurements\":{\"file\":\"h.json\",\"index\":3,\"name\":\"v2\"},"
                  "\"debug_mode\":false,"
                  "\"public_key\":\"MAD/\","
                  "\"user_data\":\"gr\xc3\xbc\xc3\x9f dich\","
                  "\"user_data_base64\":\"Z3LDvMOfIGRpY2g=\","
                  "\"nonce\":null,"
                  "\"nonce_base64\":\"//4=\","
                  "\"root\":{\"aws\":true,\"subject\":\"CN=root\",\"sha256\":\"" TIMES32(
                      "64") "\"},"
                            "\"certificate\":{\"subject\":\"CN=leaf\","
                            "\"not_before\":\"2024-09-09T19:49:09Z\","
                            "\"not_after\":\"2024-09-09T22:49:12Z\"}}");
    free(text);
    json_decref(report);
}

/* null: not there. "": there, and empty. */
static void absent_and_empty_differ(void **state)
{
    (void)state;
    struct vsa_claims claims = sample_claims();
    claims.public_key = vsa_slice_of("", 0);
    claims.user_data = vsa_slice_of("", 0);
    claims.nonce = vsa_slice_of(NULL, 0);
    claims.debug_mode = true;
    claims.pcrs_checked = 0;
    json_t *report = vsa_claims_to_json(&claims);
    assert_string_equal(json_string_value(json_object_get(report, "public_key")), "");
    assert_string_equal(json_string_value(json_object_get(report, "user_data")), "");
    assert_string_equal(json_string_value(json_object_get(report, "user_data_base64")), "");
    assert_true(json_is_null(json_object_get(report, "nonce")));
    assert_true(json_is_null(json_object_get(report, "nonce_base64")));
    assert_true(json_is_true(json_object_get(report, "debug_mode")));
    assert_int_equal(json_array_size(json_object_get(report, "pcrs_checked")), 0);
    json_decref(report);
    claims.public_key = vsa_slice_of(NULL, 0);
    claims.measurements = NULL;
    report = vsa_claims_to_json(&claims);
    assert_true(json_is_null(json_object_get(report, "public_key")));
    assert_true(json_is_null(json_object_get(report, "measurements")));
    json_decref(report);
}

static void largest_fields_fit(void **state)
{
    (void)state;
    uint8_t bytes[VSA_MAX_FIELD];
    struct vsa_claims claims = sample_claims();
    memset(bytes, 0xff, sizeof(bytes));
    claims.public_key = claims.user_data = claims.nonce = vsa_slice_of(bytes, sizeof(bytes));
    json_t *report = vsa_claims_to_json(&claims);
    assert_non_null(report);
    assert_int_equal(json_string_length(json_object_get(report, "public_key")), 1368);
    assert_int_equal(json_string_length(json_object_get(report, "nonce_base64")), 1368);
    assert_true(json_is_null(json_object_get(report, "user_data")));
    json_decref(report);
}

static void text_with_a_nul_stays_whole(void **state)
{
    (void)state;
    struct vsa_claims claims = sample_claims();
    claims.user_data = vsa_slice_of("a\0b", 3);
    json_t *report = vsa_claims_to_json(&claims);
    assert_non_null(report);
    assert_int_equal(json_string_length(json_object_get(report, "user_data")), 3);
    json_decref(report);
}

static void failure_tells_the_error_and_nothing_else(void **state)
{
    (void)state;
    struct vsa_error error = {.status = VSA_ERR_PCR_MISMATCH,
                              .offset = VSA_NO_OFFSET,
                              .rule = "AWS NSM API 3.2",
                              .detail = "PCR0 is another one"};
    json_t *report = vsa_error_to_json(&error);
    char *text = json_dumps(report, JSON_COMPACT);
    assert_string_equal(text, "{\"verification_status\":\"FAILED\","
                              "\"verification_error\":\"PCR0 is another one (AWS NSM API 3.2)\","
                              "\"error_code\":\"pcr_mismatch\"}");
    free(text);
    json_decref(report);
}

/* Details may quote hostile bytes, or be cut in the middle of a character. */
static void failure_is_printable(void **state)
{
    (void)state;
    struct vsa_error error = {.status = VSA_ERR_BASE64, .offset = VSA_NO_OFFSET};
    (void)strcpy(error.detail, "a\x1b[2J\nb\x7f\xc3");
    json_t *report = vsa_error_to_json(&error);
    assert_non_null(report);
    assert_string_equal(json_string_value(json_object_get(report, "verification_error")),
                        "a?[2J?b??");
    json_decref(report);
    (void)strcpy(error.detail, "gr\xc3\xbc\xc3\x9f");
    report = vsa_error_to_json(&error);
    assert_string_equal(json_string_value(json_object_get(report, "verification_error")),
                        "gr\xc3\xbc\xc3\x9f");
    json_decref(report);
}

/* --- memory ----------------------------------------------------------------------------------- */

static int allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static json_t *report_of_claims(void)
{
    struct vsa_claims claims = sample_claims();
    return vsa_claims_to_json(&claims);
}

static json_t *report_of_error(void)
{
    struct vsa_error error = {.status = VSA_ERR_NONCE, .offset = VSA_NO_OFFSET, .detail = "other"};
    return vsa_error_to_json(&error);
}

/* Every set of compared PCRs that matters, and what it leaves unproved. */
static void warnings_name_what_is_not_proved(void **state)
{
    (void)state;
    static const struct {
        uint32_t checked;
        bool debug;
        unsigned expected;
    } rows[] = {
        {0, false, VSA_WARNING_NO_PCR},
        {0, true, VSA_WARNING_NO_PCR | VSA_WARNING_DEBUG_MODE},
        {1U << 4, false, VSA_WARNING_NO_IMAGE_PCR},
        {1U << 2 | 1U << 4, false, VSA_WARNING_ONLY_PCR2},
        {1U << 8, false, 0},
        {1U << 1 | 1U << 2, false, 0},
        {1U << 0, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_claims claims = sample_claims();
        claims.pcrs_checked = rows[i].checked;
        claims.debug_mode = rows[i].debug;
        assert_int_equal(vsa_claims_warnings(&claims), rows[i].expected);
    }
}

/* PCR2 of an image that has no application ramdisk is the same for all such images. */
static void empty_pcr2_is_warned_of(void **state)
{
    (void)state;
    struct vsa_claims claims = sample_claims();
    claims.pcrs_checked = 1U << 0 | 1U << 2;
    assert_int_equal(vsa_hex_decode(vsa_slice_of_text("21b9efbc184807662e966d34f390821309eeac680230"
                                                      "9798826296bf3e8bec7c10edb30948c90ba67310f7b9"
                                                      "64fc500a"),
                                    claims.pcrs.value[2], VSA_PCR_SIZE, NULL),
                     VSA_OK);
    assert_int_equal(vsa_claims_warnings(&claims), VSA_WARNING_EMPTY_PCR2);
    claims.pcrs_checked = 1U << 0;
    assert_int_equal(vsa_claims_warnings(&claims), 0);
}

/* Each bit has a sentence of its own. */
static void warnings_have_sentences(void **state)
{
    (void)state;
    for (unsigned bit = VSA_WARNING_DEBUG_MODE; bit <= VSA_WARNING_EMPTY_PCR2; bit <<= 1)
        for (unsigned other = VSA_WARNING_DEBUG_MODE; other < bit; other <<= 1)
            assert_string_not_equal(vsa_warning_text((enum vsa_warning)bit),
                                    vsa_warning_text((enum vsa_warning)other));
}

/* Whichever allocation fails: NULL, never half a report. (Sanitizers look for leaks.) */
static void short_of_memory_there_is_no_report(void **state)
{
    (void)state;
    json_t *(*const makers[])(void) = {report_of_claims, report_of_error};
    json_malloc_t system_malloc;
    json_free_t system_free;
    json_get_alloc_funcs(&system_malloc, &system_free);
    json_set_alloc_funcs(failing_malloc, free);
    for (size_t i = 0; i < 2; i++) {
        json_t *report = NULL;
        int enough = 0;
        for (; !report && enough < 1000; enough++) {
            allocations_left = enough;
            report = makers[i]();
        }
        allocations_left = 1000;
        assert_non_null(report);
        assert_int_equal(json_object_size(report), i == 0 ? 17 : 3);
        assert_true(enough > 5);
        json_decref(report);
    }
    json_set_alloc_funcs(system_malloc, system_free);
}

static void claims_differ_in_what_says_which_enclave(void **state)
{
    (void)state;
    struct vsa_claims one = sample_claims();
    struct vsa_claims other = sample_claims();
    struct vsa_claims_difference found = vsa_claims_differ(&one, &other);
    assert_int_equal(found.pcrs, 0);
    assert_false(found.module_id);
    other.pcrs.value[31][47] ^= 1;
    other.pcrs.value[5][0] ^= 1; /* in neither document */
    other.pcrs.present ^= UINT32_C(1) << 10 | UINT32_C(1) << 11;
    other.module_id.size--;
    other.nonce = vsa_slice_of_text("another");
    found = vsa_claims_differ(&one, &other);
    assert_int_equal(found.pcrs, UINT32_C(1) << 31 | UINT32_C(1) << 10 | UINT32_C(1) << 11);
    assert_true(found.module_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_differ_in_what_says_which_enclave),
        cmocka_unit_test(claims_become_this_json),
        cmocka_unit_test(absent_and_empty_differ),
        cmocka_unit_test(largest_fields_fit),
        cmocka_unit_test(text_with_a_nul_stays_whole),
        cmocka_unit_test(failure_tells_the_error_and_nothing_else),
        cmocka_unit_test(failure_is_printable),
        cmocka_unit_test(warnings_name_what_is_not_proved),
        cmocka_unit_test(empty_pcr2_is_warned_of),
        cmocka_unit_test(warnings_have_sentences),
        cmocka_unit_test(short_of_memory_there_is_no_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
