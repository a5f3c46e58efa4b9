/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parse and verify AWS Nitro Enclaves attestation documents.
 *
 * A document is evidence that an attester (the enclave) sends to a relying party (RFC 9334).
 * vsa_document_parse() gives its unverified content; only vsa_verify() fills `struct vsa_claims`.
 * There is no way to get claims with fewer checks.
 *
 * Source: AWS NSM API, docs/attestation_process.md ("AWS attestation process" in rule texts).
 * Example: examples/verify_document.c
 */
#ifndef VSATTEST_ATTESTATION_H
#define VSATTEST_ATTESTATION_H

#include <stdbool.h>

#include <vsattest/base.h>
#include <vsattest/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Platform configuration registers: bit n of `present` is set if `value[n]` is valid. */
struct vsa_pcrs {
    uint32_t present;
    uint8_t value[VSA_PCR_COUNT][VSA_PCR_SIZE];
};

/*
 * What a document says, *not verified*: good for showing, never for deciding.
 * All slices borrow from the bytes that were parsed.
 */
struct vsa_unverified_document {
    struct vsa_slice module_id; /* UTF-8, 1..VSA_MAX_MODULE_ID bytes */
    uint64_t timestamp_ms;      /* since 1970-01-01T00:00:00Z, by the NSM's clock, not 0 */
    struct vsa_pcrs pcrs;
    struct vsa_slice certificate; /* DER, the leaf */
    size_t cabundle_count;
    struct vsa_slice cabundle[VSA_MAX_CABUNDLE]; /* DER, root first */
    struct vsa_slice public_key;                 /* absent (NULL) or 0..VSA_MAX_FIELD bytes */
    struct vsa_slice user_data;                  /* as above */
    struct vsa_slice nonce;                      /* as above */
    struct vsa_slice payload;                    /* the signed bytes, exactly as received */
    struct vsa_slice protected_header;           /* as above */
    struct vsa_slice signature;                  /* r || s, VSA_P384_SIGNATURE_SIZE bytes */
};

/*
 * Parses a COSE_Sign1 attestation document (untagged or tag 18) and checks its syntax.
 *
 * document  in: raw CBOR bytes, at most VSA_MAX_DOCUMENT; must outlive `*parsed`
 * parsed    out: set on success; zeroed on failure
 * error     out, may be NULL: why not, with the byte offset
 *
 * Errors: class syntax, format or limit.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_document_parse(struct vsa_slice document,
                                                           struct vsa_unverified_document *parsed,
                                                           struct vsa_error *error);

/*
 * The PCRs of one image, as a measurements file lists them; vsa_measurements_read() (report.h)
 * makes these. Where they are from is for results and errors, and decides nothing.
 */
struct vsa_measurements {
    struct vsa_pcrs pcrs;                 /* at least one; all of them are compared */
    const char *file;                     /* borrowed; NULL: none */
    size_t index;                         /* in the file's array; VSA_NO_INDEX: it is none */
    char name[VSA_MAX_MEASUREMENTS_NAME]; /* by the file; "" without */
};
#define VSA_NO_INDEX SIZE_MAX

/*
 * What the relying party expects. Fill it with vsa_policy_init() and the functions below; a
 * zeroed or uninitialised policy is refused. Byte slices and `measurements` are borrowed until the
 * last use, also by copies of the policy.
 */
struct vsa_policy {
    size_t size;                 /* of this struct, in bytes; set by vsa_policy_init() */
    uint32_t magic;              /* set by vsa_policy_init() */
    int64_t max_age_ms;          /* document no older than this at `now` */
    int64_t max_skew_ms;         /* document and notBefore no more than this ahead of `now` */
    bool allow_debug;            /* accept a document whose PCR0 is all zero */
    bool require_pcrs;           /* VSA_ERR_POLICY_EMPTY unless PCR0, 1, 2 or 8 is expected */
    struct vsa_slice user_data;  /* absent: not compared, as for all below */
    struct vsa_slice nonce;      /* compared when present */
    struct vsa_slice public_key; /* DER or whatever the enclave puts there, byte by byte */
    struct vsa_slice instance;   /* text: "i-0123456789abcdef0"; checks module_id and PCR4 */
    struct vsa_pcrs pcrs;        /* those present are compared */
    /*
     * Images: one of them must match in all its PCRs, on top of `pcrs`. NULL: not compared. Several
     * must name PCR0, PCR1 or PCR2 each: what leaves the image open would match any.
     */
    const struct vsa_measurements *measurements;
    size_t measurement_count; /* 1..VSA_MAX_MEASUREMENTS, or 0 without */
};

