/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_NSM_ATTEST_WITH_KEY_H
#define VSA_NSM_ATTEST_WITH_KEY_H

#include <vsattest/key.h>
#include <vsattest/nsm.h>

/*
 * Makes a fresh P-384 key pair and has its public half attested, as vsa_nsm_attest() does.
 *
 * pair  out: set on success, wiped on failure; wipe it with vsa_key_pair_wipe()
 *
 * Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY; those of vsa_nsm_attest().
 */
VSA_MUST_USE enum vsa_status
vsa_nsm_attest_with_key(struct vsa_nsm *nsm, struct vsa_slice user_data, struct vsa_slice nonce,
                        struct vsa_key_pair *pair, struct vsa_slice *document,
                        struct vsa_error *error);

#endif
