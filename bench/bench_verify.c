/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents verified per second of CPU time on one core, beside the bare P-384 signature checks
 * that each needs, from the same library and in the same rounds:
 *
 *   cold          nothing cached                   5 checks
 *   chain cached  a leaf not seen before           2 checks
 *   leaf cached   the same leaf, other documents   1 check
 *
 * In batches, where every document has a root of its own and no two share a certificate, the checks
 * may be carried out eight at a time (-Dmultibuffer): the same rates, with another target.
 *
 * And what sharing one verifier costs: the last case in two threads at once, beside one; and bare
 * lookups in its cache, too. CPU time per operation can be compared on a busy machine as well.
 *
 * Documents come from the software NSM, in the size and shape of AWS's.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "attestation/cache.h"
#include "attestation/pcrs.h"
#include "base/cleanup.h"
#include "base/slice.h"
#include "cose/sign1.h"
#include "crypto/multibuffer.h"
#include "software_nsm/documents.h"
#include "x509/certificate.h"
#include <vsattest/attestation.h>

#define ROUNDS 15
/* A leaf lives for 3 hours, the CAs above it for 24: so many leaves have one chain. */
#define LEAVES       8
#define LEAF_STEP_MS (INT64_C(160) * 60 * 1000)
/* Documents of one call: as many as a verifier takes roots. */
#define BATCH 16
/* Of each operation. */
#define TURNS 1000
/* Batches are run once in so many turns: one takes as long as these. */
#define BATCH_TURNS 10
/* What is reported as the least of them, in order: of so many one may be faster. */
#define FASTER 50
/* Of each thread. */
#define SHARED_REPEATS 150
#define LOOKUPS        200000

VSA_DEFINE_CLEANUP(struct vsa_verifier, vsa_verifier_free, cleanup_verifier);

struct sample {
    uint8_t buffer[VSA_MAX_DOCUMENT];
    struct vsa_slice document;
    int64_t time_ms;
};

struct root {
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
};

struct bench {
    struct root root;
    struct sample samples[LEAVES];
    struct root batch_roots[BATCH];
    struct sample batch_samples[BATCH];
    struct vsa_policy policy;
    struct vsa_certificate *leaves[LEAVES]; /* for bare checks, with the next */
    struct vsa_cose_sign1 sign1[LEAVES];
    size_t turn;
    struct vsa_verifier *leaf_verifier;
    struct vsa_verifier *chain_verifier;
    size_t next_leaf;
    struct vsa_verifier *batch_verifier;
};

static void must(enum vsa_status status, const struct vsa_error *error)
{
    if (status == VSA_OK)
        return;
    (void)fprintf(stderr, "bench_verify: %s: %s\n", vsa_status_code(status), error->detail);
    exit(1);
}

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Signs `count` documents, from now on, each with another leaf of the one chain below `root`. */
static void make_samples(struct root *root, struct sample *samples, size_t count)
{
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    struct vsa_key *root_key = NULL;
    struct vsa_module_id module_id;
    VSA_CLEANUP(vsa_cleanup_authority) struct vsa_authority *authority = NULL;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    must(vsa_authority_make_root(now_ms, &root_key, root->buffer, sizeof(root->buffer), &root->der,
                                 &error),
         &error);
    must(vsa_module_id_make("i-0123456789abcdef0", 1, &module_id, &error), &error);
    must(vsa_authority_new(root_key, root->der, &module_id, &authority, &error), &error);
    struct vsa_pcr_bank bank;
    vsa_pcr_bank_init(&bank);
    for (unsigned i = 0; i < 5; i++)
        must(vsa_pcr_measure_text(vsa_slice_of_text("bench"), bank.value[i], &error), &error);
    for (size_t i = 0; i < count; i++) {
        struct sample *sample = &samples[i];
        sample->time_ms = now_ms + (int64_t)i * LEAF_STEP_MS;
        struct vsa_software_document content = {
            .pcrs = &bank,
            .timestamp_ms = (uint64_t)sample->time_ms,
            .nonce = vsa_slice_of_text("0123456789abcdef0123456789abcdef"),
        };
        must(vsa_authority_refresh(authority, sample->time_ms, &error), &error);
        must(vsa_software_document_sign(authority, &content, sample->buffer, sizeof(sample->buffer),
                                        &sample->document, &error),
             &error);
    }
}

static struct vsa_verifier *new_verifier_of(const struct root *roots, size_t count)
{
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    struct vsa_verifier *verifier = vsa_verifier_new();
    if (!verifier)
        exit(1);
    for (size_t i = 0; i < count; i++)
        must(vsa_verifier_add_root(verifier, roots[i].der, &error), &error);
    return verifier;
}

static struct vsa_verifier *new_verifier(const struct bench *bench)
{
    return new_verifier_of(&bench->root, 1);
}

static void verify(const struct bench *bench, struct vsa_verifier *verifier, size_t i)
{
    struct vsa_claims claims;
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    must(vsa_verify(verifier, bench->samples[i].document, &bench->policy, bench->samples[i].time_ms,
                    &claims, &error),
         &error);
}

