/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/software_nsm.h"

#include "base/error.h"
#include "crypto/digest.h"
#include "nsm/message.h"
#include "software_nsm/documents.h"

/* What AWS's module calls itself. */
#define VERSION_MAJOR 1
#define VERSION_MINOR 0
#define VERSION_PATCH 0

struct vsa_software_nsm {
    struct vsa_authority *authority;
    struct vsa_pcr_bank bank;
    uint8_t random[VSA_NSM_MAX_RANDOM];
    uint8_t document[VSA_NSM_MAX_RESPONSE];
    uint8_t response[VSA_NSM_MAX_RESPONSE];
};

enum vsa_status vsa_software_nsm_new(struct vsa_authority *authority,
                                     const struct vsa_pcr_bank *bank, struct vsa_software_nsm **nsm,
                                     struct vsa_error *error)
{
    struct vsa_software_nsm *made = calloc(1, sizeof(*made));
    if (!made) {
        vsa_authority_free(authority);
        return vsa_fail_memory(error);
    }
    made->authority = authority;
    made->bank = *bank;
    *nsm = made;
    return VSA_OK;
}

void vsa_software_nsm_free(struct vsa_software_nsm *nsm)
{
    if (!nsm)
        return;
    vsa_authority_free(nsm->authority);
    free(nsm);
}

static void set_code(struct vsa_nsm_response *response, enum vsa_nsm_code code)
{
    if (code == VSA_NSM_SUCCESS)
        return;
    response->kind = VSA_NSM_ERROR;
    response->code = code;
}

static void describe_module(const struct vsa_software_nsm *nsm, struct vsa_nsm_response *response)
{
    struct vsa_nsm_description *description = &response->description;
    const char *module_id = vsa_authority_module_id(nsm->authority)->text;
    description->version_major = VERSION_MAJOR;
    description->version_minor = VERSION_MINOR;
    description->version_patch = VERSION_PATCH;
    memcpy(description->module_id, module_id, strlen(module_id) + 1);
    description->max_pcrs = VSA_PCR_COUNT;
    description->locked_pcrs = nsm->bank.locked;
    memcpy(description->digest, "SHA384", sizeof("SHA384"));
}

static void show_pcr(const struct vsa_software_nsm *nsm, unsigned index,
                     struct vsa_nsm_response *response)
{
    response->lock = vsa_pcr_bank_is_locked(&nsm->bank, index);
    response->data = vsa_slice_of(nsm->bank.value[index], VSA_PCR_SIZE);
}

static void describe_pcr(const struct vsa_software_nsm *nsm, unsigned index,
                         struct vsa_nsm_response *response)
{
    enum vsa_nsm_code code = vsa_pcr_bank_check_index(index);
    if (code == VSA_NSM_SUCCESS)
        show_pcr(nsm, index, response);
    set_code(response, code);
}

static void extend_pcr(struct vsa_software_nsm *nsm, const struct vsa_nsm_request *request,
                       struct vsa_nsm_response *response, struct vsa_error *failure)
{
    enum vsa_nsm_code code =
        vsa_pcr_bank_extend(&nsm->bank, request->index, request->data, failure);
    if (code == VSA_NSM_SUCCESS)
        show_pcr(nsm, request->index, response);
    set_code(response, code);
}

static bool fits(struct vsa_slice field)
{
    return field.size <= VSA_MAX_FIELD;
}

static void attest(struct vsa_software_nsm *nsm, const struct vsa_nsm_request *request,
                   int64_t now_ms, struct vsa_nsm_response *response, struct vsa_error *failure)
{
    if (!fits(request->user_data) || !fits(request->nonce) || !fits(request->public_key)) {
        set_code(response, VSA_NSM_INPUT_TOO_LARGE);
        return;
    }
    struct vsa_software_document content = {
        .pcrs = &nsm->bank,
        .timestamp_ms = (uint64_t)now_ms,
        .public_key = request->public_key,
        .user_data = request->user_data,
        .nonce = request->nonce,
    };
    enum vsa_status status = vsa_authority_refresh(nsm->authority, now_ms, failure);
    if (status == VSA_OK)
        status = vsa_software_document_sign(nsm->authority, &content, nsm->document,
                                            sizeof(nsm->document), &response->document, failure);
    if (status != VSA_OK)
        set_code(response, VSA_NSM_INTERNAL_ERROR);
}

static void make_random(struct vsa_software_nsm *nsm, struct vsa_nsm_response *response,
                        struct vsa_error *failure)
{
    response->random = vsa_slice_of(nsm->random, sizeof(nsm->random));
    if (vsa_random(nsm->random, sizeof(nsm->random), failure) != VSA_OK)
        set_code(response, VSA_NSM_INTERNAL_ERROR);
}

static void dispatch(struct vsa_software_nsm *nsm, const struct vsa_nsm_request *request,
                     int64_t now_ms, struct vsa_nsm_response *response, struct vsa_error *failure)
{
    response->kind = request->kind;
    switch (request->kind) {
    case VSA_NSM_DESCRIBE_PCR:
        describe_pcr(nsm, request->index, response);
        break;
    case VSA_NSM_EXTEND_PCR:
        extend_pcr(nsm, request, response, failure);
        break;
    case VSA_NSM_LOCK_PCR:
        set_code(response, vsa_pcr_bank_lock(&nsm->bank, request->index));
        break;
    case VSA_NSM_LOCK_PCRS:
        set_code(response, vsa_pcr_bank_lock_range(&nsm->bank, request->range));
        break;
    case VSA_NSM_DESCRIBE_NSM:
        describe_module(nsm, response);
        break;
    case VSA_NSM_ATTESTATION:
        attest(nsm, request, now_ms, response, failure);
        break;
    case VSA_NSM_GET_RANDOM:
        make_random(nsm, response, failure);
        break;
    case VSA_NSM_ERROR:
        set_code(response, VSA_NSM_INVALID_OPERATION);
        break;
    }
}

/* Returns the code for a request that could not be decoded. */
static enum vsa_nsm_code code_of(enum vsa_status status)
{
    bool wrong_fields = status == VSA_ERR_FIELD || status == VSA_ERR_FIELD_MISSING ||
                        status == VSA_ERR_DUPLICATE_KEY;
    return wrong_fields ? VSA_NSM_INVALID_ARGUMENT : VSA_NSM_INVALID_OPERATION;
}

void vsa_software_nsm_respond(struct vsa_software_nsm *nsm, struct vsa_slice request,
                              int64_t now_ms, struct vsa_slice *response, struct vsa_error *failure)
{
    struct vsa_error ignored = {.status = VSA_OK};
    struct vsa_error *why = failure ? failure : &ignored;
    struct vsa_nsm_request decoded;
    struct vsa_nsm_response answer = {0};
    memset(why, 0, sizeof(*why));
    enum vsa_status status = vsa_nsm_request_decode(request, &decoded, NULL);
    if (request.size > VSA_NSM_MAX_REQUEST)
        set_code(&answer, VSA_NSM_INPUT_TOO_LARGE);
    else if (status != VSA_OK)
        set_code(&answer, code_of(status));
    else
        dispatch(nsm, &decoded, now_ms, &answer, why);
    if (vsa_nsm_response_encode(&answer, nsm->response, sizeof(nsm->response), response, why) ==
        VSA_OK)
        return;
    set_code(&answer, VSA_NSM_INTERNAL_ERROR);
    /* A bare error code always fits. */
    if (vsa_nsm_response_encode(&answer, nsm->response, sizeof(nsm->response), response, NULL) !=
        VSA_OK)
        *response = vsa_slice_of(nsm->response, 0);
}
