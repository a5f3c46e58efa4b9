/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about the COSE_Sign1 envelope (src/cose/sign1.c) and its signature. */
#include "unit_test.h"

#include <stdio.h>

#include "mutation.h"

#define COSE(name, member, hex, status)                                                            \
    {                                                                                              \
        name, set_cose, status, offsetof(struct forge_cose, member), hex, NULL, 0                  \
    }

static void signature_item(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.signature_item = forge_hex(&setting->forge, row->hex);
}

static void signature_size(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.signature_item =
        forge_bytes(&setting->forge, row->where, (uint8_t)row->number);
}

#define SIGNATURE_SIZE(name, size, fill, status)                                                   \
    {                                                                                              \
        name, signature_size, status, size, NULL, NULL, fill                                       \
    }

static void signature_edit(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.signature_edit = (enum forge_signature_edit)row->where;
}

#define SIGNATURE_EDIT(name, edit, status)                                                         \
    {                                                                                              \
        name, signature_edit, status, edit, NULL, NULL, 0                                          \
    }

static void signed_over(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.signed_over = (enum forge_signed)row->where;
}

static void hashed_with(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.hash = (enum forge_hash)row->where;
}

static void signed_by(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.signer = (int)row->number;
}

static void payload_form(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.payload_form = (enum forge_payload_form)row->where;
}

static void payload_item(struct setting *setting, const struct mutation *row)
{
    setting->forge.cose.payload_item = forge_hex(&setting->forge, row->hex);
}

static void payload_bytes(struct setting *setting, const struct mutation *row)
{
    setting->forge.payload = forge_hex(&setting->forge, row->hex);
}

static void change_after_signing(struct setting *setting, const struct mutation *row)
{
    (void)row;
    setting->forge.cose.change_after_signing = true;
}

/* Fills the payload up to `number` bytes with an entry that AWS may have added. */
static void payload_of_size(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    (void)forge_build(forge);
    size_t have = forge->made_payload.size + 6 + 3;
    forge_add_entry(forge, forge_text(forge, "later"),
                    forge_bytes(forge, (size_t)row->number - have, 0));
}

/* A signature in DER instead of r || s (wishes row 24: "raw 96-byte signature only"). */
static void signature_in_der(struct setting *setting, const struct mutation *row)
{
    (void)row;
    struct forge *forge = &setting->forge;
    struct vsa_slice halves = forge_hex(forge, "5866 3064 0230");
    halves = forge_concatenate(forge, halves, vsa_slice_of(forge_bytes(forge, 48, 1).data + 2, 48));
    halves = forge_concatenate(forge, halves, forge_hex(forge, "0230"));
    forge->cose.signature_item =
        forge_concatenate(forge, halves, vsa_slice_of(forge_bytes(forge, 48, 1).data + 2, 48));
}

/* The signature of another document by the same leaf. */
static void signature_of_another(struct setting *setting, const struct mutation *row)
{
    (void)row;
    struct forge *forge = &setting->forge;
    struct vsa_slice document = forge_build(forge);
    forge->cose.signature_item = vsa_slice_of(document.data + document.size - 98, 98);
    forge_set(forge, FORGE_FIELD_NONCE, "45 6f74686572");
}

/* What QEMU's nitro-enclave machine makes (virtio-nsm.c): algorithm -1, no signature at all. */
static void qemu(struct setting *setting, const struct mutation *row)
{
    struct forge *forge = &setting->forge;
    forge->cose.protected_header = row->hex;
    forge->cose.signature_item = forge_bytes(forge, 64, 0);
    forge_set(forge, FORGE_FIELD_CERTIFICATE, "40");
    forge_set(forge, FORGE_FIELD_CABUNDLE, "80");
}

