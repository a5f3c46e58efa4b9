/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/inspect.h"

#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"
#include "x509/name.h"
#include "x509/parse.h"
#include "json/writer.h"
#include <vsattest/attestation.h>

static json_t *name_of(struct vsa_slice name)
{
    char text[VSA_MAX_SUBJECT];
    vsa_name_format(name, text, sizeof(text));
    return json_string(text);
}

/* Describes a certificate; one that cannot be read has its place in the chain, too. */
static json_t *certificate_of(struct vsa_slice der)
{
    struct vsa_x509 fields;
    uint8_t digest[VSA_SHA256_SIZE];
    struct vsa_error error = {0};
    struct vsa_json_writer writer = vsa_json_object();
    if (vsa_x509_parse(der, &fields, &error) != VSA_OK) {
        vsa_json_put(&writer, "error", vsa_json_sentence(&error));
        return vsa_json_finish(&writer);
    }
    vsa_json_put(&writer, "subject", name_of(fields.subject));
    vsa_json_put(&writer, "issuer", name_of(fields.issuer));
    vsa_json_put(&writer, "not_before", json_integer(fields.not_before_ms));
    vsa_json_put(&writer, "not_after", json_integer(fields.not_after_ms));
    bool digested = vsa_sha256(&der, 1, digest, NULL) == VSA_OK;
    vsa_json_put(&writer, "sha256",
                 digested ? vsa_json_hex(vsa_slice_of(digest, sizeof(digest))) : NULL);
    return vsa_json_finish(&writer);
}

static json_t *chain_of(const struct vsa_unverified_document *parsed)
{
    struct vsa_json_writer writer = vsa_json_array();
    for (size_t i = 0; i < parsed->cabundle_count; i++)
        vsa_json_append(&writer, certificate_of(parsed->cabundle[i]));
    vsa_json_append(&writer, certificate_of(parsed->certificate));
    return vsa_json_finish(&writer);
}

static json_t *pcrs_of(const struct vsa_pcrs *pcrs)
{
    struct vsa_json_writer writer = vsa_json_object();
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        char index[4];
        if (!(pcrs->present & UINT32_C(1) << i))
            continue;
        (void)snprintf(index, sizeof(index), "%u", i);
        vsa_json_put(&writer, index, vsa_json_hex(vsa_slice_of(pcrs->value[i], VSA_PCR_SIZE)));
    }
    return vsa_json_finish(&writer);
}

void vsa_inspect_document(struct vsa_slice document, int64_t now_ms, struct vsa_answer *answer)
{
    struct vsa_unverified_document parsed;
    struct vsa_error error = {0};
    if (vsa_document_parse(document, &parsed, &error) != VSA_OK) {
        vsa_answer_problem(answer, VSA_PROBLEM_DOCUMENT, &error);
        return;
    }
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "verified", json_false());
    vsa_json_put(&writer, "now", json_integer(now_ms));
    vsa_json_put(&writer, "module_id", vsa_json_text_or_null(parsed.module_id));
    vsa_json_put(&writer, "timestamp", json_integer((json_int_t)parsed.timestamp_ms));
    vsa_json_put(&writer, "pcrs", pcrs_of(&parsed.pcrs));
    vsa_json_put(&writer, "nonce", vsa_json_base64(parsed.nonce));
    vsa_json_put(&writer, "user_data", vsa_json_base64(parsed.user_data));
    vsa_json_put(&writer, "public_key", vsa_json_base64(parsed.public_key));
    vsa_json_put(&writer, "certificates", chain_of(&parsed));
    vsa_answer_json(answer, vsa_json_finish(&writer));
}
