/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a key pair in an enclave and a document that binds its public half to the enclave.
 *
 *     attested_key [/dev/nsm | unix:PATH] >document.cbor
 *
 * Build: cc attested_key.c $(pkg-config --cflags --libs libvsattest)
 */
#include <stdio.h>
#include <unistd.h>

#include <vsattest/key.h>
#include <vsattest/nsm.h>

static enum vsa_status attest(const char *address, const struct vsa_key_pair *pair,
                              struct vsa_error *error)
{
    const int timeout_ms = 5000;
    struct vsa_nsm *nsm = NULL;
    struct vsa_slice none = {NULL, 0};
    struct vsa_slice document;
    enum vsa_status status = vsa_nsm_open(address, timeout_ms, &nsm, error);
    if (status != VSA_OK)
        return status;
    status =
        vsa_nsm_attest(nsm, none, none, vsa_slice_of(pair->public_key, sizeof(pair->public_key)),
                       &document, error);
    if (status == VSA_OK)
        fwrite(document.data, 1, document.size, stdout);
    vsa_nsm_free(nsm);
    return status;
}

int main(int argc, char **argv)
{
    char sentence[512];
    struct vsa_key_pair pair;
    struct vsa_error error = {0};
    if (isatty(STDOUT_FILENO)) {
        fprintf(stderr, "usage: attested_key [/dev/nsm | unix:PATH] >document.cbor\n");
        return 2;
    }
    enum vsa_status status = vsa_key_pair_generate(&pair, &error);
    if (status == VSA_OK)
        status = attest(argc > 1 ? argv[1] : VSA_NSM_DEVICE, &pair, &error);
    /* Here the private key would open what clients encrypted to the public one. */
    vsa_key_pair_wipe(&pair);
    if (status == VSA_OK)
        return 0;
    fprintf(stderr, "attested_key: %s\n", vsa_error_sentence(&error, sentence, sizeof(sentence)));
    return 1;
}
