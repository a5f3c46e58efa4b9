/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of enclave_app. */
#ifndef VSA_PROGRAMS_ENCLAVE_APP_H
#define VSA_PROGRAMS_ENCLAVE_APP_H

#include <stdbool.h>

#include <vsattest/server.h>

#include "command_line/exit_code.h"
#include "log/log.h"

#define ENCLAVE_APP "enclave_app"

enum enclave_app_mode {
    ENCLAVE_APP_ONE_SHOT,
    ENCLAVE_APP_SERVER,
    ENCLAVE_APP_DAEMON,
    ENCLAVE_APP_DONE, /* --help or --version was all */
};

/* Of --senders: a file each. */
#define ENCLAVE_APP_MAX_SENDERS 16

struct enclave_app_arguments {
    enum enclave_app_mode mode;
    struct vsa_server_options server;   /* its strings are those below, or of the command line */
    struct vsa_sealing_options sealing; /* `kem` 0: off */
    const char *senders[ENCLAVE_APP_MAX_SENDERS]; /* [COMMAND[,COMMAND]...=]FILE */
    size_t sender_count;
    char listen_text[VSA_MAX_ADDRESS];
    char *config; /* owned; the configuration file's text, cut to pieces; or NULL */
    const char *backends[VSA_MAX_BACKENDS]; /* "unix:PATH" or "NAME,...=unix:PATH" */
    size_t backend_count;
    size_t backend_connections; /* of each; 0: the default */
    bool backend_sealed_only;
    enum log_level log_level;
    bool no_sandbox;
    bool generate_key;
    const char *user_data; /* one-shot; never NULL */
    const char *nonce;     /* one-shot; NULL: none */
};

/*
 * Reads command line and configuration file. Free also after a failure.
 * Errors: VSA_ERR_ARGUMENT; of the file also VSA_ERR_IO, VSA_ERR_TOO_LARGE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status enclave_app_read_arguments(int argc, char **argv,
                                                        struct enclave_app_arguments *arguments,
                                                        struct vsa_error *error);

void enclave_app_arguments_free(struct enclave_app_arguments *arguments);

/* Serves until SIGTERM or SIGINT. */
VSA_MUST_USE enum vsa_status enclave_app_serve(const struct enclave_app_arguments *arguments,
                                               struct vsa_error *error);

/* Prints one document. */
VSA_MUST_USE enum vsa_status enclave_app_one_shot(const struct enclave_app_arguments *arguments,
                                                  struct vsa_error *error);

/* Executes commands of standard input until `exit` or its end. */
VSA_MUST_USE enum vsa_status enclave_app_daemon(const struct enclave_app_arguments *arguments,
                                                struct vsa_error *error);

#endif
