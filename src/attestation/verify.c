/* SPDX-License-Identifier: Apache-2.0 */
#include "attestation/chain.h"
#include "attestation/policy.h"
#include "attestation/roots.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/slice.h"
#include "cose/sign1.h"
#include "crypto/begin.h"
#include "crypto/multibuffer.h"

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
    if (!verifier || vsa_cache_init(&verifier->cache))
        return verifier;
    free(verifier);
    return NULL;
}

enum vsa_status vsa_verifier_set_cache_size(struct vsa_verifier *verifier, size_t certificates,
                                            struct vsa_error *error)
{
    if (!certificates || certificates > VSA_MAX_CACHED_CERTIFICATES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a cache holds from 1 to %d certificates",
                        VSA_MAX_CACHED_CERTIFICATES);
    if (!vsa_cache_resize(&verifier->cache, certificates))
        return vsa_fail(error, VSA_ERR_MEMORY, "no memory for a cache");
    return VSA_OK;
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
/* The last member is a pointer. NOLINTNEXTLINE(bugprone-sizeof-expression) */
VSA_SIZED_ASSERT(struct vsa_verify_job, error);
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

static enum vsa_status prepare_signature(const struct vsa_unverified_document *document,
                                         const struct vsa_certificate *leaf,
                                         struct vsa_signature_check *check, struct vsa_error *error)
{
    struct vsa_cose_sign1 sign1 = {
        .algorithm = VSA_COSE_ES384,
        .protected_header = document->protected_header,
        .payload = document->payload,
        .signature = document->signature,
    };
    return vsa_cose_sign1_prepare_check(&sign1, (struct vsa_slice){0}, leaf->key, check, error);
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
 * One document on its way: all that needs no signature is found out first, so that signatures are
 * checked together, and documents of one batch share the checks of certificates that they have in
 * common.
 */
struct verification {
    struct vsa_verify_job job;
    enum vsa_status collected; /* what was found out so far; the error is the job's already */
    struct vsa_policy expected;
    struct vsa_unverified_document parsed;
    const struct vsa_anchor *anchor;
    struct vsa_chain chain;
    struct vsa_signature_check signature; /* of the document */
};

/*
 * Checks in the order of AWS's text (syntax, certificates, signature), all but the signatures: it
 * collects these.
 */
static enum vsa_status collect(struct vsa_verifier *verifier, struct vsa_unchecked_nodes *unchecked,
                               struct verification *run)
{
    const struct vsa_verify_job *job = &run->job;
    VSA_TRY(vsa_policy_read(job->policy, &run->expected, job->error));
    if (job->now_ms <= 0 || job->now_ms > MAX_NOW_MS)
        return vsa_fail(job->error, VSA_ERR_ARGUMENT,
                        "the verification time is not a time in milliseconds since 1970");
    VSA_TRY(vsa_document_parse(job->document, &run->parsed, job->error));
    VSA_TRY(choose_anchor(verifier, &run->parsed, &run->anchor, job->error));
    const struct vsa_chain_context context = {
        &verifier->cache, unchecked, {job->now_ms, run->expected.max_skew_ms}};
    VSA_TRY(vsa_chain_collect(&context, run->anchor, &run->parsed, &run->chain, job->error));
    return prepare_signature(&run->parsed, run->chain.leaf, &run->signature, job->error);
}

/* Checks the document's own signature; what a bare check reports says nothing of a document. */
static enum vsa_status check_signature(struct vsa_signature_check *check, struct vsa_error *error)
{
    enum vsa_status status = vsa_signature_check_run(check, error);
    if (status != VSA_ERR_SIGNATURE)
        return status;
    return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, "RFC 9052 section 4.4",
                       "the document's signature does not verify under its certificate's key: "
                       "refuse it, it was changed or is forged");
}

/*
 * Checks the signatures from the root down, then what the caller expects. A signature that does not
 * hold comes before whatever was found wrong below it.
 */
static enum vsa_status conclude(struct vsa_verifier *verifier, struct verification *run)
{
    const struct vsa_verify_job *job = &run->job;
    VSA_TRY(vsa_chain_run_checks(&verifier->cache, &run->chain, job->error));
    VSA_TRY(run->collected);
    VSA_TRY(check_signature(&run->signature, job->error));
    const struct vsa_measurements *image = NULL;
    VSA_TRY(vsa_policy_apply(&run->expected, &run->parsed, job->now_ms, &image, job->error));
    struct vsa_claims known = {0};
    fill_claims(&run->parsed, &run->expected, image, run->anchor->node.certificate, run->chain.leaf,
                job->now_ms, &known);
    vsa_sized_write(job->claims, job->claims_size, &known, sizeof(known));
    return VSA_OK;
}

/* Checks eight signatures at a time, where that is faster than one by one. */
static void check_together(struct vsa_unchecked_nodes *unchecked, struct verification *runs,
                           size_t count)
{
    struct vsa_multibuffer multibuffer = {.count = 0};
    for (size_t i = 0; i < unchecked->count; i++)
        vsa_multibuffer_add(&multibuffer, &unchecked->nodes[i].check);
    for (size_t i = 0; i < count; i++)
        if (runs[i].collected == VSA_OK)
            vsa_multibuffer_add(&multibuffer, &runs[i].signature);
    vsa_multibuffer_finish(&multibuffer);
}

/* Verifies documents whose `job` is set; `job.status` is the result. */
static void verify(struct vsa_verifier *verifier, struct vsa_unchecked_nodes *unchecked,
                   struct verification *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        runs[i].chain = (struct vsa_chain){.leaf = NULL};
        memset(runs[i].job.claims, 0, runs[i].job.claims_size);
        runs[i].collected = collect(verifier, unchecked, &runs[i]);
    }
    check_together(unchecked, runs, count);
    for (size_t i = 0; i < count; i++) {
        runs[i].job.status = conclude(verifier, &runs[i]);
        vsa_chain_release(&runs[i].chain);
    }
    vsa_unchecked_nodes_clear(unchecked);
}

