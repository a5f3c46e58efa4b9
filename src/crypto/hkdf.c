/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hkdf.h"

#include <openssl/hmac.h>

#include "base/slice.h"
#include "crypto/internal.h"

VSA_DEFINE_CLEANUP(HMAC_CTX, HMAC_CTX_free, vsa_cleanup_hmac_ctx);

static const EVP_MD *message_digest(enum vsa_hash hash)
{
    return hash == VSA_HASH_SHA384 ? EVP_sha384() : EVP_sha256();
}

size_t vsa_hash_size(enum vsa_hash hash)
{
    return hash == VSA_HASH_SHA384 ? 48 : 32;
}

static bool add_parts(HMAC_CTX *context, const struct vsa_slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (HMAC_Update(context, parts[i].data, parts[i].size) != 1)
            return false;
    return true;
}

enum vsa_status vsa_hmac(enum vsa_hash hash, struct vsa_slice key, const struct vsa_slice *parts,
                         size_t count, uint8_t *mac, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_hmac_ctx) HMAC_CTX *context = HMAC_CTX_new();
    /* Without a key HMAC_Init_ex() would take the key of the call before. */
    const void *bytes = key.size ? (const void *)key.data : "";
    if (context && HMAC_Init_ex(context, bytes, (int)key.size, message_digest(hash), NULL) == 1 &&
        add_parts(context, parts, count) && HMAC_Final(context, mac, NULL) == 1)
        return VSA_OK;
    vsa_wipe(mac, vsa_hash_size(hash));
    return vsa_crypto_fail(error, "HMAC");
}

enum vsa_status vsa_hkdf_extract(enum vsa_hash hash, struct vsa_slice salt,
                                 const struct vsa_slice *parts, size_t count, uint8_t *prk,
                                 struct vsa_error *error)
{
    return vsa_hmac(hash, salt, parts, count, prk, error);
}

/* Computes T(n) = HMAC(prk, T(n-1) || info || n). */
static bool expand(HMAC_CTX *context, size_t hash_size, const struct vsa_slice *parts, size_t count,
                   uint8_t block[VSA_MAX_HASH_SIZE], uint8_t *output, size_t size)
{
    size_t done = 0;
    for (uint8_t n = 1; done < size; n++) {
        if (HMAC_Init_ex(context, NULL, 0, NULL, NULL) != 1 ||
            (n > 1 && HMAC_Update(context, block, hash_size) != 1) ||
            !add_parts(context, parts, count) || HMAC_Update(context, &n, 1) != 1 ||
            HMAC_Final(context, block, NULL) != 1)
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
    if (size > 255 * hash_size)
        return vsa_fail_at(error, VSA_ERR_TOO_LARGE, VSA_NO_OFFSET, "RFC 5869 section 2.3",
                           "%zu bytes from one key", size);
    VSA_CLEANUP(vsa_cleanup_hmac_ctx) HMAC_CTX *context = HMAC_CTX_new();
    bool done = context &&
                HMAC_Init_ex(context, prk, (int)hash_size, message_digest(hash), NULL) == 1 &&
                expand(context, hash_size, parts, count, block, output, size);
    vsa_wipe(block, sizeof(block));
    if (done)
        return VSA_OK;
    vsa_wipe(output, size);
    return vsa_crypto_fail(error, "HKDF-Expand");
}
