/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends a secret that nothing but an enclave of the expected image can read, and prints the reply:
 *
 *     sealed_request ADDRESS PCR0 COMMAND MEMBER [ROOT_FILE [KEY_FILE]] <secret
 *
 * ADDRESS is where the enclave or its parent's relay listens (vsock:16:9000, tcp:parent:9443), PCR0
 * the measurement of its image. The request is {"command": COMMAND, MEMBER: the secret's text}.
 * ROOT_FILE is a root certificate to trust besides AWS's, such as that of a software NSM. With
 * KEY_FILE, a P-384 private key, the enclave knows who sends. Exits with 1 if the request was not
 * carried out, with 2 if the arguments are wrong, with 3 if the outcome is not known or the reply
 * could not be printed.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

static struct vsa_slice read_file(FILE *stream, char *buffer, size_t capacity)
{
    size_t size = stream ? fread(buffer, 1, capacity, stream) : 0;
    if (stream)
        fclose(stream);
    return vsa_slice_of(buffer, size);
}

/* Prints all of it or nothing, unlike json_dumpf() and json_dumps() where memory is short. */
static int print(const json_t *reply)
{
    static char text[65536];
    size_t size = json_dumpb(reply, text, sizeof(text) - 1, 0);
    return size > 0 && size < sizeof(text) && puts(text) != EOF && fflush(stdout) == 0;
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
    json_t *reply = NULL;
    char pcr0[160] = "";
    if (argc < 5) {
        fputs("usage: sealed_request ADDRESS PCR0 COMMAND MEMBER [ROOT_FILE [KEY_FILE]] <secret\n",
              stderr);
        return 2;
    }
    for (int i = 5; i < argc; i++) {
        if (access(argv[i], R_OK) != 0) {
            perror(argv[i]);
            return 2;
        }
    }
    struct vsa_slice secret = read_file(stdin, file, sizeof(file));
    struct vsa_verifier *verifier = vsa_verifier_new();
    json_t *request =
        json_pack("{s:s, s:s%}", "command", argv[3], argv[4], secret.data, secret.size);
    if (!verifier || !request) {
        fputs("sealed_request: no memory, or the secret is not UTF-8 text\n", stderr);
        vsa_verifier_free(verifier);
        json_decref(request);
        return 2;
    }
    snprintf(pcr0, sizeof(pcr0), "{\"PCR0\": \"%.100s\"}", argv[2]);
    vsa_policy_init(&policy);
    enum vsa_status status = vsa_verifier_add_aws_roots(verifier, &error);
    if (status == VSA_OK && argc > 5)
        status = vsa_verifier_add_root(verifier,
                                       read_file(fopen(argv[5], "rb"), file, sizeof(file)), &error);
    if (status == VSA_OK && argc > 6)
        status =
            vsa_sender_new(read_file(fopen(argv[6], "rb"), file, sizeof(file)), &sender, &error);
    if (status == VSA_OK)
        status = vsa_policy_expect_measurements(&policy, vsa_slice_of_text(pcr0), &error);
    if (status == VSA_OK)
        status = vsa_client_new(argv[1], NULL, &client, &error);
    if (status == VSA_OK)
        status =
            vsa_client_seal(client, verifier, &policy, clock_ms, NULL, sender, &enclave, &error);
    if (status == VSA_OK)
        status = vsa_sealed_request(enclave, request, no_aad, &reply, &error);
    if (status == VSA_OK && !print(reply)) {
        snprintf(error.detail, sizeof(error.detail), "carried out, but the reply is not printed");
        status = VSA_ERR_OUTCOME;
    }
    if (status != VSA_OK)
        fprintf(stderr, "sealed_request: %s [%s]\n", error.detail, vsa_status_code(status));
    json_decref(reply);
    json_decref(request);
    vsa_sealed_enclave_free(enclave);
    vsa_sender_free(sender);
    vsa_client_free(client);
    vsa_verifier_free(verifier);
    return status == VSA_OK ? 0 : status == VSA_ERR_OUTCOME ? 3 : 1;
}
