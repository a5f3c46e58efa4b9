/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/run.h"

#include <pthread.h>
#include <stdlib.h>

#include "archive/results.h"
#include "base/error.h"

/* Entries that one worker verifies in one batch. */
#define CHUNK 32

struct chunk {
    size_t count;
    bool verified;
    struct vsa_archive_entry entries[CHUNK];
};

/* Chunks go round a ring: read, claimed by a worker, verified, written; each counts up. */
struct pipeline {
    const struct vsa_archive_plan *run;
    pthread_mutex_t lock; /* of all below, but of a chunk's entries: they have one user at a time */
    pthread_cond_t changed;
    uint64_t read;
    uint64_t claimed;
    uint64_t written;
    bool ended; /* nothing more is read */
    bool stop;  /* the caller takes nothing more */
    bool too_short;
    size_t size; /* of the ring */
    struct chunk *chunks;
};

static struct chunk *chunk_at(const struct pipeline *pipeline, uint64_t number)
{
    return &pipeline->chunks[number % pipeline->size];
}

static void pipeline_lock(struct pipeline *pipeline)
{
    (void)pthread_mutex_lock(&pipeline->lock);
}

static void pipeline_unlock(struct pipeline *pipeline)
{
    (void)pthread_mutex_unlock(&pipeline->lock);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool skip_entries(struct pipeline *pipeline)
{
    for (uint64_t i = 0; i < pipeline->run->skip; i++) {
        struct vsa_archive_entry entry;
        bool found = vsa_archive_source_next(pipeline->run->source, &entry);
        vsa_archive_entry_clear(&entry);
        if (!found)
            return false;
    }
    return true;
}

/* Waits for a free chunk; NULL when the caller takes nothing more. */
static struct chunk *next_free(struct pipeline *pipeline)
{
    pipeline_lock(pipeline);
    while (!pipeline->stop && pipeline->read - pipeline->written == pipeline->size)
        (void)pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    struct chunk *chunk = pipeline->stop ? NULL : chunk_at(pipeline, pipeline->read);
    pipeline_unlock(pipeline);
    return chunk;
}

/* Returns whether there may be more. */
static bool fill(struct pipeline *pipeline, struct chunk *chunk)
{
    chunk->verified = false;
    for (chunk->count = 0; chunk->count < CHUNK; chunk->count++)
        if (!vsa_archive_source_next(pipeline->run->source, &chunk->entries[chunk->count]))
            return false;
    return true;
}

static void *read_chunks(void *context)
{
    struct pipeline *pipeline = context;
    bool long_enough = skip_entries(pipeline);
    bool more = long_enough;
    struct chunk *chunk = NULL;
    while (more && (chunk = next_free(pipeline))) {
        more = fill(pipeline, chunk);
        pipeline_lock(pipeline);
        pipeline->read += chunk->count ? 1 : 0;
        (void)pthread_cond_broadcast(&pipeline->changed);
        pipeline_unlock(pipeline);
    }
    pipeline_lock(pipeline);
    pipeline->ended = true;
    pipeline->too_short = !long_enough;
    (void)pthread_cond_broadcast(&pipeline->changed);
    pipeline_unlock(pipeline);
    return NULL;
}

/* --- verifying -------------------------------------------------------------------------------- */

/* What a worker needs for a chunk. */
struct worker_memory {
    struct vsa_archive_request requests[CHUNK];
    struct vsa_verify_job jobs[CHUNK];
    struct vsa_claims claims[CHUNK];
    size_t places[CHUNK]; /* of jobs in the chunk */
};

/* Decodes the entries of a chunk; returns the number of jobs. */
static size_t make_jobs(const struct vsa_archive_plan *run, struct chunk *chunk,
                        struct worker_memory *memory)
{
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        struct vsa_archive_entry *entry = &chunk->entries[i];
        struct vsa_archive_request *request = &memory->requests[i];
        vsa_archive_request_init(request);
        if (entry->status == VSA_OK)
            entry->status =
                vsa_archive_request_read(entry, run->expectations, request, &entry->error);
        if (entry->status != VSA_OK)
            continue;
        struct vsa_verify_job *job = &memory->jobs[count];
        vsa_verify_job_init(job);
        job->document = request->document;
        job->policy = &request->policy;
        job->now_ms = request->now_ms;
        job->claims = &memory->claims[count];
        job->error = &entry->error;
        memory->places[count++] = i;
    }
    return count;
}

static void verify_chunk(const struct vsa_archive_plan *run, struct chunk *chunk,
                         struct worker_memory *memory)
{
    const struct vsa_claims *claims[CHUNK] = {NULL};
    size_t count = make_jobs(run, chunk, memory);
    /* Each job has a verdict of its own. */
    (void)!vsa_verify_batch(run->verifier, memory->jobs, count);
    for (size_t i = 0; i < count; i++) {
        chunk->entries[memory->places[i]].status = memory->jobs[i].status;
        if (memory->jobs[i].status == VSA_OK)
            claims[memory->places[i]] = &memory->claims[i];
    }
    for (size_t i = 0; i < chunk->count; i++) {
        struct vsa_archive_entry *entry = &chunk->entries[i];
        entry->result =
            vsa_archive_result_line(entry, &memory->requests[i], claims[i], run->options);
        vsa_archive_request_clear(&memory->requests[i]);
    }
}

