/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/ear.h"

#include <stdio.h>

#include "base/slice.h"
#include "verifierd/limits.h"
#include "json/writer.h"

static json_t *vector_of(const struct vsa_appraisal *appraisal)
{
    struct vsa_json_writer writer = vsa_json_object();
    for (size_t i = 0; i < VSA_TRUST_ENTRIES; i++)
        if (appraisal->vector[i])
            vsa_json_put(&writer, vsa_trust_entry_name((enum vsa_trust_entry)i),
                         json_integer(appraisal->vector[i]));
    return vsa_json_finish(&writer);
}

/* Leaves out PCRs that are zero: they were never extended, and say nothing. */
static json_t *pcrs_of(const struct vsa_pcrs *pcrs)
{
    struct vsa_json_writer writer = vsa_json_object();
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        const struct vsa_slice value = vsa_slice_of(pcrs->value[i], VSA_PCR_SIZE);
        char index[4];
        if (!(pcrs->present & UINT32_C(1) << i) || vsa_slice_is_zero(value))
            continue;
        (void)snprintf(index, sizeof(index), "%u", i);
        vsa_json_put(&writer, index, vsa_json_hex(value));
    }
    return vsa_json_finish(&writer);
}

static void put_bytes(struct vsa_json_writer *writer, const char *name, struct vsa_slice bytes)
{
    if (bytes.data)
        vsa_json_put(writer, name, vsa_json_base64(bytes));
}

static json_t *attester_claims_of(const struct vsa_claims *claims)
{
    const struct vsa_slice root = vsa_slice_of(claims->root_sha256, sizeof(claims->root_sha256));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "module_id", vsa_json_text_or_null(claims->module_id));
    vsa_json_put(&writer, "timestamp", json_integer((json_int_t)claims->timestamp_ms));
    vsa_json_put(&writer, "pcrs", pcrs_of(&claims->pcrs));
    put_bytes(&writer, "nonce", claims->nonce);
    put_bytes(&writer, "user_data", claims->user_data);
    put_bytes(&writer, "public_key", claims->public_key);
    vsa_json_put(&writer, "root_sha256", vsa_json_hex(root));
    vsa_json_put(&writer, "certificate_not_after",
                 json_integer(claims->certificate_not_after_ms / 1000));
    return vsa_json_finish(&writer);
}

static json_t *reasons_of(const struct vsa_appraisal *appraisal)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (size_t i = 0; i < appraisal->reason_count; i++)
        vsa_json_append(&writer, json_string(vsa_status_code(appraisal->reasons[i])));
    return vsa_json_finish(&writer);
}

/* Puts why it is not affirming, and which image it is; the draft wants none that is empty. */
static void put_verifier_claims(struct vsa_json_writer *submodule,
                                const struct vsa_appraisal *appraisal)
{
    bool labelled = appraisal->image && appraisal->image->name[0];
    if (!appraisal->reason_count && !labelled)
        return;
    struct vsa_json_writer writer = vsa_json_object();
    if (appraisal->reason_count)
        vsa_json_put(&writer, "error_codes", reasons_of(appraisal));
    if (labelled)
        vsa_json_put(&writer, "image", json_string(appraisal->image->name));
    vsa_json_put(submodule, "ear_verifier_claims", vsa_json_finish(&writer));
}

static json_t *policy_ids_of(const struct vsa_ear *ear)
{
    struct vsa_json_writer writer = vsa_json_array();
    vsa_json_append(&writer, json_string(ear->policy_id));
    return vsa_json_finish(&writer);
}

static json_t *challenge_of(const struct vsa_ear *ear)
{
    return json_stringn((const char *)ear->challenge.data, ear->challenge.size);
}

static json_t *submodule_of(const struct vsa_ear *ear)
{
    const struct vsa_appraisal *appraisal = ear->appraisal;
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "ear_status", json_string(vsa_trust_tier_name(appraisal->status)));
    vsa_json_put(&writer, "ear_trustworthiness_vector", vector_of(appraisal));
    vsa_json_put(&writer, "ear_appraisal_policy_ids", policy_ids_of(ear));
    if (ear->claims && ear->challenge.data)
        vsa_json_put(&writer, "eat_nonce", challenge_of(ear));
    if (ear->claims)
        vsa_json_put(&writer, "ear_attester_claims", attester_claims_of(ear->claims));
    put_verifier_claims(&writer, appraisal);
    return vsa_json_finish(&writer);
}

static json_t *verifier_id(void)
{
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "developer", json_string("vsattest"));
    vsa_json_put(&writer, "build", json_string(vsa_version()));
    return vsa_json_finish(&writer);
}

/* Returns the token's end, or the certificate's where that is earlier. */
static int64_t end_of(const struct vsa_ear *ear)
{
    int64_t end_ms = ear->now_ms + VSA_TOKEN_LIFETIME_MS;
    if (ear->claims && ear->claims->certificate_not_after_ms < end_ms)
        end_ms = ear->claims->certificate_not_after_ms;
    return end_ms / 1000;
}

json_t *vsa_ear_to_json(const struct vsa_ear *ear)
{
    struct vsa_json_writer submodules = vsa_json_object();
    vsa_json_put(&submodules, VSA_EAR_SUBMODULE, submodule_of(ear));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "eat_profile", json_string(VSA_EAR_PROFILE));
    vsa_json_put(&writer, "iat", json_integer(ear->now_ms / 1000));
    vsa_json_put(&writer, "exp", json_integer(end_of(ear)));
    vsa_json_put(&writer, "ear_verifier_id", verifier_id());
    vsa_json_put(&writer, "ear_status", json_string(vsa_trust_tier_name(ear->appraisal->status)));
    if (ear->issuer)
        vsa_json_put(&writer, "iss", json_string(ear->issuer));
    if (ear->audience.data)
        vsa_json_put(&writer, "aud",
                     json_stringn((const char *)ear->audience.data, ear->audience.size));
    if (ear->challenge.data)
        vsa_json_put(&writer, "eat_nonce", challenge_of(ear));
    vsa_json_put(&writer, "submods", vsa_json_finish(&submodules));
    return vsa_json_finish(&writer);
}
