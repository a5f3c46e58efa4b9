/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate authority in the shape of Nitro's: root, regional, zonal, instance, enclave leaf.
 * Lifetimes, extensions and their order are those of AWS's certificates; the names say that it is
 * not AWS, and no verifier trusts it unless it is given this root.
 *
 * Every function takes the time as `now_ms`, Unix milliseconds.
 */
#ifndef VSA_SOFTWARE_NSM_AUTHORITY_H
#define VSA_SOFTWARE_NSM_AUTHORITY_H

#include "crypto/key.h"
#include "software_nsm/module_id.h"
#include <vsattest/limits.h>

enum vsa_authority_level {
    VSA_AUTHORITY_ROOT,
    VSA_AUTHORITY_REGIONAL,
    VSA_AUTHORITY_ZONAL,
    VSA_AUTHORITY_INSTANCE,
    VSA_AUTHORITY_LEAF,
    VSA_AUTHORITY_LEVELS,
};

/*
 * The leaf is renewed when it has less than this left: a document stays verifiable for a while.
 * (Among 31 documents of AWS none was made with less than 38 of the leaf's 180 minutes left.)
 */
#define VSA_AUTHORITY_LEAF_SLACK_MS (INT64_C(30) * 60 * 1000)

struct vsa_authority;

/*
 * Makes a new root: its key, and its certificate as DER in `buffer` (VSA_MAX_CERTIFICATE bytes).
 * Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_authority_make_root(int64_t now_ms, struct vsa_key **key,
                                                     uint8_t *buffer, size_t capacity,
                                                     struct vsa_slice *root,
                                                     struct vsa_error *error);

/*
 * Creates an authority for one enclave under an existing root. Owns `root_key` from now on, also on
 * failure. Errors: VSA_ERR_CERTIFICATE_PROFILE when key and certificate do not belong together or
 * it is not a root; VSA_ERR_CERTIFICATE_SYNTAX, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_authority_new(struct vsa_key *root_key, struct vsa_slice root,
                                               const struct vsa_module_id *module_id,
                                               struct vsa_authority **authority,
                                               struct vsa_error *error);
void vsa_authority_free(struct vsa_authority *authority);
VSA_DEFINE_CLEANUP(struct vsa_authority, vsa_authority_free, vsa_cleanup_authority);

/*
 * Issues, with new keys, what is missing, not valid at `now_ms` or about to expire, and all below
 * it: afterwards the leaf is good for VSA_AUTHORITY_LEAF_SLACK_MS at least and no certificate
 * outlives the one above it. Cheap when there is nothing to do; call it before every document.
 * Errors: VSA_ERR_EXPIRED, VSA_ERR_NOT_YET_VALID of the root; VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_authority_refresh(struct vsa_authority *authority, int64_t now_ms,
                                                   struct vsa_error *error);

/* Returns DER, borrowed until the next refresh; absent before the first one, except the root. */
struct vsa_slice vsa_authority_certificate(const struct vsa_authority *authority,
                                           enum vsa_authority_level level);

/*
 * Returns the key that signs documents; NULL before the first refresh. Borrowed until the next one.
 */
const struct vsa_key *vsa_authority_leaf_key(const struct vsa_authority *authority);

const struct vsa_module_id *vsa_authority_module_id(const struct vsa_authority *authority);

#endif
