/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "programs/numbers.h"
#include "programs/options.h"
#include "protocol/attest.h"

/* Mistyped limits, not real ones. */
#define MOST_CONNECTIONS 1000000
#define MOST_QUEUE       1000000
#define MOST_SECONDS     86400
#define HIGHEST_PORT     4294967294

enum {
    KEY_VSOCK = OPTION_KEY_PROGRAM,
    KEY_LISTEN,
    KEY_DAEMON,
    KEY_GENERATE_KEY,
    KEY_NSM,
    KEY_MAX_CONNECTIONS,
    KEY_MAX_QUEUE,
    KEY_IDLE_TIMEOUT,
    KEY_REQUEST_TIMEOUT,
    KEY_DRAIN_TIMEOUT,
    KEY_LOG_LEVEL,
};

static const struct program_option option_table[] = {
    {"vsock", KEY_VSOCK, NULL, "serve on a vsock port: PORT, or 9000", false},
    {"vsock-server", KEY_VSOCK, NULL, NULL, false},
    {"listen", KEY_LISTEN, "ADDRESS",
     "serve on vsock:CID:PORT (CID may be \"any\"), unix:PATH\nor vsock-mux:PATH:PORT", false},
    {"daemon", KEY_DAEMON, NULL, "read commands from standard input; \"help\" lists them", false},
    {"generate-key", KEY_GENERATE_KEY, NULL, "put a fresh P-384 public key into the document",
     false},
    {"nsm", KEY_NSM, "ADDRESS", "the NSM: /dev/nsm (default) or unix:PATH (software_nsm)", false},
    {"max-connections", KEY_MAX_CONNECTIONS, "N", "open connections (10000)", false},
    {"max-queue", KEY_MAX_QUEUE, "N", "requests waiting for the NSM (256)", false},
    {"idle-timeout", KEY_IDLE_TIMEOUT, "SECONDS",
     "close a connection without a complete request (60)", false},
    {"request-timeout", KEY_REQUEST_TIMEOUT, "SECONDS", "from a request to its reply (10)", false},
    {"drain-timeout", KEY_DRAIN_TIMEOUT, "SECONDS", "for requests in flight after SIGTERM (10)",
     false},
    {"log-level", KEY_LOG_LEVEL, "LEVEL", "error, warn, info (default) or debug", false},
    {"help", OPTION_KEY_HELP, NULL, "print this", false},
    {"version", OPTION_KEY_VERSION, NULL, "print the version", false},
    {NULL, 0, NULL, NULL, false},
};

static void print_help(void)
{
    (void)puts("Usage: enclave_app --vsock [PORT] [OPTION]...\n"
               "       enclave_app --listen ADDRESS [OPTION]...\n"
               "       enclave_app --daemon [OPTION]...\n"
               "       enclave_app [--generate-key] [OPTION]... [USER_DATA [NONCE]]\n"
               "\n"
               "Runs in a Nitro enclave. Serves attestation documents of the Nitro Secure Module\n"
               "(NSM), makes them on command, or prints one as base64 on standard output.\n");
    options_print_help(stdout, option_table);
    (void)fputs("\n" EXIT_CODE_HELP "\nSee enclave_app(1).\n", stdout);
}

/* What was on the command line, before it is clear what it adds up to. */
struct seen {
    bool vsock;
    bool daemon;
    bool limits; /* an option that only a server has */
};

static enum vsa_status take_number(const char *name, const char *value, uint64_t most,
                                   size_t *number, struct vsa_error *error)
{
    uint64_t parsed = 0;
    VSA_TRY(numbers_parse(name, value, 1, most, &parsed, error));
    *number = (size_t)parsed;
    return VSA_OK;
}

static enum vsa_status take_seconds(const char *name, const char *value, int64_t *milliseconds,
                                    struct vsa_error *error)
{
    int64_t parsed = 0;
    VSA_TRY(numbers_parse_seconds(name, value, MOST_SECONDS, &parsed, error));
    if (parsed == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL, "%s must be above 0", name);
    *milliseconds = parsed;
    return VSA_OK;
}

static enum vsa_status take_limit(int key, const char *value, struct vsa_server_options *server,
                                  struct vsa_error *error)
{
    switch (key) {
    case KEY_MAX_CONNECTIONS:
        return take_number("--max-connections", value, MOST_CONNECTIONS, &server->max_connections,
                           error);
    case KEY_MAX_QUEUE:
        return take_number("--max-queue", value, MOST_QUEUE, &server->max_queue, error);
    case KEY_IDLE_TIMEOUT:
        return take_seconds("--idle-timeout", value, &server->idle_timeout_ms, error);
    default:
        return take_seconds("--drain-timeout", value, &server->drain_timeout_ms, error);
    }
}

