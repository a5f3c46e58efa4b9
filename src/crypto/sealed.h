/* SPDX-License-Identifier: Apache-2.0 */
/* The one failure of everything that does not open. */
#ifndef VSA_CRYPTO_SEALED_H
#define VSA_CRYPTO_SEALED_H

#include "base/error.h"

/* One status and one text, so that a sender does not learn which step failed. */
#define vsa_fail_sealed(error) vsa_fail(error, VSA_ERR_SEALED, "the sealed text does not open")

#endif
