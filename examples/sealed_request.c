/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends a request that nothing but an enclave of the expected image can read, and prints its reply:
 *
 *     sealed_request ADDRESS PCR0 [ROOT_FILE [KEY_FILE]] <request.json
 *
 * ADDRESS is where the enclave or its parent's relay listens (vsock:16:9000, tcp:parent:9443), PCR0
 * the measurement of its image, ROOT_FILE a root certificate to trust besides AWS's. With KEY_FILE,
 * a P-384 private key, the enclave knows who sends. Exits with 1 if the request was not carried
 * out, with 3 if that is not known.
 */
#include <stdio.h>
#include <time.h>

#include <vsattest/client.h>
#include <vsattest/report.h>
#include <vsattest/seal.h>

static int64_t clock_ms(const void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct vsa_slice read_file(const char *path, char *buffer, size_t capacity)
{
    FILE *stream = fopen(path, "rb");
    size_t size = stream ? fread(buffer, 1, capacity, stream) : 0;
    if (stream)
        fclose(stream);
    return vsa_slice_of(buffer, size);
}

int main(int argc, char **argv)
{
    static char file[16384];
    struct vsa_error error = {0};
    struct vsa_slice no_aad = {NULL, 0};
    struct vsa_policy policy;
    struct vsa_client *client = NULL;
    struct vsa_sender *sender = NULL;
    struct vsa_sealed_enclave *enclave = NULL;
    struct vsa_verifier *verifier = vsa_verifier_new();
    json_t *request = json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL);
    json_t *reply = NULL;
    char pcr0[160] = "";
    if (argc < 3 || !verifier || !request)
        return 2;
    snprintf(pcr0, sizeof(pcr0), "{\"PCR0\": \"%.100s\"}", argv[2]);
    vsa_policy_init(&policy);
    enum vsa_status status = vsa_verifier_add_aws_roots(verifier, &error);
    if (status == VSA_OK && argc > 3)
        status = vsa_verifier_add_root(verifier, read_file(argv[3], file, sizeof(file)), &error);
    if (status == VSA_OK && argc > 4)
        status = vsa_sender_new(read_file(argv[4], file, sizeof(file)), &sender, &error);
    if (status == VSA_OK)
        status = vsa_policy_expect_measurements(&policy, vsa_slice_of_text(pcr0), &error);
    if (status == VSA_OK)
        status = vsa_client_new(argv[1], NULL, &client, &error);
    if (status == VSA_OK)
        status =
            vsa_client_seal(client, verifier, &policy, clock_ms, NULL, sender, &enclave, &error);
    if (status == VSA_OK)
        status = vsa_sealed_request(enclave, request, no_aad, &reply, &error);
    if (status == VSA_OK) {
        json_dumpf(reply, stdout, 0);
        puts("");
    } else {
        fprintf(stderr, "sealed_request: %s [%s]\n", error.detail, vsa_status_code(status));
    }
    json_decref(reply);
    json_decref(request);
    vsa_sealed_enclave_free(enclave);
    vsa_sender_free(sender);
    vsa_client_free(client);
    vsa_verifier_free(verifier);
    return status == VSA_OK ? 0 : status == VSA_ERR_OUTCOME ? 3 : 1;
}
