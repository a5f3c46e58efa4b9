/* SPDX-License-Identifier: Apache-2.0 */
/* Verification results as JSON. The order of the keys is the order in the text. */
#include <vsattest/report.h>

#include <stdio.h>

#include "base/sized.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "json/writer.h"

static json_t *time_of(int64_t unix_ms)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format(unix_ms, text, sizeof(text));
    return json_string(text);
}

static json_t *pcrs_of(const struct vsa_pcrs *pcrs)
{
    struct vsa_json_writer writer = vsa_json_object();
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        if (!(pcrs->present & (UINT32_C(1) << i)))
            continue;
        char index[4];
        (void)snprintf(index, sizeof(index), "%u", i);
        vsa_json_put(&writer, index, vsa_json_hex(vsa_slice_of(pcrs->value[i], VSA_PCR_SIZE)));
    }
    return vsa_json_finish(&writer);
}

static json_t *indexes_of(uint32_t bits)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (bits & (UINT32_C(1) << i))
            vsa_json_append(&writer, json_integer((json_int_t)i));
    return vsa_json_finish(&writer);
}

/* Returns which of the expected images it is; null if no measurements were given. */
static json_t *measurements_of(const struct vsa_claims *claims)
{
    const struct vsa_measurements *image = claims->measurements;
    if (!image)
        return json_null();
    struct vsa_json_writer writer = vsa_json_object();
    bool named = image->file && vsa_slice_is_utf8(vsa_slice_of_text(image->file));
    bool listed = image->index != VSA_NO_INDEX;
    vsa_json_put(&writer, "file", named ? json_string(image->file) : json_null());
    vsa_json_put(&writer, "index", listed ? json_integer((json_int_t)image->index) : json_null());
    vsa_json_put(&writer, "name", image->name[0] ? json_string(image->name) : json_null());
    return vsa_json_finish(&writer);
}

static json_t *root_of(const struct vsa_claims *claims)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "aws", json_boolean(claims->root_is_aws));
    vsa_json_put(&writer, "subject", json_string(claims->root_subject));
    vsa_json_put(&writer, "sha256",
                 vsa_json_hex(vsa_slice_of(claims->root_sha256, sizeof(claims->root_sha256))));
    return vsa_json_finish(&writer);
}

static json_t *certificate_of(const struct vsa_claims *claims)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "subject", json_string(claims->certificate_subject));
    vsa_json_put(&writer, "not_before", time_of(claims->certificate_not_before_ms));
    vsa_json_put(&writer, "not_after", time_of(claims->certificate_not_after_ms));
    return vsa_json_finish(&writer);
}

json_t *vsa_claims_to_json(const struct vsa_claims *claims)
{
    struct vsa_claims known = {0};
    vsa_sized_copy(&known, sizeof(known), claims);
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "verification_status", json_string("SUCCESS"));
    vsa_json_put(&writer, "module_id", vsa_json_text_or_null(known.module_id));
    vsa_json_put(&writer, "digest", json_string("SHA384"));
    vsa_json_put(&writer, "timestamp", json_integer((json_int_t)known.timestamp_ms));
    vsa_json_put(&writer, "document_time", time_of((int64_t)known.timestamp_ms));
    vsa_json_put(&writer, "verified_at", time_of(known.verified_at_ms));
    vsa_json_put(&writer, "pcrs", pcrs_of(&known.pcrs));
    vsa_json_put(&writer, "pcrs_checked", indexes_of(known.pcrs_checked));
    vsa_json_put(&writer, "measurements", measurements_of(&known));
    vsa_json_put(&writer, "debug_mode", json_boolean(known.debug_mode));
    vsa_json_put(&writer, "public_key", vsa_json_base64(known.public_key));
    vsa_json_put(&writer, "user_data", vsa_json_text_or_null(known.user_data));
    vsa_json_put(&writer, "user_data_base64", vsa_json_base64(known.user_data));
    vsa_json_put(&writer, "nonce", vsa_json_text_or_null(known.nonce));
    vsa_json_put(&writer, "nonce_base64", vsa_json_base64(known.nonce));
    vsa_json_put(&writer, "root", root_of(&known));
    vsa_json_put(&writer, "certificate", certificate_of(&known));
    return vsa_json_finish(&writer);
}

json_t *vsa_error_to_json(const struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "verification_status", json_string("FAILED"));
    vsa_json_put(&writer, "verification_error", vsa_json_sentence(error));
    vsa_json_put(&writer, "error_code", json_string(vsa_status_code(error->status)));
    return vsa_json_finish(&writer);
}
