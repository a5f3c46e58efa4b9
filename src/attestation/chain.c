/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/chain.h"

#include "attestation/roots.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "x509/name.h"

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
    if (certificate->fields.not_applied)
        return refuse(error, certificate->fields.not_applied,
                      "an extension limits what the certificate may be used for, and such limits "
                      "are not applied: a path that needs them is refused");
    /* A critical subjectAltName, which could stand in for it, was refused above. */
    if (vsa_name_is_empty(certificate->fields.subject))
        return refuse(error, "RFC 5280 section 4.1.2.6", "certificate names no subject");
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

/* Checks what does not depend on time about one step of the path, all but the signature. */
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
    /* A relay could put the root into a document a second time, with a signature of (r, n - s). */
    if (vsa_slice_equal(subject->fields.subject, subject->fields.issuer))
        return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1",
                           "self-issued certificate below the root");
    if (!vsa_certificate_names_issuer(subject, issuer->certificate))
        return vsa_fail_at(error, VSA_ERR_CHAIN, VSA_NO_OFFSET, "RFC 5280 section 6.1.3 (a)(4)",
                           "issuer name or key identifier is not that of the certificate above");
    return VSA_OK;
}

/* Names the path, the role and every byte of it, by one digest. */
static enum vsa_status digest_path(const struct vsa_path_key *key,
                                   uint8_t path_digest[VSA_SHA384_SIZE], struct vsa_error *error)
{
    const uint8_t role = key->is_leaf ? 1 : 0;
    struct vsa_slice parts[] = {vsa_slice_of(&role, 1), vsa_slice_of(key->above, VSA_SHA384_SIZE),
                                key->der};
    return vsa_sha384(parts, 3, path_digest, error);
}

/*
 * Parses and checks the certificate that follows `issuer`, and collects the check of its signature.
 */
static enum vsa_status make_node(const struct vsa_path_node *issuer, const struct vsa_path_key *key,
                                 const struct vsa_chain_time *time, struct vsa_unchecked_node *made,
                                 struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_certificate) struct vsa_certificate *certificate = NULL;
    VSA_TRY(vsa_certificate_parse(key->der, issuer->certificate->key, &certificate, error));
    /* Before the signature: an expired certificate needs no arithmetic. */
    VSA_TRY(check_validity(certificate, time, error));
    VSA_TRY(check_link(issuer, certificate, key->is_leaf, error));
    VSA_TRY(vsa_certificate_prepare_check(certificate, issuer->certificate, &made->check, error));
    VSA_TRY(digest_path(key, made->node.path_digest, error));
    int below = issuer->cas_allowed_below - 1;
    int own = path_length_or_no_limit(certificate);
    made->node.cas_allowed_below = key->is_leaf ? 0 : (own < below ? own : below);
    made->node.key = *key;
    made->node.key.der = vsa_slice_of(certificate->der, key->der.size);
    made->node.certificate = certificate;
    made->issuer = vsa_certificate_reference(issuer->certificate);
    made->cached = false;
    certificate = NULL;
    return VSA_OK;
}

static struct vsa_unchecked_node *find_unchecked(const struct vsa_unchecked_nodes *nodes,
                                                 const struct vsa_path_key *key)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (vsa_path_key_equal(&nodes->nodes[i].node.key, key))
            return &nodes->nodes[i];
    return NULL;
}

/* Adds a node to those whose signature is still to be checked. */
static enum vsa_status add_unchecked(const struct vsa_chain_context *context,
                                     const struct vsa_path_node *issuer,
                                     const struct vsa_path_key *key,
                                     struct vsa_unchecked_node **added, struct vsa_error *error)
{
    struct vsa_unchecked_nodes *nodes = context->unchecked;
    if (nodes->count == nodes->capacity)
        return vsa_fail(error, VSA_ERR_INTERNAL, "no room for a certificate's check");
    struct vsa_unchecked_node *node = &nodes->nodes[nodes->count];
    VSA_TRY(make_node(issuer, key, &context->time, node, error));
    nodes->count++;
    *added = node;
    return VSA_OK;
}

/*
 * Finds the node below `issuer` in the cache or among those of the same batch, or makes it.
 * `*unchecked`: NULL where its signature was checked already.
 */
