/* SPDX-License-Identifier: Apache-2.0 */
/* A software NSM as an enclave finds its NSM after boot: root, module ID and measured PCRs. */
#ifndef VSA_SOFTWARE_NSM_BOOT_H
#define VSA_SOFTWARE_NSM_BOOT_H

#include "software_nsm/module_id.h"
#include "software_nsm/software_nsm.h"
#include <vsattest/attestation.h>

/* The parent instance, unless another is named. */
#define VSA_SOFTWARE_NSM_INSTANCE "i-0123456789abcdef0"

/* Zero it, then fill it. All pointers are borrowed during the call. */
struct vsa_software_nsm_options {
    const char *state;           /* directory of the root (state.h) */
    const char *module_id;       /* NULL: a new one of the parent instance */
    const char *instance_id;     /* parent instance, measured in PCR4; NULL: the module ID's */
    const char *role_arn;        /* IAM role of the parent, measured in PCR3; NULL: none */
    const struct vsa_pcrs *pcrs; /* values in place of the placeholders; NULL: none */
    bool debug_mode;             /* PCR0, 1, 2 and 8 are zero */
    int64_t now_ms;              /* Unix milliseconds */
};

/*
 * Opens or makes the root, measures the PCRs and starts the module.
 *
 * nsm        out: free with vsa_software_nsm_free()
 * module_id  out
 * root       out: its certificate, DER, in `buffer` of VSA_MAX_CERTIFICATE bytes
 *
 * Errors: those of vsa_module_id_parse() and vsa_software_state_open(); VSA_ERR_ARGUMENT when
 * module ID and instance ID contradict each other.
 */
VSA_MUST_USE enum vsa_status vsa_software_nsm_boot(const struct vsa_software_nsm_options *options,
                                                   struct vsa_software_nsm **nsm,
                                                   struct vsa_module_id *module_id, uint8_t *buffer,
                                                   size_t capacity, struct vsa_slice *root,
                                                   struct vsa_error *error);

#endif
