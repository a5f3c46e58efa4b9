/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/policy.h"

#include <ctype.h>
#include <strings.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/sized.h"
#include "base/slice.h"
#include "base/time_text.h"

static const char rule_freshness[] = "AWS attestation process 3.2.2";

/* "vsap": a policy that was not initialised must not look like one that expects nothing. */
#define POLICY_MAGIC 0x76736170u

#define PCR_INSTANCE_ID 4
/* What an image is known by (PCR0, PCR1, PCR2). */
#define IMAGE_PCRS UINT32_C(7)
/* PCR8: by whom it is signed. */
#define SIGNER_PCR (UINT32_C(1) << 8)

VSA_SIZED_ASSERT(struct vsa_policy, measurement_count);

void vsa_policy_init_size(struct vsa_policy *policy, size_t size)
{
    const struct vsa_policy defaults = {
        .magic = POLICY_MAGIC,
        .max_age_ms = (int64_t)VSA_DEFAULT_MAX_AGE_MS,
        .max_skew_ms = (int64_t)VSA_DEFAULT_MAX_SKEW_MS,
    };
    vsa_sized_write(policy, size, &defaults, sizeof(defaults));
}

/*
 * Zeros that prove nothing: PCR0..2 are what every enclave in debug mode shows, PCR4 is never zero,
 * and PCR8 is zero in every image without a signature. PCR3 without a role, and those that an
 * enclave did not extend, are zero in honest documents.
 */
static bool is_never_expected_zero(unsigned index)
{
    return index <= 2 || index == PCR_INSTANCE_ID || index == 8;
}

static const char *zero_means(unsigned index)
{
    if (index == PCR_INSTANCE_ID)
        return "no enclave";
    return index == 8 ? "every unsigned image" : "every enclave in debug mode";
}

static enum vsa_status refuse_zero_pcr(unsigned index, struct vsa_slice value,
                                       struct vsa_error *error)
{
    if (!vsa_slice_is_zero(value) || !is_never_expected_zero(index))
        return VSA_OK;
    return vsa_fail_at(
        error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
        "PCR%u expected to be all zero: that is what %s shows; expect the measurements "
        "of the image instead",
        index, zero_means(index));
}

enum vsa_status vsa_policy_expect_pcr(struct vsa_policy *policy, unsigned index,
                                      struct vsa_slice value, struct vsa_error *error)
{
    if (index >= VSA_PCR_COUNT)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "there is no PCR%u; the last is PCR%d", index, VSA_PCR_COUNT - 1);
    if (value.size != VSA_PCR_SIZE)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "PCR%u expected with %zu bytes; SHA384 makes %d", index, value.size,
                           VSA_PCR_SIZE);
    VSA_TRY(refuse_zero_pcr(index, value, error));
    if (vsa_has_pcr(&policy->pcrs, index) &&
        !vsa_slice_equal(vsa_pcr_value(&policy->pcrs, index), value))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "PCR%u expected with two different values", index);
    memcpy(policy->pcrs.value[index], value.data, VSA_PCR_SIZE);
    policy->pcrs.present |= 1u << index;
    return VSA_OK;
}

static enum vsa_status refuse_zero_pcrs(const struct vsa_pcrs *pcrs, struct vsa_error *error)
{
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (vsa_has_pcr(pcrs, i))
            VSA_TRY(refuse_zero_pcr(i, vsa_pcr_value(pcrs, i), error));
    return VSA_OK;
}

static enum vsa_status check_image(const struct vsa_policy *policy,
                                   const struct vsa_measurements *image, struct vsa_error *error)
{
    if (!image->pcrs.present)
        return vsa_fail(error, VSA_ERR_POLICY_EMPTY, "no PCR in them");
    if (policy->measurement_count > 1 && !(image->pcrs.present & IMAGE_PCRS))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "none of PCR0, PCR1 and PCR2 in them: as one of several images they "
                           "would match any; expect these PCRs beside the images instead");
    return refuse_zero_pcrs(&image->pcrs, error);
}

/* Fails if no image agrees with the PCRs expected besides: no document could match. */
static enum vsa_status check_contradiction(const struct vsa_policy *policy, struct vsa_error *error)
{
    uint32_t differ = 0;
    for (size_t i = 0; i < policy->measurement_count; i++) {
        struct vsa_pcrs common = policy->measurements[i].pcrs;
        common.present &= policy->pcrs.present;
        differ = vsa_pcrs_compare(&common, &policy->pcrs).differ;
        if (!differ)
            return VSA_OK;
    }
    return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, VSA_RULE_PCRS,
                       "PCR%d expected with two different values%s", ffs((int)differ) - 1,
                       policy->measurement_count > 1 ? ", by whichever of the measurements" : "");
}

