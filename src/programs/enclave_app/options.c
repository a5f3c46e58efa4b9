/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app/enclave_app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "programs/enclave_app/settings.h"
#include "programs/numbers.h"
#include "programs/options.h"
#include "protocol/attest.h"

#define HIGHEST_PORT 4294967294

enum {
    KEY_VSOCK = OPTION_KEY_PROGRAM,
    KEY_DAEMON,
    KEY_GENERATE_KEY,
    KEY_NO_SANDBOX,
    KEY_CONFIG,
    KEY_SETTING, /* and on: settings by their position */
};

static const struct program_option option_table[] = {
    {"vsock", KEY_VSOCK, NULL, "serve on a vsock port: PORT, or 9000", false},
    {"vsock-server", KEY_VSOCK, NULL, NULL, false},
    {"daemon", KEY_DAEMON, NULL, "read commands from standard input; \"help\" lists them", false},
    {"generate-key", KEY_GENERATE_KEY, NULL, "put a fresh P-384 public key into the document",
     false},
    {"no-sandbox", KEY_NO_SANDBOX, NULL, "a server keeps its privileges and all system calls",
     false},
    {"config", KEY_CONFIG, "FILE", "read settings (below) from a file, as name = value", false},
    {"help", OPTION_KEY_HELP, NULL, "print this", false},
    {"version", OPTION_KEY_VERSION, NULL, "print the version", false},
    {NULL, 0, NULL, NULL, false},
};

static void print_help(const struct program_option *settings)
{
    (void)puts("Usage: enclave_app --vsock [PORT] [OPTION]...\n"
               "       enclave_app --listen ADDRESS [OPTION]...\n"
               "       enclave_app --daemon [OPTION]...\n"
               "       enclave_app [--generate-key] [OPTION]... [USER_DATA [NONCE]]\n"
               "\n"
               "Runs in a Nitro enclave. Serves attestation documents of the Nitro Secure Module\n"
               "(NSM), makes them on command, or prints one as base64 on standard output.\n");
    options_print_help(stdout, option_table);
    (void)fputs("\nSettings, also for a configuration file:\n", stdout);
    options_print_help(stdout, settings);
    (void)fputs("\n" EXIT_CODE_HELP "\nSee enclave_app(1).\n", stdout);
}

/* What was on the command line, before it is clear what it adds up to. */
struct seen {
    bool vsock;
    bool daemon;
    const char *config;
    settings_set settings;
};

static enum vsa_status take_option(int key, const char *value,
                                   struct enclave_app_arguments *arguments, struct seen *seen,
                                   struct vsa_error *error)
{
    switch (key) {
    case KEY_VSOCK:
        seen->vsock = true;
        return VSA_OK;
    case KEY_DAEMON:
        seen->daemon = true;
        return VSA_OK;
    case KEY_GENERATE_KEY:
        arguments->generate_key = true;
        return VSA_OK;
    case KEY_NO_SANDBOX:
        arguments->no_sandbox = true;
        return VSA_OK;
    case KEY_CONFIG:
        seen->config = value;
        return VSA_OK;
    default:
        return settings_take(key - KEY_SETTING, value, arguments, &seen->settings, error);
    }
}

static enum vsa_status too_many_operands(const char *operand, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s' is one argument too many", operand);
}

static enum vsa_status combine_server(struct enclave_app_arguments *arguments, bool vsock,
                                      char **operands, int count, struct vsa_error *error)
{
    uint64_t port = VSA_DEFAULT_PORT;
    arguments->mode = ENCLAVE_APP_SERVER;
    if (arguments->generate_key)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--generate-key is for one document; clients of a server ask for keys "
                        "themselves");
    if (arguments->server.listen && vsock)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
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
    if (settings_any_only_server(seen->settings))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "limits are a server's: add --vsock or --listen");
    if (seen->daemon && arguments->generate_key)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--generate-key is for one document; --daemon has the command attest-key");
    if (count > (seen->daemon ? 0 : 2))
        return too_many_operands(operands[count - 1], error);
    arguments->user_data = count > 0 ? operands[0] : VSA_DEFAULT_USER_DATA;
    arguments->nonce = count > 1 ? operands[1] : NULL;
    return VSA_OK;
}

/*
 * The command line wins: where it says what to do, the file's `listen` does not, and limits of the
 * file are no mistake without a server.
 */
static enum vsa_status read_config(struct enclave_app_arguments *arguments, const struct seen *seen,
                                   bool has_operands, struct vsa_error *error)
{
    settings_set settings = seen->settings;
    const char *listen = arguments->server.listen;
    if (!seen->config)
        return VSA_OK;
    VSA_TRY(settings_read_file(seen->config, arguments, &settings, error));
    if (seen->vsock || seen->daemon || arguments->generate_key || has_operands)
        arguments->server.listen = listen;
    return VSA_OK;
}

static enum vsa_status combine(struct option_parser *parser,
                               struct enclave_app_arguments *arguments, const struct seen *seen,
                               struct vsa_error *error)
{
    char **operands;
    int count = options_operands(parser, &operands);
    VSA_TRY(read_config(arguments, seen, count > 0, error));
    bool serve = seen->vsock || arguments->server.listen;
    if (serve && seen->daemon)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--daemon and a server exclude each other");
    if (serve)
        return combine_server(arguments, seen->vsock, operands, count, error);
    return combine_local(arguments, seen, operands, count, error);
}

void enclave_app_arguments_free(struct enclave_app_arguments *arguments)
{
    free(arguments->config);
}

enum vsa_status enclave_app_read_arguments(int argc, char **argv,
                                           struct enclave_app_arguments *arguments,
                                           struct vsa_error *error)
{
    struct option_parser parser;
    struct program_option settings[SETTINGS_MAX + 1];
    struct seen seen = {0};
    *arguments = (struct enclave_app_arguments){.log_level = LOG_INFO};
    vsa_server_options_init(&arguments->server);
    arguments->server.listen = NULL;
    arguments->server.max_buffered = 0; /* by the machine, unless it is given */
    settings_options(KEY_SETTING, settings);
    options_start(&parser, argc, argv, option_table, settings);
    for (;;) {
        int key;
        const char *value;
        VSA_TRY(options_next(&parser, &key, &value, error));
        if (key == OPTION_KEY_END)
            return combine(&parser, arguments, &seen, error);
        if (key == OPTION_KEY_HELP || key == OPTION_KEY_VERSION) {
            arguments->mode = ENCLAVE_APP_DONE;
            if (key == OPTION_KEY_HELP)
                print_help(settings);
            else
                (void)printf("%s %s\n", ENCLAVE_APP, vsa_version());
            return VSA_OK;
        }
        VSA_TRY(take_option(key, value, arguments, &seen, error));
    }
}
