/* SPDX-License-Identifier: Apache-2.0 */
/* The NSM's messages as tables that encoding and decoding follow. */
#ifndef VSA_NSM_SCHEMA_H
#define VSA_NSM_SCHEMA_H

#include "nsm/message.h"

/* How a field is written; the member it stands for has the type behind it. */
enum vsa_nsm_field_type {
    VSA_NSM_FIELD_U16,            /* uint16_t */
    VSA_NSM_FIELD_BOOLEAN,        /* bool */
    VSA_NSM_FIELD_BYTES,          /* struct vsa_slice, never absent */
    VSA_NSM_FIELD_OPTIONAL_BYTES, /* struct vsa_slice, null when absent */
    VSA_NSM_FIELD_PCR_VALUE,      /* struct vsa_slice of VSA_PCR_SIZE bytes */
    VSA_NSM_FIELD_PCR_SET,        /* uint32_t, a bit for each index of the array */
    VSA_NSM_FIELD_MODULE_ID,      /* char[VSA_MAX_MODULE_ID + 1] */
    VSA_NSM_FIELD_DIGEST,         /* char[8] */
};

struct vsa_nsm_field {
    const char *name;
    enum vsa_nsm_field_type type;
    size_t offset; /* of the member in struct vsa_nsm_request or vsa_nsm_response */
};

#define VSA_NSM_MAX_FIELDS 7

struct vsa_nsm_variant {
    const char *name;
    enum vsa_nsm_kind kind;
    size_t field_count;
    struct vsa_nsm_field fields[VSA_NSM_MAX_FIELDS];
};

#define VSA_NSM_VARIANTS 7

/* In the order of enum vsa_nsm_kind. Responses besides: {"Error": name of the code}. */
extern const struct vsa_nsm_variant vsa_nsm_request_variants[VSA_NSM_VARIANTS];
extern const struct vsa_nsm_variant vsa_nsm_response_variants[VSA_NSM_VARIANTS];

#define VSA_NSM_CODE_COUNT 9

#endif
