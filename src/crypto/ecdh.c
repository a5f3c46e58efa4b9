/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ecdh.h"

#include <pthread.h>

#include "base/container_of.h"
#include "base/slice.h"
#include "crypto/internal.h"
#include "crypto/sealed.h"

#define MAX_PREFIX 36

/* Bytes of a string constant. */
struct prefix {
    const char *bytes;
    size_t size;
};
#define PREFIX(bytes)                                                                              \
    {                                                                                              \
        bytes, sizeof(bytes) - 1                                                                   \
    }

struct group_facts {
    int type; /* of libcrypto's key */
    int nid;  /* of the curve */
    size_t public_size;
    size_t secret_size;
    struct prefix spki;  /* DER before the public key */
    struct prefix pkcs8; /* DER before the scalar, without a public key; X25519 is read raw */
};

#define OID_EC     "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" /* id-ecPublicKey */
#define OID_P256   "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P384   "\x06\x05\x2b\x81\x04\x00\x22"
#define OID_X25519 "\x06\x03\x2b\x65\x6e"
#define VERSION_0  "\x02\x01\x00"
#define VERSION_1  "\x02\x01\x01"

static const struct group_facts facts_of[] = {
    [VSA_DH_X25519] = {EVP_PKEY_X25519, NID_X25519, 32, 32,
                       PREFIX("\x30\x2a\x30\x05" OID_X25519 "\x03\x21\x00"), PREFIX("")},
    [VSA_DH_P256] = {EVP_PKEY_EC, NID_X9_62_prime256v1, 65, 32,
                     PREFIX("\x30\x59\x30\x13" OID_EC OID_P256 "\x03\x42\x00"),
                     PREFIX("\x30\x41" VERSION_0 "\x30\x13" OID_EC OID_P256
                            "\x04\x27\x30\x25" VERSION_1 "\x04\x20")},
    [VSA_DH_P384] = {EVP_PKEY_EC, NID_secp384r1, 97, 48,
                     PREFIX("\x30\x76\x30\x10" OID_EC OID_P384 "\x03\x62\x00"),
                     PREFIX("\x30\x4e" VERSION_0 "\x30\x10" OID_EC OID_P384
                            "\x04\x37\x30\x35" VERSION_1 "\x04\x30")},
};

/* What is kept between derivations: libcrypto takes long to make it, and to look up how. */
struct exchange {
    pthread_mutex_t mutex;
    EVP_PKEY_CTX *context; /* of the private key, ready to derive */
    EVP_PKEY *peer;        /* the last peer's public key; the next one replaces it */
};

struct vsa_dh_key {
    enum vsa_dh_group group;
    uint8_t public_key[VSA_MAX_DH_PUBLIC];
    struct exchange *exchange; /* in the same memory */
};

size_t vsa_dh_public_size(enum vsa_dh_group group)
{
    return facts_of[group].public_size;
}

size_t vsa_dh_secret_size(enum vsa_dh_group group)
{
    return facts_of[group].secret_size;
}

/* A key and its exchange; the key itself does not change when it is used. */
struct whole_key {
    struct vsa_dh_key key;
    struct exchange exchange;
};

void vsa_dh_key_free(struct vsa_dh_key *key)
{
    if (!key)
        return;
    /* libcrypto clears private scalars when it frees them. */
    EVP_PKEY_CTX_free(key->exchange->context);
    EVP_PKEY_free(key->exchange->peer);
    (void)pthread_mutex_destroy(&key->exchange->mutex);
    free(VSA_CONTAINER_OF(key, struct whole_key, key));
}

static bool write_public(EVP_PKEY *pkey, uint8_t *public_key, size_t expected)
{
    uint8_t *encoded = NULL;
    size_t size = EVP_PKEY_get1_tls_encodedpoint(pkey, &encoded);
    if (size == expected)
        memcpy(public_key, encoded, size);
    OPENSSL_free(encoded);
    return size == expected;
}

