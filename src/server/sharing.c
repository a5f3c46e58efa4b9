/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sharing.h"

#include <stdlib.h>

#include "base/container_of.h"
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
    share->key = *key;
    share->may_be_kept = sharing->ttl_ms > 0;
    /* Before older ones of the same key, which have begun: none may join those. */
    vsa_list_insert(&sharing->under_way, &share->place);
}

struct vsa_share *vsa_sharing_find(const struct vsa_sharing *sharing,
                                   const struct vsa_share_key *key)
{
    struct vsa_link *place = vsa_list_first(&sharing->under_way);
    for (; place && place != &sharing->under_way; place = place->next) {
        struct vsa_share *share = VSA_CONTAINER_OF(place, struct vsa_share, place);
        if (memcmp(&share->key, key, sizeof(*key)) == 0)
            return share;
    }
    return NULL;
}

/* --- what is kept ----------------------------------------------------------------------------- */

static struct vsa_kept_reply *reply_of(struct vsa_link *place)
{
    return VSA_CONTAINER_OF(place, struct vsa_kept_reply, place);
}

static void drop(struct vsa_sharing *sharing, struct vsa_kept_reply *reply)
{
    vsa_list_remove(&reply->place);
    sharing->kept_bytes -= reply->size;
    sharing->kept_count--;
    free(reply);
}

void vsa_sharing_drop_kept(struct vsa_sharing *sharing)
{
    while (sharing->kept_count > 0)
        drop(sharing, reply_of(sharing->kept.next));
}

static struct vsa_kept_reply *find_kept(const struct vsa_sharing *sharing,
                                        const struct vsa_share_key *key)
{
    struct vsa_link *place = vsa_list_first(&sharing->kept);
    for (; place && place != &sharing->kept; place = place->next)
        if (memcmp(&reply_of(place)->key, key, sizeof(*key)) == 0)
            return reply_of(place);
    return NULL;
}

const struct vsa_kept_reply *vsa_sharing_find_kept(struct vsa_sharing *sharing,
                                                   const struct vsa_share_key *key, int64_t now_ms)
{
    struct vsa_kept_reply *reply = find_kept(sharing, key);
    if (!reply)
        return NULL;
    if (now_ms >= reply->expires_ms) {
        drop(sharing, reply);
        return NULL;
    }
    vsa_list_remove(&reply->place);
    vsa_list_insert(&sharing->kept, &reply->place);
    return reply;
}

void vsa_sharing_keep(struct vsa_sharing *sharing, const struct vsa_share *share,
                      struct vsa_slice text, int64_t made_ms, int64_t life_ms)
{
    int64_t keep_ms = life_ms < sharing->ttl_ms ? life_ms : sharing->ttl_ms;
    if (!vsa_link_is_listed(&share->place) || keep_ms <= 0 || text.size == 0 ||
        text.size > VSA_MAX_CACHED_REPLY_BYTES)
        return;
    struct vsa_kept_reply *reply = malloc(sizeof(*reply) + text.size);
    struct vsa_kept_reply *older = find_kept(sharing, &share->key);
    if (!reply)
        return;
    *reply = (struct vsa_kept_reply){
        .key = share->key, .made_ms = made_ms, .expires_ms = made_ms + keep_ms, .size = text.size};
    memcpy(reply->text, text.data, text.size);
    if (older)
        drop(sharing, older);
    while (sharing->kept_count == VSA_MAX_CACHED_REPLIES ||
           sharing->kept_bytes + text.size > VSA_MAX_CACHED_REPLY_BYTES)
        drop(sharing, reply_of(sharing->kept.previous));
    vsa_list_insert(&sharing->kept, &reply->place);
    sharing->kept_bytes += text.size;
    sharing->kept_count++;
}
