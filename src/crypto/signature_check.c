/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signature_check.h"

#include "crypto/internal.h"

static enum vsa_status digest_parts(enum vsa_curve curve, const struct vsa_slice *parts,
                                    size_t count, uint8_t *digest, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_md_ctx) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, vsa_curve_digest(curve), NULL) != 1)
        return vsa_crypto_fail(error, "signature check");
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestUpdate(context, parts[i].data, parts[i].size) != 1)
            return vsa_crypto_fail(error, "signature check");
    if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
        return vsa_crypto_fail(error, "signature check");
    return VSA_OK;
}

enum vsa_status vsa_signature_check_prepare(const struct vsa_key *key,
                                            const struct vsa_slice *parts, size_t count,
                                            struct vsa_slice signature,
                                            struct vsa_signature_check *check,
                                            struct vsa_error *error)
{
    size_t expected = vsa_curve_signature_size(key->curve);
    if (!expected)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no such curve");
    if (signature.size != expected)
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, "RFC 9053 section 2.1",
                           "signature has %zu bytes instead of %zu", signature.size, expected);
    VSA_TRY(digest_parts(key->curve, parts, count, check->digest, error));
    memcpy(check->signature, signature.data, signature.size);
    check->key = key;
    check->verified = false;
    return VSA_OK;
}

/* Converts r || s to DER ECDSA-Sig-Value; returns its length, or 0. */
static size_t signature_from_raw(const uint8_t *raw, size_t half, uint8_t *der, size_t capacity)
{
    VSA_CLEANUP(vsa_cleanup_ecdsa_sig) ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(raw + half, (int)half, NULL);
    if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    int length = i2d_ECDSA_SIG(signature, NULL);
    if (length <= 0 || (size_t)length > capacity)
        return 0;
    unsigned char *end = der;
    length = i2d_ECDSA_SIG(signature, &end);
    return length > 0 ? (size_t)length : 0;
}

enum vsa_status vsa_signature_check_run(struct vsa_signature_check *check, struct vsa_error *error)
{
    if (check->verified)
        return VSA_OK;
    const struct vsa_key *key = check->key;
    const EVP_MD *md = vsa_curve_digest(key->curve);
    uint8_t der[VSA_MAX_SIGNATURE_SIZE + 16];
    size_t der_size = signature_from_raw(check->signature, vsa_curve_signature_size(key->curve) / 2,
                                         der, sizeof(der));
    VSA_CLEANUP(vsa_cleanup_pkey_ctx) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    if (!der_size || !context || EVP_PKEY_verify_init(context) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, md) != 1)
        return vsa_crypto_fail(error, "signature check");
    ERR_clear_error();
    int verdict = EVP_PKEY_verify(context, der, der_size, check->digest, (size_t)EVP_MD_size(md));
    if (verdict != 1 && !vsa_crypto_refused_signature(verdict))
        return vsa_fail(error, VSA_ERR_CRYPTO, "libcrypto lacked memory for a signature check");
    if (verdict != 1)
        return vsa_fail_at(error, VSA_ERR_SIGNATURE, VSA_NO_OFFSET, "RFC 9052 section 4.4",
                           "signature does not verify under the key");
    check->verified = true;
    return VSA_OK;
}

enum vsa_status vsa_key_verify(const struct vsa_key *key, const struct vsa_slice *parts,
                               size_t count, struct vsa_slice signature, struct vsa_error *error)
{
    struct vsa_signature_check check;
    VSA_TRY(vsa_signature_check_prepare(key, parts, count, signature, &check, error));
    return vsa_signature_check_run(&check, error);
}
