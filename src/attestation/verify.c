/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/chain.h"
#include "attestation/policy.h"
#include "attestation/roots.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/slice.h"
#include "cose/sign1.h"
#include "crypto/begin.h"

/* The year 9999, as for document times: sums of times stay far from overflow. */
#define MAX_NOW_MS INT64_C(253402300799999)

struct vsa_verifier {
    size_t anchor_count;
    struct vsa_anchor anchors[VSA_MAX_ANCHORS];
    struct vsa_cache cache;
};

struct vsa_verifier *vsa_verifier_new(void)
{
    struct vsa_verifier *verifier = vsa_crypto_begin() ? calloc(1, sizeof(*verifier)) : NULL;
    if (verifier)
        vsa_cache_init(&verifier->cache);
    return verifier;
}

void vsa_verifier_free(struct vsa_verifier *verifier)
{
    if (!verifier)
        return;
    for (size_t i = 0; i < verifier->anchor_count; i++)
        vsa_anchor_unload(&verifier->anchors[i]);
    vsa_cache_clear(&verifier->cache);
    free(verifier);
}

static struct vsa_slice anchor_der(const struct vsa_anchor *anchor)
{
    return vsa_slice_of(anchor->der, anchor->der_size);
}

static const struct vsa_anchor *find_anchor(const struct vsa_verifier *verifier,
                                            struct vsa_slice der)
{
    for (size_t i = 0; i < verifier->anchor_count; i++)
        if (vsa_slice_equal(anchor_der(&verifier->anchors[i]), der))
            return &verifier->anchors[i];
    return NULL;
}

enum vsa_status vsa_verifier_add_root(struct vsa_verifier *verifier, struct vsa_slice certificate,
                                      struct vsa_error *error)
{
    struct vsa_anchor anchor;
    VSA_TRY(vsa_anchor_load(certificate, &anchor, error));
    if (find_anchor(verifier, anchor_der(&anchor))) {
        vsa_anchor_unload(&anchor);
        return VSA_OK;
    }
    if (verifier->anchor_count == VSA_MAX_ANCHORS) {
        vsa_anchor_unload(&anchor);
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d root certificates", VSA_MAX_ANCHORS);
    }
    verifier->anchors[verifier->anchor_count++] = anchor;
    return VSA_OK;
}

enum vsa_status vsa_verifier_add_aws_roots(struct vsa_verifier *verifier, struct vsa_error *error)
{
    for (size_t i = 0; i < VSA_AWS_ROOT_COUNT; i++)
        VSA_TRY(vsa_verifier_add_root(verifier, vsa_slice_of_text(vsa_aws_roots[i]), error));
    return VSA_OK;
}

VSA_SIZED_ASSERT(struct vsa_claims, certificate_not_after_ms);
VSA_SIZED_ASSERT(struct vsa_verifier_statistics, misses);

/*
 * Selects the anchor that equals cabundle[0] byte for byte; the document's copy is never trusted.
 */
static enum vsa_status choose_anchor(const struct vsa_verifier *verifier,
                                     const struct vsa_unverified_document *document,
                                     const struct vsa_anchor **anchor, struct vsa_error *error)
{
    if (!verifier->anchor_count)
        return vsa_fail(error, VSA_ERR_NO_ANCHOR,
                        "no root certificate to trust was added to the verifier");
    *anchor = find_anchor(verifier, document->cabundle[0]);
    if (!*anchor)
        return vsa_fail_at(
            error, VSA_ERR_UNTRUSTED_ROOT, VSA_NO_OFFSET,
            "AWS user guide, verify the root of trust",
            "the document's root certificate (cabundle[0]) is not a trusted one: refuse it, "
            "unless you know whose it is and trust that root");
    return VSA_OK;
}

