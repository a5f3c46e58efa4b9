/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forges certificate chains and attestation documents like Nitro's, with a knob for everything a
 * verifier has to refuse. Written from the specifications, byte by byte, and independent of the
 * library's own writers; libcrypto does the arithmetic only. Everything is deterministic, keys and
 * signatures included: the same knobs give the same bytes.
 *
 *     forge_reset(&forge);
 *     forge_set(&forge, FORGE_NONCE, "f6");
 *     struct vsa_slice document = forge_build(&forge);
 *
 * Certificates and the document are signed after the knobs were turned, so that the rule under
 * test is the only one broken. Hex strings may contain spaces. A fault of the forge's own aborts.
 */
#ifndef VSA_TESTS_FORGE_H
#define VSA_TESTS_FORGE_H

#include <stdbool.h>

#include <vsattest/attestation.h>

/* 2026-01-15T12:00:00Z; the document is two seconds old and every certificate is valid. */
#define FORGE_NOW_MS       INT64_C(1768478400000)
#define FORGE_TIMESTAMP_MS (FORGE_NOW_MS - 2000)
#define FORGE_INSTANCE_ID  "i-0123456789abcdef0"
#define FORGE_MODULE_ID    FORGE_INSTANCE_ID "-enc0123456789abcdef"

/* --- certificates --- */

enum { FORGE_ROOT, FORGE_REGIONAL, FORGE_ZONAL, FORGE_INSTANCE, FORGE_LEAF, FORGE_LEVELS };
#define FORGE_MAX_LEVELS 10
/* Key numbers: each level has the one of its number; this one is of no certificate of it. */
#define FORGE_STRANGER FORGE_MAX_LEVELS

enum forge_key_kind {
    FORGE_P384,
    FORGE_P384_COMPRESSED, /* SPKI with a compressed point */
    FORGE_P384_HYBRID,     /* ... with a hybrid one (X9.62) */
    FORGE_P384_EXPLICIT,   /* ... with explicit curve parameters */
    FORGE_P384_OFF_CURVE,  /* ... with a point that is not on the curve */
    FORGE_P256,
    FORGE_P521,
    FORGE_BRAINPOOL384, /* as large as P-384 */
    FORGE_RSA,
};

enum forge_algorithm {
    FORGE_ECDSA_SHA384,
    FORGE_ECDSA_SHA256,
    FORGE_ECDSA_SHA512,
    FORGE_ECDSA_SHA384_NULL, /* with NULL parameters, which RFC 5758 forbids */
    FORGE_RSA_SHA384,
};

/* What is done to a signature after it was made, in certificates and in COSE. */
enum forge_signature_edit {
    FORGE_SIGNATURE_GOOD,
    FORGE_SIGNATURE_BIT_FLIPPED,
    FORGE_SIGNATURE_NEGATED, /* (r, n - s): verifies as well as the original */
    FORGE_SIGNATURE_R_ZERO,
    FORGE_SIGNATURE_S_ZERO,
    FORGE_SIGNATURE_BOTH_ZERO,
    FORGE_SIGNATURE_R_ORDER, /* r = n */
    FORGE_SIGNATURE_S_ORDER,
    FORGE_SIGNATURE_SWAPPED, /* (s, r) */
};

/* How the certificate is encoded around and in its content. */
enum forge_form {
    FORGE_DER,
    FORGE_LONG_OUTER_LENGTH, /* BER: a length with a leading zero */
    FORGE_LONG_TBS_LENGTH,   /* the same inside, and signed so */
    FORGE_LONG_NAME_LENGTH,  /* the same in the subject */
    FORGE_INDEFINITE_OUTER,
    FORGE_TRAILING_OUTSIDE, /* a byte after the certificate */
    FORGE_TRAILING_INSIDE,  /* a NULL after the signature, inside the sequence */
    FORGE_TRAILING_IN_TBS,  /* a NULL after the extensions, and signed so */
    FORGE_CUT_OFF,          /* the last byte missing */
    FORGE_UNUSED_BITS,      /* the signature's BIT STRING says that it has unused bits */
    FORGE_UNIQUE_ID,        /* an issuerUniqueID */
    FORGE_UNIQUE_ID_PIECES, /* ... as a constructed string, which is BER */
    FORGE_EMPTY_SUBJECT,
};

