/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/nsm.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "base/printable.h"
#include "base/slice.h"
#include "nsm/message.h"
#include "nsm/transport.h"

static const char rule[] = "AWS NSM API src/api/mod.rs";

#define UNIX_PREFIX "unix:"

struct vsa_nsm {
    struct vsa_nsm_transport *transport;
    enum vsa_nsm_code last_code;
    void (*observer)(void *user, int64_t duration_us, enum vsa_status status); /* or NULL */
    void *observer_user;
    uint8_t request[VSA_NSM_MAX_REQUEST];
    uint8_t response[VSA_NSM_MAX_RESPONSE];
};

enum vsa_status vsa_nsm_new(struct vsa_nsm_transport *transport, struct vsa_nsm **nsm,
                            struct vsa_error *error)
{
    struct vsa_nsm *opened = calloc(1, sizeof(*opened));
    if (!opened) {
        transport->close(transport);
        return vsa_fail_memory(error);
    }
    opened->transport = transport;
    *nsm = opened;
    return VSA_OK;
}

enum vsa_status vsa_nsm_open(const char *address, int timeout_ms, struct vsa_nsm **nsm,
                             struct vsa_error *error)
{
    struct vsa_nsm_transport *transport = NULL;
    if (!address || timeout_ms <= 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "an NSM needs an address and a time limit above 0 ms");
    if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        VSA_TRY(vsa_nsm_socket_open(address + strlen(UNIX_PREFIX), timeout_ms, &transport, error));
    else if (address[0] == '/')
        VSA_TRY(vsa_nsm_device_open(address, NULL, &transport, error));
    else
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "'%.100s' is no NSM address; use " VSA_NSM_DEVICE " or unix:PATH", address);
    return vsa_nsm_new(transport, nsm, error);
}

void vsa_nsm_free(struct vsa_nsm *nsm)
{
    if (!nsm)
        return;
    nsm->transport->close(nsm->transport);
    /* The response may be random bytes that became a key. */
    vsa_wipe(nsm, sizeof(*nsm));
    free(nsm);
}

enum vsa_nsm_code vsa_nsm_last_code(const struct vsa_nsm *nsm)
{
    return nsm->last_code;
}

static enum vsa_status wrong_answer(struct vsa_nsm *nsm, enum vsa_nsm_kind asked,
                                    const char *answer, struct vsa_error *error)
{
    nsm->last_code = VSA_NSM_INVALID_RESPONSE;
    return vsa_fail_at(error, VSA_ERR_REPLY, VSA_NO_OFFSET, rule, "the NSM answered %s with %s",
                       vsa_nsm_kind_name(asked), answer);
}

static enum vsa_status decode(struct vsa_nsm *nsm, enum vsa_nsm_kind asked,
                              struct vsa_slice encoded, struct vsa_nsm_response *response,
                              struct vsa_error *error)
{
    struct vsa_error cause;
    if (vsa_nsm_response_decode(encoded, response, &cause) == VSA_OK)
        return VSA_OK;
    nsm->last_code = VSA_NSM_INVALID_RESPONSE;
    return vsa_fail_at(error, VSA_ERR_REPLY, cause.offset, cause.rule,
                       "the NSM's answer to %s is malformed: %.150s", vsa_nsm_kind_name(asked),
                       cause.detail);
}

static enum vsa_status refused(struct vsa_nsm *nsm, enum vsa_nsm_kind asked,
                               const struct vsa_nsm_response *response, struct vsa_error *error)
{
    nsm->last_code = response->code;
    char name[41];
    struct vsa_slice text = response->code_name;
    if (text.size >= sizeof(name))
        text = vsa_slice_whole_characters(vsa_slice_of(text.data, sizeof(name) - 1));
    memcpy(name, text.data, text.size);
    name[text.size] = '\0';
    vsa_printable_make(name, text.size);
    return vsa_fail_at(error, VSA_ERR_NSM, VSA_NO_OFFSET, rule, "the NSM refused %s: %s",
                       vsa_nsm_kind_name(asked), name);
}

void vsa_nsm_set_observer(struct vsa_nsm *nsm,
                          void (*observer)(void *user, int64_t duration_us, enum vsa_status status),
                          void *user)
{
    nsm->observer = observer;
    nsm->observer_user = user;
}

static enum vsa_status exchange(struct vsa_nsm *nsm, struct vsa_slice request,
                                struct vsa_slice *answer, struct vsa_error *error)
{
    int64_t started_us = vsa_monotonic_us();
    enum vsa_status status = nsm->transport->exchange(nsm->transport, request, nsm->response,
                                                      sizeof(nsm->response), answer, error);
    if (nsm->observer)
        nsm->observer(nsm->observer_user, vsa_monotonic_us() - started_us, status);
    return status;
}