/* Sets the first `size` bytes of a policy: vsa_policy_init() for other languages. */
VSA_PUBLIC void vsa_policy_init_size(struct vsa_policy *policy, size_t size);

/* Sets the defaults: 300 s of age, 30 s of skew, no debug mode, nothing compared. */
static inline void vsa_policy_init(struct vsa_policy *policy)
{
    vsa_policy_init_size(policy, sizeof(*policy));
}

/*
 * Expects PCR `index` (0..31) to be `value` (VSA_PCR_SIZE bytes).
 * Errors: VSA_ERR_POLICY_PCR for an unknown index, another size, zeros where they prove nothing
 * (PCR0..2 in debug mode, PCR4 never, PCR8 without a signature) or a second, different value.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_policy_expect_pcr(struct vsa_policy *policy,
                                                              unsigned index,
                                                              struct vsa_slice value,
                                                              struct vsa_error *error);

/*
 * Checks a policy as vsa_verify() does first, for callers that want its errors before they request
 * a document. Errors: class usage, VSA_ERR_TOO_MANY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_policy_check(const struct vsa_policy *policy,
                                                         struct vsa_error *error);

/*
 * Trust anchors and a bounded cache of certificates that verified up to one of them. The cache is
 * keyed by the exact bytes of the whole path; validity is checked again at every use.
 * Safe to share between threads once the anchors are added: what one thread verified up to a
 * certificate the others need not, and a lookup takes no lock.
 */
struct vsa_verifier;

/* Creates a verifier with no anchors. Returns NULL when memory is short. */
VSA_PUBLIC struct vsa_verifier *vsa_verifier_new(void);
/* Frees it. NULL is fine. */
VSA_PUBLIC void vsa_verifier_free(struct vsa_verifier *verifier);

/*
 * Makes room for `certificates` verified ones (1 to VSA_MAX_CACHED_CERTIFICATES, some 5 KiB each
 * once they are there) instead of VSA_DEFAULT_CACHED_CERTIFICATES: for documents of more than 16
 * enclaves in turns. Forgets those that were there; before other threads use the verifier.
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_MEMORY: the cache is as it was.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_verifier_set_cache_size(struct vsa_verifier *verifier,
                                                                    size_t certificates,
                                                                    struct vsa_error *error);

/* Adds AWS's roots: G1 (commercial regions) and GovCloud (US), embedded. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_verifier_add_aws_roots(struct vsa_verifier *verifier,
                                                                   struct vsa_error *error);

/*
 * Adds one root certificate, PEM (exactly one) or DER. It must be a self-signed P-384 CA.
 * Adding the same one twice is fine. Errors: class syntax or trust, VSA_ERR_TOO_MANY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_verifier_add_root(struct vsa_verifier *verifier,
                                                              struct vsa_slice certificate,
                                                              struct vsa_error *error);

/*
 * What a verified document proves. Set by vsa_verify() only, zeroed when it fails. Slices borrow
 * from the document's bytes, `measurements` from the policy.
 *
 * ECDSA signatures are malleable: neither the signature nor a hash of the document identifies it.
 * Use the nonce against replay.
 */
struct vsa_claims {
    size_t size;                /* of this struct, in bytes; set by vsa_verify() */
    struct vsa_slice module_id; /* UTF-8 */
    uint64_t timestamp_ms;      /* document time, within the policy's window around `now` */
    int64_t verified_at_ms;     /* the caller's `now` */
    struct vsa_pcrs pcrs;
    uint32_t pcrs_checked; /* bit n: PCR n was compared with the policy */
    /* The one of the policy's `measurements` that matched, borrowed; NULL: none given. */
    const struct vsa_measurements *measurements;
    bool debug_mode; /* PCR0 all zero; true only if the policy allowed it */
    struct vsa_slice public_key;
    struct vsa_slice user_data;
    struct vsa_slice nonce;
    bool nonce_checked; /* the policy named a nonce and it was equal; as for those below */
    bool user_data_checked;
    bool public_key_checked;
    bool instance_checked;
    uint8_t root_sha256[32]; /* of the DER root certificate */
    bool root_is_aws;        /* it is one of those that vsa_verifier_add_aws_roots() adds */
    char root_subject[VSA_MAX_SUBJECT];
    char certificate_subject[VSA_MAX_SUBJECT];
    int64_t certificate_not_before_ms;
    int64_t certificate_not_after_ms;
};

/* Differences of two verified documents in PCRs and module ID. */
struct vsa_claims_difference {
    uint32_t pcrs;  /* bit n: PCR n differs, or is in one of them only */
    bool module_id; /* the enclaves differ, or one was restarted */
};

