/* SPDX-License-Identifier: Apache-2.0 */
/* Requests a document, and one that verifies. */
#include "client/attest.h"
#include "client/client.h"

#include <errno.h>
#include <sys/random.h>

#include "attestation/policy.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/sized.h"
#include "base/slice.h"
#include "protocol/attest.h"
#include "protocol/request.h"

VSA_SIZED_ASSERT(struct vsa_attestation_request, nonce);
VSA_SIZED_ASSERT(struct vsa_attestation_reply, nonce);

#define NONCE_BYTES ((VSA_NONCE_TEXT_SIZE - 1) / 2)

enum vsa_status vsa_make_nonce(char text[VSA_NONCE_TEXT_SIZE], struct vsa_error *error)
{
    uint8_t bytes[NONCE_BYTES];
    /* Up to 256 bytes come at once or not at all (getrandom(2)). */
    ssize_t got;
    do {
        got = getrandom(bytes, sizeof(bytes), 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(bytes))
        return vsa_fail(error, VSA_ERR_IO, "no random bytes: %s", strerror(errno));
    vsa_hex_encode(vsa_slice_of(bytes, sizeof(bytes)), text, VSA_NONCE_TEXT_SIZE);
    return VSA_OK;
}

static enum vsa_status write_request(const struct vsa_attestation_request *request, json_t **object,
                                     struct vsa_error *error)
{
    if (request->no_user_data && request->user_data.data)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "user data and no user data at once");
    struct vsa_attest_request encoded = {request->user_data, request->nonce, request->generate_key};
    VSA_TRY(vsa_attest_request_encode(&encoded, object, error));
    /* null would mean none; not to mention it means the server's default. */
    if (!request->user_data.data && !request->no_user_data)
        (void)json_object_del(*object, "user_data");
    return VSA_OK;
}

static void copy_field(struct vsa_slice value, uint8_t *bytes, size_t *size, bool *present)
{
    *present = value.data != NULL;
    *size = value.size;
    if (value.data && value.size)
        memcpy(bytes, value.data, value.size);
}

static enum vsa_status read_reply(const json_t *received, struct vsa_attestation_reply *reply,
                                  size_t reply_size, struct vsa_error *error)
{
    struct vsa_attest_reply_buffers buffers;
    struct vsa_attest_reply decoded;
    struct vsa_attestation_reply known = {0};
    VSA_TRY(vsa_attest_reply_decode(received, &buffers, &decoded, error));
    memcpy(known.document, decoded.document.data, decoded.document.size);
    known.document_size = decoded.document.size;
    copy_field(decoded.user_data, known.user_data, &known.user_data_size, &known.has_user_data);
    copy_field(decoded.nonce, known.nonce, &known.nonce_size, &known.has_nonce);
    known.has_public_key = decoded.has_public_key;
    known.timestamp_ms = decoded.timestamp_ms;
    vsa_sized_write(reply, reply_size, &known, sizeof(known));
    return VSA_OK;
}

static enum vsa_status read_request(const struct vsa_attestation_request *given,
                                    struct vsa_attestation_request *request,
                                    struct vsa_error *error)
{
    vsa_attestation_request_init(request);
    return vsa_sized_read(request, sizeof(*request), given, "a request for a document",
                          "vsa_attestation_request_init()", error);
}

/* Sends `request`, which is one that this library knows. */
static enum vsa_status exchange(struct vsa_client *client,
                                const struct vsa_attestation_request *request,
                                struct vsa_attestation_reply *reply, size_t reply_size,
                                struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *object = NULL;
    VSA_AUTO_JSON json_t *received = NULL;
    VSA_TRY(write_request(request, &object, error));
    VSA_TRY(vsa_client_request(client, object, &received, error));
    return read_reply(received, reply, reply_size, error);
}

enum vsa_status vsa_client_attest_size(struct vsa_client *client,
                                       const struct vsa_attestation_request *request,
                                       struct vsa_attestation_reply *reply, size_t reply_size,
                                       struct vsa_error *error)
{
    struct vsa_attestation_request known;
    VSA_TRY(read_request(request, &known, error));
    return exchange(client, &known, reply, reply_size, error);
}

/* One request and its policy, completed from each other. */
struct plan {
    struct vsa_attestation_request asked; /* may borrow `made_nonce` */
    struct vsa_policy expected;
    char made_nonce[VSA_NONCE_TEXT_SIZE];
};

