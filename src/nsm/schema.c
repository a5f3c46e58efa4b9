/* SPDX-License-Identifier: Apache-2.0 */
#include "nsm/schema.h"

#define REQUEST(member, type)                                                                      \
    {                                                                                              \
#member, type, offsetof(struct vsa_nsm_request, member)                                    \
    }
#define RESPONSE(member, type)                                                                     \
    {                                                                                              \
#member, type, offsetof(struct vsa_nsm_response, member)                                   \
    }
#define DESCRIPTION(member, type)                                                                  \
    {                                                                                              \
#member, type, offsetof(struct vsa_nsm_response, description.member)                       \
    }

#define U16            VSA_NSM_FIELD_U16
#define OPTIONAL_BYTES VSA_NSM_FIELD_OPTIONAL_BYTES

/* clang-format off */
const struct vsa_nsm_variant vsa_nsm_request_variants[VSA_NSM_VARIANTS] = {
    {"DescribePCR", VSA_NSM_DESCRIBE_PCR, 1, {REQUEST(index, U16)}},
    {"ExtendPCR", VSA_NSM_EXTEND_PCR, 2,
     {REQUEST(index, U16), REQUEST(data, VSA_NSM_FIELD_BYTES)}},
    {"LockPCR", VSA_NSM_LOCK_PCR, 1, {REQUEST(index, U16)}},
    {"LockPCRs", VSA_NSM_LOCK_PCRS, 1, {REQUEST(range, U16)}},
    {"DescribeNSM", VSA_NSM_DESCRIBE_NSM, 0, {{0}}},
    {"Attestation", VSA_NSM_ATTESTATION, 3,
     {REQUEST(user_data, OPTIONAL_BYTES), REQUEST(nonce, OPTIONAL_BYTES),
      REQUEST(public_key, OPTIONAL_BYTES)}},
    {"GetRandom", VSA_NSM_GET_RANDOM, 0, {{0}}},
};

const struct vsa_nsm_variant vsa_nsm_response_variants[VSA_NSM_VARIANTS] = {
    {"DescribePCR", VSA_NSM_DESCRIBE_PCR, 2,
     {RESPONSE(lock, VSA_NSM_FIELD_BOOLEAN), RESPONSE(data, VSA_NSM_FIELD_PCR_VALUE)}},
    {"ExtendPCR", VSA_NSM_EXTEND_PCR, 1, {RESPONSE(data, VSA_NSM_FIELD_PCR_VALUE)}},
    {"LockPCR", VSA_NSM_LOCK_PCR, 0, {{0}}},
    {"LockPCRs", VSA_NSM_LOCK_PCRS, 0, {{0}}},
    {"DescribeNSM", VSA_NSM_DESCRIBE_NSM, 7,
     {DESCRIPTION(version_major, U16), DESCRIPTION(version_minor, U16),
      DESCRIPTION(version_patch, U16), DESCRIPTION(module_id, VSA_NSM_FIELD_MODULE_ID),
      DESCRIPTION(max_pcrs, U16), DESCRIPTION(locked_pcrs, VSA_NSM_FIELD_PCR_SET),
      DESCRIPTION(digest, VSA_NSM_FIELD_DIGEST)}},
    {"Attestation", VSA_NSM_ATTESTATION, 1, {RESPONSE(document, VSA_NSM_FIELD_BYTES)}},
    {"GetRandom", VSA_NSM_GET_RANDOM, 1, {RESPONSE(random, VSA_NSM_FIELD_BYTES)}},
};
/* clang-format on */

/* In the order of enum vsa_nsm_code. */
static const char *const code_names[VSA_NSM_CODE_COUNT] = {
    "Success",          "InvalidArgument", "InvalidIndex",  "InvalidResponse", "ReadOnlyIndex",
    "InvalidOperation", "BufferTooSmall",  "InputTooLarge", "InternalError",
};

const char *vsa_nsm_code_name(enum vsa_nsm_code code)
{
    return (size_t)code < VSA_NSM_CODE_COUNT ? code_names[code] : "Unknown";
}

const char *vsa_nsm_kind_name(enum vsa_nsm_kind kind)
{
    return (size_t)kind < VSA_NSM_VARIANTS ? vsa_nsm_request_variants[kind].name : "Error";
}
