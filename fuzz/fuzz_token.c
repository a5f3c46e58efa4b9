/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification service sends: a token, its keys, what the token says. */
#include "fuzz.h"
#include "token/ear_result.h"
#include "token/jws.h"
#include "json/load.h"

static const struct vsa_json_limits limits = {
    .name = "the input", .max_size = 65536, .max_depth = 8};

/* Keys and a token that is signed by one of them, in one object; the seeds have such. */
static void check_token(const json_t *input)
{
    json_t *claims = NULL;
    const json_t *token = json_object_get(input, "token");
    if (!json_is_string(token))
        return;
    if (vsa_jws_verify(vsa_json_string_slice(token), "eat+jwt", input, &claims, NULL) == VSA_OK)
        FUZZ_REQUIRE(json_is_object(claims));
    else
        FUZZ_REQUIRE(!claims);
    json_decref(claims);
}

/* As claims whose signature verified: no status is better than what it stands for. */
static void check_claims(const json_t *claims)
{
    const struct vsa_ear_expected expected = {
        .challenge = vsa_slice_of_text("challenge"),
        .policy = "p",
        .now_ms = INT64_C(1768478400000),
    };
    struct vsa_ear_result result;
    if (vsa_ear_read(claims, &expected, &result, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(result.status < VSA_TIERS);
    FUZZ_REQUIRE((result.reason == VSA_OK) == (result.status == VSA_TIER_AFFIRMING));
    FUZZ_REQUIRE(json_is_object(vsa_ear_submodule(claims)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *input = NULL;
    if (vsa_json_load_object(vsa_slice_of(data, size), &limits, &input, NULL) != VSA_OK)
        return 0;
    check_token(input);
    check_claims(input);
    json_decref(input);
    return 0;
}
