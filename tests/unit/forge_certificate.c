/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signatures and certificates (RFC 5280, RFC 5480, RFC 5758), encoded by hand. */
#include "forge.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "forge_internal.h"

#define REQUIRE(condition) FORGE_REQUIRE(condition)

struct kind_facts {
    int nid;
    size_t field_size;
    const char *oid; /* TLV of the named curve */
};

static const struct kind_facts *facts_of(enum forge_key_kind kind)
{
    static const struct kind_facts p384 = {NID_secp384r1, 48, "06052b81040022"};
    static const struct kind_facts p256 = {NID_X9_62_prime256v1, 32, "06082a8648ce3d030107"};
    static const struct kind_facts p521 = {NID_secp521r1, 66, "06052b81040023"};
    static const struct kind_facts brainpool = {NID_brainpoolP384r1, 48, "06092b240303020801010b"};
    switch (kind) {
    case FORGE_P256:
        return &p256;
    case FORGE_P521:
        return &p521;
    case FORGE_BRAINPOOL384:
        return &brainpool;
    case FORGE_P384:
    case FORGE_P384_COMPRESSED:
    case FORGE_P384_HYBRID:
    case FORGE_P384_EXPLICIT:
    case FORGE_P384_OFF_CURVE:
    case FORGE_RSA:
    default:
        return &p384;
    }
}

/* --- keys --- */

/* 1 .. order - 1, from a label, a number and some bytes. */
static BIGNUM *derive_scalar(const BIGNUM *order, const char *label, int number,
                             const uint8_t *bytes, size_t size)
{
    uint8_t input[160];
    uint8_t digest[SHA512_DIGEST_LENGTH];
    int used = snprintf((char *)input, sizeof(input), "%s %d ", label, number);
    REQUIRE(used > 0 && (size_t)used + size <= sizeof(input));
    if (size)
        memcpy(input + used, bytes, size);
    SHA512(input, (size_t)used + size, digest);
    BIGNUM *scalar = BN_bin2bn(digest, sizeof(digest), NULL);
    BIGNUM *most = BN_dup(order);
    BN_CTX *context = BN_CTX_new();
    REQUIRE(scalar && most && context && BN_sub_word(most, 1) &&
            BN_nnmod(scalar, scalar, most, context) && BN_add_word(scalar, 1));
    BN_CTX_free(context);
    BN_free(most);
    return scalar;
}

/* The public point, in the form that the kind of key asks for; returns its size. */
static size_t public_point(enum forge_key_kind kind, int number, uint8_t *point, size_t capacity)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(facts_of(kind)->nid);
    REQUIRE(group);
    BIGNUM *d = derive_scalar(EC_GROUP_get0_order(group), "forge key", number, NULL, 0);
    EC_POINT *q = EC_POINT_new(group);
    REQUIRE(q && EC_POINT_mul(group, q, d, NULL, NULL, NULL));
    point_conversion_form_t form = kind == FORGE_P384_COMPRESSED ? POINT_CONVERSION_COMPRESSED
                                   : kind == FORGE_P384_HYBRID   ? POINT_CONVERSION_HYBRID
                                                                 : POINT_CONVERSION_UNCOMPRESSED;
    size_t size = EC_POINT_point2oct(group, q, form, point, capacity, NULL);
    REQUIRE(size);
    if (kind == FORGE_P384_OFF_CURVE)
        point[size - 1] ^= 1;
    EC_POINT_free(q);
    BN_free(d);
    EC_GROUP_free(group);
    return size;
}

/* One for all: making them is slow. */
static EVP_PKEY *rsa_key(void)
{
    static EVP_PKEY *key;
    if (!key) {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        REQUIRE(context && EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_keygen_bits(context, 1024) == 1 &&
                EVP_PKEY_keygen(context, &key) == 1);
        EVP_PKEY_CTX_free(context);
    }
    return key;
}