/* Compares PCRs and module IDs of claims that vsa_verify() set. */
VSA_PUBLIC struct vsa_claims_difference vsa_claims_differ(const struct vsa_claims *one,
                                                          const struct vsa_claims *other);

/* Sets the first `size` bytes of the claims: vsa_verify() for other languages. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_verify_size(struct vsa_verifier *verifier,
                                                        struct vsa_slice document,
                                                        const struct vsa_policy *policy,
                                                        int64_t now_ms, struct vsa_claims *claims,
                                                        size_t size, struct vsa_error *error);

/*
 * Verifies a document: syntax, certificate chain up to a trust anchor, COSE signature, policy.
 *
 * verifier  in: trust anchors and cache
 * document  in: raw CBOR bytes; must outlive `*claims`
 * policy    in: what is expected
 * now_ms    in: the time to verify at, Unix milliseconds; the library reads no clock
 * claims    out: set on success, zeroed on failure
 * error     out, may be NULL
 *
 * Errors: class syntax, format, limit: malformed. Class trust: forged or expired. Class policy:
 * genuine but not as expected. VSA_ERR_NO_ANCHOR, VSA_ERR_POLICY_EMPTY: the call is wrong.
 */
static inline VSA_MUST_USE enum vsa_status vsa_verify(struct vsa_verifier *verifier,
                                                      struct vsa_slice document,
                                                      const struct vsa_policy *policy,
                                                      int64_t now_ms, struct vsa_claims *claims,
                                                      struct vsa_error *error)
{
    return vsa_verify_size(verifier, document, policy, now_ms, claims, sizeof(*claims), error);
}

/* One document of vsa_verify_batch(). Fill it with vsa_verify_job_init() and then the inputs. */
struct vsa_verify_job {
    size_t size;                     /* of this struct, in bytes; set by vsa_verify_job_init() */
    size_t claims_size;              /* of struct vsa_claims; set by vsa_verify_job_init() */
    struct vsa_slice document;       /* in: as for vsa_verify(), and all below too */
    const struct vsa_policy *policy; /* in: jobs may share one */
    int64_t now_ms;                  /* in */
    struct vsa_claims *claims;       /* in: where to put them; its own for each job */
    enum vsa_status status;          /* out: the verdict; never VSA_OK before the call */
    struct vsa_error *error;         /* in: where to put it, its own for each job; may be NULL */
};

/* Sets the first `size` bytes of a job: vsa_verify_job_init() for other languages. */
VSA_PUBLIC void vsa_verify_job_init_size(struct vsa_verify_job *job, size_t size,
                                         size_t claims_size);

static inline void vsa_verify_job_init(struct vsa_verify_job *job)
{
    vsa_verify_job_init_size(job, sizeof(*job), sizeof(struct vsa_claims));
}

/*
 * Verifies many documents in one call, each as vsa_verify() does: the same status, claims and error
 * for each, whatever the others are. Certificates that several have in common are checked once, and
 * signatures eight at a time where the library was built with crypto_mb and the CPU has AVX-512
 * IFMA.
 *
 * verifier  in: as for vsa_verify()
 * jobs      in and out: an array; `status`, `*claims` and `*error` of each are set
 * count     in: any number; works in rounds, with at most 256 KiB of memory of its own
 *
 * Returns VSA_OK if every document was verified, otherwise the status of the first that was not.
 * VSA_ERR_ARGUMENT, and no document is verified, when a job was not set up with
 * vsa_verify_job_init(); the status of the others says so, unless it is the first that was not.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_verify_batch(struct vsa_verifier *verifier,
                                                         struct vsa_verify_job *jobs, size_t count);

/*
 * Cache counters since the verifier was made; a lookup is one certificate. Other threads may go on
 * counting meanwhile.
 */
struct vsa_verifier_statistics {
    size_t size; /* of this struct, in bytes */
    uint64_t hits;
    uint64_t misses;
};

/* Sets the first `size` bytes: vsa_verifier_get_statistics() for other languages. */
VSA_PUBLIC void vsa_verifier_get_statistics_size(struct vsa_verifier *verifier,
                                                 struct vsa_verifier_statistics *statistics,
                                                 size_t size);

static inline void vsa_verifier_get_statistics(struct vsa_verifier *verifier,
                                               struct vsa_verifier_statistics *statistics)
{
    vsa_verifier_get_statistics_size(verifier, statistics, sizeof(*statistics));
}

#ifdef __cplusplus
}
#endif

#endif
