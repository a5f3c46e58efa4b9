/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/attest.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/slice.h"
#include "protocol/request.h"

/* A byte string is sent as text or, if it is not UTF-8, in base64 under a second key. */
struct field {
    const char *text_key;
    const char *base64_key;
};

static const struct field user_data_field = {"user_data", "user_data_base64"};
static const struct field nonce_field = {"nonce", "nonce_base64"};

/* --- request ---------------------------------------------------------------------------------- */

static enum vsa_status check_size(const struct field *field, struct vsa_slice value,
                                  struct vsa_error *error)
{
    if (value.size > VSA_MAX_FIELD)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "\"%s\" has %zu bytes; at most %d are allowed",
                        field->text_key, value.size, VSA_MAX_FIELD);
    return VSA_OK;
}

static void put_request_field(struct vsa_json_writer *writer, const struct field *field,
                              struct vsa_slice value)
{
    if (value.data && !vsa_slice_is_utf8(value))
        vsa_json_put(writer, field->base64_key, vsa_json_base64(value));
    else
        vsa_json_put(writer, field->text_key, vsa_json_text_or_null(value));
}

enum vsa_status vsa_attest_request_encode(const struct vsa_attest_request *request, json_t **object,
                                          struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *made = vsa_request_new(VSA_COMMAND_NAME_ATTEST);
    VSA_TRY(check_size(&user_data_field, request->user_data, error));
    VSA_TRY(check_size(&nonce_field, request->nonce, error));
    struct vsa_json_writer writer = vsa_json_extend(made);
    put_request_field(&writer, &user_data_field, request->user_data);
    put_request_field(&writer, &nonce_field, request->nonce);
    vsa_json_put(&writer, "generate_key", json_boolean(request->generate_key));
    VSA_TRY(vsa_json_close(&writer, error));
    *object = json_incref(made);
    return VSA_OK;
}

static enum vsa_status decode_text(const json_t *value, const char *key, struct vsa_slice *bytes,
                                   struct vsa_error *error)
{
    if (!json_is_string(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"%s\" must be a string or null", key);
    if (json_string_length(value) > VSA_MAX_FIELD)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "\"%s\" is longer than %d bytes", key,
                        VSA_MAX_FIELD);
    *bytes = vsa_json_string_slice(value);
    return VSA_OK;
}

static enum vsa_status decode_base64(const json_t *value, const char *key, uint8_t *buffer,
                                     struct vsa_slice *bytes, struct vsa_error *error)
{
    if (!json_is_string(value))
        return vsa_fail(error, VSA_ERR_FIELD, "\"%s\" must be a base64 string or null", key);
    enum vsa_status status = vsa_base64_decode(vsa_json_string_slice(value), VSA_BASE64_STRICT,
                                               buffer, VSA_MAX_FIELD, bytes, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "\"%s\" is longer than %d bytes", key,
                        VSA_MAX_FIELD);
    if (status != VSA_OK)
        vsa_error_wrap(error, "\"%s\"", key);
    return status;
}

/* Decodes text or base64 into `*bytes`; leaves it alone if the object has neither. */
static enum vsa_status decode_either_form(const json_t *object, const struct field *field,
                                          uint8_t *buffer, struct vsa_slice *bytes,
                                          struct vsa_error *error)
{
    const json_t *text = vsa_json_get(object, field->text_key);
    const json_t *base64 = vsa_json_get(object, field->base64_key);
    if (text && base64)
        return vsa_fail(error, VSA_ERR_REQUEST, "\"%s\" and \"%s\" exclude each other",
                        field->text_key, field->base64_key);
    if (text)
        return decode_text(text, field->text_key, bytes, error);
    if (base64)
        return decode_base64(base64, field->base64_key, buffer, bytes, error);
    return VSA_OK;
}

static enum vsa_status decode_request_field(const json_t *object, const struct field *field,
                                            uint8_t *buffer, struct vsa_slice *bytes,
                                            struct vsa_error *error)
{
    VSA_TRY(decode_either_form(object, field, buffer, bytes, error));
    if (bytes->size >= VSA_RESERVED_PREFIX_SIZE &&
        memcmp(bytes->data, VSA_RESERVED_PREFIX, VSA_RESERVED_PREFIX_SIZE) == 0)
        return vsa_fail(error, VSA_ERR_FIELD,
                        "\"%s\" begins with a prefix that only the server itself may use",
                        field->text_key);
    return VSA_OK;
}

enum vsa_status vsa_attest_nonce_decode(const json_t *object, uint8_t *buffer,
                                        struct vsa_slice *nonce, struct vsa_error *error)
{
    return decode_request_field(object, &nonce_field, buffer, nonce, error);
}

static struct vsa_slice default_user_data(const json_t *object)
{
    bool mentioned = json_object_get(object, user_data_field.text_key) ||
                     json_object_get(object, user_data_field.base64_key);
    return mentioned ? vsa_slice_of(NULL, 0) : vsa_slice_of_text(VSA_DEFAULT_USER_DATA);
}