/* Returns P-384 by its numbers (SEC 1 appendix C.2); AWS-LC does not write them. */
static struct vsa_slice explicit_parameters(struct forge *forge)
{
    return forge_hex(
        forge, "30820157020101303c" /* ECParameters, version 1 */
               "06072a8648ce3d0101023100ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
               "fffffffeffffffff0000000000000000ffffffff" /* p */
               "307b0430fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff"
               "0000000000000000fffffffc" /* a */
               "0430b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2e"
               "d19d2a85c8edd3ec2aef"                           /* b */
               "031500a335926aa319a27a1d00896a6773a4827acdac73" /* seed */
               "046104aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf"
               "55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5"
               "f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f" /* base point */
               "023100ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248"
               "b0a77aecec196accc52973020101" /* order and cofactor */);
}

struct vsa_slice forge_spki(struct forge *forge, enum forge_key_kind kind, int number)
{
    if (kind == FORGE_RSA) {
        unsigned char *der = NULL;
        int size = i2d_PUBKEY(rsa_key(), &der);
        REQUIRE(size > 0);
        struct vsa_slice copy = forge_copy(forge, der, (size_t)size);
        OPENSSL_free(der);
        return copy;
    }
    uint8_t bits[1 + 133] = {0};
    size_t size = 1 + public_point(kind, number, bits + 1, sizeof(bits) - 1);
    struct vsa_slice curve = kind == FORGE_P384_EXPLICIT ? explicit_parameters(forge)
                                                         : forge_hex(forge, facts_of(kind)->oid);
    struct vsa_slice algorithm = forge_der(
        forge, 0x30, forge_concatenate(forge, forge_hex(forge, "06072a8648ce3d0201"), curve));
    struct vsa_slice point = forge_der(forge, 0x03, forge_copy(forge, bits, size));
    return forge_der(forge, 0x30, forge_concatenate(forge, algorithm, point));
}

/* --- signatures --- */

static void edit_signature(enum forge_signature_edit edit, const BIGNUM *order, BIGNUM *r,
                           BIGNUM *s)
{
    switch (edit) {
    case FORGE_SIGNATURE_BIT_FLIPPED:
        REQUIRE(BN_is_bit_set(s, 0) ? BN_clear_bit(s, 0) : BN_set_bit(s, 0));
        break;
    case FORGE_SIGNATURE_NEGATED:
        REQUIRE(BN_sub(s, order, s));
        break;
    case FORGE_SIGNATURE_BOTH_ZERO:
        BN_zero(r);
        BN_zero(s);
        break;
    case FORGE_SIGNATURE_R_ZERO:
        BN_zero(r);
        break;
    case FORGE_SIGNATURE_S_ZERO:
        BN_zero(s);
        break;
    case FORGE_SIGNATURE_R_ORDER:
        REQUIRE(BN_copy(r, order));
        break;
    case FORGE_SIGNATURE_S_ORDER:
        REQUIRE(BN_copy(s, order));
        break;
    case FORGE_SIGNATURE_SWAPPED: {
        /* AWS-LC has no BN_swap(). */
        BIGNUM *old_r = BN_dup(r);
        REQUIRE(old_r && BN_copy(r, s) && BN_copy(s, old_r));
        BN_free(old_r);
        break;
    }
    case FORGE_SIGNATURE_GOOD:
    default:
        break;
    }
}

/* ECDSA (FIPS 186-5 section 6.4.1) with a nonce made from the digest: for tests only. */
static void ecdsa(const EC_GROUP *group, int number, const uint8_t *digest, size_t digest_size,
                  BIGNUM *r, BIGNUM *s)
{
    const BIGNUM *order = EC_GROUP_get0_order(group);
    BN_CTX *context = BN_CTX_new();
    BIGNUM *d = derive_scalar(order, "forge key", number, NULL, 0);
    BIGNUM *k = derive_scalar(order, "forge nonce", number, digest, digest_size);
    BIGNUM *x = BN_new();
    BIGNUM *z = BN_bin2bn(digest, (int)digest_size, NULL);
    EC_POINT *point = EC_POINT_new(group);
    REQUIRE(context && x && z && point);
    int excess = (int)(8 * digest_size) - BN_num_bits(order);
    REQUIRE(excess <= 0 || BN_rshift(z, z, excess));
    REQUIRE(EC_POINT_mul(group, point, k, NULL, NULL, context) &&
            EC_POINT_get_affine_coordinates(group, point, x, NULL, context) &&
            BN_nnmod(r, x, order, context) && BN_mod_mul(s, r, d, order, context) &&
            BN_mod_add(s, s, z, order, context) && BN_mod_inverse(k, k, order, context) &&
            BN_mod_mul(s, s, k, order, context));
    EC_POINT_free(point);
    BN_free(z);
    BN_free(x);
    BN_free(k);
    BN_free(d);
    BN_CTX_free(context);
}