static enum vsa_status check_signature(const struct vsa_unverified_document *document,
                                       const struct vsa_certificate *leaf, struct vsa_error *error)
{
    struct vsa_cose_sign1 sign1 = {
        .algorithm = VSA_COSE_ES384,
        .protected_header = document->protected_header,
        .payload = document->payload,
        .signature = document->signature,
    };
    return vsa_cose_sign1_verify(&sign1, (struct vsa_slice){0}, leaf->key, error);
}

static void fill_claims(const struct vsa_unverified_document *document,
                        const struct vsa_policy *policy, const struct vsa_measurements *image,
                        const struct vsa_certificate *root, const struct vsa_certificate *leaf,
                        int64_t now_ms, struct vsa_claims *claims)
{
    claims->module_id = document->module_id;
    claims->timestamp_ms = document->timestamp_ms;
    claims->verified_at_ms = now_ms;
    claims->pcrs = document->pcrs;
    claims->pcrs_checked = policy->pcrs.present | (image ? image->pcrs.present : 0);
    claims->measurements = image;
    claims->debug_mode = vsa_pcrs_show_debug_mode(&document->pcrs);
    claims->public_key = document->public_key;
    claims->user_data = document->user_data;
    claims->nonce = document->nonce;
    claims->nonce_checked = policy->nonce.data != NULL;
    claims->user_data_checked = policy->user_data.data != NULL;
    claims->public_key_checked = policy->public_key.data != NULL;
    claims->instance_checked = policy->instance.data != NULL;
    memcpy(claims->root_sha256, root->sha256, sizeof(claims->root_sha256));
    claims->root_is_aws = vsa_is_aws_root(root->sha256);
    memcpy(claims->root_subject, root->subject, sizeof(claims->root_subject));
    memcpy(claims->certificate_subject, leaf->subject, sizeof(claims->certificate_subject));
    claims->certificate_not_before_ms = leaf->fields.not_before_ms;
    claims->certificate_not_after_ms = leaf->fields.not_after_ms;
}

/*
 * Verifies in the order of AWS's text:
 * syntax, certificates, signature, then what the caller expects.
 */
enum vsa_status vsa_verify_size(struct vsa_verifier *verifier, struct vsa_slice document,
                                const struct vsa_policy *policy, int64_t now_ms,
                                struct vsa_claims *claims, size_t size, struct vsa_error *error)
{
    struct vsa_policy expected;
    memset(claims, 0, size);
    VSA_TRY(vsa_policy_read(policy, &expected, error));
    if (now_ms <= 0 || now_ms > MAX_NOW_MS)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the verification time is not a time in milliseconds since 1970");
    struct vsa_unverified_document parsed;
    VSA_TRY(vsa_document_parse(document, &parsed, error));
    const struct vsa_anchor *anchor = NULL;
    VSA_TRY(choose_anchor(verifier, &parsed, &anchor, error));
    VSA_CLEANUP(vsa_path_node_release) struct vsa_path_node leaf = {.certificate = NULL};
    const struct vsa_chain_time time = {now_ms, expected.max_skew_ms};
    VSA_TRY(vsa_chain_validate(&verifier->cache, anchor, &parsed, &time, &leaf, error));
    VSA_TRY(check_signature(&parsed, leaf.certificate, error));
    const struct vsa_measurements *image = NULL;
    VSA_TRY(vsa_policy_apply(&expected, &parsed, now_ms, &image, error));
    struct vsa_claims known = {0};
    fill_claims(&parsed, &expected, image, anchor->node.certificate, leaf.certificate, now_ms,
                &known);
    vsa_sized_write(claims, size, &known, sizeof(known));
    return VSA_OK;
}

void vsa_verifier_get_statistics_size(struct vsa_verifier *verifier,
                                      struct vsa_verifier_statistics *statistics, size_t size)
{
    struct vsa_cache *cache = &verifier->cache;
    const struct vsa_verifier_statistics known = {
        .hits = atomic_load_explicit(&cache->hits, memory_order_relaxed),
        .misses = atomic_load_explicit(&cache->misses, memory_order_relaxed),
    };
    vsa_sized_write(statistics, size, &known, sizeof(known));
}
