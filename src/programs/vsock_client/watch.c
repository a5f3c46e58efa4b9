/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "attestation/continuity.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "base/time_text.h"
#include "clock/wall_clock.h"
#include "command_line/claims_text.h"
#include "command_line/output.h"
#include "programs/vsock_client/result.h"
#include "programs/vsock_client/session.h"

#define PROGRAM "vsock_client"

struct watch {
    const struct client_arguments *arguments;
    struct client_target target;
    bool found; /* the target: kept until a round fails */
    struct vsa_continuity continuity;
    struct client_outcome now;
    uint64_t round;
    int64_t unix_ms; /* when the round began */
    struct vsa_claims_difference changes;
};

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

/* --- one round -------------------------------------------------------------------------------- */

static void check_once(struct watch *watch)
{
    static struct vsa_enclave_list running;
    struct client_outcome *now = &watch->now;
    int64_t deadline_ms = vsa_deadline(watch->arguments->timeout_ms);
    client_outcome_free(now);
    *now = (struct client_outcome){0};
    watch->changes = (struct vsa_claims_difference){0};
    watch->unix_ms = vsa_wall_clock_ms();
    if (!watch->found) {
        watch->target = (struct client_target){0};
        now->status = client_find_target(watch->arguments, deadline_ms, &watch->target, &running,
                                         &now->error);
    }
    if (now->status == VSA_OK)
        client_perform(watch->arguments, watch->target.address, deadline_ms, now);
    watch->found = now->status == VSA_OK;
}

static void compare(struct watch *watch)
{
    struct client_outcome *now = &watch->now;
    if (now->status != VSA_OK)
        return;
    if (!watch->continuity.has_first)
        claims_warn(stderr, PROGRAM, &now->claims);
    now->status =
        vsa_continuity_check(&watch->continuity, &now->claims, &watch->changes, &now->error);
    if (now->status != VSA_OK)
        vsa_error_wrap(&now->error, "name the expected PCRs by --measurements or --pcr");
}

/* --- its line --------------------------------------------------------------------------------- */

static int64_t age_ms(const struct watch *watch)
{
    const struct vsa_claims *claims = &watch->now.claims;
    return claims->verified_at_ms - (int64_t)claims->timestamp_ms;
}

static bool verified(const struct watch *watch)
{
    return watch->now.claims.module_id.size > 0;
}

static json_t *changes_of(const struct vsa_claims_difference *changes)
{
    struct vsa_json_writer array = vsa_json_array();
    if (changes->module_id)
        vsa_json_append(&array, json_string("module_id"));
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (changes->pcrs >> i & 1)
            vsa_json_append(&array, json_sprintf("PCR%u", i));
    return vsa_json_finish(&array);
}

static json_t *line_of(const struct watch *watch)
{
    char time[VSA_TIME_TEXT_SIZE];
    const struct client_outcome *now = &watch->now;
    bool has_document = verified(watch);
    struct vsa_slice address = {0};
    struct vsa_slice module_id = {0};
    vsa_time_format(watch->unix_ms, time, sizeof(time));
    if (watch->target.address[0])
        address = vsa_slice_of_text(watch->target.address);
    if (has_document)
        module_id = now->claims.module_id;
    struct vsa_json_writer line = vsa_json_object();
    vsa_json_put(&line, "round", json_integer((json_int_t)watch->round));
    vsa_json_put(&line, "time", json_string(time));
    vsa_json_put(&line, "address", vsa_json_text_or_null(address));
    vsa_json_put(&line, "state", json_string(now->status == VSA_OK ? "ok" : "failed"));
    vsa_json_put(&line, "error", json_null());
    vsa_json_put(&line, "error_code", json_null());
    vsa_json_put(&line, "duration_ms", json_real((double)now->microseconds / 1000.0));
    vsa_json_put(&line, "verified", json_boolean(has_document));
    vsa_json_put(&line, "document_age_ms",
                 has_document ? json_integer((json_int_t)age_ms(watch)) : json_null());
    vsa_json_put(&line, "module_id", vsa_json_text_or_null(module_id));
    vsa_json_put(&line, "changes", changes_of(&watch->changes));
    if (now->status != VSA_OK)
        client_result_put_error(&line, "error", &now->error);
    return vsa_json_finish(&line);
}

static enum vsa_status print_text(const struct watch *watch, struct vsa_error *error)
{
    char text[2 * VSA_ERROR_DETAIL];
    const struct client_outcome *now = &watch->now;
    vsa_time_format(watch->unix_ms - watch->unix_ms % 1000, text, sizeof(text));
    (void)printf("%s  %-6s", text, now->status == VSA_OK ? "ok" : "failed");
    if (verified(watch)) {
        (void)printf("  %7.1f ms  document %.1f s old  ", (double)now->microseconds / 1000.0,
                     (double)age_ms(watch) / 1000.0);
        output_text(stdout, now->claims.module_id);
    }
    if (watch->changes.module_id)
        (void)fputs("  another module ID: started anew", stdout);
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++)
        if (watch->changes.pcrs >> i & 1)
            (void)printf("  PCR%u changed", i);
    if (now->status != VSA_OK) {
        vsa_error_sentence(&now->error, text, sizeof(text));
        (void)printf("  %s: ", vsa_status_code(now->status));
        output_text(stdout, vsa_slice_of_text(text));
    }
    (void)fputc('\n', stdout);
    return output_finish(error);
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* Sleeps until the next multiple of the interval: what a slow round has missed is left out. */
static void wait_for_next(const struct watch *watch, int64_t started_ms)
{
    int64_t interval = watch->arguments->interval_ms;
    int64_t until = started_ms + ((vsa_monotonic_ms() - started_ms) / interval + 1) * interval;
    for (int64_t left; (left = until - vsa_monotonic_ms()) > 0;)
        (void)poll(NULL, 0, left > INT32_MAX ? INT32_MAX : (int)left);
}

enum exit_code client_watch(const struct client_arguments *arguments)
{
    static struct watch watch;
    struct vsa_error error = {0};
    enum exit_code code = EXIT_CODE_OK;
    int64_t started_ms = vsa_monotonic_ms();
    watch.arguments = arguments;
    catch_signals();
    for (;;) {
        watch.round++;
        check_once(&watch);
        compare(&watch);
        code = exit_code_worse(code, exit_code_of(watch.now.status));
        exit_status = (int)code;
        enum vsa_status printed = arguments->json ? output_json_line(line_of(&watch), &error)
                                                  : print_text(&watch, &error);
        if (printed != VSA_OK) {
            output_error(PROGRAM, &error);
            return exit_code_worse(code, exit_code_of(error.status));
        }
        if (watch.round == arguments->count)
            return code;
        wait_for_next(&watch, started_ms);
    }
}
