/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform configuration registers of one enclave: 32 of SHA-384, 0..15 locked from the start.
 * Source: AWS NSM API nsm-check; AWS Nitro Enclaves User Guide, "Cryptographic attestation".
 */
#ifndef VSA_SOFTWARE_NSM_PCR_BANK_H
#define VSA_SOFTWARE_NSM_PCR_BANK_H

#include <vsattest/nsm.h>

/* PCRs below this one belong to the platform. */
#define VSA_PCR_FIRST_USER 16

struct vsa_pcr_bank {
    uint8_t value[VSA_PCR_COUNT][VSA_PCR_SIZE];
    uint32_t locked; /* bit n: PCR n */
};

/* Sets the registers as at boot, without measurements: all zero, 0..15 locked. */
void vsa_pcr_bank_init(struct vsa_pcr_bank *bank);

/*
 * Sets measurements of no image at all, for who has none: PCRn = SHA384("software_nsm PCRn") for n
 * of 0, 1, 2, the text in ASCII. Fixed, so that they can be expected. Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_pcr_bank_set_placeholders(struct vsa_pcr_bank *bank,
                                                           struct vsa_error *error);

/* Sets debug mode: PCR0, 1, 2 and 8 read zero; PCR3 and 4 keep their values. */
void vsa_pcr_bank_set_debug(struct vsa_pcr_bank *bank);

static inline bool vsa_pcr_bank_is_locked(const struct vsa_pcr_bank *bank, unsigned index)
{
    return bank->locked >> index & 1;
}

/*
 * Checks what a request names; these three return the module's code: VSA_NSM_SUCCESS,
 * VSA_NSM_INVALID_INDEX, VSA_NSM_READ_ONLY_INDEX, VSA_NSM_INTERNAL_ERROR (hashing failed).
 */
enum vsa_nsm_code vsa_pcr_bank_check_index(unsigned index);
/* Sets value = SHA384(value || data). Sets `error` with VSA_NSM_INTERNAL_ERROR. */
enum vsa_nsm_code vsa_pcr_bank_extend(struct vsa_pcr_bank *bank, unsigned index,
                                      struct vsa_slice data, struct vsa_error *error);
enum vsa_nsm_code vsa_pcr_bank_lock(struct vsa_pcr_bank *bank, unsigned index);
/* Locks 0 .. range - 1, whether locked already or not. */
enum vsa_nsm_code vsa_pcr_bank_lock_range(struct vsa_pcr_bank *bank, unsigned range);

#endif
