/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/internal.h"

struct curve_facts {
    int nid;
    size_t field_size; /* bytes of r, of s and of a coordinate */
    const EVP_MD *(*digest)(void);
};

/* Returns the row of a curve, never NULL: an unknown curve has a field of no bytes. */
static const struct curve_facts *facts_of(enum vsa_curve curve)
{
    static const struct curve_facts none = {NID_undef, 0, EVP_sha384};
    static const struct curve_facts p256 = {NID_X9_62_prime256v1, 32, EVP_sha256};
    static const struct curve_facts p384 = {NID_secp384r1, 48, EVP_sha384};
    static const struct curve_facts p521 = {NID_secp521r1, 66, EVP_sha512};
    switch (curve) {
    case VSA_CURVE_P256:
        return &p256;
    case VSA_CURVE_P384:
        return &p384;
    case VSA_CURVE_P521:
        return &p521;
    case VSA_CURVE_NONE:
    default:
        return &none;
    }
}

size_t vsa_curve_signature_size(enum vsa_curve curve)
{
    return 2 * facts_of(curve)->field_size;
}

const EVP_MD *vsa_curve_digest(enum vsa_curve curve)
{
    return facts_of(curve)->digest();
}

enum vsa_curve vsa_curve_of_spki(X509_PUBKEY *spki)
{
    ASN1_OBJECT *algorithm = NULL;
    const unsigned char *point = NULL;
    int point_size = 0;
    X509_ALGOR *algor = NULL;
    if (X509_PUBKEY_get0_param(&algorithm, &point, &point_size, &algor, spki) != 1 ||
        OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey)
        return VSA_CURVE_NONE;
    int parameter_type = V_ASN1_UNDEF;
    const void *parameter = NULL;
    X509_ALGOR_get0(NULL, &parameter_type, &parameter, algor);
    if (parameter_type != V_ASN1_OBJECT)
        return VSA_CURVE_NONE;
    int nid = OBJ_obj2nid(parameter);
    for (enum vsa_curve curve = VSA_CURVE_P256; curve <= VSA_CURVE_P521; curve++) {
        const struct curve_facts *facts = facts_of(curve);
        if (nid == facts->nid && (size_t)point_size == 1 + 2 * facts->field_size &&
            point[0] == 0x04)
            return curve;
    }
    return VSA_CURVE_NONE;
}

enum vsa_status vsa_key_wrap(EVP_PKEY *pkey, enum vsa_curve curve, struct vsa_key **key,
                             struct vsa_error *error)
{
    struct vsa_key *wrapped = malloc(sizeof(*wrapped));
    if (!wrapped) {
        EVP_PKEY_free(pkey);
        return vsa_fail(error, VSA_ERR_MEMORY, "no memory for a key");
    }
    wrapped->pkey = pkey;
    wrapped->curve = curve;
    *key = wrapped;
    return VSA_OK;
}

void vsa_key_free(struct vsa_key *key)
{
    if (!key)
        return;
    /* libcrypto clears private scalars when it frees them. */
    EVP_PKEY_free(key->pkey);
    free(key);
}

enum vsa_curve vsa_key_curve(const struct vsa_key *key)
{
    return key->curve;
}

enum vsa_status vsa_key_generate(enum vsa_curve curve, struct vsa_key **key,
                                 struct vsa_error *error)
{
    const struct curve_facts *facts = facts_of(curve);
    if (!facts->field_size)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no such curve");
    VSA_CLEANUP(vsa_cleanup_pkey_ctx)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *pkey = NULL;
    if (!context || EVP_PKEY_keygen_init(context) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, facts->nid) != 1 ||
        EVP_PKEY_keygen(context, &pkey) != 1)
        return vsa_crypto_fail(error, "key generation");
    return vsa_key_wrap(pkey, curve, key, error);
}

enum vsa_status vsa_key_write_private(const struct vsa_key *key, uint8_t *buffer, size_t capacity,
                                      struct vsa_slice *der, struct vsa_error *error)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    if (!info)
        return vsa_crypto_fail(error, "private key encoding");
    int length = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    enum vsa_status status =
        vsa_check_encoded_size(length, capacity, "private key encoding", error);
    if (status == VSA_OK) {
        unsigned char *end = buffer;
        /* Without memory this fails where measuring did not. */
        length = i2d_PKCS8_PRIV_KEY_INFO(info, &end);
        status = vsa_check_encoded_size(length, capacity, "private key encoding", error);
    }
    if (status == VSA_OK)
        *der = vsa_slice_of(buffer, (size_t)length);
    PKCS8_PRIV_KEY_INFO_free(info);
    return status;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcrypto's */