/* Waits for a chunk that was read; NULL at the end. */
static struct chunk *claim(struct pipeline *pipeline)
{
    pipeline_lock(pipeline);
    while (!pipeline->stop && !pipeline->ended && pipeline->claimed == pipeline->read)
        (void)pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    struct chunk *chunk = NULL;
    if (!pipeline->stop && pipeline->claimed < pipeline->read)
        chunk = chunk_at(pipeline, pipeline->claimed++);
    pipeline_unlock(pipeline);
    return chunk;
}

struct worker {
    pthread_t thread;
    struct pipeline *pipeline;
    struct worker_memory *memory; /* owned */
};

static void *verify_chunks(void *context)
{
    const struct worker *worker = context;
    struct pipeline *pipeline = worker->pipeline;
    struct chunk *chunk = NULL;
    while ((chunk = claim(pipeline))) {
        verify_chunk(pipeline->run, chunk, worker->memory);
        pipeline_lock(pipeline);
        chunk->verified = true;
        (void)pthread_cond_broadcast(&pipeline->changed);
        pipeline_unlock(pipeline);
    }
    return NULL;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Waits for the oldest chunk; NULL at the end. */
static struct chunk *next_verified(struct pipeline *pipeline)
{
    pipeline_lock(pipeline);
    struct chunk *chunk = chunk_at(pipeline, pipeline->written);
    while (!(pipeline->written < pipeline->read && chunk->verified) &&
           !(pipeline->ended && pipeline->written == pipeline->read))
        (void)pthread_cond_wait(&pipeline->changed, &pipeline->lock);
    if (pipeline->written == pipeline->read)
        chunk = NULL;
    pipeline_unlock(pipeline);
    return chunk;
}

static enum vsa_status take_chunk(const struct vsa_archive_plan *run, const struct chunk *chunk,
                                  struct vsa_error *error)
{
    for (size_t i = 0; i < chunk->count; i++) {
        if (!chunk->entries[i].result)
            return vsa_fail_memory(error);
        VSA_TRY(run->take(run->context, &chunk->entries[i], error));
    }
    return VSA_OK;
}

static void clear_chunk(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        vsa_archive_entry_clear(&chunk->entries[i]);
    chunk->count = 0;
}

static enum vsa_status take_all(struct pipeline *pipeline, struct vsa_error *error)
{
    struct chunk *chunk = NULL;
    while ((chunk = next_verified(pipeline))) {
        VSA_TRY(take_chunk(pipeline->run, chunk, error));
        clear_chunk(chunk);
        pipeline_lock(pipeline);
        pipeline->written++;
        (void)pthread_cond_broadcast(&pipeline->changed);
        pipeline_unlock(pipeline);
    }
    if (pipeline->too_short)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "there are results of more entries than the archive has: they are of "
                        "another one");
    return VSA_OK;
}

/* --- threads ---------------------------------------------------------------------------------- */

static void stop(struct pipeline *pipeline)
{
    pipeline_lock(pipeline);
    pipeline->stop = true;
    (void)pthread_cond_broadcast(&pipeline->changed);
    pipeline_unlock(pipeline);
    vsa_archive_source_stop(pipeline->run->source);
}

static enum vsa_status start_worker(struct worker *worker, struct pipeline *pipeline,
                                    struct vsa_error *error)
{
    worker->pipeline = pipeline;
    worker->memory = malloc(sizeof(*worker->memory));
    if (!worker->memory)
        return vsa_fail_memory(error);
    if (pthread_create(&worker->thread, NULL, verify_chunks, worker) == 0)
        return VSA_OK;
    free(worker->memory);
    return vsa_fail(error, VSA_ERR_INTERNAL, "cannot start a thread");
}

/* Runs with the reader there; fewer workers than asked for do, too, as long as there is one. */
static enum vsa_status run_workers(struct pipeline *pipeline, struct worker *workers,
                                   struct vsa_error *error)
{
    size_t count = 0;
    enum vsa_status status = VSA_OK;
    while (count < pipeline->run->workers && status == VSA_OK) {
        status = start_worker(&workers[count], pipeline, error);
        count += status == VSA_OK ? 1 : 0;
    }
    if (count)
        status = take_all(pipeline, error);
    stop(pipeline);
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        free(workers[i].memory);
    }
    return status;
}

static enum vsa_status run_threads(struct pipeline *pipeline, struct worker *workers,
                                   struct vsa_error *error)
{
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_chunks, pipeline) != 0)
        return vsa_fail(error, VSA_ERR_INTERNAL, "cannot start a thread");
    enum vsa_status status = run_workers(pipeline, workers, error);
    (void)pthread_join(reader, NULL);
    return status;
}

enum vsa_status vsa_archive_run(const struct vsa_archive_plan *run, struct vsa_error *error)
{
    /* One chunk for each worker, one that it finds when it is done, one read and one written. */
    struct pipeline pipeline = {.run = run, .size = 2 * run->workers + 2};
    VSA_AUTO_FREE struct worker *workers = calloc(run->workers, sizeof(*workers));
    VSA_AUTO_FREE struct chunk *chunks = calloc(pipeline.size, sizeof(*chunks));
    if (!workers || !chunks)
        return vsa_fail_memory(error);
    pipeline.chunks = chunks;
    (void)pthread_mutex_init(&pipeline.lock, NULL);
    (void)pthread_cond_init(&pipeline.changed, NULL);
    enum vsa_status status = run_threads(&pipeline, workers, error);
    for (size_t i = 0; i < pipeline.size; i++)
        clear_chunk(&chunks[i]);
    (void)pthread_cond_destroy(&pipeline.changed);
    (void)pthread_mutex_destroy(&pipeline.lock);
    return status;
}
