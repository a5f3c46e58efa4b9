/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "base/time_text.h"
#include "clock/wall_clock.h"
#include "command_line/claims_text.h"
#include "command_line/output.h"
#include "programs/vsock_client/ask.h"
#include "query/watch.h"

/* What a signal ends the program with: the worst of the rounds so far. */
static volatile sig_atomic_t exit_status;

static void end(int signal_number)
{
    (void)signal_number;
    _exit(exit_status);
}

/* Ends on signals at once, be a round under way or not; those that were ignored (nohup) stay so. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (signal(numbers[i], end) == SIG_IGN)
            (void)signal(numbers[i], SIG_IGN);
    /* A reader that has gone is an error of writing. */
    (void)signal(SIGPIPE, SIG_IGN);
}

static enum vsa_status print_text(const struct vsa_watch *watch, struct vsa_error *error)
{
    char text[2 * VSA_ERROR_DETAIL];
    const struct vsa_outcome *outcome = &watch->outcome;
    vsa_time_format(watch->unix_ms - watch->unix_ms % 1000, text, sizeof(text));
    (void)printf("%s  %-6s", text, outcome->status == VSA_OK ? "ok" : "failed");
    if (watch->has_document) {
        (void)printf("  %7.1f ms  document %.1f s old  ", (double)outcome->microseconds / 1000.0,
                     (double)vsa_watch_age_ms(watch) / 1000.0);
        output_text(stdout, outcome->claims.module_id);
    }
    if (watch->changes.module_id)
        (void)fputs("  another module ID: started anew", stdout);
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (watch->changes.pcrs >> i & 1)
            (void)printf("  PCR%u changed", i);
    if (outcome->status != VSA_OK) {
        vsa_error_sentence(&outcome->error, text, sizeof(text));
        (void)printf("  %s: ", vsa_status_code(outcome->status));
        output_text(stdout, vsa_slice_of_text(text));
    }
    (void)fputc('\n', stdout);
    return output_finish(error);
}

/* Sleeps until the next multiple of the interval: what a slow round has missed is left out. */
static void wait_for_next(int64_t started_ms, int64_t interval)
{
    int64_t until = started_ms + ((vsa_monotonic_ms() - started_ms) / interval + 1) * interval;
    for (int64_t left; (left = until - vsa_monotonic_ms()) > 0;)
        (void)poll(NULL, 0, left > INT32_MAX ? INT32_MAX : (int)left);
}

/* Warns of what the first document does not prove, and says how not to depend on it. */
static void remark(struct vsa_watch *watch)
{
    struct vsa_outcome *outcome = &watch->outcome;
    if (watch->is_first)
        claims_warn(stderr, CLIENT_PROGRAM, &outcome->claims);
    if (watch->has_document && outcome->status != VSA_OK)
        vsa_error_wrap(&outcome->error, "name the expected PCRs by --measurements or --pcr");
}

enum exit_code client_watch(const struct client_arguments *arguments)
{
    static struct vsa_watch watch;
    struct vsa_error error = {0};
    enum exit_code code = EXIT_CODE_OK;
    const struct vsa_query query = client_query(arguments);
    int64_t started_ms = vsa_monotonic_ms();
    watch.query = &query;
    watch.place = &arguments->place;
    watch.timeout_ms = arguments->timeout_ms;
    catch_signals();
    for (;;) {
        vsa_watch_next(&watch, vsa_wall_clock_ms());
        remark(&watch);
        code = exit_code_worse(code, exit_code_of(watch.outcome.status));
        exit_status = (int)code;
        enum vsa_status printed = arguments->json ? output_json_line(vsa_watch_json(&watch), &error)
                                                  : print_text(&watch, &error);
        if (printed != VSA_OK) {
            output_error(CLIENT_PROGRAM, &error);
            return exit_code_worse(code, exit_code_of(error.status));
        }
        if (watch.round == arguments->count)
            return code;
        wait_for_next(started_ms, arguments->interval_ms);
    }
}
