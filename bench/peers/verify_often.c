/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_often cold|leaf DOCUMENT ROOT SECONDS COUNT: verifies the document COUNT times, with a new
 * verifier for each (cold) or with one for all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include <vsattest/attestation.h>

VSA_DEFINE_CLEANUP(struct vsa_verifier, vsa_verifier_free, cleanup_verifier);

static struct vsa_slice read_file(const char *path, uint8_t *buffer, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(buffer, 1, capacity, file) : 0;
    if (file)
        (void)fclose(file);
    if (size == 0) {
        (void)fprintf(stderr, "verify_often: cannot read %s\n", path);
        exit(1);
    }
    return (struct vsa_slice){buffer, size};
}

static void must(enum vsa_status status, const struct vsa_error *error)
{
    if (status == VSA_OK)
        return;
    (void)fprintf(stderr, "verify_often: %s: %s\n", vsa_status_code(status), error->detail);
    exit(1);
}

static void verify(struct vsa_verifier *verifier, struct vsa_slice document, int64_t now_ms,
                   long count)
{
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_error error = {.status = VSA_OK};
    vsa_policy_init(&policy);
    for (long i = 0; i < count; i++)
        must(vsa_verify(verifier, document, &policy, now_ms, &claims, &error), &error);
}

static struct vsa_verifier *new_verifier(struct vsa_slice root)
{
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_verifier *verifier = vsa_verifier_new();
    if (!verifier)
        exit(1);
    must(vsa_verifier_add_root(verifier, root, &error), &error);
    return verifier;
}

int main(int argc, char **argv)
{
    static uint8_t document_buffer[VSA_MAX_DOCUMENT];
    static uint8_t root_buffer[VSA_MAX_CERTIFICATE];
    if (argc != 6) {
        (void)fputs("usage: verify_often cold|leaf DOCUMENT ROOT SECONDS COUNT\n", stderr);
        return 2;
    }
    struct vsa_slice document = read_file(argv[2], document_buffer, sizeof(document_buffer));
    struct vsa_slice root = read_file(argv[3], root_buffer, sizeof(root_buffer));
    int64_t now_ms = strtoll(argv[4], NULL, 10) * 1000;
    long count = strtol(argv[5], NULL, 10);
    bool cold = strcmp(argv[1], "cold") == 0;
    for (long i = 0; i < (cold ? count : 1); i++) {
        VSA_CLEANUP(cleanup_verifier) struct vsa_verifier *verifier = new_verifier(root);
        verify(verifier, document, now_ms, cold ? 1 : count);
    }
    return 0;
}
