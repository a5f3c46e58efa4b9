/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app/enclave_app.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "command_line/numbers.h"
#include "command_line/options.h"
#include "programs/enclave_app/settings.h"
#include "protocol/attest.h"

#define HIGHEST_PORT 4294967294

/* What is on the command line, before it is clear what it adds up to. */
struct command_line {
    bool vsock;
    bool daemon;
    bool generate_key;
    bool no_sandbox;
    const char *config;
    settings_set settings;
    struct enclave_app_arguments *arguments;
};

static const struct program_option option_table[] = {
    OPTION_ROW_FLAG(command_line, vsock, "vsock", "serve on a vsock port: PORT, or 9000"),
    OPTION_ROW_FLAG(command_line, vsock, "vsock-server", NULL),
    OPTION_ROW_FLAG(command_line, daemon, "daemon",
                    "read commands from standard input; \"help\" lists them"),
    OPTION_ROW_FLAG(command_line, generate_key, "generate-key",
                    "put a fresh P-384 public key into the document"),
    OPTION_ROW_FLAG(command_line, no_sandbox, "no-sandbox",
                    "a server keeps its privileges and all system calls"),
    OPTION_ROW_TEXT(command_line, config, "config", "FILE",
                    "read settings (below) from a file, as name = value"),
    OPTION_ROW_HELP,
    OPTION_ROW_VERSION,
    OPTION_ROWS_END,
};

static const char usage[] =
    "Usage: enclave_app --vsock [PORT] [OPTION]...\n"
    "       enclave_app --listen ADDRESS [OPTION]...\n"
    "       enclave_app --daemon [OPTION]...\n"
    "       enclave_app [--generate-key] [OPTION]... [USER_DATA [NONCE]]\n"
    "\n"
    "Runs in a Nitro enclave. Serves attestation documents of the Nitro Secure Module\n"
    "(NSM), makes them on command, or prints one as base64 on standard output.\n\n";

/* Takes settings by their position. */
static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct command_line *seen = context;
    return settings_take(&enclave_app_settings, key - OPTION_KEY_PROGRAM, value, seen->arguments,
                         &seen->settings, error);
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
    if (arguments->server.listen && strncmp(arguments->server.listen, "tcp:", strlen("tcp:")) == 0)
        return vsa_fail(
            error, VSA_ERR_ARGUMENT,
            "address \"%.160s\": an enclave has no network; vsock_client --relay on its "
            "parent listens there for clients elsewhere",
            arguments->server.listen);
    if (arguments->backend_count == 0 &&
        (arguments->backend_sealed_only || arguments->backend_connections > 0))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--backend-sealed-only and --backend-connections are for backends: add "
                        "--backend");
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
                                     const struct command_line *seen, char **operands, int count,
                                     struct vsa_error *error)
{
    arguments->mode = seen->daemon ? ENCLAVE_APP_DAEMON : ENCLAVE_APP_ONE_SHOT;
    if (settings_any_only_server(&enclave_app_settings, seen->settings))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "limits and backends are a server's: add --vsock or --listen");
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
 * Reads the file. The command line wins: where it says what to do, the file's `listen` does not,
 * and limits of the file are no mistake without a server.
 */
static enum vsa_status read_config(struct enclave_app_arguments *arguments,
                                   const struct command_line *seen, bool has_operands,
                                   struct vsa_error *error)
{
    struct enclave_app_arguments overruled = {0};
    settings_set settings = seen->settings;
    const char *listen = arguments->server.listen;
    if (!seen->config)
        return VSA_OK;
    enum vsa_status status = settings_read_file(&enclave_app_settings, seen->config, arguments,
                                                &overruled, &arguments->config, &settings, error);
    if (vsa_status_class(status) == VSA_CLASS_IO)
        vsa_error_wrap(error, "--config");
    VSA_TRY(status);
    if (seen->vsock || seen->daemon || arguments->generate_key || has_operands)
        arguments->server.listen = listen;
    return VSA_OK;
}

static enum vsa_status combine(const struct option_operands *operands,
                               struct enclave_app_arguments *arguments,
                               const struct command_line *seen, struct vsa_error *error)
{
    char **words = operands->words;
    int count = operands->count;
    struct vsa_sealing_options *sealing = &arguments->sealing;
    VSA_TRY(read_config(arguments, seen, count > 0, error));
    /* A key that is to live shorter than the default overlap is not accepted for longer. */
    if (sealing->overlap_ms > sealing->lifetime_ms)
        sealing->overlap_ms = sealing->lifetime_ms;
    bool serve = seen->vsock || arguments->server.listen;
    if (serve && seen->daemon)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--daemon and a server exclude each other");
    if (serve)
        return combine_server(arguments, seen->vsock, words, count, error);
    return combine_local(arguments, seen, words, count, error);
}

void enclave_app_arguments_free(struct enclave_app_arguments *arguments)
{
    free(arguments->config);
}

enum vsa_status enclave_app_read_arguments(int argc, char **argv,
                                           struct enclave_app_arguments *arguments,
                                           struct vsa_error *error)
{
    struct program_option settings[SETTINGS_MAX + 1];
    struct command_line seen = {.arguments = arguments};
    struct option_operands operands;
    const struct option_set set = {
        .usage = usage,
        .groups = {{NULL, option_table}, {"Settings, also for a configuration file:", settings}},
        .program = ENCLAVE_APP,
        .take = take,
    };
    *arguments = (struct enclave_app_arguments){.log_level = LOG_INFO};
    vsa_server_options_init(&arguments->server);
    vsa_sealing_options_init(&arguments->sealing);
    arguments->server.listen = NULL;
    arguments->server.max_buffered = 0; /* by the machine, unless it is given */
    settings_options(&enclave_app_settings, OPTION_KEY_PROGRAM, settings);
    VSA_TRY(options_read(&set, argc, argv, &seen, &operands, error));
    arguments->generate_key = seen.generate_key;
    arguments->no_sandbox = seen.no_sandbox;
    arguments->mode = ENCLAVE_APP_DONE;
    return operands.done ? VSA_OK : combine(&operands, arguments, &seen, error);
}
