/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures of an answer of the verification service, and nothing else, in several threads: a
 * check on P-384 (the document's; its chain is cached) and a signature on P-256 (the token's).
 *
 *   bare_answers THREADS MILLISECONDS      prints pairs a second and CPU time of one, as JSON
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/slice.h"
#include "crypto/key.h"

#define MAX_THREADS 64

struct worker {
    pthread_t thread;
    double end_s;
    size_t pairs;
    bool failed;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *document = NULL;
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *token = NULL;
    uint8_t made[VSA_MAX_SIGNATURE_SIZE];
    uint8_t signature[VSA_MAX_SIGNATURE_SIZE];
    const struct vsa_slice text = vsa_slice_of_text("what is signed");
    struct vsa_slice good = vsa_slice_of(made, vsa_curve_signature_size(VSA_CURVE_P384));
    worker->failed = vsa_key_generate(VSA_CURVE_P384, &document, NULL) != VSA_OK ||
                     vsa_key_generate(VSA_CURVE_P256, &token, NULL) != VSA_OK ||
                     vsa_key_sign(document, &text, 1, made, NULL) != VSA_OK;
    while (!worker->failed && seconds(CLOCK_MONOTONIC) < worker->end_s) {
        worker->failed = vsa_key_verify(document, &text, 1, good, NULL) != VSA_OK ||
                         vsa_key_sign(token, &text, 1, signature, NULL) != VSA_OK;
        worker->pairs++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[MAX_THREADS];
    size_t pairs = 0;
    if (argc != 3)
        return 2;
    size_t threads = strtoul(argv[1], NULL, 10);
    double duration_s = strtod(argv[2], NULL) / 1e3;
    double begin_s = seconds(CLOCK_MONOTONIC);
    for (size_t i = 0; i < threads && i < MAX_THREADS; i++) {
        workers[i].end_s = begin_s + duration_s;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (size_t i = 0; i < threads && i < MAX_THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        if (workers[i].failed)
            return 1;
        pairs += workers[i].pairs;
    }
    (void)printf("{\"per_second\": %.1f, \"cpu_us\": %.1f}\n",
                 (double)pairs / (seconds(CLOCK_MONOTONIC) - begin_s),
                 seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e6 / (double)pairs);
    return 0;
}