/*
 * Operations take turns, one of each at a time, so that all meet the same machine; what is reported
 * is the median of an operation's times. None has the signature of the one before it, whose
 * branches the CPU would remember. Each returns seconds of CPU time.
 */

static size_t sample_of(const struct bench *bench, size_t operation)
{
    return (bench->turn + 3 * operation) % LEAVES;
}

static double bench_bare(struct bench *bench)
{
    struct vsa_error error = {VSA_OK, 0, NULL, ""};
    size_t i = sample_of(bench, 0);
    double start = cpu_seconds();
    must(vsa_cose_sign1_verify(&bench->sign1[i], (struct vsa_slice){0}, bench->leaves[i]->key,
                               &error),
         &error);
    return cpu_seconds() - start;
}

static double timed_verify(const struct bench *bench, struct vsa_verifier *verifier, size_t i)
{
    double start = cpu_seconds();
    verify(bench, verifier, i);
    return cpu_seconds() - start;
}

static double bench_cold(struct bench *bench)
{
    VSA_CLEANUP(cleanup_verifier) struct vsa_verifier *verifier = new_verifier(bench);
    return timed_verify(bench, verifier, sample_of(bench, 1));
}

static double bench_chain_cached(struct bench *bench)
{
    /* Leaf 0 brings the chain; when all others were met once, from the beginning. */
    if (!bench->next_leaf) {
        vsa_verifier_free(bench->chain_verifier);
        bench->chain_verifier = new_verifier(bench);
        verify(bench, bench->chain_verifier, 0);
        bench->next_leaf = 1;
    }
    double spent = timed_verify(bench, bench->chain_verifier, bench->next_leaf);
    bench->next_leaf = (bench->next_leaf + 1) % LEAVES;
    return spent;
}

static double bench_leaf_cached(struct bench *bench)
{
    return timed_verify(bench, bench->leaf_verifier, sample_of(bench, 2));
}

static double timed_batch(struct bench *bench, struct vsa_verifier *verifier)
{
    struct vsa_verify_job jobs[BATCH];
    static struct vsa_claims claims[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        vsa_verify_job_init(&jobs[i]);
        jobs[i].document = bench->batch_samples[i].document;
        jobs[i].policy = &bench->policy;
        jobs[i].now_ms = bench->batch_samples[i].time_ms;
        jobs[i].claims = &claims[i];
    }
    const struct vsa_error error = {.status = VSA_OK};
    double start = cpu_seconds();
    must(vsa_verify_batch(verifier, jobs, BATCH), &error);
    return (cpu_seconds() - start) / BATCH;
}

static double bench_cold_batch(struct bench *bench)
{
    VSA_CLEANUP(cleanup_verifier)
    struct vsa_verifier *verifier = new_verifier_of(bench->batch_roots, BATCH);
    return timed_batch(bench, verifier);
}

static double bench_leaf_cached_batch(struct bench *bench)
{
    return timed_batch(bench, bench->batch_verifier);
}

struct measurement {
    const char *name;
    double (*run)(struct bench *bench);
    int checks;
    double target; /* share of the rate of as many bare checks */
    size_t turns;  /* it runs once in so many */
};

static const struct measurement measurements[] = {
    {"bare check", bench_bare, 1, 0, 1},
    {"cold", bench_cold, 5, 0.95, 1},
    {"chain cached", bench_chain_cached, 2, 0.96, 1},
    {"leaf cached", bench_leaf_cached, 1, 0.98, 1},
    {"cold batch", bench_cold_batch, 5, 2, BATCH_TURNS},
    {"leaf batch", bench_leaf_cached_batch, 1, 2, BATCH_TURNS},
};

#define MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static void begin(struct bench *bench)
{
    bench->leaf_verifier = new_verifier(bench);
    for (size_t i = 0; i < LEAVES; i++) {
        struct vsa_error error = {VSA_OK, 0, NULL, ""};
        struct vsa_unverified_document parsed;
        must(vsa_document_parse(bench->samples[i].document, &parsed, &error), &error);
        must(vsa_certificate_parse(parsed.certificate, NULL, &bench->leaves[i], &error), &error);
        bench->sign1[i] = (struct vsa_cose_sign1){
            .algorithm = VSA_COSE_ES384,
            .protected_header = parsed.protected_header,
            .payload = parsed.payload,
            .signature = parsed.signature,
        };
        verify(bench, bench->leaf_verifier, i);
    }
    bench->batch_verifier = new_verifier_of(bench->batch_roots, BATCH);
    (void)timed_batch(bench, bench->batch_verifier);
}

static void end(struct bench *bench)
{
    for (size_t i = 0; i < LEAVES; i++)
        vsa_certificate_release(bench->leaves[i]);
    vsa_verifier_free(bench->chain_verifier);
    vsa_verifier_free(bench->leaf_verifier);
    vsa_verifier_free(bench->batch_verifier);
}

/* --- threads ---------------------------------------------------------------------------------- */

struct shared {
    const struct bench *bench;
    struct vsa_verifier *verifier;
    struct vsa_cache cache;
    struct vsa_path_node nodes[4];
};