/* The same document twice, one after the other. */
static void twice(struct setting *setting, const struct mutation *row)
{
    (void)row;
    static char hex[2 * VSA_MAX_DOCUMENT + 1];
    struct vsa_slice document = forge_build(&setting->forge);
    for (size_t i = 0; i < document.size; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", document.data[i]);
    setting->forge.cose.after = hex;
}

static const struct mutation rows[] = {
    {"nothing changed", leave, VSA_OK, 0, NULL, NULL, 0},

    /* --- the array --- */
    COSE("tag 18", before, "d2", VSA_OK),
    COSE("tag 18 twice", before, "d2d2", VSA_ERR_COSE),
    COSE("tag 17, COSE_Mac0", before, "d1", VSA_ERR_COSE),
    COSE("tag 98, COSE_Sign", before, "d862", VSA_ERR_COSE),
    COSE("tag 61, CWT", before, "d83d", VSA_ERR_COSE),
    COSE("tag 55799, self-described CBOR", before, "d9d9f7", VSA_ERR_COSE),
    COSE("tag 2^64-1", before, "dbffffffffffffffff", VSA_ERR_COSE),
    COSE("tag 18 not in shortest form", before, "d812", VSA_ERR_CBOR_FORBIDDEN),
    COSE("tag with reserved additional information", before, "dc", VSA_ERR_CBOR),
    COSE("tag of indefinite length", before, "df", VSA_ERR_CBOR_FORBIDDEN),
    COSE("array of 3", array, "83", VSA_ERR_COSE),
    COSE("array of 5", array, "85", VSA_ERR_COSE),
    COSE("empty array", array, "80", VSA_ERR_COSE),
    COSE("array of 4 not in shortest form", array, "9804", VSA_ERR_CBOR_FORBIDDEN),
    COSE("array of indefinite length", array, "9f", VSA_ERR_CBOR_FORBIDDEN),
    COSE("array with a reserved length", array, "9c", VSA_ERR_CBOR),
    COSE("array of 2^28", array, "9a10000000", VSA_ERR_CBOR),
    COSE("array of 2^64-1", array, "9bffffffffffffffff", VSA_ERR_CBOR),
    COSE("a map instead of the array", array, "a4", VSA_ERR_COSE),
    COSE("a byte string instead of the array", array, "44", VSA_ERR_COSE),
    /* pitfalls "trailing bytes" (fastcrypto, cbor2.loads), at the outermost level */
    COSE("a byte after the array", after, "00", VSA_ERR_TRAILING_BYTES),
    COSE("a null after the array", after, "f6", VSA_ERR_TRAILING_BYTES),
    COSE("a break after the array", after, "ff", VSA_ERR_TRAILING_BYTES),
    {"the document twice", twice, VSA_ERR_TRAILING_BYTES, 0, NULL, NULL, 0},

    /* --- the protected header; pitfalls "alg header not read" (anjuna, nsm-utils, eternis) --- */
    COSE("algorithm ES256", protected_header, "a10126", VSA_ERR_ALGORITHM),
    COSE("algorithm ES512", protected_header, "a1013823", VSA_ERR_ALGORITHM),
    COSE("algorithm EdDSA", protected_header, "a10127", VSA_ERR_ALGORITHM),
    COSE("algorithm PS384", protected_header, "a1013825", VSA_ERR_ALGORITHM),
    COSE("algorithm -1", protected_header, "a10120", VSA_ERR_ALGORITHM),
    COSE("algorithm +34", protected_header, "a1011822", VSA_ERR_ALGORITHM),
    COSE("algorithm as text", protected_header, "a1016545533338 34", VSA_ERR_ALGORITHM),
    COSE("algorithm null", protected_header, "a101f6", VSA_ERR_ALGORITHM),
    COSE("algorithm tagged", protected_header, "a101c13822", VSA_ERR_ALGORITHM),
    COSE("algorithm not in shortest form", protected_header, "a101390022", VSA_ERR_ALGORITHM),
    COSE("label not in shortest form", protected_header, "a118013822", VSA_ERR_ALGORITHM),
    COSE("label as text", protected_header, "a163616c673822", VSA_ERR_ALGORITHM),
    COSE("label 2", protected_header, "a1023822", VSA_ERR_ALGORITHM),
    COSE("no algorithm, empty header", protected_header, "", VSA_ERR_ALGORITHM),
    COSE("no algorithm, empty map", protected_header, "a0", VSA_ERR_ALGORITHM),
    COSE("algorithm twice, the same", protected_header, "a20138220138 22", VSA_ERR_ALGORITHM),
    COSE("algorithm twice, ES256 last", protected_header, "a20138220126", VSA_ERR_ALGORITHM),
    COSE("algorithm twice, ES256 first", protected_header, "a20126013822", VSA_ERR_ALGORITHM),
    COSE("a crit header", protected_header, "a20138220281 01", VSA_ERR_ALGORITHM),
    COSE("a crit header first", protected_header, "a2028104 013822", VSA_ERR_ALGORITHM),
    COSE("a key ID", protected_header, "a2013822044131", VSA_ERR_ALGORITHM),
    COSE("a byte after the header map", protected_header, "a101382200", VSA_ERR_ALGORITHM),
    COSE("header map of indefinite length", protected_header, "bf013822ff", VSA_ERR_ALGORITHM),
    COSE("header map cut off", protected_header, "a10138", VSA_ERR_ALGORITHM),
    COSE("header map of 2^32 entries", protected_header, "ba 7fffffff 013822", VSA_ERR_ALGORITHM),
    COSE("header is an array", protected_header, "82013822", VSA_ERR_ALGORITHM),
    COSE("header wrapped twice", protected_header, "44a1013822", VSA_ERR_ALGORITHM),
    COSE("header not wrapped", protected_item, "a1013822", VSA_ERR_FIELD),
    COSE("header as text", protected_item, "64a1013822", VSA_ERR_FIELD),
    COSE("header null", protected_item, "f6", VSA_ERR_FIELD),
    COSE("header in chunks", protected_item, "5f44a1013822ff", VSA_ERR_CBOR_FORBIDDEN),
    COSE("header's length not shortest", protected_item, "5804a1013822", VSA_ERR_CBOR_FORBIDDEN),
    COSE("header longer than the document", protected_item, "5a7fffffff a1013822", VSA_ERR_CBOR),
    COSE("header of 2^64-1 bytes", protected_item, "5bffffffffffffffff a1013822", VSA_ERR_CBOR),

    /* --- the unprotected map; Cantina "unprotected header assumed empty" --- */
    COSE("unprotected algorithm", unprotected, "a1013822", VSA_ERR_COSE),
    COSE("unprotected key ID", unprotected, "a104423131", VSA_ERR_COSE),
    COSE("unprotected certificate chain", unprotected, "a1182140", VSA_ERR_COSE),
    COSE("unprotected map of indefinite length", unprotected, "bfff", VSA_ERR_CBOR_FORBIDDEN),
    COSE("unprotected map not in shortest form", unprotected, "b800", VSA_ERR_CBOR_FORBIDDEN),
    COSE("unprotected map of 2^64-1", unprotected, "bbffffffffffffffff", VSA_ERR_CBOR),
    COSE("unprotected null", unprotected, "f6", VSA_ERR_FIELD),
    COSE("unprotected array", unprotected, "80", VSA_ERR_FIELD),
    COSE("unprotected as bytes", unprotected, "40", VSA_ERR_FIELD),
    COSE("unprotected left out", unprotected, "", VSA_ERR_FIELD),

    /* --- the payload's wrapping --- */
    {"payload detached", payload_item, VSA_ERR_FIELD, 0, "f6", NULL, 0},
    {"payload not wrapped", payload_item, VSA_ERR_FIELD, 0, "a0", NULL, 0},
    {"payload as text", payload_form, VSA_ERR_FIELD, FORGE_PAYLOAD_TEXT, NULL, NULL, 0},
    {"payload empty", payload_bytes, VSA_ERR_COSE, 0, "", NULL, 0},
    {"payload's length not shortest", payload_form, VSA_ERR_CBOR_FORBIDDEN,
     FORGE_PAYLOAD_LONG_LENGTH, NULL, NULL, 0},
    {"payload in chunks", payload_form, VSA_ERR_CBOR_FORBIDDEN, FORGE_PAYLOAD_INDEFINITE, NULL,
     NULL, 0},
    {"payload of 2^28 bytes claimed", payload_item, VSA_ERR_CBOR, 0, "5a10000000", NULL, 0},
    {"payload of 2^64-1 bytes claimed", payload_item, VSA_ERR_CBOR, 0, "5bffffffffffffffff", NULL,
     0},
    {"payload of 16384 bytes", payload_of_size, VSA_OK, 0, NULL, NULL, VSA_MAX_PAYLOAD},
    {"payload of 16385 bytes", payload_of_size, VSA_ERR_COSE, 0, NULL, NULL, VSA_MAX_PAYLOAD + 1},
    {"payload of 17000 bytes", payload_of_size, VSA_ERR_TOO_LARGE, 0, NULL, NULL, 17000},

    /* --- the signature's size; pitfalls "QEMU signature 64 zero bytes" --- */
    SIGNATURE_SIZE("signature of 64 zero bytes", 64, 0, VSA_ERR_SIGNATURE_SIZE),
    {"a document of QEMU", qemu, VSA_ERR_ALGORITHM, 0, "a10120", NULL, 0},
    {"a document of QEMU that says ES384", qemu, VSA_ERR_SIGNATURE_SIZE, 0, "a1013822", NULL, 0},
    SIGNATURE_SIZE("signature empty", 0, 0, VSA_ERR_SIGNATURE_SIZE),
    SIGNATURE_SIZE("signature of 95 bytes", 95, 1, VSA_ERR_SIGNATURE_SIZE),
    SIGNATURE_SIZE("signature of 97 bytes", 97, 1, VSA_ERR_SIGNATURE_SIZE),
    SIGNATURE_SIZE("signature of 132 bytes", 132, 1, VSA_ERR_SIGNATURE_SIZE),
    {"signature in DER", signature_in_der, VSA_ERR_SIGNATURE_SIZE, 0, NULL, NULL, 0},
    {"signature null", signature_item, VSA_ERR_FIELD, 0, "f6", NULL, 0},
    {"signature left out", signature_item, VSA_ERR_CBOR, 0, "", NULL, 0},
    {"signature of 2^64-1 bytes claimed", signature_item, VSA_ERR_CBOR, 0, "5bffffffffffffffff",
     NULL, 0},

    /* --- the signature; pitfalls "COSE signature never checked" (nitrite, world-chain) --- */
    SIGNATURE_EDIT("a bit of the signature flipped", FORGE_SIGNATURE_BIT_FLIPPED,
                   VSA_ERR_SIGNATURE),
    /* pitfalls "signature malleability (r, n-s)": it verifies, and that is why neither the
     * signature nor the document's hash may serve as an identifier. */
    SIGNATURE_EDIT("signature (r, n - s)", FORGE_SIGNATURE_NEGATED, VSA_OK),
    SIGNATURE_EDIT("signature with r = 0", FORGE_SIGNATURE_R_ZERO, VSA_ERR_SIGNATURE),
    SIGNATURE_EDIT("signature with s = 0", FORGE_SIGNATURE_S_ZERO, VSA_ERR_SIGNATURE),
    SIGNATURE_EDIT("signature with r = s = 0", FORGE_SIGNATURE_BOTH_ZERO, VSA_ERR_SIGNATURE),
    SIGNATURE_EDIT("signature with r = n", FORGE_SIGNATURE_R_ORDER, VSA_ERR_SIGNATURE),
    SIGNATURE_EDIT("signature with s = n", FORGE_SIGNATURE_S_ORDER, VSA_ERR_SIGNATURE),
    SIGNATURE_EDIT("signature (s, r)", FORGE_SIGNATURE_SWAPPED, VSA_ERR_SIGNATURE),
    SIGNATURE_SIZE("signature of 96 bytes 0xff", 96, 0xff, VSA_ERR_SIGNATURE),
    {"payload changed after signing", change_after_signing, VSA_ERR_SIGNATURE, 0, NULL, NULL, 0},
    {"signature of another document", signature_of_another, VSA_ERR_SIGNATURE, 0, NULL, NULL, 0},
    {"signed by a key outside of the chain", signed_by, VSA_ERR_SIGNATURE, 0, NULL, NULL,
     FORGE_STRANGER},
    {"signed by the instance's CA", signed_by, VSA_ERR_SIGNATURE, 0, NULL, NULL, FORGE_INSTANCE},
    {"signed by the root", signed_by, VSA_ERR_SIGNATURE, 0, NULL, NULL, FORGE_ROOT},
    {"signed as a counter signature", signed_over, VSA_ERR_SIGNATURE,
     FORGE_SIGNED_COUNTER_SIGNATURE, NULL, NULL, 0},
    {"signed with external data", signed_over, VSA_ERR_SIGNATURE, FORGE_SIGNED_EXTERNAL_AAD, NULL,
     NULL, 0},
    {"signed without the protected header", signed_over, VSA_ERR_SIGNATURE,
     FORGE_SIGNED_EMPTY_HEADER, NULL, NULL, 0},
    {"signed over the payload alone", signed_over, VSA_ERR_SIGNATURE, FORGE_SIGNED_PAYLOAD, NULL,
     NULL, 0},
    {"signed with SHA-256", hashed_with, VSA_ERR_SIGNATURE, FORGE_SHA256, NULL, NULL, 0},
    {"signed with SHA-512", hashed_with, VSA_ERR_SIGNATURE, FORGE_SHA512, NULL, NULL, 0},
};

int main(void)
{
    return MUTATION_RUN("mutations_cose", rows);
}
