/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/public_key_file.h"

#include "base/error.h"
#include "base/pem.h"

/* Rejects other kinds of PEM: compared as it is, one would only ever be "not the expected one". */
static enum vsa_status check_form(struct vsa_slice file, struct vsa_error *error)
{
    static const struct {
        const char *begin;
        const char *message;
    } others[] = {
        {"-----BEGIN PUBLIC KEY-----", NULL},
        {"-----BEGIN RSA PUBLIC KEY-----",
         "PKCS#1, but documents hold SubjectPublicKeyInfo; convert it by openssl rsa "
         "-RSAPublicKey_in -pubout -in FILE"},
        {"-----BEGIN CERTIFICATE-----",
         "a certificate, not a public key; take its key by openssl x509 -pubkey -noout -in FILE"},
        {"-----BEGIN ", "PEM, but not of a PUBLIC KEY; a private key has its public one by openssl "
                        "pkey -pubout -in FILE"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        size_t size = strlen(others[i].begin);
        if (file.size < size || memcmp(file.data, others[i].begin, size) != 0)
            continue;
        if (!others[i].message)
            return VSA_OK;
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s", others[i].message);
    }
    return VSA_OK;
}

enum vsa_status vsa_public_key_from_file(struct vsa_slice file, uint8_t *buffer, size_t capacity,
                                         struct vsa_slice *key, struct vsa_error *error)
{
    struct vsa_slice der;
    VSA_TRY(check_form(file, error));
    VSA_TRY(vsa_pem_decode(file, "PUBLIC KEY", buffer, capacity, &der, error));
    *key = der.data ? der : file;
    return VSA_OK;
}
