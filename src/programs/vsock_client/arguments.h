/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of vsock_client. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ARGUMENTS_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ARGUMENTS_H

#include <jansson.h>

#include "command_line/policy_options.h"
#include "query/query.h"
#include "query/target.h"
#include "service_client/bearer.h"

#define CLIENT_PROGRAM "vsock_client"

struct client_arguments;

struct client_action {
    const char *name;     /* of its option; NULL ends the table */
    const char *argument; /* the word for the value of its option; NULL: it takes none */
    const char *help;
    enum vsa_query_kind kind; /* VSA_QUERY_NONE: it sends nothing itself, as the relay */
    /* Prints a success on stdout. */
    enum vsa_status (*print)(const struct client_arguments *arguments,
                             const struct vsa_outcome *outcome, struct vsa_error *error);
    /* Remarks on a success, on stderr, or NULL. */
    void (*remark)(const char *who, const struct vsa_outcome *outcome);
    /* Writes --save, if there is something to save; NULL: the action saves nothing. */
    enum vsa_status (*save)(const char *path, const struct vsa_outcome *outcome,
                            struct vsa_error *error);
    /* Heads of the columns that --all adds for it, and a row of them; NULL: not with --all. */
    const char *columns;
    void (*print_columns)(const struct vsa_outcome *outcome);
};

#define CLIENT_MAX_ACTIONS 8

struct client_arguments {
    const struct client_action *actions; /* the table */
    const struct client_action *action;  /* NULL: --help or --version was all */
    bool all;                            /* every running enclave */
    bool watch;                          /* the action is the one that verifies */
    int64_t interval_ms;                 /* from round to round */
    uint64_t count;                      /* rounds; 0: no end */
    bool json;
    bool generate_key;
    const char *save;                       /* file or NULL */
    const char *operand;                    /* the value of the action's option, or NULL */
    json_t *request;                        /* what --request says, read; owned */
    const char *service_policy;             /* of --service, as the next four are */
    const char *service_audience;           /* or NULL */
    const char *service_token_file;         /* or NULL */
    char service_token[VSA_MAX_BEARER + 1]; /* what it holds; or empty */
    const char *cacert;                     /* file or NULL */
    bool sealed;
    bool idempotent; /* of a sealed request: it may be carried out twice */
    const char *aad;
    const char *sign_key;      /* file or NULL */
    struct vsa_sender *sender; /* what it holds; owned */
    int64_t timeout_ms;        /* 0 before it is given or known; with --watch for one round */
    unsigned retries;
    const char *listen; /* of --relay, as the next four are */
    bool anywhere;
    uint64_t max_connections;
    uint64_t rate_limit; /* lines a second; 0: no limit */
    int64_t idle_timeout_ms;
    struct vsa_place place; /* of --connect, --cid, --port, --enclave-name and --enclave-id */
    struct policy_options policy;
};

/*
 * Reads and checks the command line; prints help and version. client_arguments_free() in any case.
 * Whatever the status of a failure is, short of class internal, it is EXIT_CODE_USAGE.
 */
VSA_MUST_USE enum vsa_status client_arguments_read(int argc, char **argv,
                                                   const struct client_action *actions,
                                                   struct client_arguments *arguments,
                                                   struct vsa_error *error);
void client_arguments_free(struct client_arguments *arguments);

#endif
