/* SPDX-License-Identifier: Apache-2.0 */
/* Module IDs as Nitro forms them: "i-0123456789abcdef0-enc0123456789abcdef". */
#ifndef VSA_SOFTWARE_NSM_MODULE_ID_H
#define VSA_SOFTWARE_NSM_MODULE_ID_H

#include <stdbool.h>

#include <vsattest/base.h>

#define VSA_ENCLAVE_ID_SIZE 8
/* "i-" and 17 hex digits (8 in old accounts), a NUL. */
#define VSA_INSTANCE_ID_SIZE 20
/* An instance ID, "-enc" and 16 hex digits, a NUL. */
#define VSA_MODULE_ID_SIZE (VSA_INSTANCE_ID_SIZE + 4 + 2 * VSA_ENCLAVE_ID_SIZE)

struct vsa_module_id {
    char text[VSA_MODULE_ID_SIZE];
    char instance[VSA_INSTANCE_ID_SIZE];
    uint8_t enclave[VSA_ENCLAVE_ID_SIZE]; /* its first bit is 0: it begins a serial number */
};

/* Parses a module ID. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status vsa_module_id_parse(const char *text, struct vsa_module_id *module_id,
                                                 struct vsa_error *error);

/*
 * Makes a module ID of an instance and an enclave ID; of the latter only the lower 63 bits count.
 */
VSA_MUST_USE enum vsa_status vsa_module_id_make(const char *instance, uint64_t enclave,
                                                struct vsa_module_id *module_id,
                                                struct vsa_error *error);

#endif
