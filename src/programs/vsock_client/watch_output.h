/* SPDX-License-Identifier: Apache-2.0 */
/* What --watch prints: a line a round, JSON a line, or in a terminal one line that changes. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_WATCH_OUTPUT_H
#define VSA_PROGRAMS_VSOCK_CLIENT_WATCH_OUTPUT_H

#include "programs/vsock_client/round.h"

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

/* A round has ended; its results follow, and then the totals. */
void client_watch_output_begin(struct client_watch_output *output);

/* Prints one in PIPE_BUF bytes at most, and flushes it. Errors: VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status client_watch_output_result(struct client_watch_output *output,
                                                        struct client_watched *watched,
                                                        struct vsa_error *error);

/* The line of a terminal that changes, likewise. */
VSA_MUST_USE enum vsa_status client_watch_output_totals(struct client_watch_output *output,
                                                        const struct client_watched *watched,
                                                        size_t count, struct vsa_error *error);

/* The summary on stderr; ends the terminal's line, if it `may_write` there. */
void client_watch_output_end(struct client_watch_output *output, bool may_write);

#endif
