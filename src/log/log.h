/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One structured line an event on stderr (logfmt):
 *
 *     time=2026-01-02T03:04:05.678Z level=info event=request connection=7 command=attest ...
 *
 * A slow or stuck reader of stderr never delays the server: a line that would block is dropped
 * and counted, and lines that clients can cause are limited in number.
 * `lines_dropped` reports them.
 */
#ifndef VSA_LOG_LOG_H
#define VSA_LOG_LOG_H

#include <stdbool.h>

#include <vsattest/base.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Parses "error", "warn", "info" or "debug". Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status log_level_parse(const char *text, enum log_level *level,
                                             struct vsa_error *error);

/* Sets the level up to which lines are written; LOG_INFO by default. */
void log_set_level(enum log_level level);

/* Returns whether lines of this level are written. */
bool log_is_wanted(enum log_level level);

struct log_line {
    char text[1024];
    size_t size;
};

/*
 * Begins a line; returns false if it is not to be written: then call no other function for it.
 * `limited`: clients can cause any number of these.
 */
bool log_begin(struct log_line *line, enum log_level level, const char *event, bool limited);
/* Adds a text; NULL is left out. */
void log_text(struct log_line *line, const char *key, const char *value);
void log_number(struct log_line *line, const char *key, int64_t value);
void log_end(struct log_line *line);

#endif
