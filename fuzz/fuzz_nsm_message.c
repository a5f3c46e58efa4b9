/* SPDX-License-Identifier: Apache-2.0 */
/* NSM messages in both directions, and the software NSM's answers to whatever comes. */
#include "fuzz.h"
#include "make_nsm.h"
#include "nsm/message.h"

/* 2026-01-01T00:00:00Z: certificates must not depend on when the fuzzer runs. */
#define NOW_MS INT64_C(1767225600000)

static struct vsa_software_nsm *software_nsm(void)
{
    static struct vsa_software_nsm *nsm;
    if (nsm)
        return nsm;
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    nsm = make_nsm(&bank, NOW_MS);
    return nsm;
}

/* What was accepted means the same when it is written and read again. */
static void check_request(struct vsa_slice encoded)
{
    static uint8_t buffer[VSA_NSM_MAX_REQUEST];
    struct vsa_nsm_request request;
    struct vsa_nsm_request again;
    struct vsa_slice written;
    if (vsa_nsm_request_decode(encoded, &request, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(request.kind != VSA_NSM_ERROR);
    if (vsa_nsm_request_encode(&request, buffer, sizeof(buffer), &written, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_nsm_request_decode(written, &again, NULL) == VSA_OK);
    FUZZ_REQUIRE(again.kind == request.kind && again.index == request.index &&
                 again.range == request.range && again.data.size == request.data.size);
}

static void check_response(struct vsa_slice encoded)
{
    static uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    struct vsa_nsm_response response;
    struct vsa_nsm_response again;
    struct vsa_slice written;
    if (vsa_nsm_response_decode(encoded, &response, NULL) != VSA_OK)
        return;
    if (vsa_nsm_response_encode(&response, buffer, sizeof(buffer), &written, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(vsa_nsm_response_decode(written, &again, NULL) == VSA_OK);
    FUZZ_REQUIRE(again.kind == response.kind && again.code == response.code &&
                 again.document.size == response.document.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice input = vsa_slice_of(data, size);
    struct vsa_slice answer;
    struct vsa_nsm_response response;
    check_request(input);
    check_response(input);
    vsa_software_nsm_respond(software_nsm(), input, NOW_MS, &answer, NULL);
    FUZZ_REQUIRE(answer.size <= VSA_NSM_MAX_RESPONSE);
    FUZZ_REQUIRE(vsa_nsm_response_decode(answer, &response, NULL) == VSA_OK);
    return 0;
}
