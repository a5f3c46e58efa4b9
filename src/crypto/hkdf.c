/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hkdf.h"

#include <openssl/sha.h>

#include "base/slice.h"
#include "crypto/internal.h"

#define MAX_BLOCK_SIZE SHA512_CBLOCK

/*
 * A sealed request takes a dozen HMACs of a few blocks. With libcrypto's HMAC_CTX each costs four
 * times what its SHA-2 does, for memory and for finding the algorithm; and it would be one more
 * place with secrets.
 */
struct hash {
    enum vsa_hash name;
    union {
        SHA256_CTX sha256;
        SHA512_CTX sha384;
    } context;
};

size_t vsa_hash_size(enum vsa_hash hash)
{
    return hash == VSA_HASH_SHA384 ? SHA384_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
}

static size_t block_size(enum vsa_hash hash)
{
    return hash == VSA_HASH_SHA384 ? SHA512_CBLOCK : SHA256_CBLOCK;
}

static bool begin_hash(struct hash *hash, enum vsa_hash name)
{
    hash->name = name;
    return (name == VSA_HASH_SHA384 ? SHA384_Init(&hash->context.sha384)
                                    : SHA256_Init(&hash->context.sha256)) == 1;
}

static bool add(struct hash *hash, const void *bytes, size_t size)
{
    return size == 0 ||
           (hash->name == VSA_HASH_SHA384 ? SHA384_Update(&hash->context.sha384, bytes, size)
                                          : SHA256_Update(&hash->context.sha256, bytes, size)) == 1;
}

static bool finish_hash(struct hash *hash, uint8_t *digest)
{
    return (hash->name == VSA_HASH_SHA384 ? SHA384_Final(digest, &hash->context.sha384)
                                          : SHA256_Final(digest, &hash->context.sha256)) == 1;
}

/* --- HMAC (RFC 2104) -------------------------------------------------------------------------- */

/* Of a key, for any number of messages. To be wiped. */
struct hmac {
    struct hash inner;   /* of K XOR ipad */
    struct hash outer;   /* of K XOR opad */
    struct hash message; /* of the present message */
};

static bool begin_padded(struct hash *hash, enum vsa_hash name, const uint8_t *key, uint8_t pad)
{
    uint8_t block[MAX_BLOCK_SIZE];
    size_t size = block_size(name);
    for (size_t i = 0; i < size; i++)
        block[i] = key[i] ^ pad;
    bool done = begin_hash(hash, name) && add(hash, block, size);
    vsa_wipe(block, sizeof(block));
    return done;
}

static bool begin_hmac(struct hmac *hmac, enum vsa_hash name, struct vsa_slice key)
{
    uint8_t block[MAX_BLOCK_SIZE] = {0};
    bool done = true;
    if (key.size > block_size(name))
        done = begin_hash(&hmac->inner, name) && add(&hmac->inner, key.data, key.size) &&
               finish_hash(&hmac->inner, block);
    else if (key.size)
        memcpy(block, key.data, key.size);
    done = done && begin_padded(&hmac->inner, name, block, 0x36) &&
           begin_padded(&hmac->outer, name, block, 0x5c);
    hmac->message = hmac->inner;
    vsa_wipe(block, sizeof(block));
    return done;
}

static bool add_parts(struct hmac *hmac, const struct vsa_slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!add(&hmac->message, parts[i].data, parts[i].size))
            return false;
    return true;
}

/* Writes the MAC; the next message may begin then. */
static bool finish_hmac(struct hmac *hmac, uint8_t *digest)
{
    bool done = finish_hash(&hmac->message, digest);
    hmac->message = hmac->outer;
    done = done && add(&hmac->message, digest, vsa_hash_size(hmac->outer.name)) &&
           finish_hash(&hmac->message, digest);
    hmac->message = hmac->inner;
    return done;
}

enum vsa_status vsa_hmac(enum vsa_hash hash, struct vsa_slice key, const struct vsa_slice *parts,
                         size_t count, uint8_t *mac, struct vsa_error *error)
{
    struct hmac hmac;
    bool done =
        begin_hmac(&hmac, hash, key) && add_parts(&hmac, parts, count) && finish_hmac(&hmac, mac);
    vsa_wipe(&hmac, sizeof(hmac));
    if (done)
        return VSA_OK;
    vsa_wipe(mac, vsa_hash_size(hash));
    return vsa_crypto_fail(error, "HMAC");
}

/* --- HKDF ------------------------------------------------------------------------------------- */

enum vsa_status vsa_hkdf_extract(enum vsa_hash hash, struct vsa_slice salt,
                                 const struct vsa_slice *parts, size_t count, uint8_t *prk,
                                 struct vsa_error *error)
{
    return vsa_hmac(hash, salt, parts, count, prk, error);
}

/* Computes T(n) = HMAC(prk, T(n-1) || info || n). */
static bool expand(struct hmac *hmac, size_t hash_size, const struct vsa_slice *parts, size_t count,
                   uint8_t block[VSA_MAX_HASH_SIZE], uint8_t *output, size_t size)
{
    size_t done = 0;
    for (uint8_t n = 1; done < size; n++) {
        if (!add(&hmac->message, block, n > 1 ? hash_size : 0) || !add_parts(hmac, parts, count) ||
            !add(&hmac->message, &n, 1) || !finish_hmac(hmac, block))
            return false;
        size_t taken = size - done < hash_size ? size - done : hash_size;
        memcpy(output + done, block, taken);
        done += taken;
    }
    return true;
}

enum vsa_status vsa_hkdf_expand(enum vsa_hash hash, const uint8_t *prk,
                                const struct vsa_slice *parts, size_t count, uint8_t *output,
                                size_t size, struct vsa_error *error)
{
    size_t hash_size = vsa_hash_size(hash);
    uint8_t block[VSA_MAX_HASH_SIZE];
    struct hmac hmac;
    if (size > 255 * hash_size)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, "RFC 5869 section 2.3",
                           "%zu bytes from one key", size);
    bool done = begin_hmac(&hmac, hash, vsa_slice_of(prk, hash_size)) &&
                expand(&hmac, hash_size, parts, count, block, output, size);
    vsa_wipe(&hmac, sizeof(hmac));
    vsa_wipe(block, sizeof(block));
    if (done)
        return VSA_OK;
    vsa_wipe(output, size);
    return vsa_crypto_fail(error, "HKDF-Expand");
}
