/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead.h"

#include <limits.h>
#include <stdatomic.h>

#include "base/slice.h"
#include "crypto/internal.h"
#include "crypto/sealed.h"

VSA_DEFINE_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free, vsa_cleanup_cipher_ctx);

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/*
 * Returns AES-256-GCM; NULL: memory is short. OpenSSL 3 finds an algorithm anew for each message,
 * which takes as long as a short one, unless it is fetched. It is never freed.
 */
static const EVP_CIPHER *aes_256_gcm(void)
{
    static _Atomic(EVP_CIPHER *) fetched;
    EVP_CIPHER *cipher = atomic_load(&fetched);
    if (cipher)
        return cipher;
    EVP_CIPHER *made = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!made || atomic_compare_exchange_strong(&fetched, &cipher, made))
        return made;
    EVP_CIPHER_free(made); /* another thread was first */
    return cipher;
}
#else
static const EVP_CIPHER *aes_256_gcm(void)
{
    return EVP_aes_256_gcm();
}
#endif

static const EVP_CIPHER *cipher_for(struct vsa_slice key)
{
    if (key.size == 16)
        return EVP_aes_128_gcm();
    return key.size == 32 ? aes_256_gcm() : NULL;
}

/* Adds the associated data. Skips an empty one: such a call would end the message. */
static bool add_aad(EVP_CIPHER_CTX *context, struct vsa_slice aad)
{
    int length = 0;
    return !aad.size || (aad.size <= INT_MAX &&
                         EVP_CipherUpdate(context, NULL, &length, aad.data, (int)aad.size) == 1);
}

static bool add_text(EVP_CIPHER_CTX *context, struct vsa_slice text, uint8_t *output)
{
    int length = 0;
    return !text.size ||
           (text.size <= INT_MAX - VSA_AEAD_TAG_SIZE &&
            EVP_CipherUpdate(context, output, &length, text.data, (int)text.size) == 1);
}

enum vsa_status vsa_aead_seal(struct vsa_slice key, const uint8_t *nonce, struct vsa_slice aad,
                              struct vsa_slice plaintext, uint8_t *sealed, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_cipher_ctx) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t *tag = sealed + plaintext.size;
    int length = 0;
    if (!context || EVP_EncryptInit_ex(context, cipher_for(key), NULL, key.data, nonce) != 1 ||
        !add_aad(context, aad) || !add_text(context, plaintext, sealed) ||
        EVP_EncryptFinal_ex(context, tag, &length) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, VSA_AEAD_TAG_SIZE, tag) != 1) {
        vsa_wipe(sealed, plaintext.size + VSA_AEAD_TAG_SIZE);
        return vsa_crypto_fail(error, "AES-GCM");
    }
    return VSA_OK;
}

enum vsa_status vsa_aead_open(struct vsa_slice key, const uint8_t *nonce, struct vsa_slice aad,
                              struct vsa_slice sealed, uint8_t *plaintext, struct vsa_error *error)
{
    if (sealed.size < VSA_AEAD_TAG_SIZE)
        return vsa_fail_sealed(error);
    struct vsa_slice text = vsa_slice_of(sealed.data, sealed.size - VSA_AEAD_TAG_SIZE);
    uint8_t tag[VSA_AEAD_TAG_SIZE];
    memcpy(tag, sealed.data + text.size, sizeof(tag));
    VSA_CLEANUP(vsa_cleanup_cipher_ctx) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0;
    if (!context || EVP_DecryptInit_ex(context, cipher_for(key), NULL, key.data, nonce) != 1 ||
        !add_aad(context, aad) || !add_text(context, text, plaintext) ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) != 1) {
        vsa_wipe(plaintext, text.size);
        return vsa_crypto_fail(error, "AES-GCM");
    }
    uint8_t none[1]; /* GCM has no bytes left at the end */
    if (EVP_DecryptFinal_ex(context, none, &length) != 1) {
        vsa_wipe(plaintext, text.size);
        ERR_clear_error();
        return vsa_fail_sealed(error);
    }
    return VSA_OK;
}
