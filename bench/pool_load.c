/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends requests to a server from several threads, through the library; prints one JSON line with
 * the rate and latencies:
 *
 *   pool_load ADDRESS COMMAND oneshot|kept|pool THREADS MILLISECONDS
 *
 * oneshot: a channel (one connection) for each request; kept: one for each thread; pool: all
 * threads share one client with a pool of the default size.
 * Latencies include waiting for a connection.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/channel.h"
#include <vsattest/client.h>

#define TIMEOUT_MS  10000
#define MAX_THREADS 64
#define MAX_SAMPLES 200000 /* of each thread */

enum mode { ONE_SHOT, KEPT, POOL };

struct load {
    const char *address;
    enum mode mode;
    int threads;
    int64_t end_ns;
    struct vsa_client *client;
    json_t *request;
};

struct worker {
    pthread_t thread;
    const struct load *load;
    struct vsa_channel *kept;
    size_t requests;
    size_t failures;
    uint32_t *latencies_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum vsa_status ask(struct worker *worker, json_t **reply)
{
    const struct load *load = worker->load;
    enum vsa_status status = VSA_OK;
    if (load->mode == POOL)
        return vsa_client_request(load->client, load->request, reply, NULL);
    if (!worker->kept)
        status = vsa_channel_open(load->address, TIMEOUT_MS, &worker->kept, NULL);
    if (status == VSA_OK)
        status = vsa_channel_request(worker->kept, load->request, reply, NULL);
    if (load->mode == ONE_SHOT || status != VSA_OK) {
        vsa_channel_close(worker->kept);
        worker->kept = NULL;
    }
    return status;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    int64_t before = now_ns();
    while (before < worker->load->end_ns && worker->requests < MAX_SAMPLES) {
        json_t *reply = NULL;
        if (ask(worker, &reply) != VSA_OK)
            worker->failures++;
        json_decref(reply);
        int64_t after = now_ns();
        worker->latencies_ns[worker->requests++] =
            after - before < UINT32_MAX ? (uint32_t)(after - before) : UINT32_MAX;
        before = after;
    }
    vsa_channel_close(worker->kept);
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int report(const struct load *load, const struct worker *workers, double seconds)
{
    struct vsa_client_statistics statistics = {0};
    size_t requests = 0;
    size_t failures = 0;
    for (int i = 0; i < load->threads; i++) {
        requests += workers[i].requests;
        failures += workers[i].failures;
    }
    uint32_t *all = calloc(requests + 1, sizeof(*all));
    if (!all || !requests)
        return 1;
    size_t at = 0;
    for (int i = 0; i < load->threads; i++) {
        memcpy(all + at, workers[i].latencies_ns, workers[i].requests * sizeof(*all));
        at += workers[i].requests;
    }
    qsort(all, requests, sizeof(*all), ascending);
    if (load->client)
        vsa_client_get_statistics(load->client, &statistics);
    (void)printf("{\"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"requests\": %zu, "
                 "\"failures\": %zu, \"made\": %llu}\n",
                 (double)requests / seconds, all[requests / 2] / 1e3,
                 all[requests * 99 / 100] / 1e3, requests, failures,
                 (unsigned long long)statistics.made);
    free(all);
    return 0;
}

static int parse(int argc, char **argv, struct load *load, int *milliseconds)
{
    static const char *const modes[] = {"oneshot", "kept", "pool"};
    if (argc != 6)
        return -1;
    load->address = argv[1];
    /* With a nonce each request for a document costs one: without, they would share them. */
    load->request = json_pack("{s:s, s:s}", "command", argv[2], "nonce", "bench");
    while (load->mode <= POOL && strcmp(argv[3], modes[load->mode]) != 0)
        load->mode++;
    load->threads = atoi(argv[4]);
    *milliseconds = atoi(argv[5]);
    if (!load->request || load->mode > POOL || load->threads < 1 || load->threads > MAX_THREADS ||
        *milliseconds < 1)
        return -1;
    return load->mode == POOL && vsa_client_new(argv[1], NULL, &load->client, NULL) != VSA_OK ? -1
                                                                                              : 0;
}

int main(int argc, char **argv)
{
    static struct worker workers[MAX_THREADS];
    struct load load = {.mode = ONE_SHOT};
    int milliseconds = 0;
    if (parse(argc, argv, &load, &milliseconds) < 0) {
        (void)fprintf(stderr,
                      "usage: pool_load ADDRESS COMMAND oneshot|kept|pool THREADS MILLISECONDS\n");
        return 2;
    }
    int64_t start_ns = now_ns();
    load.end_ns = start_ns + (int64_t)milliseconds * 1000000;
    for (int i = 0; i < load.threads; i++) {
        workers[i].load = &load;
        workers[i].latencies_ns = malloc(MAX_SAMPLES * sizeof(*workers[i].latencies_ns));
        if (!workers[i].latencies_ns ||
            pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < load.threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    int status = report(&load, workers, (double)(now_ns() - start_ns) / 1e9);
    for (int i = 0; i < load.threads; i++)
        free(workers[i].latencies_ns);
    vsa_client_free(load.client);
    json_decref(load.request);
    return status;
}
