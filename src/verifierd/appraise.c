/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/appraise.h"

#include "attestation/pcrs.h"
#include "base/slice.h"

/* Values of draft-ietf-rats-ar4si, section 2.3.4. */
enum {
    APPROVED = 2,         /* hardware genuine; configuration approved; instance known */
    APPROVED_AT_BOOT = 3, /* executables; of configuration: nothing against it is known */
    UNSAFE_CONFIGURATION = 32,
    UNKNOWN_EXECUTABLES = 33,
    OTHER_CONFIGURATION = 36,
    UNSUPPORTED = 96,  /* configuration; of memory: visible from outside */
    UNRECOGNISED = 97, /* hardware, instance */
    NOT_VERIFIED = 99, /* cryptographic validation failed */
};

#define ROLE_AND_INSTANCE_PCRS (UINT32_C(1) << 3 | UINT32_C(1) << 4)

static void add_reason(struct vsa_appraisal *appraisal, enum vsa_status reason)
{
    for (size_t i = 0; i < appraisal->reason_count; i++)
        if (appraisal->reasons[i] == reason)
            return;
    if (appraisal->reason_count < VSA_MAX_APPRAISAL_REASONS)
        appraisal->reasons[appraisal->reason_count++] = reason;
}

/* Returns the status for PCRs of `expected` that are not those found. */
static enum vsa_status compare(const struct vsa_pcrs *expected, const struct vsa_pcrs *found)
{
    const struct vsa_pcr_difference difference = vsa_pcrs_compare(expected, found);
    if (difference.differ)
        return VSA_ERR_PCR_MISMATCH;
    return difference.missing ? VSA_ERR_PCR_MISSING : VSA_OK;
}

static void appraise_hardware(const struct vsa_claims *claims, struct vsa_appraisal *appraisal)
{
    appraisal->vector[VSA_TRUST_HARDWARE] = claims->root_is_aws ? APPROVED : UNRECOGNISED;
    if (!claims->root_is_aws)
        add_reason(appraisal, VSA_ERR_UNTRUSTED_ROOT);
}

static void appraise_executables(const struct vsa_claims *claims,
                                 const struct vsa_appraisal_rules *rules,
                                 struct vsa_appraisal *appraisal)
{
    if (!rules->image_count)
        return;
    for (size_t i = 0; i < rules->image_count && !appraisal->image; i++)
        if (compare(&rules->images[i].pcrs, &claims->pcrs) == VSA_OK)
            appraisal->image = &rules->images[i];
    appraisal->vector[VSA_TRUST_EXECUTABLES] =
        appraisal->image ? APPROVED_AT_BOOT : UNKNOWN_EXECUTABLES;
    if (!appraisal->image)
        add_reason(appraisal, VSA_ERR_PCR_MISMATCH);
}

/* Returns whether module_id is "<instance ID>-enc...". */
static bool is_of_instance(struct vsa_slice module_id, struct vsa_slice instance)
{
    return module_id.size > instance.size + 4 &&
           memcmp(module_id.data, instance.data, instance.size) == 0 &&
           memcmp(module_id.data + instance.size, "-enc", 4) == 0;
}

/* Returns how PCR3 and PCR4, and with them role and instance, differ from the rules. */
static enum vsa_status find_other_instance(const struct vsa_claims *claims,
                                           const struct vsa_appraisal_rules *rules)
{
    struct vsa_pcrs named = rules->platform;
    named.present &= ROLE_AND_INSTANCE_PCRS;
    if (rules->instance.data && !is_of_instance(claims->module_id, rules->instance))
        return VSA_ERR_INSTANCE;
    return compare(&named, &claims->pcrs);
}

static bool names_instance(const struct vsa_appraisal_rules *rules)
{
    return rules->instance.data || rules->platform.present & ROLE_AND_INSTANCE_PCRS;
}

static void appraise_instance(const struct vsa_claims *claims,
                              const struct vsa_appraisal_rules *rules,
                              struct vsa_appraisal *appraisal)
{
    if (!names_instance(rules))
        return;
    enum vsa_status status = find_other_instance(claims, rules);
    appraisal->vector[VSA_TRUST_INSTANCE_IDENTITY] = status == VSA_OK ? APPROVED : UNRECOGNISED;
    if (status != VSA_OK)
        add_reason(appraisal, status);
}

/* Returns what the policy names besides the image, and is different. */
static enum vsa_status find_other_configuration(const struct vsa_claims *claims,
                                                const struct vsa_appraisal_rules *rules)
{
    enum vsa_status status = compare(&rules->platform, &claims->pcrs);
    if (status == VSA_OK && names_instance(rules))
        status = find_other_instance(claims, rules);
    if (status == VSA_OK && rules->user_data.data &&
        !vsa_slice_equal(rules->user_data, claims->user_data))
        status = VSA_ERR_USER_DATA;
    if (status == VSA_OK && rules->public_key_required && !claims->public_key.size)
        status = VSA_ERR_PUBLIC_KEY;
    return status;
}

static void appraise_configuration(const struct vsa_claims *claims,
                                   const struct vsa_appraisal_rules *rules,
                                   struct vsa_appraisal *appraisal)
{
    int8_t *value = &appraisal->vector[VSA_TRUST_CONFIGURATION];
    bool named = rules->platform.present || rules->instance.data || rules->user_data.data ||
                 rules->public_key_required;
    enum vsa_status status = find_other_configuration(claims, rules);
    *value = named ? APPROVED : APPROVED_AT_BOOT;
    if (claims->debug_mode) {
        *value = rules->allow_debug ? UNSAFE_CONFIGURATION : UNSUPPORTED;
        add_reason(appraisal, VSA_ERR_DEBUG_MODE);
    }
    if (status == VSA_OK)
        return;
    if (*value < OTHER_CONFIGURATION)
        *value = OTHER_CONFIGURATION;
    add_reason(appraisal, status);
}

/* Rates memory: the console of an enclave in debug mode is read by its parent. */
static void appraise_memory(const struct vsa_claims *claims,
                            const struct vsa_appraisal_rules *rules,
                            struct vsa_appraisal *appraisal)
{
    if (claims->debug_mode && !rules->allow_debug)
        appraisal->vector[VSA_TRUST_RUNTIME_OPAQUE] = UNSUPPORTED;
}

static enum vsa_trust_tier worst_tier(const struct vsa_appraisal *appraisal)
{
    enum vsa_trust_tier worst = VSA_TIER_NONE;
    for (size_t i = 0; i < VSA_TRUST_ENTRIES; i++)
        if (vsa_trust_tier_of(appraisal->vector[i]) > worst)
            worst = vsa_trust_tier_of(appraisal->vector[i]);
    return worst;
}

void vsa_appraise(enum vsa_status verified, const struct vsa_claims *claims,
                  const struct vsa_appraisal_rules *rules, struct vsa_appraisal *appraisal)
{
    *appraisal = (struct vsa_appraisal){0};
    if (verified == VSA_OK) {
        appraise_hardware(claims, appraisal);
        appraise_executables(claims, rules, appraisal);
        appraise_instance(claims, rules, appraisal);
        appraise_configuration(claims, rules, appraisal);
        appraise_memory(claims, rules, appraisal);
    } else {
        for (size_t i = 0; i < VSA_TRUST_ENTRIES; i++)
            appraisal->vector[i] = NOT_VERIFIED;
        add_reason(appraisal, verified);
    }
    appraisal->status = worst_tier(appraisal);
}
