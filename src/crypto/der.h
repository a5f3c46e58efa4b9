/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_CRYPTO_DER_H
#define VSA_CRYPTO_DER_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Rejects what libcrypto's decoder accepts although it is BER and not DER (X.690 sections 10 and
 * 11): lengths that are indefinite or not in shortest form, strings in pieces, SEQUENCE and SET as
 * primitives, BOOLEANs other than TRUE = 0xff. (An explicit FALSE is a default that DER leaves out,
 * in certificates everywhere.) OCTET STRINGs and BIT STRINGs are not looked into. Decoding must
 * have succeeded before: how elements nest is not checked here.
 */
bool vsa_der_is_strict(struct vsa_slice der);

#endif
