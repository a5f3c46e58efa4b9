/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/verifier_archive.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/results.h"
#include "archive/run.h"
#include "base/error.h"
#include "command_line/numbers.h"

#define PROGRESS_EVERY_MS 200
#define BAR_WIDTH         30

/* A run, as far as it got. */
struct archive_job {
    FILE *out;
    char options[2 * sizeof(uint64_t) + 1]; /* fingerprint of those of the policy */
    bool on_terminal;
    struct vsa_archive_tally tally;
    uint64_t skipped; /* of its entries: results that were there already */
    int64_t started_ms;
    int64_t shown_ms;
    uint64_t first_position; /* of the archive, where this run began */
    uint64_t total;          /* 0: not known */
};

static enum vsa_status read_jobs(const char *text, uint64_t *jobs, struct vsa_error *error)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    *jobs = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (uint64_t)CPU_COUNT(&cpus) : 1;
    if (!text)
        return VSA_OK;
    return numbers_parse("--jobs", text, 1, VSA_MAX_ARCHIVE_WORKERS, jobs, error);
}

enum vsa_status archive_arguments_check(const struct archive_arguments *arguments,
                                        struct vsa_error *error)
{
    uint64_t jobs;
    if (!arguments->path && (arguments->jobs || arguments->resume))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s without --archive",
                        arguments->jobs ? "--jobs" : "--resume");
    return read_jobs(arguments->jobs, &jobs, error);
}

/* --- what is shown ---------------------------------------------------------------------------- */

static double seconds_since(int64_t start_ms)
{
    int64_t elapsed = vsa_monotonic_ms() - start_ms;
    return elapsed > 0 ? (double)elapsed / 1000 : 0.001;
}

/* Draws over the line before; nothing but numbers is shown. */
static void show_progress(struct archive_job *job, uint64_t position)
{
    char bar[BAR_WIDTH + 1];
    double elapsed = seconds_since(job->started_ms);
    double rate = (double)(job->tally.entries - job->skipped) / elapsed;
    double done = job->total ? (double)position / (double)job->total : 0;
    size_t filled = done > 1 ? BAR_WIDTH : (size_t)(done * BAR_WIDTH);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\rverifier: ");
    if (job->total)
        (void)fprintf(stderr, "[%s] %3.0f %% ", bar, done * 100);
    (void)fprintf(stderr, "%" PRIu64 " documents, %.0f/s", job->tally.entries, rate);
    if (job->total && position > job->first_position) {
        double per_unit = elapsed / (double)(position - job->first_position);
        uint64_t left = (uint64_t)(per_unit * (double)(job->total - position));
        (void)fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", left / 3600,
                      left / 60 % 60, left % 60);
    }
    (void)fputs("\033[K", stderr);
    (void)fflush(stderr);
}

static void show_summary(const struct archive_job *job)
{
    double elapsed = seconds_since(job->started_ms);
    if (job->on_terminal)
        (void)fputs("\r\033[K", stderr);
    (void)fprintf(stderr,
                  "verifier: %" PRIu64 " documents: %" PRIu64 " verified, %" PRIu64
                  " not; %.1f s, %.0f/s\n",
                  job->tally.entries, job->tally.verified, job->tally.entries - job->tally.verified,
                  elapsed, (double)(job->tally.entries - job->skipped) / elapsed);
    if (job->skipped)
        (void)fprintf(stderr, "verifier: %" PRIu64 " of the results were there already\n",
                      job->skipped);
    for (size_t i = 0; i < VSA_ARCHIVE_FAILURES && job->tally.failures[i].count; i++)
        (void)fprintf(stderr, "verifier: %" PRIu64 " times %s: %s\n", job->tally.failures[i].count,
                      vsa_status_code(job->tally.failures[i].status),
                      vsa_status_text(job->tally.failures[i].status));
}

/* --- results ---------------------------------------------------------------------------------- */

static enum vsa_status cannot_write(struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_IO, "cannot write the results: %s", strerror(errno));
}

static enum vsa_status take_entry(void *context, const struct vsa_archive_entry *entry,
                                  struct vsa_error *error)
{
    struct archive_job *job = context;
    errno = 0;
    if (fputs(entry->result, job->out) < 0 || fputc('\n', job->out) == EOF)
        return cannot_write(error);
    if (job->tally.entries == job->skipped)
        job->first_position = entry->position;
    vsa_archive_tally_add(&job->tally, entry->status);
    if (!job->on_terminal || vsa_monotonic_ms() - job->shown_ms < PROGRESS_EVERY_MS)
        return VSA_OK;
    job->shown_ms = vsa_monotonic_ms();
    show_progress(job, entry->position);
    return VSA_OK;
}

static enum vsa_status finish_results(const struct archive_job *job, struct vsa_error *error)
{
    errno = 0;
    if (fflush(job->out) != 0 || ferror(job->out))
        return cannot_write(error);
    return VSA_OK;
}

static enum vsa_status run_archive(const struct archive_arguments *arguments,
                                   const struct policy_options *policy, struct archive_job *job,
                                   struct vsa_archive_source *source, struct vsa_error *error)
{
    uint64_t jobs;
    VSA_TRY(read_jobs(arguments->jobs, &jobs, error));
    /* Documents of many enclaves follow each other in any order. */
    VSA_TRY(vsa_verifier_set_cache_size(policy->verifier, VSA_MAX_CACHED_CERTIFICATES, error));
    VSA_TRY(vsa_archive_source_open(arguments->path, source, error));
    const struct vsa_archive_expectations expectations = {
        .policy = &policy->policy,
        .has_time = policy->has_time,
        .document_time = policy->document_time,
        .now_ms = policy->document_time ? 0 : policy_options_time(policy),
    };
    const struct vsa_archive_plan run = {
        .verifier = policy->verifier,
        .expectations = &expectations,
        .options = job->options,
        .source = source,
        .workers = (size_t)jobs,
        .skip = job->skipped,
        .take = take_entry,
        .context = job,
    };
    job->total = source->total;
    enum vsa_status status = vsa_archive_run(&run, error);
    enum vsa_status finished = finish_results(job, status == VSA_OK ? error : NULL);
    return status == VSA_OK ? finished : status;
}

enum vsa_status archive_verify(const struct archive_arguments *arguments,
                               const struct policy_options *policy, enum exit_code *worst,
                               struct vsa_error *error)
{
    struct archive_job job = {
        .out = stdout,
        .on_terminal = isatty(STDERR_FILENO) == 1,
        .started_ms = vsa_monotonic_ms(),
    };
    struct vsa_archive_source source = {.fd = -1, .stop_fd = -1};
    enum vsa_status status = VSA_OK;
    (void)snprintf(job.options, sizeof(job.options), "%016" PRIx64, policy->fingerprint);
    if (arguments->resume)
        status =
            vsa_archive_results_open(arguments->resume, job.options, &job.out, &job.tally, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "--resume");
    job.skipped = job.tally.entries;
    if (status == VSA_OK)
        status = run_archive(arguments, policy, &job, &source, error);
    if (status == VSA_OK && job.tally.entries == 0) /* not a success: nothing was verified */
        status = vsa_fail(error, VSA_ERR_EMPTY, "the archive has no documents");
    show_summary(&job);
    vsa_archive_source_close(&source);
    if (arguments->resume && job.out && fclose(job.out) != 0 && status == VSA_OK)
        status = cannot_write(error);
    for (size_t i = 0; i < VSA_ARCHIVE_FAILURES && job.tally.failures[i].count; i++)
        *worst = exit_code_worse(*worst, exit_code_of(job.tally.failures[i].status));
    return status;
}