size_t forge_sign_raw(enum forge_key_kind kind, int number, const uint8_t *digest,
                      size_t digest_size, enum forge_signature_edit edit, uint8_t *raw)
{
    size_t field_size = facts_of(kind)->field_size;
    if (kind == FORGE_RSA) {
        memset(raw, 0, 2 * field_size);
        return 2 * field_size;
    }
    EC_GROUP *group = EC_GROUP_new_by_curve_name(facts_of(kind)->nid);
    BIGNUM *r = BN_new();
    BIGNUM *s = BN_new();
    REQUIRE(group && r && s);
    ecdsa(group, number, digest, digest_size, r, s);
    edit_signature(edit, EC_GROUP_get0_order(group), r, s);
    REQUIRE(BN_bn2binpad(r, raw, (int)field_size) > 0 &&
            BN_bn2binpad(s, raw + field_size, (int)field_size) > 0);
    BN_free(s);
    BN_free(r);
    EC_GROUP_free(group);
    return 2 * field_size;
}

static size_t hash(enum forge_algorithm algorithm, struct vsa_slice bytes, uint8_t *digest)
{
    unsigned size = 0;
    const EVP_MD *md = algorithm == FORGE_ECDSA_SHA256   ? EVP_sha256()
                       : algorithm == FORGE_ECDSA_SHA512 ? EVP_sha512()
                                                         : EVP_sha384();
    REQUIRE(EVP_Digest(bytes.data, bytes.size, digest, &size, md, NULL));
    return size;
}

static struct vsa_slice rsa_signature(struct forge *forge, struct vsa_slice tbs)
{
    uint8_t signature[512];
    size_t size = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    REQUIRE(context && EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, rsa_key()) == 1 &&
            EVP_DigestSign(context, signature, &size, tbs.data, tbs.size) == 1);
    EVP_MD_CTX_free(context);
    return forge_copy(forge, signature, size);
}

/* INTEGER of a big-endian number of fixed width. */
static struct vsa_slice der_integer(struct forge *forge, const uint8_t *bytes, size_t size)
{
    uint8_t content[1 + 66] = {0};
    while (size > 1 && *bytes == 0) {
        bytes++;
        size--;
    }
    size_t zero = *bytes & 0x80 ? 1 : 0;
    memcpy(content + zero, bytes, size);
    return forge_der(forge, 0x02, forge_copy(forge, content, zero + size));
}

static struct vsa_slice signature_value(struct forge *forge,
                                        const struct forge_certificate *certificate,
                                        enum forge_key_kind signer_kind, struct vsa_slice tbs)
{
    if (certificate->algorithm == FORGE_RSA_SHA384)
        return rsa_signature(forge, tbs);
    uint8_t digest[SHA512_DIGEST_LENGTH];
    uint8_t raw[132];
    size_t digest_size = hash(certificate->algorithm, tbs, digest);
    size_t size = forge_sign_raw(signer_kind, certificate->signer, digest, digest_size,
                                 certificate->signature_edit, raw);
    struct vsa_slice r = der_integer(forge, raw, size / 2);
    struct vsa_slice s = der_integer(forge, raw + size / 2, size / 2);
    return forge_der(forge, 0x30, forge_concatenate(forge, r, s));
}

/* --- certificates --- */

