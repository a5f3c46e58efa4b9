/* SPDX-License-Identifier: Apache-2.0 */
#include "token/trust.h"

#include "base/slice.h"

static const char *const entry_names[VSA_TRUST_ENTRIES] = {
    [VSA_TRUST_INSTANCE_IDENTITY] = "instance-identity",
    [VSA_TRUST_CONFIGURATION] = "configuration",
    [VSA_TRUST_EXECUTABLES] = "executables",
    [VSA_TRUST_FILE_SYSTEM] = "file-system",
    [VSA_TRUST_HARDWARE] = "hardware",
    [VSA_TRUST_RUNTIME_OPAQUE] = "runtime-opaque",
    [VSA_TRUST_STORAGE_OPAQUE] = "storage-opaque",
    [VSA_TRUST_SOURCED_DATA] = "sourced-data",
};

static const char *const tier_names[VSA_TIERS] = {
    [VSA_TIER_NONE] = "none",
    [VSA_TIER_AFFIRMING] = "affirming",
    [VSA_TIER_WARNING] = "warning",
    [VSA_TIER_CONTRAINDICATED] = "contraindicated",
};

const char *vsa_trust_entry_name(enum vsa_trust_entry entry)
{
    return entry_names[entry];
}

const char *vsa_trust_tier_name(enum vsa_trust_tier tier)
{
    return tier_names[tier];
}

enum vsa_trust_tier vsa_trust_tier_named(struct vsa_slice name)
{
    int tier = 0;
    while (tier < VSA_TIERS && !vsa_slice_equal_text(name, tier_names[tier]))
        tier++;
    return (enum vsa_trust_tier)tier;
}

enum vsa_trust_tier vsa_trust_tier_of(int64_t value)
{
    if (value >= -1 && value <= 1)
        return VSA_TIER_NONE;
    if (value >= -32 && value <= 31)
        return VSA_TIER_AFFIRMING;
    return value >= -96 && value <= 95 ? VSA_TIER_WARNING : VSA_TIER_CONTRAINDICATED;
}
