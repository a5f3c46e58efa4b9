/* SPDX-License-Identifier: Apache-2.0 */
/* Policy files of the verification service. */
#include "fuzz.h"
#include "verifierd/policy_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_service_policy policy = {.name = "name"};
    struct vsa_appraisal appraisal;
    const struct vsa_claims claims = {.root_is_aws = true};
    if (vsa_service_policy_parse(vsa_slice_of(data, size), &policy, NULL) == VSA_OK) {
        FUZZ_REQUIRE(policy.max_age_ms > 0 && policy.max_age_ms <= VSA_MAX_POLICY_AGE_MS);
        vsa_appraise(VSA_OK, &claims, &policy.rules, &appraisal);
        /* A document without PCRs matches no image. */
        FUZZ_REQUIRE(!policy.rules.image_count || appraisal.status != VSA_TIER_AFFIRMING);
    }
    vsa_service_policy_free(&policy);
    return 0;
}
