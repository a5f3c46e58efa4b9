/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Nitro Secure Module in software, as swtpm is for TPMs: one request in, one response out, with
 * the rules, limits and error codes of the real one as far as they are known. It protects nothing
 * and is trusted only by verifiers that were given its root.
 */
#ifndef VSA_SOFTWARE_NSM_SOFTWARE_NSM_H
#define VSA_SOFTWARE_NSM_SOFTWARE_NSM_H

#include "software_nsm/authority.h"
#include "software_nsm/pcr_bank.h"

struct vsa_software_nsm;

/*
 * Makes a module. It owns `authority` from now on, also if this fails with VSA_ERR_MEMORY, and
 * copies `bank`, the PCRs at boot.
 */
VSA_MUST_USE enum vsa_status vsa_software_nsm_new(struct vsa_authority *authority,
                                                  const struct vsa_pcr_bank *bank,
                                                  struct vsa_software_nsm **nsm,
                                                  struct vsa_error *error);
void vsa_software_nsm_free(struct vsa_software_nsm *nsm);
VSA_DEFINE_CLEANUP(struct vsa_software_nsm, vsa_software_nsm_free, vsa_cleanup_software_nsm);

/*
 * Answers one request, whatever it is; never fails.
 *
 * request   in: any bytes
 * now_ms    in: Unix milliseconds, for document and certificates
 * response  out: CBOR, borrowed until the next request
 * failure   out, may be NULL: why, when the answer is an error of ours (InternalError); its status
 *           is VSA_OK otherwise
 *
 * Codes for what AWS's text leaves open: InvalidOperation for what is no request, InvalidArgument
 * for a request whose fields are wrong, InputTooLarge above VSA_NSM_MAX_REQUEST or VSA_MAX_FIELD.
 */
void vsa_software_nsm_respond(struct vsa_software_nsm *nsm, struct vsa_slice request,
                              int64_t now_ms, struct vsa_slice *response,
                              struct vsa_error *failure);

#endif
