/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/policy.h"

#include <ctype.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "crypto/digest.h"

static const char rule_pcrs[] = "AWS user guide, set up attestation";
static const char rule_freshness[] = "AWS attestation process 3.2.2";

/* "vsap": a policy that nobody initialised must not look like one that expects nothing. */
#define POLICY_MAGIC 0x76736170u

#define PCR_INSTANCE_ID 4

static struct vsa_slice pcr_value(const struct vsa_pcrs *pcrs, unsigned index)
{
    return vsa_slice_of(pcrs->value[index], VSA_PCR_SIZE);
}

static bool has_pcr(const struct vsa_pcrs *pcrs, unsigned index)
{
    return pcrs->present & 1u << index;
}

void vsa_policy_init(struct vsa_policy *policy)
{
    memset(policy, 0, sizeof(*policy));
    policy->magic = POLICY_MAGIC;
    policy->max_age_ms = (int64_t)VSA_DEFAULT_MAX_AGE_MS;
    policy->max_skew_ms = (int64_t)VSA_DEFAULT_MAX_SKEW_MS;
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

static enum vsa_status refuse_zero_pcr(unsigned index, struct vsa_slice value,
                                       struct vsa_error *error)
{
    if (!vsa_slice_is_zero(value) || !is_never_expected_zero(index))
        return VSA_OK;
    return vsa_fail_at(
        error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, rule_pcrs,
        "PCR%u expected to be all zero: that is what %s shows; expect the measurements "
        "of the image instead",
        index, index == 8 ? "every unsigned image" : "every enclave in debug mode");
}

enum vsa_status vsa_policy_expect_pcr(struct vsa_policy *policy, unsigned index,
                                      struct vsa_slice value, struct vsa_error *error)
{
    if (index >= VSA_PCR_COUNT)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, rule_pcrs,
                           "there is no PCR%u; the last is PCR%d", index, VSA_PCR_COUNT - 1);
    if (value.size != VSA_PCR_SIZE)
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, rule_pcrs,
                           "PCR%u expected with %zu bytes; SHA384 makes %d", index, value.size,
                           VSA_PCR_SIZE);
    VSA_TRY(refuse_zero_pcr(index, value, error));
    if (has_pcr(&policy->pcrs, index) && !vsa_slice_equal(pcr_value(&policy->pcrs, index), value))
        return vsa_fail_at(error, VSA_ERR_POLICY_PCR, VSA_NO_OFFSET, rule_pcrs,
                           "PCR%u expected with two different values", index);
    memcpy(policy->pcrs.value[index], value.data, VSA_PCR_SIZE);
    policy->pcrs.present |= 1u << index;
    return VSA_OK;
}

/* "Absent" is NULL and 0. A length without bytes is a slip, and must not mean "not compared". */
static bool is_broken(struct vsa_slice slice)
{
    return !slice.data && slice.size;
}

enum vsa_status vsa_policy_check(const struct vsa_policy *policy, struct vsa_error *error)
{
    if (!policy || policy->magic != POLICY_MAGIC)
        return vsa_fail(error, VSA_ERR_POLICY_EMPTY,
                        "the policy was not initialised with vsa_policy_init()");
    if (policy->max_age_ms < 0 || policy->max_skew_ms < 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "negative maximum age or skew");
    if (is_broken(policy->nonce) || is_broken(policy->user_data) || is_broken(policy->public_key) ||
        is_broken(policy->instance))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "an expected value has a size but no bytes");
    if (policy->instance.data && !policy->instance.size)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "empty instance ID");
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (has_pcr(&policy->pcrs, i))
            VSA_TRY(refuse_zero_pcr(i, pcr_value(&policy->pcrs, i), error));
    return VSA_OK;
}

bool vsa_pcrs_show_debug_mode(const struct vsa_pcrs *pcrs)
{
    return vsa_slice_is_zero(pcr_value(pcrs, 0));
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
    if (!has_pcr(pcrs, 0))
        return vsa_fail_at(error, VSA_ERR_PCR_MISSING, VSA_NO_OFFSET, rule_pcrs,
                           "PCR0 is not in the document, so that debug mode cannot be excluded");
    if (vsa_pcrs_show_debug_mode(pcrs) && !policy->allow_debug)
        return vsa_fail_at(error, VSA_ERR_DEBUG_MODE, VSA_NO_OFFSET, rule_pcrs,
                           "the enclave runs in debug mode (PCR0 is all zero), so nothing is known "
                           "about its code: start it without --debug-mode");
    return VSA_OK;
}

/* The caller gave the digits where the bytes were meant, a common slip. */
static bool is_hex_of_size(struct vsa_slice text, size_t size)
{
    if (!size || text.size != 2 * size)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!isxdigit(text.data[i]))
            return false;
    return true;
}

