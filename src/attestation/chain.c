/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/chain.h"

#include "attestation/roots.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"

static const char rule_aws[] = "AWS attestation process 3.2.3";

/* Enough for every possible cabundle, where no path length says less. */
#define NO_CA_LIMIT VSA_MAX_CABUNDLE

static enum vsa_status refuse(struct vsa_error *error, const char *rule, const char *why)
{
    return vsa_fail_at(error, VSA_ERR_CERTIFICATE_PROFILE, VSA_NO_OFFSET, rule, "%s", why);
}

/* Checks what every certificate of the path must satisfy. */
static enum vsa_status check_profile(const struct vsa_certificate *certificate,
                                     struct vsa_error *error)
{
    if (certificate->fields.version != 3)
        return refuse(error, "RFC 5280 section 4.1.2.1", "not X.509 v3");
    if (!certificate->fields.signed_with_ecdsa_sha384)
        return refuse(error, rule_aws, "not signed with ecdsa-with-SHA384");
    if (!certificate->key || vsa_key_curve(certificate->key) != VSA_CURVE_P384)
        return refuse(error, rule_aws, "public key is not on the named curve P-384");
    if (certificate->fields.malformed)
        return refuse(error, certificate->fields.malformed,
                      "an extension is malformed or stands twice");
    if (certificate->fields.unknown_critical)
        return refuse(error, "RFC 5280 section 4.2", "unknown critical extension");
    return VSA_OK;
}

/* Checks what an issuer must satisfy (RFC 5280 section 6.1.4). */
static enum vsa_status check_ca(const struct vsa_certificate *certificate, struct vsa_error *error)
{
    if (!certificate->fields.has_basic_constraints || !certificate->fields.is_ca)
        return refuse(error, "RFC 5280 section 6.1.4 (k)", "not a CA (basicConstraints)");
    if (!certificate->fields.basic_constraints_critical)
        return refuse(error, "RFC 5280 section 4.2.1.9", "a CA's basicConstraints not critical");
    if (!certificate->fields.has_key_usage ||
        !(certificate->fields.key_usage & VSA_KEY_USAGE_CERTIFICATE_SIGN))
        return refuse(error, "RFC 5280 section 6.1.4 (n)", "keyUsage lacks keyCertSign");
    return VSA_OK;
}

/* Checks what the certificate that signs documents must satisfy. */
static enum vsa_status check_leaf(const struct vsa_certificate *certificate,
                                  struct vsa_error *error)
{
    if (certificate->fields.is_ca || certificate->fields.path_length != VSA_NO_PATH_LENGTH)
        return refuse(error, rule_aws, "the enclave's certificate is a CA");
    if (!certificate->fields.has_key_usage ||
        !(certificate->fields.key_usage & VSA_KEY_USAGE_DIGITAL_SIGNATURE))
        return refuse(error, rule_aws, "keyUsage lacks digitalSignature");
    if (certificate->fields.key_usage & VSA_KEY_USAGE_CERTIFICATE_SIGN)
        return refuse(error, "RFC 5280 section 4.2.1.3", "keyCertSign without being a CA");
    return VSA_OK;
}

static int path_length_or_no_limit(const struct vsa_certificate *certificate)
{
    return certificate->fields.path_length == VSA_NO_PATH_LENGTH ? NO_CA_LIMIT
                                                                 : certificate->fields.path_length;
}

/*
 * Checks the validity period. The beginning gets the allowed skew: AWS's certificates begin in the
 * second of their issue, and a slow clock must not reject a new one. The end gets none.
 */
static enum vsa_status check_validity(const struct vsa_certificate *certificate,
                                      const struct vsa_chain_time *time, struct vsa_error *error)
{
    char limit[VSA_TIME_TEXT_SIZE];
    char now[VSA_TIME_TEXT_SIZE];
    vsa_time_format(time->now_ms, now, sizeof(now));
    if (certificate->fields.not_before_ms - time->now_ms > time->max_skew_ms) {
        vsa_time_format(certificate->fields.not_before_ms, limit, sizeof(limit));
        return vsa_fail_at(
            error, VSA_ERR_NOT_YET_VALID, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(2)",
            "valid only from %s, verified at %s: check the verifier's clock, which is slow, or "
            "verify at a later time",
            limit, now);
    }
    /* notAfter is the last valid second, all of it. */
    if (time->now_ms > certificate->fields.not_after_ms + 999) {
        vsa_time_format(certificate->fields.not_after_ms, limit, sizeof(limit));
        return vsa_fail_at(
            error, VSA_ERR_EXPIRED, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(2)",
            "expired at %s, verified at %s: ask for a new document, check the verifier's "
            "clock, or verify at the document's own time",
            limit, now);
    }
    return VSA_OK;
}

/* Checks what does not depend on time about one step of the path. */
static enum vsa_status check_link(const struct vsa_path_node *issuer,
                                  const struct vsa_certificate *subject, bool is_leaf,
                                  struct vsa_error *error)
{
    VSA_TRY(check_profile(subject, error));
    if (is_leaf)
        VSA_TRY(check_leaf(subject, error));
    else
        VSA_TRY(check_ca(subject, error));
    if (!is_leaf && issuer->cas_allowed_below < 1)
        return refuse(error, "RFC 5280 section 6.1.4 (l)", "path longer than pathLen allows");
    if (!vsa_certificate_names_issuer(subject, issuer->certificate))
        return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(4)",
                           "issuer name or key identifier is not that of the certificate above");
    return vsa_certificate_check_signature(subject, issuer->certificate, error);
}

