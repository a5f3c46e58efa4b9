/* SPDX-License-Identifier: Apache-2.0 */
/* Verification results as JSON. The order of the keys is the order in the text. */
#include <vsattest/report.h>

#include <stdio.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/printable.h"
#include "base/slice.h"
#include "base/time_text.h"

/* Adds `value` (a new reference, or NULL when memory was short) and remembers failures. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
    if (json_object_set_new(object, key, value) != 0)
        *ok = false;
}

static json_t *hex_of(struct vsa_slice bytes)
{
    char text[2 * VSA_PCR_SIZE + 1];
    vsa_hex_encode(bytes, text, sizeof(text));
    return json_string(text);
}

static json_t *base64_or_null(struct vsa_slice bytes)
{
    char text[(VSA_MAX_FIELD + 2) / 3 * 4 + 1];
    if (!bytes.data)
        return json_null();
    if (vsa_base64_encode(bytes, text, sizeof(text), NULL) != VSA_OK)
        return NULL;
    return json_string(text);
}

static json_t *text_or_null(struct vsa_slice bytes)
{
    if (!bytes.data || !vsa_slice_is_utf8(bytes))
        return json_null();
    return json_stringn((const char *)bytes.data, bytes.size);
}

static json_t *time_of(int64_t unix_ms)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format(unix_ms, text, sizeof(text));
    return json_string(text);
}

static json_t *pcrs_of(const struct vsa_pcrs *pcrs)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    for (unsigned i = 0; ok && i < VSA_PCR_COUNT; i++) {
        if (!(pcrs->present & (UINT32_C(1) << i)))
            continue;
        char index[4];
        (void)snprintf(index, sizeof(index), "%u", i);
        put(object, index, hex_of(vsa_slice_of(pcrs->value[i], VSA_PCR_SIZE)), &ok);
    }
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *indexes_of(uint32_t bits)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < VSA_PCR_COUNT; i++) {
        if (!(bits & (UINT32_C(1) << i)))
            continue;
        if (json_array_append_new(array, json_integer((json_int_t)i)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Which of the expected images it is; null if none was expected by measurements. */
static json_t *measurements_of(const struct vsa_claims *claims)
{
    const struct vsa_measurements *image = claims->measurements;
    if (!image)
        return json_null();
    json_t *object = json_object();
    bool ok = object != NULL;
    bool named = image->file && vsa_slice_is_utf8(vsa_slice_of_text(image->file));
    bool listed = image->index != VSA_NO_INDEX;
    put(object, "file", named ? json_string(image->file) : json_null(), &ok);
    put(object, "index", listed ? json_integer((json_int_t)image->index) : json_null(), &ok);
    put(object, "name", image->name[0] ? json_string(image->name) : json_null(), &ok);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *root_of(const struct vsa_claims *claims)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    put(object, "subject", json_string(claims->root_subject), &ok);
    put(object, "sha256", hex_of(vsa_slice_of(claims->root_sha256, sizeof(claims->root_sha256))),
        &ok);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *certificate_of(const struct vsa_claims *claims)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    put(object, "subject", json_string(claims->certificate_subject), &ok);
    put(object, "not_before", time_of(claims->certificate_not_before_ms), &ok);
    put(object, "not_after", time_of(claims->certificate_not_after_ms), &ok);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

json_t *vsa_claims_to_json(const struct vsa_claims *claims)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    put(object, "verification_status", json_string("SUCCESS"), &ok);
    put(object, "module_id", text_or_null(claims->module_id), &ok);
    put(object, "digest", json_string("SHA384"), &ok);
    put(object, "timestamp", json_integer((json_int_t)claims->timestamp_ms), &ok);
    put(object, "document_time", time_of((int64_t)claims->timestamp_ms), &ok);
    put(object, "verified_at", time_of(claims->verified_at_ms), &ok);
    put(object, "pcrs", pcrs_of(&claims->pcrs), &ok);
    put(object, "pcrs_checked", indexes_of(claims->pcrs_checked), &ok);
    put(object, "measurements", measurements_of(claims), &ok);
    put(object, "debug_mode", json_boolean(claims->debug_mode), &ok);
    put(object, "public_key", base64_or_null(claims->public_key), &ok);
    put(object, "user_data", text_or_null(claims->user_data), &ok);
    put(object, "user_data_base64", base64_or_null(claims->user_data), &ok);
    put(object, "nonce", text_or_null(claims->nonce), &ok);
    put(object, "nonce_base64", base64_or_null(claims->nonce), &ok);
    put(object, "root", root_of(claims), &ok);
    put(object, "certificate", certificate_of(claims), &ok);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

/* A detail may quote the peer or a file, and may be cut in the middle of a character. */
static json_t *sentence_of(const struct vsa_error *error)
{
    char text[2 * VSA_ERROR_DETAIL];
    vsa_error_sentence(error, text, sizeof(text));
    vsa_printable_make(text, strlen(text));
    return json_string(text);
}

json_t *vsa_error_to_json(const struct vsa_error *error)
{
    json_t *object = json_object();
    bool ok = object != NULL;
    put(object, "verification_status", json_string("FAILED"), &ok);
    put(object, "verification_error", sentence_of(error), &ok);
    put(object, "error_code", json_string(vsa_status_code(error->status)), &ok);
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}
