/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcrypto itself costs a process that makes the five P-384 checks of a document and nothing
 * else: what a verifier cannot be faster than. Plain calls, no layer of ours.
 *
 *   bare_start --make FILE     writes a key's point and a signature
 *   bare_start FILE            checks it, under five keys
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define CHECKS     5
#define POINT_SIZE 97

static const unsigned char message[] = "a certificate to be signed";

struct sample {
    unsigned char point[POINT_SIZE];
    unsigned char size;
    unsigned char signature[120]; /* DER */
};

static int make(const char *path)
{
    struct sample sample = {.size = 0};
    unsigned char *point = NULL;
    size_t size = sizeof(sample.signature);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    FILE *file = fopen(path, "wb");
    if (!file || !generator || !context || EVP_PKEY_keygen_init(generator) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator, NID_secp384r1) != 1 ||
        EVP_PKEY_keygen(generator, &key) != 1 ||
        EVP_PKEY_get1_tls_encodedpoint(key, &point) != POINT_SIZE ||
        EVP_DigestSignInit(context, NULL, EVP_sha384(), NULL, key) != 1 ||
        EVP_DigestSign(context, sample.signature, &size, message, sizeof(message)) != 1)
        return 1;
    memcpy(sample.point, point, POINT_SIZE);
    sample.size = (unsigned char)size;
    return fwrite(&sample, sizeof(sample), 1, file) == 1 && fclose(file) == 0 ? 0 : 1;
}

static int check(const struct sample *sample, const EVP_PKEY *curve)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good =
        key && context && EVP_PKEY_copy_parameters(key, curve) == 1 &&
        EVP_PKEY_set1_tls_encodedpoint(key, sample->point, POINT_SIZE) == 1 &&
        EVP_DigestVerifyInit(context, NULL, EVP_sha384(), NULL, key) == 1 &&
        EVP_DigestVerify(context, sample->signature, sample->size, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

int main(int argc, char **argv)
{
    struct sample sample;
    EVP_PKEY *curve = NULL;
    if (argc == 3 && strcmp(argv[1], "--make") == 0)
        return make(argv[2]);
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    if (!file || fread(&sample, sizeof(sample), 1, file) != 1 || !context ||
        EVP_PKEY_paramgen_init(context) != 1 ||
        EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_secp384r1) != 1 ||
        EVP_PKEY_paramgen(context, &curve) != 1)
        return 1;
    for (int i = 0; i < CHECKS; i++)
        if (!check(&sample, curve))
            return 1;
    EVP_PKEY_free(curve);
    EVP_PKEY_CTX_free(context);
    (void)fclose(file);
    return 0;
}