int vsa_no_passphrase(char *buffer, int size, int for_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)for_writing;
    (void)context;
    return -1;
}

static EVP_PKEY *read_private(struct vsa_slice encoded)
{
    if (encoded.size > VSA_MAX_KEY_FILE)
        return NULL;
    VSA_CLEANUP(vsa_cleanup_bio) BIO *bio = BIO_new_mem_buf(encoded.data, (int)encoded.size);
    if (!bio)
        return NULL;
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, vsa_no_passphrase, NULL);
    if (!pkey) {
        const unsigned char *at = encoded.data;
        pkey = d2i_AutoPrivateKey(NULL, &at, (long)encoded.size);
    }
    if (!pkey) {
        /* SEC 1 without the public key, which AWS-LC takes for PKCS#8. */
        const unsigned char *at = encoded.data;
        pkey = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, (long)encoded.size);
    }
    ERR_clear_error();
    return pkey;
}

enum vsa_status vsa_key_read_private(struct vsa_slice encoded, struct vsa_key **key,
                                     struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_pkey) EVP_PKEY *pkey = read_private(encoded);
    if (!pkey)
        return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                        "not an unencrypted private key in PEM or DER");
    VSA_CLEANUP(vsa_cleanup_x509_pubkey) X509_PUBKEY *spki = NULL;
    if (X509_PUBKEY_set(&spki, pkey) != 1)
        return vsa_crypto_fail(error, "private key");
    enum vsa_curve curve = vsa_curve_of_spki(spki);
    if (curve == VSA_CURVE_NONE)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "private key is not on the curve P-256, P-384 or P-521");
    EVP_PKEY *taken = pkey;
    pkey = NULL;
    return vsa_key_wrap(taken, curve, key, error);
}

/* Returns a key that has the curve's parameters alone. */
static EVP_PKEY *new_parameters(int nid)
{
    VSA_CLEANUP(vsa_cleanup_pkey_ctx)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *pkey = NULL;
    if (!context || EVP_PKEY_paramgen_init(context) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, nid) != 1 ||
        EVP_PKEY_paramgen(context, &pkey) != 1)
        return NULL;
    return pkey;
}

static EVP_PKEY *copy_parameters(const EVP_PKEY *like)
{
    VSA_CLEANUP(vsa_cleanup_pkey) EVP_PKEY *pkey = EVP_PKEY_new();
    if (!pkey || EVP_PKEY_copy_parameters(pkey, like) != 1)
        return NULL;
    EVP_PKEY *copied = pkey;
    pkey = NULL;
    return copied;
}

enum vsa_status vsa_key_from_point(enum vsa_curve curve, struct vsa_slice point,
                                   const struct vsa_key *like, struct vsa_key **key,
                                   struct vsa_error *error)
{
    const struct curve_facts *facts = facts_of(curve);
    VSA_CLEANUP(vsa_cleanup_pkey)
    EVP_PKEY *pkey =
        like && like->curve == curve ? copy_parameters(like->pkey) : new_parameters(facts->nid);
    if (!pkey)
        return vsa_crypto_fail(error, "reading a public key");
    /* libcrypto checks that the point is on the curve; other forms it would take, too. */
    bool is_point = point.size == 1 + 2 * facts->field_size && point.data[0] == 0x04;
    ERR_clear_error();
    bool is_read = is_point && EVP_PKEY_set1_tls_encodedpoint(pkey, point.data, point.size) == 1;
    if (is_point && !is_read && !vsa_crypto_refused_point())
        return vsa_fail(error, VSA_ERR_CRYPTO, "libcrypto could not read a public key");
    if (!is_read)
        return vsa_fail_at(error, VSA_ERR_CERTIFICATE_SYNTAX, VSA_NO_OFFSET, "RFC 5480 section 2.2",
                           "public key is not a point of its curve");
    EVP_PKEY *taken = pkey;
    pkey = NULL;
    return vsa_key_wrap(taken, curve, key, error);
}

static enum vsa_status write_spki(EVP_PKEY *pkey, uint8_t *buffer, size_t capacity,
                                  struct vsa_slice *spki, struct vsa_error *error)
{
    int length = i2d_PUBKEY(pkey, NULL);
    VSA_TRY(vsa_check_encoded_size(length, capacity, "public key encoding", error));
    unsigned char *end = buffer;
    length = i2d_PUBKEY(pkey, &end);
    VSA_TRY(vsa_check_encoded_size(length, capacity, "public key encoding", error));
    *spki = vsa_slice_of(buffer, (size_t)length);
    return VSA_OK;
}

