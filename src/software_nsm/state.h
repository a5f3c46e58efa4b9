/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory of a software NSM: its root, which outlives restarts so that verifiers can
 * keep trusting it.
 *
 *   root.key  PEM, PKCS#8: the private key
 *   root.pem  the certificate
 */
#ifndef VSA_SOFTWARE_NSM_STATE_H
#define VSA_SOFTWARE_NSM_STATE_H

#include "crypto/key.h"

/*
 * Reads the root, or makes directory (0700, with the parents it lacks) and root (files 0600) if
 * there is none yet. Several processes may do this at once.
 *
 * now_ms  in: Unix milliseconds; when a new root begins to be valid
 * key     out: the caller's
 * root    out: DER, in `buffer` of VSA_MAX_CERTIFICATE bytes
 *
 * Errors: VSA_ERR_ARGUMENT when another user owns or may enter the directory or its files, or the
 * path makes no sense; VSA_ERR_IO; VSA_ERR_CERTIFICATE_SYNTAX and VSA_ERR_CERTIFICATE_PROFILE for
 * files that are damaged; VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_software_state_open(const char *directory, int64_t now_ms,
                                                     struct vsa_key **key, uint8_t *buffer,
                                                     size_t capacity, struct vsa_slice *root,
                                                     struct vsa_error *error);

/*
 * Writes a root certificate, DER, as PEM, readable by all: nothing is secret, and other users'
 * verifiers read it. Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_software_root_write(const char *path, struct vsa_slice root,
                                                     struct vsa_error *error);

#endif