struct forge_extension {
    const char *oid; /* content of the OBJECT IDENTIFIER, hex */
    bool critical;
    const char *value; /* content of the OCTET STRING, hex */
};

#define FORGE_OID_BASIC_CONSTRAINTS "551d13"
#define FORGE_OID_KEY_USAGE         "551d0f"
#define FORGE_OID_NAME_CONSTRAINTS  "551d1e"
#define FORGE_OID_UNKNOWN           "2a0304"
/* Values of the two. */
#define FORGE_CA            "30030101ff"
#define FORGE_NOT_CA        "3000"
#define FORGE_CA_PATH(n)    "30060101ff0201" n
#define FORGE_USAGE_ROOT    "03020186" /* digitalSignature, keyCertSign, cRLSign */
#define FORGE_USAGE_CA      "03020204" /* keyCertSign */
#define FORGE_USAGE_LEAF    "030206c0" /* digitalSignature, nonRepudiation */
#define FORGE_MAX_EXTENSION 20

struct forge_certificate {
    enum forge_key_kind key_kind;
    int key_number;
    int signer; /* key number; the default is that of the level above */
    enum forge_algorithm algorithm;
    enum forge_algorithm outer_algorithm; /* what the outside says */
    const char *version;                  /* hex of the whole [0], "" for v1 */
    const char *subject;                  /* CN */
    const char *issuer;                   /* CN; NULL: the subject of the level above */
    const char *not_before;               /* YYMMDDhhmmssZ or YYYYMMDDhhmmssZ */
    const char *not_after;
    bool subject_key_id;
    bool authority_key_id;
    bool wrong_authority_key_id;
    size_t extension_count;
    struct forge_extension extensions[FORGE_MAX_EXTENSION];
    size_t padded_size; /* made exactly so large by one more extension */
    const char *find;   /* hex in the TBSCertificate ... */
    const char *replacement;
    enum forge_form form;
    enum forge_signature_edit signature_edit;
    const char *replaced; /* hex in place of all of it */
};

/* The value of basicConstraints or keyUsage; NULL takes the extension out. */
void forge_extension_set(struct forge_certificate *certificate, const char *oid, bool critical,
                         const char *value);
void forge_extension_add(struct forge_certificate *certificate, const char *oid, bool critical,
                         const char *value);

/* --- document --- */

/* The payload's entries in AWS's order. */
enum forge_field {
    FORGE_FIELD_MODULE_ID,
    FORGE_FIELD_DIGEST,
    FORGE_FIELD_TIMESTAMP,
    FORGE_FIELD_PCRS,
    FORGE_FIELD_CERTIFICATE,
    FORGE_FIELD_CABUNDLE,
    FORGE_FIELD_PUBLIC_KEY,
    FORGE_FIELD_USER_DATA,
    FORGE_FIELD_NONCE,
    FORGE_FIELDS,
};

#define FORGE_MAX_ENTRIES 80

struct forge_entry {
    struct vsa_slice key;   /* CBOR */
    struct vsa_slice value; /* CBOR; of certificate, cabundle and pcrs absent: made at the end */
};

enum forge_payload_form {
    FORGE_PAYLOAD_BYTES,
    FORGE_PAYLOAD_LONG_LENGTH, /* byte string with a length not in shortest form */
    FORGE_PAYLOAD_INDEFINITE,  /* byte string in one chunk */
    FORGE_PAYLOAD_TEXT,
};

enum forge_signed {
    FORGE_SIGNED_SIGNATURE1,
    FORGE_SIGNED_COUNTER_SIGNATURE, /* another context string */
    FORGE_SIGNED_EXTERNAL_AAD,
    FORGE_SIGNED_EMPTY_HEADER, /* without the protected header */
    FORGE_SIGNED_PAYLOAD,      /* the payload alone */
};

enum forge_hash { FORGE_SHA384, FORGE_SHA256, FORGE_SHA512 };

