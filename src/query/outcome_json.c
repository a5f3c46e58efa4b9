/* SPDX-License-Identifier: Apache-2.0 */
#include "query/outcome_json.h"

#include "base/slice.h"
#include <vsattest/report.h>

/* Uses the report layer, which makes an error's sentence fit for JSON. */
void vsa_outcome_put_error(struct vsa_json_writer *writer, const char *key,
                           const struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *report = vsa_error_to_json(error);
    vsa_json_put(writer, key, json_incref(json_object_get(report, "verification_error")));
    vsa_json_put(writer, "error_code", json_incref(json_object_get(report, "error_code")));
}

json_t *vsa_enclave_json(const struct vsa_enclave *enclave)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "name", enclave->name[0] ? json_string(enclave->name) : json_null());
    vsa_json_put(&writer, "id", json_string(enclave->id));
    vsa_json_put(&writer, "cid", json_integer(enclave->cid));
    vsa_json_put(&writer, "debug_mode", json_boolean(enclave->debug_mode));
    return vsa_json_finish(&writer);
}

static json_t *enclaves_of(const struct vsa_enclave_list *running)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (size_t i = 0; i < running->count; i++)
        vsa_json_append(&writer, vsa_enclave_json(&running->enclaves[i]));
    return vsa_json_finish(&writer);
}

json_t *vsa_failure_json(const struct vsa_error *error, bool verifying,
                         const struct vsa_enclave_list *running)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "success", json_false());
    vsa_outcome_put_error(&writer, "error", error);
    if (verifying) {
        vsa_json_put(&writer, "verified", json_false());
        vsa_json_put(&writer, "verification_error",
                     json_incref(json_object_get(writer.value, "error")));
    }
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        vsa_json_put(&writer, "enclaves", enclaves_of(running));
    return vsa_json_finish(&writer);
}

/* --- documents -------------------------------------------------------------------------------- */

static void put_field(struct vsa_json_writer *writer, const char *key, const char *base64_key,
                      struct vsa_slice value)
{
    vsa_json_put(writer, key, vsa_json_text_or_null(value));
    vsa_json_put(writer, base64_key, vsa_json_base64(value));
}

static void put_document(struct vsa_json_writer *writer, const struct vsa_attestation_reply *reply)
{
    vsa_json_put(writer, "attestation_document", vsa_json_base64(vsa_reply_document(reply)));
}

static void put_size_and_time(struct vsa_json_writer *writer,
                              const struct vsa_attestation_reply *reply)
{
    json_int_t timestamp = (json_int_t)reply->timestamp_ms;
    vsa_json_put(writer, "document_size", json_integer((json_int_t)reply->document_size));
    vsa_json_put(writer, "timestamp", timestamp ? json_integer(timestamp) : json_null());
}

/* Puts the guide's members of a reply, in its order. */
static void put_reply(struct vsa_json_writer *writer, const struct vsa_attestation_reply *reply,
                      struct vsa_slice user_data, struct vsa_slice nonce, bool has_public_key)
{
    vsa_json_put(writer, "success", json_true());
    put_document(writer, reply);
    put_field(writer, "user_data", "user_data_base64", user_data);
    put_field(writer, "nonce", "nonce_base64", nonce);
    vsa_json_put(writer, "has_public_key", json_boolean(has_public_key));
    put_size_and_time(writer, reply);
}

/* Returns what the enclave sent, not verified, and "verified": false. */
static json_t *received(const struct vsa_outcome *outcome)
{
    struct vsa_json_writer writer = vsa_json_object();
    const struct vsa_attestation_reply *reply = &outcome->attestation;
    struct vsa_slice user_data = {0};
    struct vsa_slice nonce = {0};
    if (reply->has_user_data)
        user_data = vsa_slice_of(reply->user_data, reply->user_data_size);
    if (reply->has_nonce)
        nonce = vsa_slice_of(reply->nonce, reply->nonce_size);
    put_reply(&writer, reply, user_data, nonce, reply->has_public_key);
    vsa_json_put(&writer, "verified", json_false());
    return vsa_json_finish(&writer);
}

