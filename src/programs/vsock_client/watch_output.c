/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch_output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/time_text.h"
#include "programs/claims_text.h"
#include "programs/output.h"
#include "programs/vsock_client/text.h"
#include "programs/vsock_client/watch_json.h"

#define PROGRAM       "vsock_client"
#define DEFAULT_WIDTH 80
/* "2026-01-31T" */
#define DATE_SIZE 11
/* ECMA-48 EL: erase to the end of the line. */
#define ERASE_REST "\033[K"

/* One line for people; what does not fit is cut. */
struct line {
    char text[1024];
    size_t size;
};

VSA_PRINTF(2, 3) static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(line->text + line->size, sizeof(line->text) - line->size, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->size += (size_t)length;
    if (line->size >= sizeof(line->text))
        line->size = sizeof(line->text) - 1;
}

static void add_time(struct line *line, int64_t unix_ms)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format(unix_ms - unix_ms % 1000, text, sizeof(text));
    add(line, "%s", text);
}

/* --- one enclave's round -----------------------------------------------------------------------
 */

static void add_changes(struct line *line, const struct client_round *round)
{
    if (round->uptime_went_back)
        add(line, "  uptime went back");
    if (round->module_id_changed)
        add(line, "  another module ID");
    const char *separator = "  changed: ";
    for (unsigned i = 0; i < VSA_PCR_COUNT; i++) {
        if (!(round->pcrs_changed >> i & 1))
            continue;
        add(line, "%sPCR%u", separator, i);
        separator = ", ";
    }
}

static void add_findings(struct line *line, const struct client_round *round)
{
    if (round->latency_us >= 0)
        add(line, "  %7.1f ms", (double)round->latency_us / 1000.0);
    if (round->has_uptime)
        add(line, "  up %" PRIu64 " s", round->uptime_s);
    if (round->verified)
        add(line, "  document %.1f s old", (double)round->document_age_ms / 1000.0);
    if (round->compared && !round->pcrs_changed)
        add(line, "  PCRs unchanged");
    add_changes(line, round);
}

static void add_round(struct line *line, const struct client_watch_output *output,
                      const struct client_watched *watched)
{
    const struct client_round *round = &watched->round;
    char sentence[2 * VSA_ERROR_DETAIL];
    add_time(line, round->unix_ms);
    if (output->with_names)
        add(line, "  %-20s",
            watched->target.enclave.id[0] ? client_text_name(&watched->target.enclave)
                                          : "(nitro-cli)");
    add(line, "  %-9s", client_round_state_text(round->state));
    add_findings(line, round);
    if (round->state == CLIENT_ROUND_FAILED) {
        vsa_error_sentence(&round->error, sentence, sizeof(sentence));
        add(line, "  %s: %s", vsa_status_code(round->error.status), sentence);
    }
}

static void print_round(const struct client_watch_output *output,
                        const struct client_watched *watched)
{
    struct line line = {0};
    add_round(&line, output, watched);
    output_text(stdout, vsa_slice_of(line.text, line.size));
    (void)fputc('\n', stdout);
}

/* --- a terminal --------------------------------------------------------------------------------
 */

static void break_line(struct client_watch_output *output)
{
    if (!output->line_begun)
        return;
    (void)fputs("\r" ERASE_REST, stdout);
    (void)fflush(stdout);
    output->line_begun = false;
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        return DEFAULT_WIDTH;
    return size.ws_col;
}

static void add_totals(struct line *line, const struct client_watched *watched, size_t count)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += watched[i].round.state == CLIENT_ROUND_FAILED;
    add_time(line, watched[0].round.unix_ms);
    add(line, "  %zu enclaves: %zu ok, %zu failed", count, count - failed, failed);
}

