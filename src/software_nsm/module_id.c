/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/module_id.h"

#include <stdio.h>

#include "base/error.h"
#include "base/hex.h"

#define INSTANCE_PREFIX "i-"
#define ENCLAVE_PREFIX  "-enc"
#define HEX_DIGITS      "0123456789abcdef"

/* Returns the length of "i-" and 8 or 17 lower-case hex digits, or 0. */
static size_t instance_length(const char *text)
{
    if (strncmp(text, INSTANCE_PREFIX, strlen(INSTANCE_PREFIX)) != 0)
        return 0;
    size_t digits = strspn(text + strlen(INSTANCE_PREFIX), HEX_DIGITS);
    return digits == 8 || digits == 17 ? strlen(INSTANCE_PREFIX) + digits : 0;
}

enum vsa_status vsa_module_id_parse(const char *text, struct vsa_module_id *module_id,
                                    struct vsa_error *error)
{
    struct vsa_module_id parsed = {0};
    size_t instance = instance_length(text);
    const char *enclave = text + instance + strlen(ENCLAVE_PREFIX);
    if (instance == 0 || strncmp(text + instance, ENCLAVE_PREFIX, strlen(ENCLAVE_PREFIX)) != 0 ||
        strlen(enclave) != 2 * VSA_ENCLAVE_ID_SIZE ||
        strspn(enclave, HEX_DIGITS) != 2 * VSA_ENCLAVE_ID_SIZE || enclave[0] > '7')
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.60s' is no module ID; Nitro's look like "
                        "i-0123456789abcdef0-enc0123456789abcdef",
                        text);
    VSA_TRY(vsa_hex_decode(vsa_slice_of_text(enclave), parsed.enclave, VSA_ENCLAVE_ID_SIZE, error));
    memcpy(parsed.text, text, strlen(text));
    memcpy(parsed.instance, text, instance);
    *module_id = parsed;
    return VSA_OK;
}

enum vsa_status vsa_module_id_make(const char *instance, uint64_t enclave,
                                   struct vsa_module_id *module_id, struct vsa_error *error)
{
    char text[VSA_MODULE_ID_SIZE];
    size_t length = instance_length(instance);
    if (length == 0 || instance[length] != '\0')
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.60s' is no instance ID; they look like i-0123456789abcdef0", instance);
    (void)snprintf(text, sizeof(text), "%s" ENCLAVE_PREFIX "%016llx", instance,
                   (unsigned long long)(enclave & INT64_MAX));
    return vsa_module_id_parse(text, module_id, error);
}