static enum vsa_status take_option(int key, const char *value,
                                   struct enclave_app_arguments *arguments, struct seen *seen,
                                   struct vsa_error *error)
{
    switch (key) {
    case KEY_VSOCK:
        seen->vsock = true;
        return VSA_OK;
    case KEY_LISTEN:
        arguments->server.listen = value;
        return VSA_OK;
    case KEY_DAEMON:
        seen->daemon = true;
        return VSA_OK;
    case KEY_GENERATE_KEY:
        arguments->generate_key = true;
        return VSA_OK;
    case KEY_NSM:
        arguments->server.nsm = value;
        return VSA_OK;
    case KEY_LOG_LEVEL:
        return log_level_parse(value, &arguments->log_level, error);
    case KEY_REQUEST_TIMEOUT:
        return take_seconds("--request-timeout", value, &arguments->server.request_timeout_ms,
                            error);
    default:
        seen->limits = true;
        return take_limit(key, value, &arguments->server, error);
    }
}

static enum vsa_status too_many_operands(const char *operand, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                    "'%.80s' is one argument too many", operand);
}

static enum vsa_status combine_server(struct enclave_app_arguments *arguments, bool vsock,
                                      char **operands, int count, struct vsa_error *error)
{
    uint64_t port = VSA_DEFAULT_PORT;
    arguments->mode = ENCLAVE_APP_SERVER;
    if (arguments->generate_key)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--generate-key is for one document; clients of a server ask for keys "
                        "themselves");
    if (arguments->server.listen && vsock)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--vsock and --listen exclude each other; --listen vsock:any:PORT does "
                        "the same");
    if (count > (vsock ? 1 : 0))
        return too_many_operands(operands[count - 1], error);
    if (arguments->server.listen)
        return VSA_OK;
    if (count == 1)
        VSA_TRY(numbers_parse("PORT", operands[0], 1, HIGHEST_PORT, &port, error));
    (void)snprintf(arguments->listen_text, sizeof(arguments->listen_text), "vsock:any:%" PRIu64,
                   port);
    arguments->server.listen = arguments->listen_text;
    return VSA_OK;
}

static enum vsa_status combine_local(struct enclave_app_arguments *arguments,
                                     const struct seen *seen, char **operands, int count,
                                     struct vsa_error *error)
{
    arguments->mode = seen->daemon ? ENCLAVE_APP_DAEMON : ENCLAVE_APP_ONE_SHOT;
    if (seen->limits)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "limits are a server's: add --vsock or --listen");
    if (seen->daemon && arguments->generate_key)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--generate-key is for one document; --daemon has the command attest-key");
    if (count > (seen->daemon ? 0 : 2))
        return too_many_operands(operands[count - 1], error);
    arguments->user_data = count > 0 ? operands[0] : VSA_DEFAULT_USER_DATA;
    arguments->nonce = count > 1 ? operands[1] : NULL;
    return VSA_OK;
}

static enum vsa_status combine(struct option_parser *parser,
                               struct enclave_app_arguments *arguments, const struct seen *seen,
                               struct vsa_error *error)
{
    char **operands;
    int count = options_operands(parser, &operands);
    bool serve = seen->vsock || arguments->server.listen;
    if (serve && seen->daemon)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--daemon and a server exclude each other");
    if (serve)
        return combine_server(arguments, seen->vsock, operands, count, error);
    return combine_local(arguments, seen, operands, count, error);
}

enum vsa_status enclave_app_read_arguments(int argc, char **argv,
                                           struct enclave_app_arguments *arguments,
                                           struct vsa_error *error)
{
    struct option_parser parser;
    struct seen seen = {0};
    *arguments = (struct enclave_app_arguments){.log_level = LOG_INFO};
    vsa_server_options_init(&arguments->server);
    arguments->server.listen = NULL;
    options_start(&parser, argc, argv, option_table, NULL);
    for (;;) {
        int key;
        const char *value;
        VSA_TRY(options_next(&parser, &key, &value, error));
        if (key == OPTION_KEY_END)
            return combine(&parser, arguments, &seen, error);
        if (key == OPTION_KEY_HELP || key == OPTION_KEY_VERSION) {
            arguments->mode = ENCLAVE_APP_DONE;
            if (key == OPTION_KEY_HELP)
                print_help();
            else
                (void)printf("%s %s\n", ENCLAVE_APP, vsa_version());
            return VSA_OK;
        }
        VSA_TRY(take_option(key, value, arguments, &seen, error));
    }
}