/* Returns a key whose public key is replaced before it is used, or NULL. */
static EVP_PKEY *new_peer(const EVP_PKEY *pkey, const struct group_facts *facts,
                          const uint8_t *public_key)
{
    if (facts->type != EVP_PKEY_EC)
        return EVP_PKEY_new_raw_public_key(facts->type, NULL, public_key, facts->public_size);
    VSA_CLEANUP(vsa_cleanup_pkey) EVP_PKEY *peer = EVP_PKEY_new();
    if (!peer || EVP_PKEY_copy_parameters(peer, pkey) != 1)
        return NULL;
    EVP_PKEY *taken = peer;
    peer = NULL;
    return taken;
}

static enum vsa_status wrap(EVP_PKEY *pkey, enum vsa_dh_group group, struct vsa_dh_key **key,
                            struct vsa_error *error)
{
    const struct group_facts *facts = &facts_of[group];
    struct whole_key *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->key.group = group;
    made->key.exchange = &made->exchange;
    (void)pthread_mutex_init(&made->exchange.mutex, NULL);
    made->exchange.context = EVP_PKEY_CTX_new(pkey, NULL);
    if (!made->exchange.context || EVP_PKEY_derive_init(made->exchange.context) != 1 ||
        !write_public(pkey, made->key.public_key, facts->public_size) ||
        !(made->exchange.peer = new_peer(pkey, facts, made->key.public_key))) {
        vsa_dh_key_free(&made->key);
        return vsa_crypto_fail(error, "key exchange");
    }
    *key = &made->key;
    return VSA_OK;
}

enum vsa_status vsa_dh_key_generate(enum vsa_dh_group group, struct vsa_dh_key **key,
                                    struct vsa_error *error)
{
    const struct group_facts *facts = &facts_of[group];
    VSA_CLEANUP(vsa_cleanup_pkey_ctx)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(facts->type, NULL);
    VSA_CLEANUP(vsa_cleanup_pkey) EVP_PKEY *pkey = NULL;
    if (!context || EVP_PKEY_keygen_init(context) != 1 ||
        (facts->type == EVP_PKEY_EC &&
         EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, facts->nid) != 1) ||
        EVP_PKEY_keygen(context, &pkey) != 1)
        return vsa_crypto_fail(error, "key generation");
    return wrap(pkey, group, key, error);
}

/* Returns whether the scalar is within the group's order, which the decoder ignores. */
static bool is_usable(const EVP_PKEY *pkey, int type)
{
    return pkey && (type != EVP_PKEY_EC || EC_KEY_check_key(EVP_PKEY_get0_EC_KEY(pkey)) == 1);
}

/* Returns NULL if it is no private key. Of X25519's no copy stays behind, as a decoder's would. */
static EVP_PKEY *read_scalar(const struct group_facts *facts, struct vsa_slice scalar)
{
    uint8_t der[MAX_PREFIX + VSA_MAX_DH_SECRET];
    const unsigned char *at = der;
    if (facts->type != EVP_PKEY_EC)
        return EVP_PKEY_new_raw_private_key(facts->type, NULL, scalar.data, scalar.size);
    memcpy(der, facts->pkcs8.bytes, facts->pkcs8.size);
    memcpy(der + facts->pkcs8.size, scalar.data, scalar.size);
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)(facts->pkcs8.size + scalar.size));
    vsa_wipe(der, sizeof(der));
    return pkey;
}

enum vsa_status vsa_dh_key_from_scalar(enum vsa_dh_group group, struct vsa_slice scalar,
                                       struct vsa_dh_key **key, struct vsa_error *error)
{
    const struct group_facts *facts = &facts_of[group];
    if (scalar.size != facts->secret_size)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a private key of %zu bytes, not %zu", scalar.size,
                        facts->secret_size);
    VSA_CLEANUP(vsa_cleanup_pkey) EVP_PKEY *pkey = read_scalar(facts, scalar);
    bool usable = is_usable(pkey, facts->type);
    ERR_clear_error();
    if (!usable)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "not a private key of this group");
    return wrap(pkey, group, key, error);
}

