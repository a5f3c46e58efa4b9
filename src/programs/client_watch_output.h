/* SPDX-License-Identifier: Apache-2.0 */
/* What --watch prints: a line a round, JSON a line, or in a terminal one line that changes. */
#ifndef VSA_PROGRAMS_CLIENT_WATCH_OUTPUT_H
#define VSA_PROGRAMS_CLIENT_WATCH_OUTPUT_H

#include "programs/client_round.h"

struct client_watch_output {
    bool json;
    bool terminal;   /* one line in place */
    bool with_names; /* --all */
    bool line_begun; /* the terminal's cursor is behind a line without its end */
    uint64_t round;  /* under way, from 1 */
    uint64_t rounds; /* since the start; with --all one an enclave. Likewise below */
    uint64_t failed;
    uint64_t restarts;
};

void client_watch_output_start(struct client_watch_output *output,
                               const struct client_arguments *arguments);

/* To be called before anything else is written to the terminal. */
void client_watch_output_break(struct client_watch_output *output);

/* The round of `count` enclaves. Errors: VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status client_watch_output_round(struct client_watch_output *output,
                                                       struct client_watched *watched, size_t count,
                                                       struct vsa_error *error);

/* Ends the line of the terminal; the summary on stderr. */
void client_watch_output_end(struct client_watch_output *output);

#endif
