/* SPDX-License-Identifier: Apache-2.0 */
/* A software NSM with a certificate authority of its own, for targets and seeds. */
#ifndef VSA_FUZZ_MAKE_NSM_H
#define VSA_FUZZ_MAKE_NSM_H

#include "fuzz.h"
#include "software_nsm/software_nsm.h"

/*
 * bank    in: its PCRs, copied
 * now_ms  in: fixed, so that certificates do not depend on when the fuzzer runs
 */
static inline struct vsa_software_nsm *make_nsm(const struct vsa_pcr_bank *bank, int64_t now_ms)
{
    static uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice root;
    struct vsa_key *key = NULL;
    struct vsa_authority *authority = NULL;
    struct vsa_software_nsm *nsm = NULL;
    struct vsa_module_id module_id;
    FUZZ_REQUIRE(vsa_module_id_make("i-0123456789abcdef0", 1, &module_id, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_authority_make_root(now_ms, &key, buffer, sizeof(buffer), &root, NULL) ==
                 VSA_OK);
    FUZZ_REQUIRE(vsa_authority_new(key, root, &module_id, &authority, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_software_nsm_new(authority, bank, &nsm, NULL) == VSA_OK);
    return nsm;
}

#endif