/* Both optional; when expected, absent is as wrong as different. */
static enum vsa_status check_bytes(struct vsa_slice expected, struct vsa_slice found,
                                   enum vsa_status status, const char *name,
                                   struct vsa_error *error)
{
    if (!expected.data || vsa_slice_equal_constant_time(expected, found))
        return VSA_OK;
    if (!found.data)
        return vsa_fail(error, status, "%s is expected but absent from the document", name);
    if (expected.size == found.size)
        return vsa_fail(error, status, "%s is not the expected one", name);
    return vsa_fail(error, status, "%s is not the expected one: it has %zu bytes, expected %zu%s",
                    name, found.size, expected.size,
                    is_hex_of_size(expected, found.size) ? " (were hexadecimal digits meant?)"
                                                         : "");
}

/* Shows the digits from the first difference: two values may well begin alike. */
static enum vsa_status fail_pcr(unsigned index, struct vsa_slice expected, struct vsa_slice found,
                                struct vsa_error *error)
{
    char have[2 * VSA_PCR_SIZE + 1];
    char want[2 * VSA_PCR_SIZE + 1];
    vsa_hex_encode(found, have, sizeof(have));
    vsa_hex_encode(expected, want, sizeof(want));
    size_t at = 0;
    while (have[at] == want[at])
        at++;
    if (at < 16)
        return vsa_fail_at(
            error, VSA_ERR_PCR_MISMATCH, VSA_NO_OFFSET, rule_pcrs,
            "PCR%u is %.16s..., expected %.16s...: another image, or other measurements", index,
            have, want);
    return vsa_fail_at(error, VSA_ERR_PCR_MISMATCH, VSA_NO_OFFSET, rule_pcrs,
                       "PCR%u differs from digit %zu on: it is ...%.16s, expected ...%.16s", index,
                       at + 1, have + at, want + at);
}

static enum vsa_status check_pcrs(const struct vsa_pcrs *expected, const struct vsa_pcrs *found,
                                  struct vsa_error *error)
{
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        if (!has_pcr(expected, i))
            continue;
        if (!has_pcr(found, i))
            return vsa_fail_at(error, VSA_ERR_PCR_MISSING, VSA_NO_OFFSET, rule_pcrs,
                               "PCR%u is expected but not in the document (only locked PCRs are)",
                               i);
        if (vsa_slice_equal_constant_time(pcr_value(expected, i), pcr_value(found, i)))
            continue;
        return fail_pcr(i, pcr_value(expected, i), pcr_value(found, i), error);
    }
    return VSA_OK;
}

/* module_id is "<instance ID>-enc<enclave ID>", and PCR4 = SHA384(0^48 || instance ID). */
static enum vsa_status check_instance(struct vsa_slice instance,
                                      const struct vsa_unverified_document *document,
                                      struct vsa_error *error)
{
    static const uint8_t start_value[VSA_PCR_SIZE];
    if (!instance.data)
        return VSA_OK;
    const struct vsa_slice module_id = document->module_id;
    if (module_id.size < instance.size + 4 ||
        memcmp(module_id.data, instance.data, instance.size) != 0 ||
        memcmp(module_id.data + instance.size, "-enc", 4) != 0)
        return vsa_fail_at(error, VSA_ERR_INSTANCE, VSA_NO_OFFSET, rule_pcrs,
                           "module_id belongs to another instance");
    struct vsa_slice parts[] = {vsa_slice_of(start_value, sizeof(start_value)), instance};
    uint8_t expected[VSA_PCR_SIZE];
    VSA_TRY(vsa_sha384(parts, 2, expected, error));
    if (!has_pcr(&document->pcrs, PCR_INSTANCE_ID) ||
        !vsa_slice_equal_constant_time(vsa_slice_of(expected, sizeof(expected)),
                                       pcr_value(&document->pcrs, PCR_INSTANCE_ID)))
        return vsa_fail_at(error, VSA_ERR_INSTANCE, VSA_NO_OFFSET, rule_pcrs,
                           "PCR4 is not that of the instance ID");
    return VSA_OK;
}

enum vsa_status vsa_policy_apply(const struct vsa_policy *policy,
                                 const struct vsa_unverified_document *document, int64_t now_ms,
                                 struct vsa_error *error)
{
    VSA_TRY(check_freshness(policy, document->timestamp_ms, now_ms, error));
    VSA_TRY(check_debug_mode(policy, &document->pcrs, error));
    VSA_TRY(check_bytes(policy->nonce, document->nonce, VSA_ERR_NONCE, "nonce", error));
    VSA_TRY(
        check_bytes(policy->user_data, document->user_data, VSA_ERR_USER_DATA, "user data", error));
    VSA_TRY(check_bytes(policy->public_key, document->public_key, VSA_ERR_PUBLIC_KEY, "public key",
                        error));
    VSA_TRY(check_pcrs(&policy->pcrs, &document->pcrs, error));
    return check_instance(policy->instance, document, error);
}