enum vsa_status vsa_verify_size(struct vsa_verifier *verifier, struct vsa_slice document,
                                const struct vsa_policy *policy, int64_t now_ms,
                                struct vsa_claims *claims, size_t size, struct vsa_error *error)
{
    struct vsa_unchecked_node nodes[VSA_MAX_CABUNDLE];
    struct vsa_unchecked_nodes unchecked = {nodes, 0, VSA_MAX_CABUNDLE};
    struct verification run = {.job = {.claims_size = size,
                                       .document = document,
                                       .policy = policy,
                                       .now_ms = now_ms,
                                       .claims = claims,
                                       .error = error}};
    verify(verifier, &unchecked, &run, 1);
    return run.job.status;
}

void vsa_verify_job_init_size(struct vsa_verify_job *job, size_t size, size_t claims_size)
{
    const struct vsa_verify_job known = {
        .claims_size = claims_size, .status = VSA_ERR_ARGUMENT, /* not verified yet */
    };
    vsa_sized_write(job, size, &known, sizeof(known));
}

/* Documents of one round: they share checks, and calls for eight of them. */
#define MAX_ROUND 32

struct round {
    struct vsa_unchecked_node nodes[MAX_ROUND * VSA_MAX_CABUNDLE];
    struct verification runs[MAX_ROUND];
};

_Static_assert(sizeof(struct round) <= 256 * 1024, "what attestation.h promises");

/* Jobs that a program has; each as long as it knows them. */
struct job_array {
    uint8_t *first;
    size_t size; /* of one, in bytes */
};

static struct vsa_verify_job *job_at(const struct job_array *jobs, size_t index)
{
    return (struct vsa_verify_job *)(void *)(jobs->first + index * jobs->size);
}

static bool is_set_up(const struct vsa_verify_job *job, size_t size)
{
    struct vsa_verify_job known;
    return job->size == size && size >= offsetof(struct vsa_verify_job, error) &&
           vsa_sized_read(&known, sizeof(known), job, "a job", "vsa_verify_job_init()", NULL) ==
               VSA_OK;
}

/*
 * Checks that all jobs were set up, in the same version, and marks them as not verified: those
 * behind a wrong one, too, which may have a verdict of the call before. Behind a wrong first one
 * it is not known where they are.
 */
static bool jobs_begin(const struct job_array *jobs, size_t count)
{
    bool valid = is_set_up(job_at(jobs, 0), jobs->size);
    for (size_t i = 0; i < count && (valid || i > 0); i++) {
        struct vsa_verify_job *job = job_at(jobs, i);
        if (is_set_up(job, jobs->size))
            job->status = VSA_ERR_ARGUMENT;
        else
            valid = false;
    }
    return valid;
}

/* Verifies `count` documents, as many as there is room for, from `first` on. */
static void verify_round(struct vsa_verifier *verifier, const struct job_array *jobs, size_t first,
                         size_t count, struct round *round)
{
    struct vsa_unchecked_nodes unchecked = {round->nodes, 0, count * VSA_MAX_CABUNDLE};
    for (size_t i = 0; i < count; i++) {
        round->runs[i].job = (struct vsa_verify_job){.error = NULL};
        vsa_sized_copy(&round->runs[i].job, sizeof(round->runs[i].job), job_at(jobs, first + i));
    }
    verify(verifier, &unchecked, round->runs, count);
    for (size_t i = 0; i < count; i++)
        job_at(jobs, first + i)->status = round->runs[i].job.status;
}

/* Verifies one by one, which needs no memory for a round. */
static void verify_singly(struct vsa_verifier *verifier, const struct job_array *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct vsa_verify_job job = {.error = NULL};
        vsa_sized_copy(&job, sizeof(job), job_at(jobs, i));
        job_at(jobs, i)->status = vsa_verify_size(verifier, job.document, job.policy, job.now_ms,
                                                  job.claims, job.claims_size, job.error);
    }
}

static enum vsa_status first_failure(const struct job_array *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (job_at(jobs, i)->status != VSA_OK)
            return job_at(jobs, i)->status;
    return VSA_OK;
}

enum vsa_status vsa_verify_batch(struct vsa_verifier *verifier, struct vsa_verify_job *jobs,
                                 size_t count)
{
    if (!count)
        return VSA_OK;
    const struct job_array array = {(uint8_t *)jobs, jobs->size};
    if (!jobs_begin(&array, count))
        return VSA_ERR_ARGUMENT;
    VSA_AUTO_FREE struct round *round = count > 1 ? malloc(sizeof(*round)) : NULL;
    if (!round)
        verify_singly(verifier, &array, count);
    for (size_t done = 0; round && done < count; done += MAX_ROUND)
        verify_round(verifier, &array, done, count - done < MAX_ROUND ? count - done : MAX_ROUND,
                     round);
    return first_failure(&array, count);
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
