/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sharing.h"

#include "crypto/digest.h"
#include "x509/parse.h"
#include <vsattest/attestation.h>

/*
 * Excludes a nonce, which asks for a document made for it, even an empty one, and a key, which is
 * for one client only.
 */
bool vsa_share_key_of(const struct vsa_attest_request *request, struct vsa_share_key *key)
{
    if (request->nonce.data || request->generate_key)
        return false;
    /* No user data and user data of no bytes make different documents. */
    const struct vsa_slice parts[] = {vsa_slice_of_text(request->user_data.data ? "data" : "none"),
                                      request->user_data};
    return vsa_sha384(parts, 2, key->digest, NULL) == VSA_OK;
}

int64_t vsa_share_life_ms(struct vsa_slice document)
{
    struct vsa_unverified_document parsed;
    struct vsa_x509 leaf;
    if (vsa_document_parse(document, &parsed, NULL) != VSA_OK ||
        vsa_x509_parse(parsed.certificate, &leaf, NULL) != VSA_OK)
        return 0;
    /*
     * From the document's own time on, which is the NSM's: the enclave's clock has no part in it.
     * Both are before the year 10000, or would not have been parsed: nothing overflows.
     */
    int64_t life_ms = leaf.not_after_ms - (int64_t)parsed.timestamp_ms;
    return life_ms > VSA_CACHE_CERTIFICATE_MARGIN_MS ? life_ms - VSA_CACHE_CERTIFICATE_MARGIN_MS
                                                     : 0;
}

void vsa_sharing_begin(struct vsa_sharing *sharing, struct vsa_share *share,
                       const struct vsa_share_key *key)
{
    *share = (struct vsa_share){*key, sharing->under_way, true};
    sharing->under_way = share;
}

void vsa_sharing_end(struct vsa_sharing *sharing, struct vsa_share *share)
{
    struct vsa_share **link = &sharing->under_way;
    if (!share->listed)
        return;
    while (*link != share)
        link = &(*link)->next;
    *link = share->next;
    share->listed = false;
}

struct vsa_share *vsa_sharing_find(const struct vsa_sharing *sharing,
                                   const struct vsa_share_key *key)
{
    struct vsa_share *share = sharing->under_way;
    while (share && memcmp(&share->key, key, sizeof(*key)) != 0)
        share = share->next;
    return share;
}

void vsa_sharing_keep(struct vsa_sharing *sharing, const struct vsa_share *share,
                      struct vsa_slice text, int64_t made_ms, int64_t life_ms)
{
    int64_t keep_ms = life_ms < sharing->ttl_ms ? life_ms : sharing->ttl_ms;
    if (share->listed && keep_ms > 0)
        vsa_reply_cache_keep(&sharing->cache, share->key.digest, (const char *)text.data, text.size,
                             made_ms, made_ms + keep_ms);
}
