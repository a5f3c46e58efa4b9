/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of vsock_client. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_ARGUMENTS_H
#define VSA_PROGRAMS_VSOCK_CLIENT_ARGUMENTS_H

#include "programs/policy_options.h"
#include <vsattest/client.h>

enum client_action {
    CLIENT_ACTION_NONE, /* --help or --version was all */
    CLIENT_ACTION_PING,
    CLIENT_ACTION_STATUS,
    CLIENT_ACTION_METRICS,
    CLIENT_ACTION_ATTEST,
    CLIENT_ACTION_VERIFY,
    CLIENT_ACTION_WATCH,
};

struct client_arguments {
    enum client_action action;
    bool all; /* every running enclave */
    bool watch;
    int64_t interval_ms; /* from round to round */
    uint64_t count;      /* rounds; 0: no end */
    bool json;
    bool generate_key;
    const char *save;   /* file or NULL */
    int64_t timeout_ms; /* 0 before it is given or known; with --watch for one round */
    unsigned retries;
    const char *address; /* --connect or NULL */
    bool has_cid;
    uint32_t cid;
    bool has_port;
    uint32_t port;
    struct vsa_enclave_selector selector;
    struct policy_options policy;
};

/*
 * Reads and checks the command line; prints help and version. Free `arguments->policy` in any
 * case. Whatever the status of a failure is, short of class internal, it is EXIT_CODE_USAGE.
 */
VSA_MUST_USE enum vsa_status client_arguments_read(int argc, char **argv,
                                                   struct client_arguments *arguments,
                                                   struct vsa_error *error);

#endif
