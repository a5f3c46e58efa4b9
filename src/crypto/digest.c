/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <limits.h>

#include "crypto/internal.h"

static enum vsa_status digest_parts(const EVP_MD *md, const struct vsa_slice *parts, size_t count,
                                    uint8_t *digest, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_md_ctx) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, md, NULL) != 1)
        return vsa_crypto_fail(error, "digest");
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestUpdate(context, parts[i].data, parts[i].size) != 1)
            return vsa_crypto_fail(error, "digest");
    if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
        return vsa_crypto_fail(error, "digest");
    return VSA_OK;
}

enum vsa_status vsa_sha384(const struct vsa_slice *parts, size_t count,
                           uint8_t digest[VSA_SHA384_SIZE], struct vsa_error *error)
{
    return digest_parts(EVP_sha384(), parts, count, digest, error);
}

enum vsa_status vsa_sha256(const struct vsa_slice *parts, size_t count,
                           uint8_t digest[VSA_SHA256_SIZE], struct vsa_error *error)
{
    return digest_parts(EVP_sha256(), parts, count, digest, error);
}

enum vsa_status vsa_random(void *bytes, size_t size, struct vsa_error *error)
{
    if (size > INT_MAX || RAND_bytes(bytes, (int)size) != 1)
        return vsa_crypto_fail(error, "random generator");
    return VSA_OK;
}

enum vsa_status vsa_crypto_fail(struct vsa_error *error, const char *what)
{
    char reason[120] = "unknown reason";
    if (ERR_peek_error())
        ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
    ERR_clear_error();
    return vsa_fail(error, VSA_ERR_CRYPTO, "%s failed in libcrypto: %s", what, reason);
}

/* What the errors in libcrypto's queue are about. */
struct complaints {
    bool memory; /* or arithmetic, which fails for nothing else */
    bool point;
    bool infinity;
};

static bool is_about_point(int reason)
{
    return reason == EC_R_POINT_IS_NOT_ON_CURVE || reason == EC_R_INVALID_ENCODING ||
           reason == EC_R_COORDINATES_OUT_OF_RANGE || reason == EC_R_DECODE_ERROR;
}

static struct complaints take_complaints(void)
{
    struct complaints found = {0};
    for (uint32_t code; (code = (uint32_t)ERR_get_error()) != 0;) {
        int library = ERR_GET_LIB(code);
        int reason = ERR_GET_REASON(code);
        if (reason == ERR_R_MALLOC_FAILURE || library == ERR_LIB_BN)
            found.memory = true;
        else if (library == ERR_LIB_EC && reason == EC_R_POINT_AT_INFINITY)
            found.infinity = true;
        else if (library == ERR_LIB_EC && is_about_point(reason))
            found.point = true;
    }
    return found;
}

bool vsa_crypto_refused_point(void)
{
    struct complaints found = take_complaints();
    return found.point && !found.memory;
}

bool vsa_crypto_refused_signature(int verdict)
{
    struct complaints found = take_complaints();
    return (verdict == 0 || found.infinity) && !found.memory;
}

enum vsa_status vsa_check_encoded_size(int length, size_t capacity, const char *what,
                                       struct vsa_error *error)
{
    if (length <= 0)
        return vsa_crypto_fail(error, what);
    if ((size_t)length > capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, "%s: %d bytes do not fit into %zu", what, length,
                        capacity);
    return VSA_OK;
}
