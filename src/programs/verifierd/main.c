/* SPDX-License-Identifier: Apache-2.0 */
/* vsattest-verifierd: the verification service. man/vsattest-verifierd.8.scd */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "clock/wall_clock.h"
#include "command_line/exit_code.h"
#include "command_line/options.h"
#include "command_line/output.h"
#include "command_line/service_manager.h"
#include "verifierd/http.h"
#include <vsattest/transport.h>

#define PROGRAM     "vsattest-verifierd"
#define MAX_THREADS 64
/* Of a store. */
#define MAX_REPLICAS 16

struct arguments {
    bool done; /* --help or --version was all */
    const char *listen;
    const char *password_file;
    char password[256];
    struct vsa_service_options service;
    struct vsa_http_options http;
};

static const struct program_option own_options[] = {
    OPTION_ROW_TEXT(arguments, listen, "listen", "ADDRESS",
                    "unix:PATH, or tcp:ADDR:PORT of the loopback\n"
                    "(default: tcp:127.0.0.1:8080)"),
    OPTION_ROW_TEXT(arguments, service.policies, "policies", "DIR", "policies, NAME.json each"),
    OPTION_ROW_TEXT(arguments, service.keys, "keys", "DIR",
                    "signing keys, *.pem each, on P-256 or P-384\n"
                    "(default: a key of this process alone)"),
    OPTION_ROW_TEXT(arguments, service.challenge_key, "challenge-key", "FILE",
                    "key of the challenges, or two, in base64\n"
                    "(default: a key of this process alone)"),
    OPTION_ROW_TEXT(arguments, service.store.url, "store", "URL",
                    "where challenges are redeemed: memory,\n"
                    "redis://HOST:PORT/DB or unix:/PATH\n"
                    "(default: memory, for one process)"),
    OPTION_ROW_TEXT(arguments, password_file, "store-password", "FILE", "the store's password"),
    OPTION_ROW_NUMBER(arguments, service.store.replicas, "store-wait", "N",
                      "replicas of the store that must have a redemption", 1, MAX_REPLICAS),
    OPTION_ROW_TEXT(arguments, service.store.service_id, "service-id", "ID",
                    "prefix of this service's keys in the store\n"
                    "(default: vsattest)"),
    OPTION_ROW_TEXT(arguments, service.clients, "clients", "FILE",
                    "clients that may ask: NAME SHA256 [RATE] a line\n"
                    "(default: any client)"),
    OPTION_ROW_TEXT(arguments, service.issuer, "issuer", "URI", "issuer (iss) of the tokens"),
    OPTION_ROW_NUMBER(arguments, service.rate, "rate", "N",
                      "requests a second of one client (default: 50)", 1, VSA_MAX_RATE_LIMIT),
    OPTION_ROW_NUMBER(arguments, service.burst, "burst", "N",
                      "requests at once of one client (default: 100)", 1, VSA_MAX_RATE_LIMIT),
    OPTION_ROW_SECONDS(arguments, service.skew_ms, "clock-skew", "SECONDS",
                       "by which clocks of replicas may differ\n"
                       "(default: 5)",
                       0, VSA_SERVICE_MAX_SKEW_MS / 1000),
    OPTION_ROW_NUMBER(arguments, http.threads, "threads", "N", "threads (default: one a processor)",
                      1, MAX_THREADS),
    OPTION_ROW_FLAG(arguments, http.trust_proxy, "trust-proxy",
                    "take the client's address from X-Forwarded-For"),
    OPTION_ROW_HELP,
    OPTION_ROW_VERSION,
    OPTION_ROWS_END,
};

/* --- arguments -------------------------------------------------------------------------------- */

static const struct option_set option_set = {
    .usage =
        "Usage: vsattest-verifierd --policies DIR [OPTION]...\n"
        "\n"
        "A service that verifies attestation documents of AWS Nitro enclaves and answers with\n"
        "signed results (EAR). SIGHUP reads policies, keys and clients again.\n\n",
    .groups = {{NULL, own_options}},
    .program = PROGRAM,
};

static void set_defaults(struct arguments *arguments)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *arguments = (struct arguments){
        .listen = "tcp:127.0.0.1:8080",
        .service =
            {
                .rate = VSA_SERVICE_DEFAULT_RATE,
                .burst = VSA_SERVICE_DEFAULT_BURST,
                .skew_ms = VSA_SERVICE_DEFAULT_SKEW_MS,
                .store = {.url = "memory", .service_id = "vsattest"},
            },
    };
    arguments->http.threads = processors > 0 && processors < MAX_THREADS ? (unsigned)processors : 1;
}

/* Reads the first line. */
static enum vsa_status read_password(const char *path, struct arguments *arguments,
                                     struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_TRY(vsa_whole_file_read(path, sizeof(arguments->password) - 1, &file, error));
    memcpy(arguments->password, file.data, file.size);
    vsa_wipe(file.data, file.size);
    arguments->password[strcspn(arguments->password, "\r\n")] = '\0';
    if (!arguments->password[0])
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--store-password: the file's first line is empty");
    arguments->service.store.password = arguments->password;
    return VSA_OK;
}

