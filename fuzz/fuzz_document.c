/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation documents, all the way: the root is taken from the document itself, which no real
 * caller may do, and `now` is its own time, so that inputs get as deep as they can.
 */
#include <vsattest/attestation.h>
#include <vsattest/report.h>

#include "fuzz.h"
#include "verifierd/inspect.h"

static bool is_zero(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* What parsing gives lies within what it was given. */
static void check_inside(struct vsa_slice inner, struct vsa_slice outer)
{
    if (!inner.data)
        return;
    FUZZ_REQUIRE(inner.data >= outer.data && inner.data <= outer.data + outer.size);
    FUZZ_REQUIRE(inner.size <= (size_t)(outer.data + outer.size - inner.data));
}

static void check_slices(struct vsa_slice document, const struct vsa_unverified_document *parsed)
{
    check_inside(parsed->protected_header, document);
    check_inside(parsed->signature, document);
    check_inside(parsed->payload, document);
    check_inside(parsed->module_id, parsed->payload);
    check_inside(parsed->certificate, parsed->payload);
    check_inside(parsed->public_key, parsed->payload);
    check_inside(parsed->user_data, parsed->payload);
    check_inside(parsed->nonce, parsed->payload);
    for (size_t i = 0; i < parsed->cabundle_count; i++)
        check_inside(parsed->cabundle[i], parsed->payload);
}

/* Twice in one batch, with an empty cache: the verdict and the claims of a single call. */
static void verify_batch(struct vsa_slice document, const struct vsa_unverified_document *parsed,
                         const struct vsa_policy *policy, int64_t now, enum vsa_status expected,
                         const struct vsa_claims *expected_claims)
{
    struct vsa_verifier *verifier = vsa_verifier_new();
    struct vsa_verify_job jobs[2];
    struct vsa_claims claims[2];
    FUZZ_REQUIRE(verifier != NULL);
    FUZZ_CALL(vsa_verifier_add_root(verifier, parsed->cabundle[0], NULL));
    for (size_t i = 0; i < 2; i++) {
        vsa_verify_job_init(&jobs[i]);
        jobs[i].document = document;
        jobs[i].policy = policy;
        jobs[i].now_ms = now;
        jobs[i].claims = &claims[i];
    }
    FUZZ_REQUIRE(vsa_verify_batch(verifier, jobs, 2) == expected);
    for (size_t i = 0; i < 2; i++) {
        FUZZ_REQUIRE(jobs[i].status == expected);
        FUZZ_REQUIRE(memcmp(&claims[i], expected_claims, sizeof(claims[i])) == 0);
    }
    vsa_verifier_free(verifier);
}

static void verify(struct vsa_slice document, const struct vsa_unverified_document *parsed)
{
    struct vsa_verifier *verifier = vsa_verifier_new();
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_error error = {.status = VSA_OK};
    FUZZ_REQUIRE(verifier != NULL);
    vsa_policy_init(&policy);
    policy.allow_debug = true;
    FUZZ_CALL(vsa_verifier_add_root(verifier, parsed->cabundle[0], NULL));
    int64_t now = parsed->timestamp_ms < INT64_MAX ? (int64_t)parsed->timestamp_ms : INT64_MAX;
    /* Twice: the second time certificates that held come from the cache. */
    enum vsa_status first = vsa_verify(verifier, document, &policy, now, &claims, &error);
    FUZZ_REQUIRE(first == VSA_OK || is_zero(&claims, sizeof(claims)));
    FUZZ_REQUIRE(first == error.status || first == VSA_OK);
    enum vsa_status second = vsa_verify(verifier, document, &policy, now, &claims, NULL);
    FUZZ_REQUIRE(first == second);
    verify_batch(document, parsed, &policy, now, first, &claims);
    /* Never under roots that are not its own. */
    vsa_verifier_free(verifier);
    verifier = vsa_verifier_new();
    FUZZ_REQUIRE(verifier && vsa_verifier_add_aws_roots(verifier, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_verify(verifier, document, &policy, now, &claims, NULL) != VSA_OK);
    FUZZ_REQUIRE(is_zero(&claims, sizeof(claims)));
    vsa_verifier_free(verifier);
}

/* The service shows all that can be parsed, genuine or not. */
static void inspect(struct vsa_slice document, size_t cabundle_count)
{
    struct vsa_answer answer = {0};
    vsa_inspect_document(document, 0, &answer);
    FUZZ_REQUIRE(answer.status == 200);
    /* A module ID may have a NUL. */
    json_t *body =
        json_loadb(answer.body, answer.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    FUZZ_REQUIRE(json_is_false(json_object_get(body, "verified")));
    FUZZ_REQUIRE(json_array_size(json_object_get(body, "certificates")) == cabundle_count + 1);
    json_decref(body);
    vsa_answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[VSA_MAX_INPUT_FILE];
    struct vsa_slice document;
    struct vsa_unverified_document parsed;
    if (vsa_document_decode(vsa_slice_of(data, size), buffer, sizeof(buffer), &document, NULL) !=
        VSA_OK)
        return 0;
    if (vsa_document_parse(document, &parsed, NULL) != VSA_OK) {
        FUZZ_REQUIRE(is_zero(&parsed, sizeof(parsed)));
        return 0;
    }
    FUZZ_REQUIRE(parsed.cabundle_count >= 1 && parsed.cabundle_count <= VSA_MAX_CABUNDLE);
    FUZZ_REQUIRE(parsed.timestamp_ms > 0);
    FUZZ_REQUIRE(parsed.signature.size == VSA_P384_SIGNATURE_SIZE);
    FUZZ_REQUIRE(parsed.pcrs.present != 0);
    check_slices(document, &parsed);
    verify(document, &parsed);
    inspect(document, parsed.cabundle_count);
    return 0;
}
