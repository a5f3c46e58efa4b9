/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads that verify the same enclave again and again, through one pool:
 *
 *     pool ADDRESS PCR0 [ROOT_FILE]
 *
 * The arguments are those of request_attestation.c, but for "-". Prints what the threads did and
 * what the pool did for them; exits with 1 if the enclave did not prove what it should.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vsattest/client.h>
#include <vsattest/report.h>

#define THREADS     8
#define REQUESTS    5
#define CONNECTIONS 2

struct job {
    struct vsa_client *client;
    struct vsa_verifier *verifier; /* shared by all threads, like the pool */
    struct vsa_policy policy;
    atomic_uint verified;
};

static int64_t clock_ms(const void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(const struct vsa_error *error)
{
    char sentence[512];
    fprintf(stderr, "pool: %s [%s]\n", vsa_error_sentence(error, sentence, sizeof(sentence)),
            vsa_status_code(error->status));
}

static void *work(void *argument)
{
    struct job *job = argument;
    struct vsa_attestation_request wanted;                        /* with a random nonce */
    struct vsa_attestation_reply *reply = malloc(sizeof(*reply)); /* claims borrow from it */
    struct vsa_claims claims;
    struct vsa_error error = {0};
    vsa_attestation_request_init(&wanted);
    wanted.no_user_data = true;
    for (int i = 0; reply && i < REQUESTS; i++) {
        if (vsa_client_attest_and_verify(job->client, &wanted, job->verifier, &job->policy,
                                         clock_ms, NULL, reply, &claims, &error) == VSA_OK)
            atomic_fetch_add(&job->verified, 1);
        else
            complain(&error);
    }
    free(reply);
    return NULL;
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

static enum vsa_status prepare(struct job *job, const char *address, const char *pcr0,
                               const char *root, struct vsa_error *error)
{
    char measurements[160];
    struct vsa_client_options options;
    vsa_policy_init(&job->policy);
    snprintf(measurements, sizeof(measurements), "{\"PCR0\": \"%.100s\"}", pcr0);
    enum vsa_status status =
        vsa_policy_expect_measurements(&job->policy, vsa_slice_of_text(measurements), error);
    if (status == VSA_OK)
        status = vsa_verifier_add_aws_roots(job->verifier, error);
    if (status == VSA_OK && root)
        status = add_root(job->verifier, root, error);
    vsa_client_options_init(&options);
    options.max_connections = CONNECTIONS;
    options.retries = 5; /* when the enclave is busy or limits the rate */
    if (status == VSA_OK)
        status = vsa_client_new(address, &options, &job->client, error);
    return status;
}

static void run(struct job *job)
{
    pthread_t threads[THREADS];
    int started = 0;
    while (started < THREADS && pthread_create(&threads[started], NULL, work, job) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    static struct job job;
    struct vsa_client_statistics statistics;
    struct vsa_error error = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: pool ADDRESS PCR0 [ROOT_FILE]\n");
        return 2;
    }
    job.verifier = vsa_verifier_new();
    if (!job.verifier)
        return 5;
    if (prepare(&job, argv[1], argv[2], argc > 3 ? argv[3] : NULL, &error) != VSA_OK) {
        complain(&error);
        vsa_verifier_free(job.verifier);
        return 1;
    }
    run(&job);
    vsa_client_get_statistics(job.client, &statistics);
    vsa_client_free(job.client);
    vsa_verifier_free(job.verifier);
    printf("verified: %u of %d\nconnections made: %llu\n", job.verified, THREADS * REQUESTS,
           (unsigned long long)statistics.made);
    return job.verified == THREADS * REQUESTS ? 0 : 1;
}