/* Parses and checks the certificate that follows `issuer`, at `now_ms`. */
static enum vsa_status make_node(const struct vsa_path_node *issuer, struct vsa_slice der,
                                 bool is_leaf, const struct vsa_chain_time *time,
                                 struct vsa_path_node *node, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_TRY(vsa_certificate_parse(der, issuer->certificate->key, &certificate, error));
    /* Before the signature: an expired certificate needs no arithmetic. */
    VSA_TRY(check_validity(certificate, time, error));
    VSA_TRY(check_link(issuer, certificate, is_leaf, error));
    int below = issuer->cas_allowed_below - 1;
    int own = path_length_or_no_limit(certificate);
    node->cas_allowed_below = is_leaf ? 0 : (own < below ? own : below);
    node->certificate = certificate;
    certificate = NULL;
    return VSA_OK;
}

/* Finds the node below `issuer` in the cache, or checks and caches it. */
static enum vsa_status next_node(struct vsa_cache *cache, const struct vsa_path_node *issuer,
                                 struct vsa_slice der, bool is_leaf,
                                 const struct vsa_chain_time *time, struct vsa_path_node *node,
                                 struct vsa_error *error)
{
    /* The role is part of the key: a leaf's checks must never stand in for a CA's. */
    const uint8_t role = is_leaf ? 1 : 0;
    struct vsa_slice parts[] = {vsa_slice_of(&role, 1),
                                vsa_slice_of(issuer->path_digest, VSA_SHA384_SIZE), der};
    uint8_t path_digest[VSA_SHA384_SIZE];
    VSA_TRY(vsa_sha384(parts, 3, path_digest, error));
    if (vsa_cache_find(cache, path_digest, node)) {
        enum vsa_status status = check_validity(node->certificate, time, error);
        if (status != VSA_OK)
            vsa_path_node_release(node);
        return status;
    }
    VSA_TRY(make_node(issuer, der, is_leaf, time, node, error));
    memcpy(node->path_digest, path_digest, VSA_SHA384_SIZE);
    vsa_cache_insert(cache, node);
    return VSA_OK;
}

/* Rejects a certificate that occurs twice in one path (RFC 5280 section 6.1). */
static enum vsa_status check_repetition(const struct vsa_unverified_document *document,
                                        struct vsa_error *error)
{
    for (size_t i = 1; i < document->cabundle_count; i++)
        for (size_t k = 0; k < i; k++)
            if (vsa_slice_equal(document->cabundle[i], document->cabundle[k]))
                return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1",
                                   "cabundle[%zu] and cabundle[%zu] are the same certificate", k,
                                   i);
    return VSA_OK;
}

enum vsa_status vsa_chain_validate(struct vsa_cache *cache, const struct vsa_anchor *anchor,
                                   const struct vsa_unverified_document *document,
                                   const struct vsa_chain_time *time, struct vsa_path_node *leaf,
                                   struct vsa_error *error)
{
    enum vsa_status status = check_validity(anchor->node.certificate, time, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "root certificate");
        return status;
    }
    VSA_TRY(check_repetition(document, error));
    VSA_CLEANUP(vsa_path_node_release) struct vsa_path_node node = anchor->node;
    (void)vsa_certificate_reference(node.certificate);
    for (size_t i = 1; i <= document->cabundle_count; i++) {
        bool is_leaf = i == document->cabundle_count;
        struct vsa_path_node next = {.certificate = NULL};
        status = next_node(cache, &node, is_leaf ? document->certificate : document->cabundle[i],
                           is_leaf, time, &next, error);
        if (status != VSA_OK) {
            if (is_leaf)
                vsa_error_wrap(error, "the enclave's certificate");
            else
                vsa_error_wrap(error, "cabundle[%zu]", i);
            return status;
        }
        vsa_path_node_release(&node);
        node = next;
    }
    *leaf = node;
    node.certificate = NULL;
    return VSA_OK;
}

/* Checks the anchor: a CA that names and signs itself. */
static enum vsa_status check_anchor(const struct vsa_certificate *certificate,
                                    struct vsa_error *error)
{
    VSA_TRY(check_profile(certificate, error));
    VSA_TRY(check_ca(certificate, error));
    if (!vsa_certificate_names_issuer(certificate, certificate))
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_PROFILE, VSA_NO_OFFSET, rule_aws,
                           "not self-issued (issuer or authority key identifier is another's): a "
                           "trust anchor must be a root certificate");
    /* Of AWS's own every byte is known by its digest; test_roots.c checks their signatures. */
    if (vsa_is_aws_root(certificate->sha256))
        return VSA_OK;
    return vsa_certificate_check_signature(certificate, certificate, error);
}

static enum vsa_status load_anchor(struct vsa_slice file, struct vsa_anchor *anchor,
                                   struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
    VSA_TRY(vsa_certificate_read_file(file, buffer, sizeof(buffer), &der, error));
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_TRY(vsa_certificate_parse(der, NULL, &certificate, error));
    VSA_TRY(check_anchor(certificate, error));
    struct vsa_anchor loaded = {.der_size = der.size};
    VSA_TRY(vsa_sha384(&der, 1, loaded.node.path_digest, error));
    loaded.node.cas_allowed_below = path_length_or_no_limit(certificate);
    loaded.der = malloc(der.size);
    if (!loaded.der)
        return vsa_fail(error, VSA_ERR_MEMORY, "no memory for a root");
    memcpy(loaded.der, der.data, der.size);
    loaded.node.certificate = certificate;
    certificate = NULL;
    *anchor = loaded;
    return VSA_OK;
}

enum vsa_status vsa_anchor_load(struct vsa_slice file, struct vsa_anchor *anchor,
                                struct vsa_error *error)
{
    enum vsa_status status = load_anchor(file, anchor, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "root certificate");
    return status;
}

void vsa_anchor_unload(struct vsa_anchor *anchor)
{
    vsa_path_node_release(&anchor->node);
    free(anchor->der);
    anchor->der = NULL;
}
