/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and public keys as files: DER and PEM, and what is read from them. */
#include <string.h>

#include "attestation/chain.h"
#include "base/pem.h"
#include "crypto/public_key_file.h"
#include "fuzz.h"
#include "image/signature.h"
#include "x509/description.h"

/* Longer files are refused before they are read (VSA_MAX_INPUT_FILE), or of no interest. */
#define MAX_FILE 20000

/* Returns whether it is one. */
static bool check_certificate(struct vsa_slice der)
{
    static struct vsa_certificate_description description;
    struct vsa_certificate *certificate = NULL;
    if (vsa_certificate_parse(der, NULL, &certificate, NULL) != VSA_OK) {
        FUZZ_REQUIRE(certificate == NULL);
        return false;
    }
    FUZZ_REQUIRE(memchr(certificate->subject, '\0', sizeof(certificate->subject)) != NULL);
    FUZZ_CALL(vsa_certificate_describe(&certificate->fields, &description, NULL));
    FUZZ_CALL(vsa_certificate_names_issuer(certificate, certificate));
    if (certificate->key)
        FUZZ_CALL(vsa_certificate_check_signature(certificate, certificate, NULL));
    vsa_certificate_release(certificate);
    return true;
}

/* What was read from a file is read from its PEM text, too. */
static void check_pem(struct vsa_slice der)
{
    static char text[2 * MAX_FILE + 128];
    static uint8_t buffer[MAX_FILE];
    struct vsa_slice pem;
    struct vsa_slice again;
    FUZZ_REQUIRE(vsa_pem_encode("CERTIFICATE", der, text, sizeof(text), &pem, NULL) == VSA_OK);
    FUZZ_REQUIRE(vsa_certificate_read_file(pem, buffer, sizeof(buffer), &again, NULL) == VSA_OK);
    FUZZ_REQUIRE(again.size == der.size && memcmp(again.data, der.data, der.size) == 0);
}

static void check_certificate_file(struct vsa_slice file)
{
    static uint8_t buffer[MAX_FILE];
    struct vsa_slice der;
    struct vsa_anchor anchor;
    uint8_t pcr[VSA_PCR_SIZE];
    if (vsa_certificate_read_file(file, buffer, sizeof(buffer), &der, NULL) == VSA_OK &&
        check_certificate(der))
        check_pem(der);
    if (vsa_anchor_load(file, &anchor, NULL) == VSA_OK)
        vsa_anchor_unload(&anchor);
    if (vsa_image_certificate_from_pem(file, buffer, sizeof(buffer), &der, NULL) == VSA_OK)
        FUZZ_CALL(check_certificate(der));
    FUZZ_CALL(vsa_image_pem_has_chain(file));
    FUZZ_CALL(vsa_image_measure_certificate(file, pcr, NULL));
}

static void check_public_key(struct vsa_slice file)
{
    static uint8_t buffer[MAX_FILE];
    struct vsa_slice der;
    if (vsa_public_key_from_file(file, buffer, sizeof(buffer), &der, NULL) == VSA_OK)
        FUZZ_REQUIRE(der.size <= file.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice file = vsa_slice_of(data, size);
    if (size == 0 || size > MAX_FILE)
        return 0;
    FUZZ_CALL(check_certificate(file));
    check_certificate_file(file);
    check_public_key(file);
    return 0;
}
