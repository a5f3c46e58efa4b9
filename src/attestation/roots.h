/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ATTESTATION_ROOTS_H
#define VSA_ATTESTATION_ROOTS_H

/* PEM: G1 of the commercial regions, then GovCloud (US). */
#define VSA_AWS_ROOT_COUNT 2
extern const char *const vsa_aws_roots[VSA_AWS_ROOT_COUNT];

#endif