enum vsa_status vsa_key_write_public(const struct vsa_key *key, uint8_t *buffer, size_t capacity,
                                     struct vsa_slice *spki, struct vsa_error *error)
{
    return write_spki(key->pkey, buffer, capacity, spki, error);
}

/* Returns what stands before the point in DER SubjectPublicKeyInfo (RFC 5480 section 2). */
static struct vsa_slice spki_prefix(enum vsa_curve curve)
{
#define SPKI(head, parameters, bits) head "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" parameters bits
    static const char p256[] =
        SPKI("\x30\x59\x30\x13", "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", "\x03\x42\x00");
    static const char p384[] =
        SPKI("\x30\x76\x30\x10", "\x06\x05\x2b\x81\x04\x00\x22", "\x03\x62\x00");
    static const char p521[] =
        SPKI("\x30\x81\x9b\x30\x10", "\x06\x05\x2b\x81\x04\x00\x23", "\x03\x81\x86\x00");
    switch (curve) {
    case VSA_CURVE_P256:
        return vsa_slice_of(p256, sizeof(p256) - 1);
    case VSA_CURVE_P384:
        return vsa_slice_of(p384, sizeof(p384) - 1);
    case VSA_CURVE_P521:
        return vsa_slice_of(p521, sizeof(p521) - 1);
    case VSA_CURVE_NONE:
    default:
        return vsa_slice_of(NULL, 0);
    }
}

enum vsa_status vsa_key_read_public(struct vsa_slice spki, struct vsa_key **key,
                                    struct vsa_error *error)
{
    for (enum vsa_curve curve = VSA_CURVE_P256; curve <= VSA_CURVE_P521; curve++) {
        struct vsa_slice prefix = spki_prefix(curve);
        if (spki.size < prefix.size || memcmp(spki.data, prefix.data, prefix.size) != 0)
            continue;
        struct vsa_slice point = vsa_slice_of(spki.data + prefix.size, spki.size - prefix.size);
        return vsa_key_from_point(curve, point, NULL, key, error);
    }
    return vsa_fail(error, VSA_ERR_CERTIFICATE_SYNTAX,
                    "not a public key on P-256, P-384 or P-521 in DER");
}

/* Converts DER ECDSA-Sig-Value to r || s. */
static enum vsa_status signature_to_raw(const uint8_t *der, size_t size, size_t field_size,
                                        uint8_t *raw, struct vsa_error *error)
{
    const unsigned char *at = der;
    VSA_CLEANUP(vsa_cleanup_ecdsa_sig)
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
    if (!signature)
        return vsa_crypto_fail(error, "signature encoding");
    const BIGNUM *r = NULL;
    const BIGNUM *s = NULL;
    ECDSA_SIG_get0(signature, &r, &s);
    if (BN_bn2binpad(r, raw, (int)field_size) < 0 ||
        BN_bn2binpad(s, raw + field_size, (int)field_size) < 0)
        return vsa_crypto_fail(error, "signature encoding");
    return VSA_OK;
}

enum vsa_status vsa_key_sign(const struct vsa_key *key, const struct vsa_slice *parts, size_t count,
                             uint8_t *signature, struct vsa_error *error)
{
    const struct curve_facts *facts = facts_of(key->curve);
    VSA_CLEANUP(vsa_cleanup_md_ctx) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestSignInit(context, NULL, facts->digest(), NULL, key->pkey) != 1)
        return vsa_crypto_fail(error, "signing");
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestSignUpdate(context, parts[i].data, parts[i].size) != 1)
            return vsa_crypto_fail(error, "signing");
    uint8_t der[VSA_MAX_SIGNATURE_SIZE + 16];
    size_t size = sizeof(der);
    if (EVP_DigestSignFinal(context, der, &size) != 1)
        return vsa_crypto_fail(error, "signing");
    return signature_to_raw(der, size, facts->field_size, signature, error);
}

enum vsa_status vsa_key_read_signature(const struct vsa_key *key, struct vsa_slice signature,
                                       uint8_t *raw, struct vsa_error *error)
{
    size_t field_size = facts_of(key->curve)->field_size;
    if (signature.size == 2 * field_size) {
        memcpy(raw, signature.data, signature.size);
        return VSA_OK;
    }
    if (signature.size < 2 * field_size + 16 &&
        signature_to_raw(signature.data, signature.size, field_size, raw, NULL) == VSA_OK)
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "the signature is neither DER nor %zu bytes of r and s", 2 * field_size);
}
