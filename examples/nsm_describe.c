/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes a Nitro Secure Module: its ID and the PCRs that its documents attest.
 *
 *     nsm_describe [/dev/nsm | unix:PATH]
 *
 * Build: cc nsm_describe.c $(pkg-config --cflags --libs libvsattest)
 */
#include <stdio.h>

#include <vsattest/nsm.h>

static int complain(const struct vsa_error *error)
{
    char sentence[512];
    fprintf(stderr, "nsm_describe: %s\n", vsa_error_sentence(error, sentence, sizeof(sentence)));
    return 1;
}

static void print_pcr(unsigned index, const struct vsa_nsm_pcr *pcr)
{
    printf("PCR%-2u %s ", index, pcr->locked ? "locked" : "open  ");
    for (size_t i = 0; i < VSA_PCR_SIZE; i++)
        printf("%02x", pcr->value[i]);
    printf("\n");
}

static enum vsa_status describe(struct vsa_nsm *nsm, struct vsa_error *error)
{
    struct vsa_nsm_description description;
    enum vsa_status status = vsa_nsm_describe(nsm, &description, error);
    if (status != VSA_OK)
        return status;
    printf("module %s, version %u.%u.%u, %u PCRs of %s\n", description.module_id,
           description.version_major, description.version_minor, description.version_patch,
           description.max_pcrs, description.digest);
    for (unsigned i = 0; i < description.max_pcrs; i++) {
        struct vsa_nsm_pcr pcr;
        status = vsa_nsm_describe_pcr(nsm, (uint16_t)i, &pcr, error);
        if (status != VSA_OK)
            return status;
        print_pcr(i, &pcr);
    }
    return VSA_OK;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : VSA_NSM_DEVICE;
    const int timeout_ms = 5000;
    struct vsa_nsm *nsm = NULL;
    struct vsa_error error = {0};
    if (vsa_nsm_open(address, timeout_ms, &nsm, &error) != VSA_OK)
        return complain(&error);
    enum vsa_status status = describe(nsm, &error);
    vsa_nsm_free(nsm);
    return status == VSA_OK ? 0 : complain(&error);
}
