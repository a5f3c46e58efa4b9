/* SPDX-License-Identifier: Apache-2.0 */
/* What writers and readers of attestation results (draft-ietf-rats-ear-04) must agree on. */
#ifndef VSA_TOKEN_EAR_NAMES_H
#define VSA_TOKEN_EAR_NAMES_H

/* The draft's; its successors change it, and this line. */
#define VSA_EAR_PROFILE "tag:ietf.org,2026:rats/ear#04"
/* The header's "typ" and the media type (RFC 9782). */
#define VSA_EAR_TYPE       "eat+jwt"
#define VSA_EAR_MEDIA_TYPE "application/eat+jwt"
/* The one submodule's name. */
#define VSA_EAR_SUBMODULE "nitro-enclave"

#endif