enum vsa_status vsa_attest_request_decode(const json_t *object, struct vsa_attest_buffers *buffers,
                                          struct vsa_attest_request *request,
                                          struct vsa_error *error)
{
    struct vsa_attest_request read = {.user_data = default_user_data(object)};
    const json_t *generate_key = vsa_json_get(object, "generate_key");
    VSA_TRY(
        decode_request_field(object, &user_data_field, buffers->user_data, &read.user_data, error));
    VSA_TRY(decode_request_field(object, &nonce_field, buffers->nonce, &read.nonce, error));
    if (generate_key && !json_is_boolean(generate_key))
        return vsa_fail(error, VSA_ERR_FIELD, "\"generate_key\" must be true, false or null");
    read.generate_key = json_is_true(generate_key);
    *request = read;
    return VSA_OK;
}

/* --- reply ------------------------------------------------------------------------------------ */

static void put_reply_field(struct vsa_json_writer *writer, const struct field *field,
                            struct vsa_slice value)
{
    vsa_json_put(writer, field->text_key, vsa_json_text_or_null(value));
    vsa_json_put(writer, field->base64_key, vsa_json_base64(value));
}

enum vsa_status vsa_attest_reply_encode(const struct vsa_attest_reply *reply, json_t *object,
                                        struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_extend(object);
    vsa_json_put(&writer, "attestation_document", vsa_json_base64(reply->document));
    put_reply_field(&writer, &user_data_field, reply->user_data);
    put_reply_field(&writer, &nonce_field, reply->nonce);
    vsa_json_put(&writer, "has_public_key", json_boolean(reply->has_public_key));
    vsa_json_put(&writer, "document_size", json_integer((json_int_t)reply->document.size));
    vsa_json_put(&writer, "timestamp", json_integer((json_int_t)reply->timestamp_ms));
    return vsa_json_close(&writer, error);
}

static enum vsa_status bad_reply(const char *key, const char *why, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_REPLY, "\"%s\" of the reply %s", key, why);
}

static enum vsa_status decode_document(const json_t *object, uint8_t *buffer,
                                       struct vsa_attest_reply *reply, struct vsa_error *error)
{
    const json_t *text = json_object_get(object, "attestation_document");
    const json_t *size = vsa_json_get(object, "document_size");
    if (!json_is_string(text))
        return bad_reply("attestation_document", "is not a string", error);
    reply->document_base64 = vsa_json_string_slice(text);
    if (vsa_base64_decode(reply->document_base64, VSA_BASE64_STRICT, buffer, VSA_MAX_DOCUMENT,
                          &reply->document, NULL) != VSA_OK)
        return bad_reply("attestation_document", "is too long or not base64", error);
    if (reply->document.size == 0)
        return bad_reply("attestation_document", "is empty", error);
    if (size &&
        (!json_is_integer(size) || json_integer_value(size) != (json_int_t)reply->document.size))
        return bad_reply("document_size", "is not the document's size", error);
    return VSA_OK;
}

static enum vsa_status decode_reply_field(const json_t *object, const struct field *field,
                                          uint8_t *buffer, struct vsa_slice *bytes,
                                          struct vsa_error *error)
{
    const json_t *text = vsa_json_get(object, field->text_key);
    const json_t *base64 = vsa_json_get(object, field->base64_key);
    struct vsa_slice read = {0};
    if (text && (!json_is_string(text) || json_string_length(text) > VSA_MAX_FIELD))
        return bad_reply(field->text_key, "is not a string of the allowed size", error);
    if (base64 && (!json_is_string(base64) ||
                   vsa_base64_decode(vsa_json_string_slice(base64), VSA_BASE64_STRICT, buffer,
                                     VSA_MAX_FIELD, &read, NULL) != VSA_OK))
        return bad_reply(field->base64_key, "is not base64 of the allowed size", error);
    if (text && base64 && !vsa_slice_equal(read, vsa_json_string_slice(text)))
        return bad_reply(field->base64_key, "differs from the text", error);
    *bytes = text ? vsa_json_string_slice(text) : read;
    return VSA_OK;
}

enum vsa_status vsa_attest_reply_decode(const json_t *object,
                                        struct vsa_attest_reply_buffers *buffers,
                                        struct vsa_attest_reply *reply, struct vsa_error *error)
{
    struct vsa_attest_reply read = {0};
    const json_t *has_public_key = vsa_json_get(object, "has_public_key");
    const json_t *timestamp = vsa_json_get(object, "timestamp");
    VSA_TRY(decode_document(object, buffers->document, &read, error));
    VSA_TRY(decode_reply_field(object, &user_data_field, buffers->fields.user_data, &read.user_data,
                               error));
    VSA_TRY(decode_reply_field(object, &nonce_field, buffers->fields.nonce, &read.nonce, error));
    if (has_public_key && !json_is_boolean(has_public_key))
        return bad_reply("has_public_key", "is not a boolean", error);
    if (timestamp && (!json_is_integer(timestamp) || json_integer_value(timestamp) < 0))
        return bad_reply("timestamp", "is not a time in milliseconds", error);
    read.has_public_key = json_is_true(has_public_key);
    read.timestamp_ms = (uint64_t)json_integer_value(timestamp);
    *reply = read;
    return VSA_OK;
}
