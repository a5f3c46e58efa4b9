/* SPDX-License-Identifier: Apache-2.0 */
#include "server/attest_sharing.h"

#include "base/base64.h"
#include "crypto/certificate.h"
#include "protocol/attest.h"
#include <vsattest/attestation.h>

/* A nonce asks for a document made for it, even an empty one; a key is for one client only. */
static bool key_of(const json_t *request, uint8_t key[VSA_SHA384_SIZE])
{
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request asked;
    if (vsa_attest_request_decode(request, &buffers, &asked, NULL) != VSA_OK)
        return false;
    if (asked.nonce.data || asked.generate_key)
        return false;
    /* No user data and user data of no bytes make different documents. */
    const struct vsa_slice parts[] = {vsa_slice_of_text(asked.user_data.data ? "data" : "none"),
                                      asked.user_data};
    return vsa_sha384(parts, 2, key, NULL) == VSA_OK;
}

static int64_t life_of(struct vsa_slice document)
{
    struct vsa_unverified_document parsed;
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *leaf = NULL;
    if (vsa_document_parse(document, &parsed, NULL) != VSA_OK ||
        vsa_certificate_parse(parsed.certificate, &leaf, NULL) != VSA_OK)
        return 0;
    /*
     * From the document's own time on, which is the NSM's: the enclave's clock has no part in it.
     * Both are before the year 10000, or would not have been parsed: nothing overflows.
     */
    int64_t life_ms = leaf->not_after_ms - (int64_t)parsed.timestamp_ms;
    return life_ms > VSA_CACHE_CERTIFICATE_MARGIN_MS ? life_ms - VSA_CACHE_CERTIFICATE_MARGIN_MS
                                                     : 0;
}

static int64_t keep_ms(const json_t *reply)
{
    uint8_t buffer[VSA_MAX_DOCUMENT];
    struct vsa_slice document;
    const json_t *text = json_object_get(reply, "attestation_document");
    if (!json_is_string(text) ||
        vsa_base64_decode(vsa_json_string_slice(text), VSA_BASE64_STRICT, buffer, sizeof(buffer),
                          &document, NULL) != VSA_OK)
        return 0;
    return life_of(document);
}

const struct vsa_sharing vsa_attest_sharing = {key_of, keep_ms};