void vsa_dh_public(const struct vsa_dh_key *key, uint8_t *public_key)
{
    memcpy(public_key, key->public_key, vsa_dh_public_size(key->group));
}

/* Returns whether the size and, on NIST's curves, the form is HPKE's: an uncompressed point. */
static bool is_encoded(enum vsa_dh_group group, struct vsa_slice peer)
{
    return peer.size == facts_of[group].public_size &&
           (facts_of[group].type != EVP_PKEY_EC || peer.data[0] == 0x04);
}

/*
 * Sets the peer's key, which was checked to be a point of the curve when it was read: of these
 * groups that makes it valid, since those of NIST's curves have prime order (NIST SP 800-56A rev. 3
 * section 5.6.2.3.4). OpenSSL 3 would multiply it by the order once more.
 */
static bool set_peer(EVP_PKEY_CTX *context, EVP_PKEY *peer)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    return EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1;
#else
    return EVP_PKEY_derive_set_peer(context, peer) == 1;
#endif
}

static enum vsa_status read_peer(EVP_PKEY *peer, struct vsa_slice bytes, struct vsa_error *error)
{
    ERR_clear_error();
    if (EVP_PKEY_set1_tls_encodedpoint(peer, bytes.data, bytes.size) == 1)
        return VSA_OK;
    if (vsa_crypto_refused_point())
        return vsa_fail_sealed(error);
    return vsa_fail(error, VSA_ERR_CRYPTO, "libcrypto could not read the peer's public key");
}

/*
 * Derives from the peer that was read. On the NIST curves that fails for want of memory only, and
 * zeros are the x-coordinate of a point like any other (RFC 9180 section 7.1.4). Of X25519 they are
 * the one result to refuse: OpenSSL fails then, other libraries may leave it to us.
 */
static enum vsa_status derive(struct exchange *exchange, const struct group_facts *facts,
                              uint8_t *secret, struct vsa_error *error)
{
    size_t size = facts->secret_size;
    if (!set_peer(exchange->context, exchange->peer))
        return vsa_crypto_fail(error, "key exchange");
    memset(secret, 0xff, size);
    bool done =
        EVP_PKEY_derive(exchange->context, secret, &size) == 1 && size == facts->secret_size;
    if (facts->type != EVP_PKEY_EC && vsa_slice_is_zero(vsa_slice_of(secret, facts->secret_size))) {
        ERR_clear_error();
        return vsa_fail_sealed(error);
    }
    return done ? VSA_OK : vsa_crypto_fail(error, "key exchange");
}

enum vsa_status vsa_dh_derive(const struct vsa_dh_key *key, struct vsa_slice peer, uint8_t *secret,
                              struct vsa_error *error)
{
    const struct group_facts *facts = &facts_of[key->group];
    enum vsa_status status = VSA_OK;
    if (!is_encoded(key->group, peer))
        status = vsa_fail_sealed(error);
    (void)pthread_mutex_lock(&key->exchange->mutex);
    if (status == VSA_OK)
        status = read_peer(key->exchange->peer, peer, error);
    if (status == VSA_OK)
        status = derive(key->exchange, facts, secret, error);
    (void)pthread_mutex_unlock(&key->exchange->mutex);
    if (status != VSA_OK)
        vsa_wipe(secret, facts->secret_size);
    return status;
}

size_t vsa_dh_write_spki(enum vsa_dh_group group, const uint8_t *public_key, uint8_t *spki)
{
    const struct group_facts *facts = &facts_of[group];
    memcpy(spki, facts->spki.bytes, facts->spki.size);
    memcpy(spki + facts->spki.size, public_key, facts->public_size);
    return facts->spki.size + facts->public_size;
}