/* Without the date, and cut to what stays in one line. */
static void print_in_place(struct client_watch_output *output, const struct client_watched *watched,
                           size_t count)
{
    struct line line = {0};
    size_t width = terminal_width() + DATE_SIZE;
    if (output->with_names)
        add_totals(&line, watched, count);
    else
        add_round(&line, output, watched);
    if (line.size >= width) {
        line.size = width - 1;
        /* Not within a character of UTF-8. */
        while (line.size > DATE_SIZE && ((uint8_t)line.text[line.size] & 0xc0) == 0x80)
            line.size--;
    }
    (void)fputc('\r', stdout);
    output_text(stdout, vsa_slice_of(line.text + DATE_SIZE, line.size - DATE_SIZE));
    (void)fputs(ERASE_REST, stdout);
    output->line_begun = true;
}

/* Whether a round is worth a line that stays: something is not as it was in the round before. */
static bool is_news(const struct client_watched *watched)
{
    const struct client_round *round = &watched->round;
    return client_round_restarted(round) || round->pcrs_changed ||
           round->error.status != watched->told;
}

/* --- rounds ------------------------------------------------------------------------------------
 */

static void warn_once(struct client_watch_output *output, struct client_watched *watched)
{
    char who[VSA_MAX_ENCLAVE_NAME + sizeof(PROGRAM) + 2] = PROGRAM;
    if (watched->warned || watched->round.state == CLIENT_ROUND_FAILED || !watched->round.verified)
        return;
    if (output->with_names)
        (void)snprintf(who, sizeof(who), "%s: %s", PROGRAM,
                       client_text_name(&watched->target.enclave));
    break_line(output);
    claims_warn(stderr, who, &watched->outcome.claims);
    watched->warned = true;
}

/* Of one enclave, where it is; lines about several have their names. */
static void announce(struct client_watch_output *output, const struct vsa_enclave *enclave)
{
    if (output->with_names || !enclave->id[0] || strcmp(enclave->id, output->announced) == 0)
        return;
    break_line(output);
    client_text_announce(enclave);
    memcpy(output->announced, enclave->id, sizeof(output->announced));
}

enum vsa_status client_watch_output_result(struct client_watch_output *output,
                                           struct client_watched *watched, struct vsa_error *error)
{
    const struct client_round *round = &watched->round;
    output->results++;
    output->failed += round->state == CLIENT_ROUND_FAILED;
    output->restarts += client_round_restarted(round);
    announce(output, &watched->target.enclave);
    warn_once(output, watched);
    if (output->json)
        return client_watch_json(output->rounds, watched, error);
    if (!output->terminal) {
        print_round(output, watched);
    } else if (is_news(watched)) {
        break_line(output);
        print_round(output, watched);
    }
    watched->told = round->error.status;
    return output_finish(error);
}

void client_watch_output_start(struct client_watch_output *output,
                               const struct client_arguments *arguments)
{
    const char *terminal = getenv("TERM");
    *output = (struct client_watch_output){.json = arguments->json, .with_names = arguments->all};
    output->terminal = !arguments->json && isatty(STDOUT_FILENO) && terminal && terminal[0] &&
                       strcmp(terminal, "dumb") != 0;
}

void client_watch_output_begin(struct client_watch_output *output)
{
    output->rounds++;
}

enum vsa_status client_watch_output_totals(struct client_watch_output *output,
                                           const struct client_watched *watched, size_t count,
                                           struct vsa_error *error)
{
    if (output->terminal && count)
        print_in_place(output, watched, count);
    return output_finish(error);
}

void client_watch_output_end(struct client_watch_output *output, bool may_write)
{
    if (output->line_begun && may_write)
        (void)fputc('\n', stdout);
    if (may_write)
        (void)fflush(stdout);
    (void)fprintf(stderr, "%s: %" PRIu64 " round%s", PROGRAM, output->rounds,
                  output->rounds == 1 ? "" : "s");
    if (output->with_names)
        (void)fprintf(stderr, " with %" PRIu64 " results", output->results);
    (void)fprintf(stderr, ": %" PRIu64 " ok, %" PRIu64 " failed; %" PRIu64 " restart%s noticed\n",
                  output->results - output->failed, output->failed, output->restarts,
                  output->restarts == 1 ? "" : "s");
}
