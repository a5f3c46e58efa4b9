/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks an enclave for a key and proof that the key is its own:
 *
 *     request_attestation ADDRESS PCR0 [ROOT_FILE]
 *
 * ADDRESS is where the enclave listens (vsock:16:9000, unix:PATH, vsock-mux:PATH:PORT), or - to ask
 * nitro-cli; PCR0 the measurement of its image (96 hexadecimal digits); ROOT_FILE a root
 * certificate to trust besides AWS's, such as the one software_nsm --root-out writes. Prints the
 * module ID and the public key, which may be used to encrypt to the enclave; exits with 1 if it
 * proves nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vsattest/client.h>
#include <vsattest/report.h>
#include <vsattest/transport.h>

#define TIMEOUT_MS 30000

static int64_t clock_ms(const void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "-": the one enclave that runs on this instance. */
static enum vsa_status find_address(const char *argument, char *address, size_t capacity,
                                    struct vsa_error *error)
{
    struct vsa_enclave_selector any = {NULL, NULL};
    struct vsa_enclave enclave;
    if (strcmp(argument, "-") != 0) {
        snprintf(address, capacity, "%s", argument);
        return VSA_OK;
    }
    enum vsa_status status = vsa_find_enclave(&any, TIMEOUT_MS, NULL, &enclave, error);
    if (status == VSA_OK)
        snprintf(address, capacity, "vsock:%u:%d", enclave.cid, VSA_DEFAULT_PORT);
    return status;
}

static enum vsa_status add_root(struct vsa_verifier *verifier, const char *path,
                                struct vsa_error *error)
{
    static char file[16384];
    FILE *stream = fopen(path, "rb");
    size_t size = stream ? fread(file, 1, sizeof(file), stream) : 0;
    if (!stream) {
        perror(path);
        exit(3);
    }
    fclose(stream);
    return vsa_verifier_add_root(verifier, vsa_slice_of(file, size), error);
}

static enum vsa_status request(const char *address, struct vsa_verifier *verifier, const char *pcr0,
                               struct vsa_attestation_reply *reply, struct vsa_claims *claims,
                               struct vsa_error *error)
{
    char measurements[160];
    struct vsa_policy policy;
    struct vsa_client *client = NULL;
    /* No nonce is named, so a random one is made, sent, and expected in the document. */
    struct vsa_attestation_request wanted;

    vsa_attestation_request_init(&wanted);
    wanted.generate_key = true;
    vsa_policy_init(&policy);
    snprintf(measurements, sizeof(measurements), "{\"PCR0\": \"%.100s\"}", pcr0);
    enum vsa_status status =
        vsa_policy_expect_measurements(&policy, vsa_slice_of_text(measurements), error);
    if (status == VSA_OK)
        status = vsa_client_new(address, NULL, &client, error);
    if (status == VSA_OK)
        status = vsa_client_attest_and_verify(client, &wanted, verifier, &policy, clock_ms, NULL,
                                              reply, claims, error);
    vsa_client_free(client);
    return status;
}

/* The claims in JSON have the key in base64; claims->public_key has the bytes. */
static void print(const struct vsa_claims *claims)
{
    json_t *report = vsa_claims_to_json(claims);
    printf("module ID:  %.*s\n", (int)claims->module_id.size, (const char *)claims->module_id.data);
    printf("public key: %s\n", json_string_value(json_object_get(report, "public_key")));
    json_decref(report);
}

int main(int argc, char **argv)
{
    static struct vsa_attestation_reply reply; /* the claims borrow from it */
    struct vsa_claims claims;
    struct vsa_error error = {0};
    char address[VSA_MAX_ADDRESS];
    char sentence[512];
    if (argc < 3) {
        fprintf(stderr, "usage: request_attestation ADDRESS|- PCR0 [ROOT_FILE]\n");
        return 2;
    }
    struct vsa_verifier *verifier = vsa_verifier_new();
    if (!verifier)
        return 5;
    enum vsa_status status = vsa_verifier_add_aws_roots(verifier, &error);
    if (status == VSA_OK && argc > 3)
        status = add_root(verifier, argv[3], &error);
    if (status == VSA_OK)
        status = find_address(argv[1], address, sizeof(address), &error);
    if (status == VSA_OK)
        status = request(address, verifier, argv[2], &reply, &claims, &error);
    vsa_verifier_free(verifier);
    if (status != VSA_OK) {
        fprintf(stderr, "request_attestation: %s [%s]\n",
                vsa_error_sentence(&error, sentence, sizeof(sentence)),
                vsa_status_code(error.status));
        return 1;
    }
    print(&claims);
    return 0;
}
