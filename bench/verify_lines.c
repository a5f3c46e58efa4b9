/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_lines ROOT < LINES: the single call in a loop over the lines of make_archive, each
 * verified at its own time, with nothing but the call around it. Prints the number of documents.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/slice.h"
#include <vsattest/attestation.h>

static void must(enum vsa_status status, const struct vsa_error *error)
{
    if (status == VSA_OK)
        return;
    (void)fprintf(stderr, "verify_lines: %s: %s\n", vsa_status_code(status), error->detail);
    exit(1);
}

static void add_root(struct vsa_verifier *verifier, const char *path)
{
    static uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_error error = {.status = VSA_OK};
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(buffer, 1, sizeof(buffer), file) : 0;
    if (file)
        (void)fclose(file);
    must(vsa_verifier_add_root(verifier, vsa_slice_of(buffer, size), &error), &error);
}

static void verify_line(struct vsa_verifier *verifier, char *line)
{
    static uint8_t buffer[2 * VSA_MAX_DOCUMENT];
    static const char mark[] = "\"document\":\"";
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_unverified_document parsed;
    struct vsa_policy policy;
    struct vsa_claims claims;
    struct vsa_slice document;
    char *begin = strstr(line, mark);
    char *end = begin ? strchr(begin + sizeof(mark) - 1, '"') : NULL;
    if (!end)
        exit(1);
    begin += sizeof(mark) - 1;
    vsa_policy_init(&policy);
    must(vsa_base64_decode(vsa_slice_of(begin, (size_t)(end - begin)), VSA_BASE64_STRICT, buffer,
                           sizeof(buffer), &document, &error),
         &error);
    must(vsa_document_parse(document, &parsed, &error), &error);
    must(vsa_verify(verifier, document, &policy, (int64_t)parsed.timestamp_ms, &claims, &error),
         &error);
}

int main(int argc, char **argv)
{
    static char line[4 * VSA_MAX_DOCUMENT];
    unsigned long count = 0;
    struct vsa_verifier *verifier = vsa_verifier_new();
    if (argc != 2 || !verifier) {
        (void)fputs("usage: verify_lines ROOT < LINES\n", stderr);
        return 2;
    }
    must(vsa_verifier_set_cache_size(verifier, VSA_MAX_CACHED_CERTIFICATES, NULL), NULL);
    add_root(verifier, argv[1]);
    while (fgets(line, sizeof(line), stdin)) {
        verify_line(verifier, line);
        count++;
    }
    vsa_verifier_free(verifier);
    (void)printf("%lu\n", count);
    return 0;
}