/* Returns the same members, taken from the verified document, and "verification". */
static json_t *verified(const struct vsa_outcome *outcome)
{
    struct vsa_json_writer writer = vsa_json_object();
    const struct vsa_claims *claims = &outcome->claims;
    put_reply(&writer, &outcome->attestation, claims->user_data, claims->nonce,
              claims->public_key.size > 0);
    vsa_json_put(&writer, "verified", json_true());
    vsa_json_put(&writer, "verification", vsa_claims_to_json(claims));
    return vsa_json_finish(&writer);
}

/* Returns the document, not read by us, "verified" as the service says, its token and claims. */
static json_t *appraised(const struct vsa_outcome *outcome)
{
    struct vsa_json_writer writer = vsa_json_object();
    const struct vsa_appraised *result = &outcome->appraised;
    vsa_json_put(&writer, "success", json_true());
    put_document(&writer, &outcome->attestation);
    put_size_and_time(&writer, &outcome->attestation);
    vsa_json_put(&writer, "verified", json_boolean(outcome->status == VSA_OK));
    vsa_json_put(&writer, "token", result->token ? json_incref(result->token) : json_null());
    vsa_json_put(&writer, "result", result->token ? json_incref(result->claims) : json_null());
    return vsa_json_finish(&writer);
}

/* --- outcomes --------------------------------------------------------------------------------- */

static json_t *success_of(enum vsa_query_kind kind, const struct vsa_outcome *outcome)
{
    switch (kind) {
    case VSA_QUERY_PING:
        return json_pack("{s:b, s:s}", "success", 1, "message", "pong");
    case VSA_QUERY_ATTEST:
        return received(outcome);
    case VSA_QUERY_VERIFY:
        return verified(outcome);
    case VSA_QUERY_SERVICE:
        return appraised(outcome);
    case VSA_QUERY_NONE:
    case VSA_QUERY_STATUS:
    case VSA_QUERY_METRICS:
    case VSA_QUERY_REQUEST:
    case VSA_QUERY_SEALED:
        break;
    }
    return json_copy(outcome->reply);
}

static json_t *result_of(enum vsa_query_kind kind, const struct vsa_outcome *outcome,
                         const struct vsa_enclave_list *running)
{
    if (outcome->status == VSA_OK)
        return success_of(kind, outcome);
    if (!vsa_query_is_verifying(kind) || !outcome->attestation.document_size)
        return vsa_failure_json(&outcome->error, vsa_query_is_verifying(kind), running);
    VSA_AUTO_JSON json_t *refused =
        kind == VSA_QUERY_SERVICE ? appraised(outcome) : received(outcome);
    struct vsa_json_writer writer = vsa_json_extend(refused);
    vsa_outcome_put_error(&writer, "verification_error", &outcome->error);
    return vsa_json_finish(&writer);
}

/* Puts what became of the file. */
static void put_file(struct vsa_json_writer *writer, const struct vsa_outcome_file *file)
{
    struct vsa_slice saved_to = {0};
    if (!file->error)
        saved_to = vsa_slice_of_text(file->path);
    vsa_json_put(writer, "saved_to", vsa_json_text_or_null(saved_to));
    if (!file->error)
        return;
    VSA_AUTO_JSON json_t *report = vsa_error_to_json(file->error);
    vsa_json_put(writer, "save_error", json_incref(json_object_get(report, "verification_error")));
}

json_t *vsa_outcome_json(enum vsa_query_kind kind, const struct vsa_outcome *outcome,
                         const struct vsa_enclave_list *running,
                         const struct vsa_outcome_file *file)
{
    VSA_AUTO_JSON json_t *result = result_of(kind, outcome, running);
    struct vsa_json_writer writer = vsa_json_extend(result);
    bool received_something = outcome->attestation.document_size || outcome->reply;
    if (file && received_something && (outcome->status == VSA_OK || vsa_query_is_verifying(kind)))
        put_file(&writer, file);
    return vsa_json_finish(&writer);
}
