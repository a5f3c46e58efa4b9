/* SPDX-License-Identifier: Apache-2.0 */
/* Runs another program to its end: no shell, no inherited descriptors, bounded output and time. */
#ifndef VSA_CLIENT_RUN_PROGRAM_H
#define VSA_CLIENT_RUN_PROGRAM_H

#include <vsattest/base.h>

/* Bytes of an error message of nitro-cli; further output is discarded. */
#define VSA_PROGRAM_STDERR 2048

struct vsa_program_result {
    int start_error; /* errno if it could not be started, else 0 */
    int exit_status; /* as in a shell: 128 + N if signal N ended it */
    size_t stdout_size;
    size_t stderr_size;
    char stderr_text[VSA_PROGRAM_STDERR];
};

/*
 * Runs a program and waits for its end.
 *
 * arguments    in: NULL-terminated; the first is looked up in PATH
 * deadline_ms  in: CLOCK_MONOTONIC; the program and its children are killed then
 * buffer       out: what it writes to stdout, `capacity` bytes at most
 * result       out: set on success: the program ended by itself, or could not be started
 *
 * Errors: VSA_ERR_TIMEOUT, VSA_ERR_TOO_LARGE, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_run_program(const char *const *arguments, int64_t deadline_ms,
                                             char *buffer, size_t capacity,
                                             struct vsa_program_result *result,
                                             struct vsa_error *error);

#endif
