/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>

#include "verifierd/ear.h"

#define NOW_MS INT64_C(1768478400999)

static struct vsa_appraisal appraisal;
static struct vsa_claims claims;

static int reset(void **state)
{
    (void)state;
    static const struct vsa_measurements image = {.name = "v1.4"};
    appraisal = (struct vsa_appraisal){.status = VSA_TIER_AFFIRMING, .image = &image};
    appraisal.vector[VSA_TRUST_HARDWARE] = 2;
    appraisal.vector[VSA_TRUST_EXECUTABLES] = 3;
    claims = (struct vsa_claims){
        .module_id = vsa_slice_of_text("i-0-enc0"),
        .timestamp_ms = UINT64_C(1768478399000),
        .user_data = vsa_slice_of("\xff", 1),
        .certificate_not_after_ms = NOW_MS + 3600000,
    };
    claims.pcrs.present = 3; /* PCR1 is zero */
    memset(claims.pcrs.value[0], 0xab, VSA_PCR_SIZE);
    return 0;
}

static char *text_of(const struct vsa_ear *ear)
{
    json_t *value = vsa_ear_to_json(ear);
    assert_non_null(value);
    char *text = json_dumps(value, JSON_COMPACT);
    json_decref(value);
    return text;
}

#define TWICE(x)   x x
#define TIMES48(x) TWICE(TWICE(TWICE(TWICE(x x x))))
#define TIMES32(x) TWICE(TWICE(TWICE(TWICE(TWICE(x)))))

/* All of it, letter by letter. */
static void whole(void **state)
{
    (void)state;
    const struct vsa_ear ear = {
        .issuer = "https://verifier.example",
        .policy_id = "p#sha256-x",
        .audience = vsa_slice_of_text("app"),
        .challenge = vsa_slice_of_text("challenge"),
        .now_ms = NOW_MS,
        .appraisal = &appraisal,
        .claims = &claims,
    };
    char *text = text_of(&ear);
    char expected[2048];
    (void)snprintf(
        expected, sizeof(expected),
        "{\"eat_profile\":\"tag:ietf.org,2026:rats/ear#04\",\"iat\":1768478400,\"exp\":1768478700,"
        "\"ear_verifier_id\":{\"developer\":\"vsattest\",\"build\":\"%s\"},"
        "\"ear_status\":\"affirming\",\"iss\":\"https://verifier.example\",\"aud\":\"app\","
        "\"eat_nonce\":\"challenge\",\"submods\":{\"nitro-enclave\":{"
        "\"ear_status\":\"affirming\","
        "\"ear_trustworthiness_vector\":{\"executables\":3,\"hardware\":2},"
        "\"ear_appraisal_policy_ids\":[\"p#sha256-x\"],\"eat_nonce\":\"challenge\","
        "\"ear_attester_claims\":{\"module_id\":\"i-0-enc0\",\"timestamp\":1768478399000,"
        "\"pcrs\":{\"0\":\"" TIMES48(
            "ab") "\"},\"user_data\":\"/w==\","
                  "\"root_sha256\":\"" TIMES32(
                      "00") "\",\"certificate_not_after\":1768482000},"
                            "\"ear_verifier_claims\":{\"image\":\"v1.4\"}}}}",
        vsa_version());
    assert_string_equal(text, expected);
    free(text);
}

/* Nothing of a document that is not genuine. */
static void not_genuine(void **state)
{
    (void)state;
    vsa_appraise(VSA_ERR_EXPIRED, NULL, &(struct vsa_appraisal_rules){0}, &appraisal);
    const struct vsa_ear ear = {.policy_id = "p", .now_ms = NOW_MS, .appraisal = &appraisal};
    char *text = text_of(&ear);
    assert_non_null(strstr(text, "\"ear_status\":\"contraindicated\""));
    assert_non_null(strstr(text, "\"runtime-opaque\":99"));
    assert_non_null(
        strstr(text, "\"ear_verifier_claims\":{\"error_codes\":[\"certificate_expired\"]}"));
    assert_null(strstr(text, "ear_attester_claims"));
    assert_null(strstr(text, "eat_nonce"));
    assert_null(strstr(text, "\"aud\""));
    assert_null(strstr(text, "\"iss\""));
    free(text);
}

static void ends_with_the_certificate(void **state)
{
    (void)state;
    claims.certificate_not_after_ms = NOW_MS + 1000;
    const struct vsa_ear ear = {
        .policy_id = "p", .now_ms = NOW_MS, .appraisal = &appraisal, .claims = &claims};
    char *text = text_of(&ear);
    assert_non_null(strstr(text, "\"exp\":1768478401,"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole, reset),
        cmocka_unit_test_setup(not_genuine, reset),
        cmocka_unit_test_setup(ends_with_the_certificate, reset),
    };
    return cmocka_run_group_tests_name("ear", tests, NULL, NULL);
}