/* Expects back what is requested; fails if the policy names another value. */
static enum vsa_status expect_back(const char *what, struct vsa_slice *asked,
                                   struct vsa_slice *expected, struct vsa_error *error)
{
    if (!expected->data)
        *expected = *asked;
    if (!asked->data || vsa_slice_equal(*asked, *expected))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT, "request and policy name a different %s", what);
}

static enum vsa_status make_plan(const struct vsa_attestation_request *request,
                                 const struct vsa_policy *policy, struct plan *plan,
                                 struct vsa_error *error)
{
    struct vsa_attestation_request *asked = &plan->asked;
    struct vsa_policy *expected = &plan->expected;
    VSA_TRY(read_request(request, asked, error));
    /* A policy that vsa_verify() would refuse fails before anything is sent. */
    VSA_TRY(vsa_policy_read(policy, expected, error));
    if (!asked->user_data.data && !asked->no_user_data)
        asked->user_data = expected->user_data;
    if (!asked->nonce.data)
        asked->nonce = expected->nonce;
    if (!asked->nonce.data) {
        VSA_TRY(vsa_make_nonce(plan->made_nonce, error));
        asked->nonce = vsa_slice_of_text(plan->made_nonce);
    }
    VSA_TRY(expect_back("nonce", &asked->nonce, &expected->nonce, error));
    return expect_back("user data", &asked->user_data, &expected->user_data, error);
}

static enum vsa_status verify_reply(const struct plan *plan, struct vsa_verifier *verifier,
                                    int64_t now_ms, const struct vsa_attestation_reply *reply,
                                    struct vsa_claims *claims, size_t size, struct vsa_error *error)
{
    VSA_TRY(vsa_verify_size(verifier, vsa_reply_document(reply), &plan->expected, now_ms, claims,
                            size, error));
    if (!plan->asked.generate_key || claims->public_key.size)
        return VSA_OK;
    memset(claims, 0, size);
    return vsa_fail(error, VSA_ERR_PUBLIC_KEY, "a key was asked for, and the document holds none");
}

enum vsa_status vsa_client_attest_and_verify_size(
    struct vsa_client *client, const struct vsa_attestation_request *request,
    struct vsa_verifier *verifier, const struct vsa_policy *policy,
    int64_t (*now)(const void *context), const void *context, struct vsa_attestation_reply *reply,
    size_t reply_size, struct vsa_claims *claims, size_t claims_size, struct vsa_error *error)
{
    struct plan plan;
    vsa_sized_write(reply, reply_size, &reply_size, sizeof(reply_size));
    memset(claims, 0, claims_size);
    VSA_TRY(make_plan(request, policy, &plan, error));
    VSA_TRY(exchange(client, &plan.asked, reply, reply_size, error));
    return verify_reply(&plan, verifier, now(context), reply, claims, claims_size, error);
}

static json_t *seal_key_request(struct vsa_slice nonce)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "command", json_string(VSA_COMMAND_NAME_SEAL_KEY));
    vsa_json_put(&writer, "nonce", json_stringn((const char *)nonce.data, nonce.size));
    return vsa_json_finish(&writer);
}

enum vsa_status vsa_client_seal_key(struct vsa_client *client, struct vsa_verifier *verifier,
                                    const struct vsa_policy *policy,
                                    int64_t (*now)(const void *context), const void *context,
                                    int64_t deadline_ms, struct vsa_attestation_reply *reply,
                                    struct vsa_claims *claims, int64_t *expires_in_ms,
                                    struct vsa_error *error)
{
    struct vsa_attestation_request nothing;
    struct plan plan;
    VSA_AUTO_JSON json_t *received = NULL;
    vsa_attestation_request_init(&nothing);
    nothing.no_user_data = true;
    VSA_TRY(make_plan(&nothing, policy, &plan, error));
    VSA_AUTO_JSON json_t *object = seal_key_request(plan.asked.nonce);
    if (!object)
        return vsa_fail_memory(error);
    enum vsa_status status =
        vsa_client_request_until(client, object, deadline_ms, &received, error);
    if (status == VSA_ERR_REFUSED_BY_PEER)
        vsa_error_wrap(error, "no sealing key");
    VSA_TRY(status);
    const json_t *expires = json_object_get(received, "expires_in_ms");
    if (!json_is_integer(expires) || json_integer_value(expires) < 0)
        return vsa_fail(error, VSA_ERR_REPLY, "the reply has no \"expires_in_ms\"");
    VSA_TRY(read_reply(received, reply, sizeof(*reply), error));
    VSA_TRY(verify_reply(&plan, verifier, now(context), reply, claims, sizeof(*claims), error));
    *expires_in_ms = json_integer_value(expires);
    return VSA_OK;
}