static const char *algorithm_identifier(enum forge_algorithm algorithm)
{
    static const char *const identifiers[] = {
        [FORGE_ECDSA_SHA384] = "300a06082a8648ce3d040303",
        [FORGE_ECDSA_SHA256] = "300a06082a8648ce3d040302",
        [FORGE_ECDSA_SHA512] = "300a06082a8648ce3d040304",
        [FORGE_ECDSA_SHA384_NULL] = "300c06082a8648ce3d0403030500",
        [FORGE_RSA_SHA384] = "300d06092a864886f70d01010c0500",
    };
    return identifiers[algorithm];
}

static struct vsa_slice name_part(struct forge *forge, const char *oid, const char *text)
{
    struct vsa_slice value = forge_der(forge, 0x0c, vsa_slice_of_text(text));
    struct vsa_slice attribute =
        forge_der(forge, 0x30, forge_concatenate(forge, forge_hex(forge, oid), value));
    return forge_der(forge, 0x31, attribute);
}

/* C=US, O=Forge, CN=... */
static struct vsa_slice name(struct forge *forge, const char *common_name)
{
    struct vsa_slice parts = name_part(forge, "0603550406", "US");
    parts = forge_concatenate(forge, parts, name_part(forge, "060355040a", "Forge"));
    parts = forge_concatenate(forge, parts, name_part(forge, "0603550403", common_name));
    return forge_der(forge, 0x30, parts);
}

static struct vsa_slice time_value(struct forge *forge, const char *text)
{
    return forge_der(forge, strlen(text) == 15 ? 0x18 : 0x17, vsa_slice_of_text(text));
}

static struct vsa_slice extension(struct forge *forge, const char *oid, bool critical,
                                  struct vsa_slice value)
{
    struct vsa_slice parts = forge_der(forge, 0x06, forge_hex(forge, oid));
    if (critical)
        parts = forge_concatenate(forge, parts, forge_hex(forge, "0101ff"));
    return forge_der(forge, 0x30, forge_concatenate(forge, parts, forge_der(forge, 0x04, value)));
}

/* Key identifier: SHA-1 of the key number is as good as any. */
static struct vsa_slice key_identifier(struct forge *forge, int number)
{
    uint8_t digest[SHA_DIGEST_LENGTH];
    const uint8_t byte = (uint8_t)number;
    SHA1(&byte, 1, digest);
    return forge_copy(forge, digest, sizeof(digest));
}

static struct vsa_slice extensions(struct forge *forge, const struct forge_certificate *made,
                                   size_t padding, uint8_t fill)
{
    struct vsa_slice list = forge_hex(forge, "");
    for (size_t i = 0; i < made->extension_count; i++) {
        const struct forge_extension *one = &made->extensions[i];
        list = forge_concatenate(
            forge, list, extension(forge, one->oid, one->critical, forge_hex(forge, one->value)));
    }
    if (made->subject_key_id)
        list = forge_concatenate(
            forge, list,
            extension(forge, "551d0e", false,
                      forge_der(forge, 0x04, key_identifier(forge, made->key_number))));
    if (made->authority_key_id) {
        int number = made->wrong_authority_key_id ? FORGE_STRANGER : made->signer;
        struct vsa_slice id = forge_der(forge, 0x80, key_identifier(forge, number));
        list = forge_concatenate(forge, list,
                                 extension(forge, "551d23", false, forge_der(forge, 0x30, id)));
    }
    if (padding)
        list = forge_concatenate(
            forge, list, extension(forge, "2a0305", false, forge_fill(forge, padding, fill)));
    return list;
}

/* Puts `replacement` in the place of `find`, of the same size. */
static struct vsa_slice replace(struct forge *forge, struct vsa_slice bytes, const char *find,
                                const char *replacement)
{
    struct vsa_slice needle = forge_hex(forge, find);
    struct vsa_slice value = forge_hex(forge, replacement);
    struct vsa_slice copy = forge_copy(forge, bytes.data, bytes.size);
    uint8_t *at =
        memmem(forge->arena + (copy.data - forge->arena), copy.size, needle.data, needle.size);
    REQUIRE(at && needle.size == value.size);
    memcpy(at, value.data, value.size);
    return copy;
}

