/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ATTESTATION_ROOTS_H
#define VSA_ATTESTATION_ROOTS_H

#include <stdbool.h>
#include <stdint.h>

/* PEM: G1 of the commercial regions, then GovCloud (US). */
#define VSA_AWS_ROOT_COUNT 2
extern const char *const vsa_aws_roots[VSA_AWS_ROOT_COUNT];

/* Returns whether the SHA-256 of a DER certificate is that of one of these. */
bool vsa_is_aws_root(const uint8_t sha256[32]);

#endif