/* Hex of whole CBOR items where not said otherwise; "" leaves the item out. */
struct forge_cose {
    const char *before;           /* a tag */
    const char *array;            /* head */
    const char *protected_header; /* content of the byte string, and what is signed */
    const char *protected_item;   /* in its place; NULL: a byte string of the above */
    const char *unprotected;
    enum forge_payload_form payload_form;
    struct vsa_slice payload_item;   /* in place of the payload */
    struct vsa_slice signature_item; /* in place of the signature */
    const char *after;
    enum forge_signature_edit signature_edit;
    enum forge_signed signed_over;
    enum forge_hash hash;
    int signer;                /* key number */
    bool change_after_signing; /* flips a bit of the payload's last byte */
};

#define FORGE_ARENA (512 * 1024)

struct forge {
    size_t levels; /* certificates: 2 .. FORGE_MAX_LEVELS, the last is the leaf */
    struct forge_certificate certificates[FORGE_MAX_LEVELS];
    size_t bundle_count;
    int bundle[FORGE_MAX_LEVELS]; /* levels, as they stand in cabundle */
    const char *bundle_head;      /* NULL: array of bundle_count */
    const char *bundle_end;       /* after its entries */
    size_t entry_count;
    struct forge_entry entries[FORGE_MAX_ENTRIES];
    const char *payload_head; /* NULL: map of entry_count; "bf": indefinite */
    const char *payload_end;  /* after the entries: "", "ff", trailing bytes */
    struct vsa_slice payload; /* in place of all of it */
    size_t pcr_count;
    struct forge_entry pcrs[FORGE_MAX_ENTRIES];
    const char *pcr_head;
    const char *pcr_end; /* after its entries */
    struct forge_cose cose;
    struct forge_certificate pristine[FORGE_LEVELS];      /* as forge_reset() made them */
    struct vsa_slice made_payload;                        /* out: of the last forge_build() */
    struct vsa_slice made_certificates[FORGE_MAX_LEVELS]; /* out */
    size_t arena_used;
    uint8_t arena[FORGE_ARENA];
};

/* The genuine document: all fields there, nothing to refuse. Forgets everything made before. */
void forge_reset(struct forge *forge);

/* A chain of `levels` certificates instead of 5, the root unchanged. */
void forge_set_levels(struct forge *forge, size_t levels);

/* Certificates and document by the knobs. Borrowed until forge_reset(). */
struct vsa_slice forge_build(struct forge *forge);

/* The certificate of `level` by the knobs. */
struct vsa_slice forge_issue(struct forge *forge, size_t level);

/* The root as forge_reset() makes it, whatever the knobs say. */
struct vsa_slice forge_genuine_root(struct forge *forge);

/* Values. All borrowed until forge_reset(). */
struct vsa_slice forge_hex(struct forge *forge, const char *hex);
struct vsa_slice forge_text(struct forge *forge, const char *text);           /* CBOR text */
struct vsa_slice forge_bytes(struct forge *forge, size_t size, uint8_t fill); /* CBOR bytes */
struct vsa_slice forge_unsigned(struct forge *forge, uint64_t value);
struct vsa_slice forge_concatenate(struct forge *forge, struct vsa_slice a, struct vsa_slice b);

/* The entry of this key, wherever it stands; set NULL to take it out. */
void forge_set(struct forge *forge, enum forge_field field, const char *hex);
void forge_set_value(struct forge *forge, enum forge_field field, struct vsa_slice value);
void forge_add(struct forge *forge, const char *key, const char *hex);
void forge_add_entry(struct forge *forge, struct vsa_slice key, struct vsa_slice value);
void forge_remove(struct forge *forge, enum forge_field field);

/* PCR `index` as 48 bytes of `fill`, added at the end. */
void forge_add_pcr(struct forge *forge, uint64_t index, uint8_t fill);
/* The values of the genuine document: 0x10 + index in each byte, PCR4 by the instance ID. */
void forge_pcr_value(unsigned index, uint8_t value[VSA_PCR_SIZE]);

/* --- signing, for forge.c and tests of their own --- */

/* r || s of fixed width; returns its size. RSA keys give zeros. */
size_t forge_sign_raw(enum forge_key_kind kind, int number, const uint8_t *digest,
                      size_t digest_size, enum forge_signature_edit edit, uint8_t *raw);
/* Content of SubjectPublicKeyInfo, whole. */
struct vsa_slice forge_spki(struct forge *forge, enum forge_key_kind kind, int number);

#endif
