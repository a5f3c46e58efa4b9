/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that nitro-cli prints: enclaves to choose from, and measurements to expect. */
#include <vsattest/client.h>
#include <vsattest/report.h>

#include "fuzz.h"

static void check_enclaves(struct vsa_slice json)
{
    static struct vsa_enclave_list running;
    static const struct vsa_enclave_selector any = {NULL, NULL};
    static const struct vsa_enclave_selector named = {"app", NULL};
    struct vsa_enclave enclave;
    struct vsa_error error = {.status = VSA_OK};
    if (vsa_find_enclave_in(json, &any, &running, &enclave, &error) == VSA_OK)
        FUZZ_REQUIRE(running.count == 1 && enclave.cid == running.enclaves[0].cid);
    else
        FUZZ_REQUIRE(error.status != VSA_OK);
    if (vsa_find_enclave_in(json, &named, NULL, &enclave, NULL) == VSA_OK)
        FUZZ_REQUIRE(strcmp(enclave.name, "app") == 0);
}

static void check_measurements(struct vsa_slice json)
{
    struct vsa_policy policy;
    struct vsa_policy before;
    vsa_policy_init(&policy);
    memcpy(&before, &policy, sizeof(before));
    if (vsa_policy_expect_measurements(&policy, json, NULL) == VSA_OK)
        FUZZ_REQUIRE(policy.pcrs.present != 0);
    else
        FUZZ_REQUIRE(memcmp(&before, &policy, sizeof(before)) == 0);
}

/* Each image that is read has PCRs, and each that a policy takes alone is one. */
static void check_images(struct vsa_slice json)
{
    struct vsa_measurements_list list = {0};
    if (vsa_measurements_read(&list, json, "fuzz", NULL) == VSA_OK)
        FUZZ_REQUIRE(list.count > 0 && list.count <= VSA_MAX_MEASUREMENTS);
    else
        FUZZ_REQUIRE(list.count == 0);
    for (size_t i = 0; i < list.count; i++) {
        struct vsa_policy policy;
        vsa_policy_init(&policy);
        policy.measurements = &list.images[i];
        policy.measurement_count = 1;
        FUZZ_REQUIRE(list.images[i].pcrs.present != 0);
        FUZZ_REQUIRE(vsa_policy_check(&policy, NULL) == VSA_OK);
    }
    vsa_measurements_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > VSA_MAX_INPUT_FILE)
        return 0;
    check_enclaves(vsa_slice_of(data, size));
    check_measurements(vsa_slice_of(data, size));
    check_images(vsa_slice_of(data, size));
    return 0;
}
