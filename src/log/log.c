/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bucket.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/time_text.h"
#include "clock/wall_clock.h"

/* Lines that clients cause: a serial console takes about 100 a second. */
#define LINES_A_SECOND 100
#define LINES_AT_ONCE  200

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

static struct {
    enum log_level level;
    int64_t dropped;
    struct vsa_bucket bucket;
} state = {.level = LOG_INFO};

enum vsa_status log_level_parse(const char *text, enum log_level *level, struct vsa_error *error)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return VSA_OK;
        }
    }
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "log level '%.20s': expected error, warn, info or debug", text);
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

static bool is_allowed(void)
{
    return vsa_bucket_take(&state.bucket, LINES_A_SECOND, LINES_AT_ONCE, vsa_monotonic_ms()) == 0;
}

static void put(struct log_line *line, const char *text)
{
    /* One byte stays free for the newline; a line that is too long ends early. */
    while (*text && line->size < sizeof(line->text) - 1)
        line->text[line->size++] = *text++;
}

static void put_quoted(struct log_line *line, const char *text)
{
    struct vsa_slice value = vsa_slice_of_text(text);
    put(line, "\"");
    for (size_t i = 0; i < value.size;) {
        char piece[5] = "?"; /* one character, or two of which one is escaped */
        bool printable;
        size_t size = vsa_printable_next(value, i, &printable);
        bool escaped = text[i] == '"' || text[i] == '\\';
        if (printable)
            (void)snprintf(piece, sizeof(piece), "%s%.*s", escaped ? "\\" : "", (int)size,
                           text + i);
        if (line->size + strlen(piece) < sizeof(line->text))
            put(line, piece);
        i += size;
    }
    put(line, "\"");
}

static void start(struct log_line *line, enum log_level level, const char *event)
{
    char now[VSA_TIME_TEXT_SIZE];
    vsa_time_format(vsa_wall_clock_ms(), now, sizeof(now));
    line->size = 0;
    put(line, "time=");
    put(line, now);
    put(line, " level=");
    put(line, level_names[level]);
    put(line, " event=");
    put(line, event);
}

bool log_is_wanted(enum log_level level)
{
    return level <= state.level;
}

bool log_begin(struct log_line *line, enum log_level level, const char *event, bool limited)
{
    if (!log_is_wanted(level))
        return false;
    if (limited && !is_allowed()) {
        state.dropped++;
        return false;
    }
    start(line, level, event);
    return true;
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/+,";
    if (!value)
        return;
    put(line, " ");
    put(line, key);
    put(line, "=");
    if (*value && strspn(value, plain) == strlen(value))
        put(line, value);
    else
        put_quoted(line, value);
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    log_text(line, key, text);
}

/*
 * Writes the line if it does not block: a pipe is writable when one of up to PIPE_BUF bytes goes in
 * whole (pipe(7)).
 */
static bool write_line(struct log_line *line)
{
    struct pollfd output = {.fd = STDERR_FILENO, .events = POLLOUT};
    line->text[line->size++] = '\n';
    if (poll(&output, 1, 0) != 1 || !(output.revents & POLLOUT))
        return false;
    return write(STDERR_FILENO, line->text, line->size) == (ssize_t)line->size;
}

static void report_dropped(void)
{
    struct log_line line;
    start(&line, LOG_WARN, "lines_dropped");
    log_number(&line, "lines", state.dropped);
    if (write_line(&line))
        state.dropped = 0;
}

void log_end(struct log_line *line)
{
    if (state.dropped > 0)
        report_dropped();
    if (!write_line(line))
        state.dropped++;
}
