/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_archive ENCLAVES DOCUMENTS ROOT: an archive of lines on standard output, documents of so
 * many enclaves in an order that no cache foresees; and their root in ROOT, as DER.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "attestation/pcrs.h"
#include "base/base64.h"
#include "base/slice.h"
#include "software_nsm/documents.h"

#define MAX_ENCLAVES 10000

/* Root key and certificate, which all enclaves share. */
struct root {
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice certificate;
    uint8_t key_buffer[VSA_MAX_PRIVATE_KEY];
    struct vsa_slice key;
};

static void must(enum vsa_status status, const struct vsa_error *error)
{
    if (status == VSA_OK)
        return;
    (void)fprintf(stderr, "make_archive: %s: %s\n", vsa_status_code(status), error->detail);
    exit(1);
}

static void make_root(int64_t now_ms, const char *path, struct root *root)
{
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_key *key = NULL;
    must(vsa_authority_make_root(now_ms, &key, root->buffer, sizeof(root->buffer),
                                 &root->certificate, &error),
         &error);
    must(vsa_key_write_private(key, root->key_buffer, sizeof(root->key_buffer), &root->key, &error),
         &error);
    vsa_key_free(key);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(root->buffer, root->certificate.size, 1, file) != 1 || fclose(file) != 0) {
        (void)fprintf(stderr, "make_archive: cannot write %s\n", path);
        exit(1);
    }
}

static struct vsa_authority *make_enclave(const struct root *root, int64_t now_ms, unsigned number)
{
    struct vsa_error error = {.status = VSA_OK};
    struct vsa_key *key = NULL;
    struct vsa_module_id module_id;
    struct vsa_authority *authority = NULL;
    char instance[VSA_INSTANCE_ID_SIZE];
    (void)snprintf(instance, sizeof(instance), "i-%017x", number);
    must(vsa_module_id_make(instance, number, &module_id, &error), &error);
    must(vsa_key_read_private(root->key, &key, &error), &error);
    must(vsa_authority_new(key, root->certificate, &module_id, &authority, &error), &error);
    must(vsa_authority_refresh(authority, now_ms, &error), &error);
    return authority;
}

static void write_line(const struct vsa_authority *authority, const struct vsa_pcr_bank *pcrs,
                       int64_t now_ms, unsigned long number)
{
    static uint8_t buffer[VSA_MAX_DOCUMENT];
    static char text[2 * VSA_MAX_DOCUMENT];
    struct vsa_error error = {.status = VSA_OK};
    char nonce[32];
    struct vsa_slice document;
    (void)snprintf(nonce, sizeof(nonce), "nonce-%010lu", number);
    const struct vsa_software_document content = {
        .pcrs = pcrs,
        .timestamp_ms = (uint64_t)now_ms,
        .nonce = vsa_slice_of_text(nonce),
    };
    must(vsa_software_document_sign(authority, &content, buffer, sizeof(buffer), &document, &error),
         &error);
    must(vsa_base64_encode(document, text, sizeof(text), &error), &error);
    if (printf("{\"id\":%lu,\"nonce\":\"%s\",\"document\":\"%s\"}\n", number, nonce, text) < 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static struct root root;
    static struct vsa_authority *enclaves[MAX_ENCLAVES];
    unsigned count = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (!count || count > MAX_ENCLAVES) {
        (void)fputs("usage: make_archive ENCLAVES DOCUMENTS ROOT\n", stderr);
        return 2;
    }
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    struct vsa_pcr_bank pcrs;
    vsa_pcr_bank_init(&pcrs);
    for (unsigned i = 0; i < 5; i++)
        must(vsa_pcr_measure_text(vsa_slice_of_text("bench"), pcrs.value[i], NULL), NULL);
    make_root(now_ms, argv[3], &root);
    for (unsigned i = 0; i < count; i++)
        enclaves[i] = make_enclave(&root, now_ms, i);
    uint64_t random = 1;
    unsigned long documents = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 0; i < documents; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        write_line(enclaves[(random >> 33) % count], &pcrs, now_ms, i);
    }
    for (unsigned i = 0; i < count; i++)
        vsa_authority_free(enclaves[i]);
    return fflush(stdout) == 0 ? 0 : 1;
}