/* Requires a PCR that names the program: PCR3, PCR4 and those from 16 on do not. */
static enum vsa_status check_required(const struct vsa_policy *policy, struct vsa_error *error)
{
    uint32_t expected = policy->pcrs.present;
    /* Each of several has a PCR of the image, or is refused (check_image()). */
    if (policy->measurements && policy->measurement_count)
        expected |= policy->measurements[0].pcrs.present;
    if (!policy->require_pcrs || expected & (IMAGE_PCRS | SIGNER_PCR))
        return VSA_OK;
    if (!expected)
        return vsa_fail(error, VSA_ERR_POLICY_EMPTY,
                        "PCRs are required and there is nothing to compare: expect the "
                        "measurements of an image, or a PCR");
    return vsa_fail_at(error, VSA_ERR_POLICY_EMPTY, VSA_NO_OFFSET, VSA_RULE_PCRS,
                       "PCRs are required and no expected one is of the image: expect its "
                       "measurements, or PCR0, 1, 2 or 8");
}

static enum vsa_status check_measurements(const struct vsa_policy *policy, struct vsa_error *error)
{
    size_t count = policy->measurement_count;
    if (!policy->measurements && !count)
        return VSA_OK;
    if (!policy->measurements || !count)
        return vsa_fail(error, VSA_ERR_POLICY_EMPTY,
                        "an empty list of measurements: which images "
                        "may the document be of?");
    if (count > VSA_MAX_MEASUREMENTS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "measurements of %zu images; %d at most", count,
                        VSA_MAX_MEASUREMENTS);
    for (size_t i = 0; i < count; i++) {
        enum vsa_status status = check_image(policy, &policy->measurements[i], error);
        if (status != VSA_OK) {
            char place[VSA_PLACE_SIZE];
            vsa_error_wrap(error, "measurements %s", vsa_measurements_place(policy, i, place));
            return status;
        }
    }
    return check_contradiction(policy, error);
}

/*
 * Returns whether a slice has a length without bytes: a mistake that must not mean "not compared".
 */
static bool is_broken(struct vsa_slice slice)
{
    return !slice.data && slice.size;
}

static enum vsa_status check(const struct vsa_policy *policy, struct vsa_error *error)
{
    if (policy->max_age_ms < 0 || policy->max_skew_ms < 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "negative maximum age or skew");
    if (is_broken(policy->nonce) || is_broken(policy->user_data) || is_broken(policy->public_key) ||
        is_broken(policy->instance))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "an expected value has a size but no bytes");
    if (policy->instance.data && !policy->instance.size)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "empty instance ID");
    VSA_TRY(refuse_zero_pcrs(&policy->pcrs, error));
    VSA_TRY(check_measurements(policy, error));
    return check_required(policy, error);
}

enum vsa_status vsa_policy_read(const struct vsa_policy *given, struct vsa_policy *policy,
                                struct vsa_error *error)
{
    if (!given || given->magic != POLICY_MAGIC)
        return vsa_fail(error, VSA_ERR_POLICY_EMPTY,
                        "the policy was not initialised with vsa_policy_init()");
    vsa_policy_init(policy);
    VSA_TRY(vsa_sized_read(policy, sizeof(*policy), given, "a policy", "vsa_policy_init()", error));
    return check(policy, error);
}

enum vsa_status vsa_policy_check(const struct vsa_policy *policy, struct vsa_error *error)
{
    struct vsa_policy known;
    return vsa_policy_read(policy, &known, error);
}

bool vsa_pcrs_show_debug_mode(const struct vsa_pcrs *pcrs)
{
    return vsa_slice_is_zero(vsa_pcr_value(pcrs, 0));
}

/* Arguments for "%lld.%03d s"; not negative. */
#define SECONDS(ms) (long long)((ms) / 1000), (int)((ms) % 1000)

static enum vsa_status check_freshness(const struct vsa_policy *policy, uint64_t timestamp_ms,
                                       int64_t now_ms, struct vsa_error *error)
{
    char document_time[VSA_TIME_TEXT_SIZE];
    int64_t age_ms = now_ms - (int64_t)timestamp_ms;
    char now[VSA_TIME_TEXT_SIZE];
    vsa_time_format((int64_t)timestamp_ms, document_time, sizeof(document_time));
    vsa_time_format(now_ms, now, sizeof(now));
    if (age_ms < -policy->max_skew_ms)
        return vsa_fail_at(
            error, VSA_ERR_FROM_FUTURE, VSA_NO_OFFSET, rule_freshness,
            "document of %s is %lld.%03d s ahead of the verifier's time, %s; at most %lld.%03d s "
            "are allowed: check the verifier's clock",
            document_time, SECONDS(-age_ms), now, SECONDS(policy->max_skew_ms));
    if (age_ms > policy->max_age_ms)
        return vsa_fail_at(
            error, VSA_ERR_TOO_OLD, VSA_NO_OFFSET, rule_freshness,
            "document of %s is %lld.%03d s old by the verifier's time, %s; at most %lld.%03d s "
            "are allowed: ask for a new one, or check the verifier's clock",
            document_time, SECONDS(age_ms), now, SECONDS(policy->max_age_ms));
    return VSA_OK;
}

