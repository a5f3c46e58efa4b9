/* SPDX-License-Identifier: Apache-2.0 */
/* Trustworthiness vectors (draft-ietf-rats-ar4si): their entries, and the tiers of values. */
#ifndef VSA_TOKEN_TRUST_H
#define VSA_TOKEN_TRUST_H

#include <vsattest/base.h>

/* In the order of the draft. */
enum vsa_trust_entry {
    VSA_TRUST_INSTANCE_IDENTITY,
    VSA_TRUST_CONFIGURATION,
    VSA_TRUST_EXECUTABLES,
    VSA_TRUST_FILE_SYSTEM,
    VSA_TRUST_HARDWARE,
    VSA_TRUST_RUNTIME_OPAQUE,
    VSA_TRUST_STORAGE_OPAQUE,
    VSA_TRUST_SOURCED_DATA,
    VSA_TRUST_ENTRIES,
};

/* The worse, the larger. */
enum vsa_trust_tier {
    VSA_TIER_NONE,
    VSA_TIER_AFFIRMING,
    VSA_TIER_WARNING,
    VSA_TIER_CONTRAINDICATED,
    VSA_TIERS,
};

/* Returns the name in JSON, such as "instance-identity" and "affirming"; static. */
const char *vsa_trust_entry_name(enum vsa_trust_entry entry);
const char *vsa_trust_tier_name(enum vsa_trust_tier tier);

/* Returns the tier of that name; VSA_TIERS if there is none. */
enum vsa_trust_tier vsa_trust_tier_named(struct vsa_slice name);

/*
 * Returns the tier of a value of the vector: draft-ietf-rats-ar4si, section 2.3.2, whose negative
 * values are a verifier's own. What is no value there is contraindicated.
 */
enum vsa_trust_tier vsa_trust_tier_of(int64_t value);

#endif
