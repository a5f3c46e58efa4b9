/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/boot.h"

#include "attestation/pcrs.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "software_nsm/state.h"

#define PCR_ROLE     3
#define PCR_INSTANCE 4

/* Chooses a module ID: AWS's enclave IDs are the time in milliseconds and two bytes. */
static enum vsa_status choose_module_id(const struct vsa_software_nsm_options *options,
                                        struct vsa_module_id *module_id, struct vsa_error *error)
{
    if (!options->module_id) {
        uint16_t random = 0;
        const char *instance =
            options->instance_id ? options->instance_id : VSA_SOFTWARE_NSM_INSTANCE;
        VSA_TRY(vsa_random(&random, sizeof(random), error));
        return vsa_module_id_make(instance, (uint64_t)options->now_ms << 16 | random, module_id,
                                  error);
    }
    VSA_TRY(vsa_module_id_parse(options->module_id, module_id, error));
    if (options->instance_id && strcmp(options->instance_id, module_id->instance) != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--module-id is one of instance %s, but --instance-id says %.40s",
                        module_id->instance, options->instance_id);
    return VSA_OK;
}

static enum vsa_status fill_bank(const struct vsa_software_nsm_options *options,
                                 const struct vsa_module_id *module_id, struct vsa_pcr_bank *bank,
                                 struct vsa_error *error)
{
    vsa_pcr_bank_init(bank);
    VSA_TRY(vsa_pcr_bank_set_placeholders(bank, error));
    VSA_TRY(vsa_pcr_measure_text(vsa_slice_of_text(module_id->instance), bank->value[PCR_INSTANCE],
                                 error));
    if (options->role_arn)
        VSA_TRY(vsa_pcr_measure_text(vsa_slice_of_text(options->role_arn), bank->value[PCR_ROLE],
                                     error));
    for (unsigned i = 0; options->pcrs && i < VSA_PCR_COUNT; i++)
        if (options->pcrs->present >> i & 1)
            memcpy(bank->value[i], options->pcrs->value[i], VSA_PCR_SIZE);
    if (options->debug_mode)
        vsa_pcr_bank_set_debug(bank);
    return VSA_OK;
}

enum vsa_status vsa_software_nsm_boot(const struct vsa_software_nsm_options *options,
                                      struct vsa_software_nsm **nsm,
                                      struct vsa_module_id *module_id, uint8_t *buffer,
                                      size_t capacity, struct vsa_slice *root,
                                      struct vsa_error *error)
{
    struct vsa_key *key = NULL;
    struct vsa_pcr_bank bank;
    VSA_CLEANUP(vsa_cleanup_authority) struct vsa_authority *authority = NULL;
    VSA_TRY(choose_module_id(options, module_id, error));
    VSA_TRY(fill_bank(options, module_id, &bank, error));
    VSA_TRY(vsa_software_state_open(options->state, options->now_ms, &key, buffer, capacity, root,
                                    error));
    VSA_TRY(vsa_authority_new(key, *root, module_id, &authority, error));
    /* What is wrong with the root shows now, not at the first request. */
    VSA_TRY(vsa_authority_refresh(authority, options->now_ms, error));
    struct vsa_authority *owned = authority;
    authority = NULL;
    return vsa_software_nsm_new(owned, &bank, nsm, error);
}