/* BER allows leading zeros in a length; DER does not. */
static struct vsa_slice long_length(struct forge *forge, uint8_t tag, struct vsa_slice content)
{
    uint8_t head[] = {tag, 0x84, 0, 0, (uint8_t)(content.size >> 8), (uint8_t)content.size};
    return forge_concatenate(forge, forge_copy(forge, head, sizeof(head)), content);
}

static struct vsa_slice content_of(struct vsa_slice tlv)
{
    size_t head = tlv.data[1] < 0x80 ? 2 : 2 + (tlv.data[1] & 0x7f);
    return vsa_slice_of(tlv.data + head, tlv.size - head);
}

static const char *unique_id(enum forge_form form)
{
    if (form == FORGE_UNIQUE_ID)
        return "81020061";
    return form == FORGE_UNIQUE_ID_PIECES ? "a10403020061" : "";
}

static struct vsa_slice tbs_certificate(struct forge *forge, size_t level, size_t padding,
                                        uint8_t fill)
{
    const struct forge_certificate *made = &forge->certificates[level];
    const char *above = forge->certificates[level ? level - 1 : 0].subject;
    struct vsa_slice subject = name(forge, made->subject);
    if (made->form == FORGE_EMPTY_SUBJECT)
        subject = forge_hex(forge, "3000");
    if (made->form == FORGE_LONG_NAME_LENGTH)
        subject = long_length(forge, 0x30, content_of(subject));
    uint8_t serial[] = {0x02, 0x01, (uint8_t)(level + 1)};
    struct vsa_slice validity = forge_concatenate(forge, time_value(forge, made->not_before),
                                                  time_value(forge, made->not_after));
    struct vsa_slice list = extensions(forge, made, padding, fill);
    struct vsa_slice parts[] = {
        forge_hex(forge, made->version),
        forge_copy(forge, serial, sizeof(serial)),
        forge_hex(forge, algorithm_identifier(made->algorithm)),
        name(forge, made->issuer ? made->issuer : above),
        forge_der(forge, 0x30, validity),
        subject,
        forge_spki(forge, made->key_kind, made->key_number),
        forge_hex(forge, unique_id(made->form)),
        list.size ? forge_der(forge, 0xa3, forge_der(forge, 0x30, list)) : list,
        forge_hex(forge, made->form == FORGE_TRAILING_IN_TBS ? "0500" : ""),
    };
    struct vsa_slice content = forge_hex(forge, "");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        content = forge_concatenate(forge, content, parts[i]);
    struct vsa_slice tbs = made->form == FORGE_LONG_TBS_LENGTH ? long_length(forge, 0x30, content)
                                                               : forge_der(forge, 0x30, content);
    return made->find ? replace(forge, tbs, made->find, made->replacement) : tbs;
}

static struct vsa_slice wrap(struct forge *forge, enum forge_form form, struct vsa_slice content)
{
    switch (form) {
    case FORGE_LONG_OUTER_LENGTH:
        return long_length(forge, 0x30, content);
    case FORGE_INDEFINITE_OUTER:
        content = forge_concatenate(forge, content, forge_hex(forge, "0000"));
        return forge_concatenate(forge, forge_hex(forge, "3080"), content);
    case FORGE_TRAILING_INSIDE:
        content = forge_concatenate(forge, content, forge_hex(forge, "0500"));
        return forge_der(forge, 0x30, content);
    case FORGE_TRAILING_OUTSIDE:
        return forge_concatenate(forge, forge_der(forge, 0x30, content), forge_hex(forge, "00"));
    case FORGE_CUT_OFF:
        content = forge_der(forge, 0x30, content);
        content.size--;
        return content;
    case FORGE_DER:
    case FORGE_LONG_TBS_LENGTH:
    case FORGE_LONG_NAME_LENGTH:
    case FORGE_TRAILING_IN_TBS:
    case FORGE_UNUSED_BITS:
    case FORGE_UNIQUE_ID:
    case FORGE_UNIQUE_ID_PIECES:
    case FORGE_EMPTY_SUBJECT:
    default:
        return forge_der(forge, 0x30, content);
    }
}

