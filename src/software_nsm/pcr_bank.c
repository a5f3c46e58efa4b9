/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/pcr_bank.h"

#include "base/error.h"
#include "crypto/digest.h"

_Static_assert(VSA_PCR_SIZE == VSA_SHA384_SIZE, "PCRs are SHA-384");

/* Returns bits 0 .. count - 1. */
static uint32_t low_bits(unsigned count)
{
    return count >= VSA_PCR_COUNT ? UINT32_MAX : (UINT32_C(1) << count) - 1;
}

void vsa_pcr_bank_init(struct vsa_pcr_bank *bank)
{
    memset(bank, 0, sizeof(*bank));
    bank->locked = low_bits(VSA_PCR_FIRST_USER);
}

static enum vsa_status extend(const uint8_t old[VSA_PCR_SIZE], struct vsa_slice data,
                              uint8_t value[VSA_PCR_SIZE], struct vsa_error *error)
{
    struct vsa_slice parts[2] = {vsa_slice_of(old, VSA_PCR_SIZE), data};
    return vsa_sha384(parts, 2, value, error);
}

enum vsa_status vsa_pcr_bank_set_placeholders(struct vsa_pcr_bank *bank, struct vsa_error *error)
{
    static const char *const texts[] = {"software_nsm PCR0", "software_nsm PCR1",
                                        "software_nsm PCR2"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vsa_slice text = vsa_slice_of_text(texts[i]);
        VSA_TRY(vsa_sha384(&text, 1, bank->value[i], error));
    }
    return VSA_OK;
}

void vsa_pcr_bank_set_debug(struct vsa_pcr_bank *bank)
{
    static const unsigned hidden[] = {0, 1, 2, 8};
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        memset(bank->value[hidden[i]], 0, VSA_PCR_SIZE);
}

enum vsa_nsm_code vsa_pcr_bank_check_index(unsigned index)
{
    return index < VSA_PCR_COUNT ? VSA_NSM_SUCCESS : VSA_NSM_INVALID_INDEX;
}

static enum vsa_nsm_code check_writable(const struct vsa_pcr_bank *bank, unsigned index)
{
    if (index >= VSA_PCR_COUNT)
        return VSA_NSM_INVALID_INDEX;
    return vsa_pcr_bank_is_locked(bank, index) ? VSA_NSM_READ_ONLY_INDEX : VSA_NSM_SUCCESS;
}

enum vsa_nsm_code vsa_pcr_bank_extend(struct vsa_pcr_bank *bank, unsigned index,
                                      struct vsa_slice data, struct vsa_error *error)
{
    uint8_t value[VSA_PCR_SIZE];
    enum vsa_nsm_code code = check_writable(bank, index);
    if (code != VSA_NSM_SUCCESS)
        return code;
    if (extend(bank->value[index], data, value, error) != VSA_OK)
        return VSA_NSM_INTERNAL_ERROR;
    memcpy(bank->value[index], value, VSA_PCR_SIZE);
    return VSA_NSM_SUCCESS;
}

enum vsa_nsm_code vsa_pcr_bank_lock(struct vsa_pcr_bank *bank, unsigned index)
{
    enum vsa_nsm_code code = check_writable(bank, index);
    if (code == VSA_NSM_SUCCESS)
        bank->locked |= UINT32_C(1) << index;
    return code;
}

enum vsa_nsm_code vsa_pcr_bank_lock_range(struct vsa_pcr_bank *bank, unsigned range)
{
    if (range > VSA_PCR_COUNT)
        return VSA_NSM_INVALID_INDEX;
    bank->locked |= low_bits(range);
    return VSA_NSM_SUCCESS;
}