static enum vsa_status check_debug_mode(const struct vsa_policy *policy,
                                        const struct vsa_pcrs *pcrs, struct vsa_error *error)
{
    if (!vsa_has_pcr(pcrs, 0))
        return vsa_fail_at(error, VSA_ERR_PCR_MISSING, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "PCR0 is not in the document, so that debug mode cannot be excluded");
    if (vsa_pcrs_show_debug_mode(pcrs) && !policy->allow_debug)
        return vsa_fail_at(error, VSA_ERR_DEBUG_MODE, VSA_NO_OFFSET, VSA_RULE_PCRS,
                           "the enclave runs in debug mode (PCR0 is all zero), so nothing is known "
                           "about its code: start it without --debug-mode");
    return VSA_OK;
}

/* Returns whether `text` has the digits where the bytes were meant, a common mistake. */
static bool is_hex_of_size(struct vsa_slice text, size_t size)
{
    if (!size || text.size != 2 * size)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!isxdigit(text.data[i]))
            return false;
    return true;
}

#define ASK_AGAIN                                                                                  \
    ": ask again; if it stays so, the document is an old one, or was made for another request"

/* Compares two optional values; when one is expected, absent is as wrong as different. */
static enum vsa_status check_bytes(struct vsa_slice expected, struct vsa_slice found,
                                   enum vsa_status status, const char *name,
                                   struct vsa_error *error)
{
    if (!expected.data || vsa_slice_equal_constant_time(expected, found))
        return VSA_OK;
    if (!found.data)
        return vsa_fail(error, status,
                        "%s is expected but absent from the document: ask for a document with it",
                        name);
    if (expected.size == found.size)
        return vsa_fail(error, status, "%s is not the expected one" ASK_AGAIN, name);
    return vsa_fail(error, status, "%s is not the expected one: it has %zu bytes, expected %zu%s",
                    name, found.size, expected.size,
                    is_hex_of_size(expected, found.size) ? " (were hexadecimal digits meant?)"
                                                         : ASK_AGAIN);
}

/*
 * Checks the instance: module_id is "<instance ID>-enc<enclave ID>", and PCR4 = SHA384(0^48 ||
 * instance ID).
 */
static enum vsa_status check_instance(struct vsa_slice instance,
                                      const struct vsa_unverified_document *document,
                                      struct vsa_error *error)
{
    if (!instance.data)
        return VSA_OK;
    const struct vsa_slice module_id = document->module_id;
    if (module_id.size < instance.size + 4 ||
        memcmp(module_id.data, instance.data, instance.size) != 0 ||
        memcmp(module_id.data + instance.size, "-enc", 4) != 0)
        return vsa_fail_at(
            error, VSA_ERR_INSTANCE, VSA_NO_OFFSET, VSA_RULE_PCRS,
            "module_id belongs to another instance: expect the one that the enclave runs on, or "
            "refuse it");
    uint8_t expected[VSA_PCR_SIZE];
    VSA_TRY(vsa_pcr_measure_text(instance, expected, error));
    if (!vsa_has_pcr(&document->pcrs, PCR_INSTANCE_ID) ||
        !vsa_slice_equal_constant_time(vsa_slice_of(expected, sizeof(expected)),
                                       vsa_pcr_value(&document->pcrs, PCR_INSTANCE_ID)))
        return vsa_fail_at(
            error, VSA_ERR_INSTANCE, VSA_NO_OFFSET, VSA_RULE_PCRS,
            "PCR4 is not that of the instance ID: expect the one that the enclave runs on, or "
            "refuse it");
    return VSA_OK;
}

enum vsa_status vsa_policy_apply(const struct vsa_policy *policy,
                                 const struct vsa_unverified_document *document, int64_t now_ms,
                                 const struct vsa_measurements **image, struct vsa_error *error)
{
    VSA_TRY(check_freshness(policy, document->timestamp_ms, now_ms, error));
    VSA_TRY(check_debug_mode(policy, &document->pcrs, error));
    VSA_TRY(check_bytes(policy->nonce, document->nonce, VSA_ERR_NONCE, "nonce", error));
    VSA_TRY(
        check_bytes(policy->user_data, document->user_data, VSA_ERR_USER_DATA, "user data", error));
    VSA_TRY(check_bytes(policy->public_key, document->public_key, VSA_ERR_PUBLIC_KEY, "public key",
                        error));
    VSA_TRY(vsa_policy_match_pcrs(policy, &document->pcrs, image, error));
    return check_instance(policy->instance, document, error);
}