static struct vsa_slice certificate(struct forge *forge, size_t level, size_t padding, uint8_t fill)
{
    const struct forge_certificate *made = &forge->certificates[level];
    struct vsa_slice tbs = tbs_certificate(forge, level, padding, fill);
    enum forge_key_kind signer_kind =
        level && made->signer == forge->certificates[level - 1].key_number
            ? forge->certificates[level - 1].key_kind
            : FORGE_P384;
    struct vsa_slice signature = signature_value(forge, made, signer_kind, tbs);
    struct vsa_slice unused = forge_hex(forge, made->form == FORGE_UNUSED_BITS ? "01" : "00");
    struct vsa_slice content = forge_concatenate(
        forge, tbs, forge_hex(forge, algorithm_identifier(made->outer_algorithm)));
    content = forge_concatenate(
        forge, content, forge_der(forge, 0x03, forge_concatenate(forge, unused, signature)));
    return wrap(forge, made->form, content);
}

/* A signature's size varies by a few bytes: other paddings are tried until one fits. */
static struct vsa_slice padded_certificate(struct forge *forge, size_t level, size_t size)
{
    const size_t guess = 400;
    size_t other = certificate(forge, level, guess, 0).size - guess;
    for (unsigned fill = 0; fill < 100; fill++) {
        for (size_t padding = size - other - 2; padding <= size - other + 2; padding++) {
            size_t used = forge->arena_used;
            struct vsa_slice made = certificate(forge, level, padding, (uint8_t)fill);
            if (made.size == size)
                return made;
            forge->arena_used = used;
        }
    }
    REQUIRE(false && "such a size cannot be made");
    return forge_hex(forge, "");
}

/* As forge_reset() made it. */
static bool is_pristine(const struct forge *forge, size_t level)
{
    return level < FORGE_LEVELS && !memcmp(&forge->certificates[level], &forge->pristine[level],
                                           sizeof(forge->pristine[0]));
}

/* Forges of one process share what was not changed: signing is what costs. */
static struct {
    uint8_t der[1200];
    size_t size;
} remembered[FORGE_LEVELS];

struct vsa_slice forge_issue(struct forge *forge, size_t level)
{
    const struct forge_certificate *made = &forge->certificates[level];
    if (made->replaced)
        return forge_hex(forge, made->replaced);
    if (made->padded_size)
        return padded_certificate(forge, level, made->padded_size);
    if (!is_pristine(forge, level) || !is_pristine(forge, level ? level - 1 : 0))
        return certificate(forge, level, 0, 0);
    if (!remembered[level].size) {
        struct vsa_slice der = certificate(forge, level, 0, 0);
        REQUIRE(der.size <= sizeof(remembered[level].der));
        memcpy(remembered[level].der, der.data, der.size);
        remembered[level].size = der.size;
    }
    return forge_copy(forge, remembered[level].der, remembered[level].size);
}

void forge_extension_set(struct forge_certificate *certificate, const char *oid, bool critical,
                         const char *value)
{
    for (size_t i = 0; i < certificate->extension_count; i++) {
        struct forge_extension *one = &certificate->extensions[i];
        if (strcmp(one->oid, oid) != 0)
            continue;
        if (value) {
            one->critical = critical;
            one->value = value;
            return;
        }
        certificate->extension_count--;
        memmove(one, one + 1, (certificate->extension_count - i) * sizeof(*one));
        memset(&certificate->extensions[certificate->extension_count], 0, sizeof(*one));
        return;
    }
    REQUIRE(false && "no such extension");
}

void forge_extension_add(struct forge_certificate *certificate, const char *oid, bool critical,
                         const char *value)
{
    REQUIRE(certificate->extension_count < FORGE_MAX_EXTENSION);
    struct forge_extension *one = &certificate->extensions[certificate->extension_count++];
    one->oid = oid;
    one->critical = critical;
    one->value = value;
}