/* Sends one request and decodes its response, which borrows from `nsm` until the next one. */
static enum vsa_status ask(struct vsa_nsm *nsm, const struct vsa_nsm_request *request,
                           struct vsa_nsm_response *response, struct vsa_error *error)
{
    struct vsa_slice encoded;
    nsm->last_code = VSA_NSM_SUCCESS;
    if (vsa_nsm_request_encode(request, nsm->request, sizeof(nsm->request), &encoded, NULL))
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, rule,
                           "%s does not fit into a request of %d bytes",
                           vsa_nsm_kind_name(request->kind), VSA_NSM_MAX_REQUEST);
    struct vsa_slice answer;
    VSA_TRY(exchange(nsm, encoded, &answer, error));
    VSA_TRY(decode(nsm, request->kind, answer, response, error));
    if (response->kind == VSA_NSM_ERROR)
        return refused(nsm, request->kind, response, error);
    if (response->kind != request->kind)
        return wrong_answer(nsm, request->kind, vsa_nsm_kind_name(response->kind), error);
    return VSA_OK;
}

enum vsa_status vsa_nsm_describe(struct vsa_nsm *nsm, struct vsa_nsm_description *description,
                                 struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_DESCRIBE_NSM};
    struct vsa_nsm_response response;
    VSA_TRY(ask(nsm, &request, &response, error));
    *description = response.description;
    return VSA_OK;
}

enum vsa_status vsa_nsm_describe_pcr(struct vsa_nsm *nsm, uint16_t index, struct vsa_nsm_pcr *pcr,
                                     struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_DESCRIBE_PCR, .index = index};
    struct vsa_nsm_response response;
    VSA_TRY(ask(nsm, &request, &response, error));
    pcr->locked = response.lock;
    memcpy(pcr->value, response.data.data, VSA_PCR_SIZE);
    return VSA_OK;
}

enum vsa_status vsa_nsm_extend_pcr(struct vsa_nsm *nsm, uint16_t index, struct vsa_slice data,
                                   uint8_t value[VSA_PCR_SIZE], struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_EXTEND_PCR, .index = index, .data = data};
    struct vsa_nsm_response response;
    VSA_TRY(ask(nsm, &request, &response, error));
    memcpy(value, response.data.data, VSA_PCR_SIZE);
    return VSA_OK;
}

enum vsa_status vsa_nsm_lock_pcr(struct vsa_nsm *nsm, uint16_t index, struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_LOCK_PCR, .index = index};
    struct vsa_nsm_response response;
    return ask(nsm, &request, &response, error);
}

enum vsa_status vsa_nsm_lock_pcrs(struct vsa_nsm *nsm, uint16_t range, struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_LOCK_PCRS, .range = range};
    struct vsa_nsm_response response;
    return ask(nsm, &request, &response, error);
}

static enum vsa_status check_field(const char *name, struct vsa_slice field,
                                   struct vsa_error *error)
{
    if (field.size > VSA_MAX_FIELD)
        return vsa_fail_at(
            error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, "AWS attestation process section 3.1",
            "%s has %zu bytes; a document takes %d at most", name, field.size, VSA_MAX_FIELD);
    return VSA_OK;
}

enum vsa_status vsa_nsm_attest(struct vsa_nsm *nsm, struct vsa_slice user_data,
                               struct vsa_slice nonce, struct vsa_slice public_key,
                               struct vsa_slice *document, struct vsa_error *error)
{
    struct vsa_nsm_request request = {
        .kind = VSA_NSM_ATTESTATION,
        .user_data = user_data,
        .nonce = nonce,
        .public_key = public_key,
    };
    struct vsa_nsm_response response;
    VSA_TRY(check_field("user_data", user_data, error));
    VSA_TRY(check_field("nonce", nonce, error));
    VSA_TRY(check_field("public_key", public_key, error));
    VSA_TRY(ask(nsm, &request, &response, error));
    if (response.document.size == 0)
        return wrong_answer(nsm, request.kind, "an empty document", error);
    *document = response.document;
    return VSA_OK;
}

enum vsa_status vsa_nsm_random(struct vsa_nsm *nsm, struct vsa_slice *random,
                               struct vsa_error *error)
{
    struct vsa_nsm_request request = {.kind = VSA_NSM_GET_RANDOM};
    struct vsa_nsm_response response;
    VSA_TRY(ask(nsm, &request, &response, error));
    if (response.random.size == 0 || response.random.size > VSA_NSM_MAX_RANDOM)
        return wrong_answer(nsm, request.kind, "no random bytes, or too many", error);
    *random = response.random;
    return VSA_OK;
}