static enum vsa_status next_node(const struct vsa_chain_context *context,
                                 const struct vsa_path_node *issuer, struct vsa_slice der,
                                 bool is_leaf, struct vsa_path_node *node,
                                 struct vsa_unchecked_node **unchecked, struct vsa_error *error)
{
    const struct vsa_path_key key = vsa_path_key_below(issuer, der, is_leaf);
    *unchecked = find_unchecked(context->unchecked, &key);
    if (*unchecked) {
        vsa_cache_count_hit(context->cache);
        VSA_TRY(check_validity((*unchecked)->node.certificate, &context->time, error));
    } else if (vsa_cache_find(context->cache, &key, node)) {
        enum vsa_status status = check_validity(node->certificate, &context->time, error);
        if (status != VSA_OK)
            vsa_path_node_release(node);
        return status;
    } else {
        VSA_TRY(add_unchecked(context, issuer, &key, unchecked, error));
    }
    *node = (*unchecked)->node;
    (void)vsa_certificate_reference(node->certificate);
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

/* Names the certificate at `level` of the path before the detail of its error. */
static void name_level(struct vsa_error *error, const struct vsa_chain *chain, size_t level)
{
    if (level == chain->leaf_level)
        vsa_error_wrap(error, "the enclave's certificate");
    else
        vsa_error_wrap(error, "cabundle[%zu]", level);
}

/* Takes over `*node`, the anchor, and walks down to the leaf; at the end it is the last reached. */
static enum vsa_status walk(const struct vsa_chain_context *context,
                            const struct vsa_unverified_document *document,
                            struct vsa_path_node *node, struct vsa_chain *chain,
                            struct vsa_error *error)
{
    for (size_t level = 1; level <= chain->leaf_level; level++) {
        bool is_leaf = level == chain->leaf_level;
        struct vsa_slice der = is_leaf ? document->certificate : document->cabundle[level];
        struct vsa_path_node next = {.certificate = NULL};
        struct vsa_unchecked_node *unchecked = NULL;
        enum vsa_status status = next_node(context, node, der, is_leaf, &next, &unchecked, error);
        if (status != VSA_OK) {
            name_level(error, chain, level);
            return status;
        }
        if (unchecked)
            chain->steps[chain->step_count++] = (struct vsa_chain_step){level, unchecked};
        vsa_path_node_release(node);
        *node = next;
    }
    return VSA_OK;
}

enum vsa_status vsa_chain_collect(const struct vsa_chain_context *context,
                                  const struct vsa_anchor *anchor,
                                  const struct vsa_unverified_document *document,
                                  struct vsa_chain *chain, struct vsa_error *error)
{
    *chain = (struct vsa_chain){.leaf_level = document->cabundle_count};
    enum vsa_status status = check_validity(anchor->node.certificate, &context->time, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "root certificate");
        return status;
    }
    VSA_TRY(check_repetition(document, error));
    VSA_CLEANUP(vsa_path_node_release) struct vsa_path_node node = anchor->node;
    (void)vsa_certificate_reference(node.certificate);
    VSA_TRY(walk(context, document, &node, chain, error));
    chain->leaf = node.certificate;
    node.certificate = NULL;
    return VSA_OK;
}

enum vsa_status vsa_chain_run_checks(struct vsa_cache *cache, const struct vsa_chain *chain,
                                     struct vsa_error *error)
{
    for (size_t i = 0; i < chain->step_count; i++) {
        struct vsa_unchecked_node *node = chain->steps[i].unchecked;
        enum vsa_status status = vsa_certificate_run_check(&node->check, error);
        if (status != VSA_OK) {
            name_level(error, chain, chain->steps[i].level);
            return status;
        }
        if (!node->cached)
            vsa_cache_insert(cache, &node->node);
        node->cached = true;
    }
    return VSA_OK;
}

void vsa_chain_release(struct vsa_chain *chain)
{
    vsa_certificate_release(chain->leaf);
    chain->leaf = NULL;
}

void vsa_unchecked_nodes_clear(struct vsa_unchecked_nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        vsa_path_node_release(&nodes->nodes[i].node);
        vsa_certificate_release(nodes->nodes[i].issuer);
    }
    nodes->count = 0;
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