static void *verify_often(void *argument)
{
    const struct shared *shared = argument;
    for (int i = 0; i < SHARED_REPEATS; i++)
        verify(shared->bench, shared->verifier, 0);
    return NULL;
}

static void *look_up_often(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < LOOKUPS; i++) {
        struct vsa_path_node found;
        if (!vsa_cache_find(&shared->cache, &shared->nodes[i % 4].key, &found))
            exit(1);
        vsa_path_node_release(&found);
    }
    return NULL;
}

struct speed {
    double wall; /* seconds for all threads together */
    double cpu;  /* of all threads */
};

static double wall_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct speed run_threads(void *(*work)(void *), struct shared *shared, int count)
{
    pthread_t threads[2];
    double wall = wall_seconds();
    double cpu = cpu_seconds();
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, shared) != 0)
            exit(1);
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    return (struct speed){wall_seconds() - wall, cpu_seconds() - cpu};
}

static double median(double *values, size_t count);

static void bench_threads(const char *name, void *(*work)(void *), struct shared *shared,
                          double operations)
{
    static double rates[2][ROUNDS];
    static double costs[2][ROUNDS];
    static double speedups[ROUNDS];
    static double prices[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++) {
            struct speed speed = run_threads(work, shared, i + 1);
            rates[i][round] = operations * (i + 1) / speed.wall;
            costs[i][round] = speed.cpu * 1e6 / (operations * (i + 1));
        }
        speedups[round] = rates[1][round] / rates[0][round];
        prices[round] = costs[1][round] / costs[0][round];
    }
    (void)printf("%-14s 1 thread %9.0f/s %9.3f us of CPU; 2 threads %9.0f/s %9.3f us: %.2f times "
                 "as many, CPU %.2f times\n",
                 name, median(rates[0], ROUNDS), median(costs[0], ROUNDS), median(rates[1], ROUNDS),
                 median(costs[1], ROUNDS), median(speedups, ROUNDS), median(prices, ROUNDS));
}

static void bench_sharing(const struct bench *bench)
{
    static struct shared shared;
    static struct vsa_certificate certificate; /* never freed: it starts with a reference */
    atomic_init(&certificate.references, 1);
    shared.bench = bench;
    shared.verifier = new_verifier(bench);
    verify(bench, shared.verifier, 0);
    if (!vsa_cache_init(&shared.cache))
        exit(1);
    for (int i = 0; i < 4; i++) {
        memset(shared.nodes[i].key.above, i + 1, VSA_SHA384_SIZE);
        shared.nodes[i].certificate = &certificate;
        vsa_cache_insert(&shared.cache, &shared.nodes[i]);
    }
    bench_threads("leaf cached", verify_often, &shared, SHARED_REPEATS);
    bench_threads("bare lookup", look_up_often, &shared, LOOKUPS);
    vsa_cache_clear(&shared.cache);
    vsa_verifier_free(shared.verifier);
}

/* ---------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), ascending);
    return values[count / 2];
}

static void print_measurement(size_t i, double *times, double bare, double bare_least)
{
    const struct measurement *measurement = &measurements[i];
    const size_t count = TURNS / measurement->turns;
    const int checks = measurement->checks;
    const double spent = median(times, count);
    const double least = times[count / FASTER];
    (void)printf("%-14s %8.0f/s  least %6.0f us", measurement->name, 1 / spent, least * 1e6);
    if (measurement->target > 0)
        (void)printf("  %5.1f %% (of the least %5.1f %%) of the rate of %d bare checks (target "
                     "%.0f %%)",
                     100 * checks * bare / spent, 100 * checks * bare_least / least, checks,
                     100 * measurement->target);
    (void)printf("\n");
}

int main(void)
{
    static struct bench bench;
    static double times[MEASUREMENTS][TURNS];
    vsa_policy_init(&bench.policy);
    make_samples(&bench.root, bench.samples, LEAVES);
    for (size_t i = 0; i < BATCH; i++)
        make_samples(&bench.batch_roots[i], &bench.batch_samples[i], 1);
    begin(&bench);
    for (bench.turn = 0; bench.turn < TURNS; bench.turn++)
        for (size_t i = 0; i < MEASUREMENTS; i++)
            if (bench.turn % measurements[i].turns == 0)
                times[i][bench.turn / measurements[i].turns] = measurements[i].run(&bench);
    end(&bench);
    (void)printf(
        "document: %zu bytes; medians of %d in turns; CPU time of one core\n"
        "%s\n",
        bench.samples[0].document.size, TURNS,
        vsa_multibuffer_available()
            ? "eight checks at a time: where that many are at hand"
            : "eight checks at a time: not here; that needs -Dmultibuffer and AVX-512 IFMA");
    /* The least times, too: beside other work, the caches are cold half of the time. */
    const double bare = median(times[0], TURNS);
    const double bare_least = times[0][TURNS / FASTER];
    for (size_t i = 0; i < MEASUREMENTS; i++)
        print_measurement(i, times[i], bare, bare_least);
    bench_sharing(&bench);
    return 0;
}
