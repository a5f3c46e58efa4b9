/* SPDX-License-Identifier: Apache-2.0 */
/* What --watch prints: a line a round, JSON a line, or in a terminal one line that changes. */
#ifndef VSA_PROGRAMS_CLIENT_WATCH_OUTPUT_H
#define VSA_PROGRAMS_CLIENT_WATCH_OUTPUT_H

#include "programs/client_round.h"

struct client_watch_output {
    bool json;
    bool terminal;     /* one line in place */
    bool with_names;   /* --all */
    bool line_begun;   /* the terminal's cursor is behind a line without its end */
    uint64_t rounds;   /* that have ended */
    uint64_t results;  /* one a round and enclave */
    uint64_t failed;   /* of these */
    uint64_t restarts; /* of these, those that tell of one */
    char announced[VSA_MAX_ENCLAVE_NAME]; /* the ID of the enclave that nitro-cli led to */
};

void client_watch_output_start(struct client_watch_output *output,
                               const struct client_arguments *arguments);

/* The round of `count` enclaves. Errors: VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status client_watch_output_round(struct client_watch_output *output,
                                                       struct client_watched *watched, size_t count,
                                                       struct vsa_error *error);

/* Ends the line of the terminal; the summary on stderr. */
void client_watch_output_end(struct client_watch_output *output);

#endif
