/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/result.h"

#include "base/slice.h"
#include "protocol/json.h"

/* Adds a member; on failure drops the object, so that a sequence is checked at its end. */
static void put(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

/* The sentence and code of an error, made fit for JSON by the report layer. */
static void put_error(json_t **object, const char *key, const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *report = vsa_error_to_json(error);
    put(object, key, json_incref(json_object_get(report, "verification_error")));
    put(object, "error_code", json_incref(json_object_get(report, "error_code")));
}

bool client_result_add_error(json_t *object, const char *key, const struct vsa_error *error)
{
    json_t *filled = json_incref(object);
    put_error(&filled, key, error);
    json_decref(filled);
    return filled != NULL;
}

json_t *client_result_enclave(const struct vsa_enclave *enclave)
{
    json_t *object = json_object();
    put(&object, "name", enclave->name[0] ? json_string(enclave->name) : json_null());
    put(&object, "id", json_string(enclave->id));
    put(&object, "cid", json_integer(enclave->cid));
    put(&object, "debug_mode", json_boolean(enclave->debug_mode));
    return object;
}

static json_t *enclaves_of(const struct vsa_enclave_list *running)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < running->count; i++) {
        if (json_array_append_new(array, client_result_enclave(&running->enclaves[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *client_result_failed(const struct vsa_error *error, bool verifying,
                             const struct vsa_enclave_list *running)
{
    json_t *object = json_object();
    put(&object, "success", json_false());
    put_error(&object, "error", error);
    if (verifying) {
        put(&object, "verified", json_false());
        put(&object, "verification_error", json_incref(json_object_get(object, "error")));
    }
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        put(&object, "enclaves", enclaves_of(running));
    return object;
}

static void put_field(json_t **object, const char *key, const char *base64_key,
                      struct vsa_slice value)
{
    put(object, key, vsa_json_text_or_null(value));
    put(object, base64_key, vsa_json_base64(value));
}

/* The guide's members of a reply, in its order. */
static json_t *describe(const struct vsa_attestation_reply *reply, struct vsa_slice user_data,
                        struct vsa_slice nonce, bool has_public_key)
{
    json_t *object = json_object();
    json_int_t timestamp = (json_int_t)reply->timestamp_ms;
    put(&object, "success", json_true());
    put(&object, "attestation_document", vsa_json_base64(vsa_reply_document(reply)));
    put_field(&object, "user_data", "user_data_base64", user_data);
    put_field(&object, "nonce", "nonce_base64", nonce);
    put(&object, "has_public_key", json_boolean(has_public_key));
    put(&object, "document_size", json_integer((json_int_t)reply->document_size));
    put(&object, "timestamp", timestamp ? json_integer(timestamp) : json_null());
    return object;
}

json_t *client_result_received(const struct vsa_attestation_reply *reply)
{
    struct vsa_slice user_data = {0};
    struct vsa_slice nonce = {0};
    if (reply->has_user_data)
        user_data = vsa_slice_of(reply->user_data, reply->user_data_size);
    if (reply->has_nonce)
        nonce = vsa_slice_of(reply->nonce, reply->nonce_size);
    json_t *object = describe(reply, user_data, nonce, reply->has_public_key);
    put(&object, "verified", json_false());
    return object;
}

json_t *client_result_verified(const struct vsa_attestation_reply *reply,
                               const struct vsa_claims *claims)
{
    json_t *object = describe(reply, claims->user_data, claims->nonce, claims->public_key.size > 0);
    put(&object, "verified", json_true());
    put(&object, "verification", vsa_claims_to_json(claims));
    return object;
}

json_t *client_result_refused(const struct vsa_attestation_reply *reply,
                              const struct vsa_error *error)
{
    json_t *object = client_result_received(reply);
    put_error(&object, "verification_error", error);
    return object;
}

void client_result_add_save(json_t *result, const char *path, const struct vsa_error *error)
{
    bool utf8 = vsa_slice_is_utf8(vsa_slice_of_text(path));
    (void)json_object_set_new(result, "saved_to", !error && utf8 ? json_string(path) : json_null());
    if (!error)
        return;
    VSA_AUTO_JSON json_t *report = vsa_error_to_json(error);
    (void)json_object_set(result, "save_error", json_object_get(report, "verification_error"));
}

static json_t *result_of(const struct client_arguments *arguments,
                         const struct client_outcome *outcome,
                         const struct vsa_enclave_list *running)
{
    bool verifying = arguments->action == CLIENT_ACTION_VERIFY;
    if (outcome->status != VSA_OK && verifying && outcome->attestation.document_size)
        return client_result_refused(&outcome->attestation, &outcome->error);
    if (outcome->status != VSA_OK)
        return client_result_failed(&outcome->error, verifying, running);
    if (verifying)
        return client_result_verified(&outcome->attestation, &outcome->claims);
    if (arguments->action == CLIENT_ACTION_ATTEST)
        return client_result_received(&outcome->attestation);
    if (outcome->reply)
        return json_copy(outcome->reply);
    return json_pack("{s:b, s:s}", "success", 1, "message", "pong");
}

json_t *client_result_of(const struct client_arguments *arguments,
                         const struct client_outcome *outcome,
                         const struct vsa_enclave_list *running, const struct vsa_error *saving)
{
    json_t *result = result_of(arguments, outcome, running);
    bool received = outcome->attestation.document_size || outcome->reply;
    bool stands = outcome->status == VSA_OK || arguments->action == CLIENT_ACTION_VERIFY;
    if (result && arguments->save && received && stands)
        client_result_add_save(result, arguments->save, saving);
    return result;
}
