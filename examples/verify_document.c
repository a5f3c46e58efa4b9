/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifies a saved attestation document, the way a relying party does it:
 *
 *     verify_document FILE PCR0 NONCE [UNIX_SECONDS|now [ROOT_FILE]]
 *
 * FILE is the document, raw or in base64; PCR0 the measurement of the image that is to run (96
 * hexadecimal digits); NONCE what was sent to the enclave. UNIX_SECONDS, for documents of the past,
 * stands in for the clock. ROOT_FILE (PEM) is the root of a software NSM, to try this without AWS.
 * Prints the result as JSON; exits with 1 if the document does not hold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vsattest/attestation.h>
#include <vsattest/report.h>

static size_t read_file(const char *path, unsigned char *buffer, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(buffer, 1, capacity, file) : 0;
    if (!file || ferror(file)) {
        perror(path);
        exit(3);
    }
    fclose(file);
    return size;
}

/* What is expected. Everything that is not named here is not compared. */
static enum vsa_status make_policy(struct vsa_policy *policy, const char *pcr0, const char *nonce,
                                   struct vsa_error *error)
{
    char measurements[160];
    vsa_policy_init(policy); /* 300 s of age, 30 s of skew, no debug mode */
    policy->nonce = vsa_slice_of_text(nonce);
    /* As a file of measurements would say it; vsa_policy_expect_pcr() takes bytes. */
    snprintf(measurements, sizeof(measurements), "{\"PCR0\": \"%.100s\"}", pcr0);
    return vsa_policy_expect_measurements(policy, vsa_slice_of_text(measurements), error);
}

/* The anchors: AWS's roots, and one that is named. Nothing in the document can replace them. */
static enum vsa_status add_roots(struct vsa_verifier *verifier, const char *path,
                                 struct vsa_error *error)
{
    static unsigned char root[16384];
    enum vsa_status status = vsa_verifier_add_aws_roots(verifier, error);
    if (status != VSA_OK || !path)
        return status;
    return vsa_verifier_add_root(verifier, vsa_slice_of(root, read_file(path, root, sizeof(root))),
                                 error);
}

static enum vsa_status verify(int argc, char **argv, struct vsa_claims *claims,
                              struct vsa_error *error)
{
    static unsigned char input[65536];
    static unsigned char decoded[65536];
    struct vsa_slice document;
    struct vsa_policy policy;
    /* The library reads no clock: the time to verify at is the caller's. */
    bool past = argc > 4 && strcmp(argv[4], "now") != 0;
    long long now = past ? strtoll(argv[4], NULL, 10) : (long long)time(NULL);
    size_t size = read_file(argv[1], input, sizeof(input));

    struct vsa_verifier *verifier = vsa_verifier_new();
    if (!verifier) {
        error->status = VSA_ERR_MEMORY;
        return VSA_ERR_MEMORY;
    }
    enum vsa_status status = add_roots(verifier, argc > 5 ? argv[5] : NULL, error);
    if (status == VSA_OK)
        status = make_policy(&policy, argv[2], argv[3], error);
    if (status == VSA_OK)
        status = vsa_document_decode(vsa_slice_of(input, size), decoded, sizeof(decoded), &document,
                                     error);
    /* The claims borrow from the document's bytes, which live as long as this program. */
    if (status == VSA_OK)
        status = vsa_verify(verifier, document, &policy, now * 1000, claims, error);
    vsa_verifier_free(verifier);
    return status;
}

int main(int argc, char **argv)
{
    struct vsa_claims claims;
    struct vsa_error error = {0};
    char sentence[512];
    if (argc < 4) {
        fprintf(stderr, "usage: verify_document FILE PCR0 NONCE [UNIX_SECONDS|now [ROOT_FILE]]\n");
        return 2;
    }
    if (verify(argc, argv, &claims, &error) != VSA_OK) {
        fprintf(stderr, "verify_document: %s [%s]\n",
                vsa_error_sentence(&error, sentence, sizeof(sentence)),
                vsa_status_code(error.status));
        return 1;
    }
    /* All of it or nothing, unlike json_dumpf() and json_dumps() where memory is short. */
    static char text[65536];
    json_t *report = vsa_claims_to_json(&claims);
    size_t size = json_dumpb(report, text, sizeof(text) - 1, JSON_INDENT(2));
    json_decref(report);
    return size > 0 && size < sizeof(text) && puts(text) != EOF && fflush(stdout) == 0 ? 0 : 5;
}