static bool is_plain(const char *text, size_t highest)
{
    size_t size = strlen(text);
    return size && size <= highest &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == size;
}

static enum vsa_status check_arguments(const struct option_operands *operands,
                                       struct arguments *arguments, struct vsa_error *error)
{
    const char *issuer = arguments->service.issuer;
    if (operands->count)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s' is no option (see --help)",
                        operands->words[0]);
    if (!arguments->service.policies)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--policies DIR is needed: what to appraise by");
    if (!is_plain(arguments->service.store.service_id, 64))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--service-id is 1 to 64 characters of a-z, 0-9, '-', '_' and '.'");
    if (issuer && (!*issuer || strlen(issuer) > VSA_MAX_TOKEN_TEXT ||
                   !vsa_slice_is_utf8(vsa_slice_of_text(issuer))))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--issuer is 1 to %d bytes of text",
                        VSA_MAX_TOKEN_TEXT);
    return arguments->password_file ? read_password(arguments->password_file, arguments, error)
                                    : VSA_OK;
}

static enum vsa_status read_arguments(int argc, char **argv, struct arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_operands operands;
    set_defaults(arguments);
    VSA_TRY(options_read(&option_set, argc, argv, arguments, &operands, error));
    arguments->done = operands.done;
    return operands.done ? VSA_OK : check_arguments(&operands, arguments, error);
}

/* --- running ---------------------------------------------------------------------------------- */

static enum vsa_status listen_for_clients(const char *text, struct vsa_listener *listener,
                                          struct vsa_error *error)
{
    struct vsa_address address;
    VSA_TRY(vsa_address_parse(text, &address, error));
    if (address.kind != VSA_ADDRESS_UNIX && address.kind != VSA_ADDRESS_TCP)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--listen takes unix:PATH or tcp:ADDR:PORT");
    return vsa_listen(&address, listener, error);
}

/* Logs what is only of this process: a second one beside it would not recognise it. */
static void log_start(const struct arguments *arguments)
{
    const struct vsa_service_options *service = &arguments->service;
    (void)fprintf(stderr, PROGRAM ": serves on %s with %u threads\n", arguments->listen,
                  arguments->http.threads);
    if (strcmp(service->store.url, "memory") == 0)
        (void)fputs(PROGRAM ": challenges are redeemed in this process alone: no replicas without "
                            "--store\n",
                    stderr);
    if (!service->keys)
        (void)fputs(PROGRAM ": the signing key is of this process and ends with it (--keys)\n",
                    stderr);
}

static void reload(struct vsa_service *service)
{
    struct vsa_error error = {0};
    if (vsa_service_reload(service, &error) == VSA_OK) {
        (void)fputs(PROGRAM ": policies and keys read again\n", stderr);
        return;
    }
    vsa_error_wrap(&error, "reload failed, everything stays as it was");
    output_error(PROGRAM, &error);
}

/* Waits for signals, which are blocked in all threads. */
static void serve(struct vsa_service *service, struct vsa_http *http, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    int number = 0;
    while (number <= 0 || number == SIGHUP) {
        number = sigtimedwait(signals, NULL, &second);
        vsa_http_shut_down_late(http);
        if (number != SIGHUP)
            continue;
        service_manager_send_reloading();
        reload(service);
        service_manager_send_ready();
    }
}

static enum vsa_status run(struct arguments *arguments, struct vsa_error *error)
{
    sigset_t signals;
    struct vsa_listener listener = {.fd = -1};
    struct vsa_http *http = NULL;
    VSA_CLEANUP(vsa_cleanup_service) struct vsa_service *service = NULL;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    service_manager_connect(PROGRAM);
    /* So that no hash of a client's JSON can be computed beforehand. */
    json_object_seed(0);
    VSA_TRY(vsa_service_new(&arguments->service, vsa_wall_clock_ms(), &service, error));
    VSA_TRY(listen_for_clients(arguments->listen, &listener, error));
    /* No page reaches a Unix socket; a proxy has names of its own, which it passes on. */
    arguments->http.check_host =
        listener.address.kind == VSA_ADDRESS_TCP && !arguments->http.trust_proxy;
    /* Another descriptor of the socket: either side closes its own. */
    arguments->http.fd = fcntl(listener.fd, F_DUPFD_CLOEXEC, 0);
    enum vsa_status status = vsa_http_start(service, &arguments->http, &http, error);
    if (status == VSA_OK) {
        log_start(arguments);
        service_manager_send_ready();
        serve(service, http, &signals);
        service_manager_send_stopping();
    }
    /* The path goes first, so that a balancer asks elsewhere while the rest is answered. */
    vsa_listener_close(&listener);
    vsa_http_stop(http);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct vsa_error error = {0};
    output_start();
    enum vsa_status status = read_arguments(argc, argv, &arguments, &error);
    enum exit_code code = exit_code_of_arguments(status);
    if (status == VSA_OK) {
        status = arguments.done ? output_finish(&error) : run(&arguments, &error);
        code = exit_code_of(status);
    }
    if (status != VSA_OK)
        output_error(PROGRAM, &error);
    vsa_wipe(arguments.password, sizeof(arguments.password));
    return (int)code;
}
