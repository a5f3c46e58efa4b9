/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/arguments.h"

#include "base/error.h"
#include "programs/exit_code.h"
#include "programs/numbers.h"
#include <vsattest/transport.h>

/* A day: more is a mistake. */
#define MAX_TIMEOUT_SECONDS 86400
#define DEFAULT_INTERVAL_MS 10000
/* Ten rounds a second: more is a load test. */
#define MIN_INTERVAL_MS 100
/* Least timeout of a round of --watch in ms; the default is its interval. */
#define MIN_ROUND_TIMEOUT_MS 1000

enum {
    KEY_PING = OPTION_KEY_PROGRAM,
    KEY_STATUS,
    KEY_ATTEST,
    KEY_VERIFY,
    KEY_GENERATE_KEY,
    KEY_SAVE,
    KEY_JSON,
    KEY_TIMEOUT,
    KEY_PORT,
    KEY_CID,
    KEY_CONNECT,
    KEY_ENCLAVE_NAME,
    KEY_ENCLAVE_ID,
    KEY_METRICS,
    KEY_WATCH,
    KEY_INTERVAL,
    KEY_COUNT,
    KEY_ALL,
    KEY_RETRIES,
};

static const struct program_option own_options[] = {
    {"ping", KEY_PING, NULL, "see whether the enclave answers", false},
    {"status", KEY_STATUS, NULL, "show the server's status", false},
    {"attest", KEY_ATTEST, NULL, "request a document, verify nothing; print it in base64", false},
    {"verify", KEY_VERIFY, NULL, "request a document and verify it", false},
    {"metrics", KEY_METRICS, NULL, "print the server's metrics in Prometheus's text format", false},
    {"watch", KEY_WATCH, NULL,
     "verify again and again, a line a round, and compare\n"
     "with the first",
     false},
    {"interval", KEY_INTERVAL, "SECONDS", "from round to round of --watch (default: 10)", false},
    {"count", KEY_COUNT, "N", "rounds of --watch (default: until it is stopped)", false},
    {"all", KEY_ALL, NULL, "every running enclave of this instance", false},
    {"generate-key", KEY_GENERATE_KEY, NULL, "have a key made in the enclave and attested", false},
    {"save", KEY_SAVE, "FILE", "write the document (in base64) or the metrics there", false},
    {"json", KEY_JSON, NULL,
     "print one JSON object, also on failure; with --watch\n"
     "one a line",
     false},
    {"timeout", KEY_TIMEOUT, "SECONDS",
     "for everything, connecting included (default: 30);\n"
     "with --watch for a round (default: the interval)",
     false},
    {"retries", KEY_RETRIES, "N",
     "ask again up to N times if the enclave is not there\n"
     "or busy, within --timeout (default: 0)",
     false},
    {"cid", KEY_CID, "CID", "the enclave's CID (default: ask nitro-cli)", false},
    {"port", KEY_PORT, "PORT", "vsock port (default: 9000)", false},
    {"enclave-name", KEY_ENCLAVE_NAME, "NAME", "which enclave, if several run", false},
    {"enclave-id", KEY_ENCLAVE_ID, "ID", "the same by ID", false},
    {"connect", KEY_CONNECT, "ADDRESS",
     "vsock:CID:PORT, unix:PATH or\n"
     "vsock-mux:PATH:PORT instead of the above",
     false},
    {"help", OPTION_KEY_HELP, NULL, "print this", false},
    {"version", OPTION_KEY_VERSION, NULL, "print the version", false},
    {NULL, 0, NULL, NULL, false},
};

static void print_help(void)
{
    (void)puts(
        "Usage: vsock_client (--ping | --status | --metrics | --attest | --verify | --watch)\n"
        "                    [OPTION]...\n"
        "\n"
        "Talks to enclave_app in a Nitro enclave, from its parent instance.\n");
    options_print_help(stdout, own_options);
    (void)puts(
        "\nWhat the document must be (--verify, --watch). User data and nonce are what is sent\n"
        "and what is expected back; without a nonce a random one is made:");
    options_print_help(stdout, policy_option_table);
    (void)puts("\nIn JSON \"success\" says that the enclave answered; only \"verified\" says that "
               "the document\n"
               "holds: jq -e .verified. It is false beside \"success\": true where a document is "
               "refused.");
    (void)fputs("\n" EXIT_CODE_HELP "\nSee vsock_client(1).\n", stdout);
}

static enum vsa_status usage(struct vsa_error *error, const char *text)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, "%s", text);
}

static enum vsa_status take_action(struct client_arguments *arguments, enum client_action action,
                                   struct vsa_error *error)
{
    enum client_action before = arguments->action;
    /* --verify requests a document anyway. */
    bool both = (before == CLIENT_ACTION_ATTEST && action == CLIENT_ACTION_VERIFY) ||
                (before == CLIENT_ACTION_VERIFY && action == CLIENT_ACTION_ATTEST);
    if (before != CLIENT_ACTION_NONE && before != action && !both)
        return usage(error, "one action at a time: --ping, --status, --metrics, --attest or "
                            "--verify (which includes --attest)");
    arguments->action = both ? CLIENT_ACTION_VERIFY : action;
    return VSA_OK;
}

static enum vsa_status take_cid(struct client_arguments *arguments, const char *value,
                                struct vsa_error *error)
{
    uint64_t cid;
    VSA_TRY(numbers_parse("--cid", value, 1, VSA_CID_ANY - 1, &cid, error));
    /* 1 is the loopback of test benches; 0 and 2 can never be an enclave (vm_sockets.h). */
    if (cid == 2)
        return usage(error, "--cid: 2 is the host itself; nitro-cli describe-enclaves shows the "
                            "CIDs of enclaves");
    arguments->cid = (uint32_t)cid;
    arguments->has_cid = true;
    return VSA_OK;
}

static enum vsa_status take_port(struct client_arguments *arguments, const char *value,
                                 struct vsa_error *error)
{
    uint64_t port;
    VSA_TRY(numbers_parse("--port", value, 1, UINT32_MAX - 1, &port, error));
    arguments->port = (uint32_t)port;
    arguments->has_port = true;
    return VSA_OK;
}

static enum vsa_status take_timeout(struct client_arguments *arguments, const char *value,
                                    struct vsa_error *error)
{
    VSA_TRY(numbers_parse_seconds("--timeout", value, MAX_TIMEOUT_SECONDS, &arguments->timeout_ms,
                                  error));
    if (arguments->timeout_ms == 0)
        return usage(error, "--timeout: 0 seconds leave no time for an answer");
    return VSA_OK;
}

static enum vsa_status take_interval(struct client_arguments *arguments, const char *value,
                                     struct vsa_error *error)
{
    VSA_TRY(numbers_parse_seconds("--interval", value, MAX_TIMEOUT_SECONDS, &arguments->interval_ms,
                                  error));
    if (arguments->interval_ms < MIN_INTERVAL_MS)
        return usage(error, "--interval: at least 0.1 seconds; more rounds are a load test");
    return VSA_OK;
}

static enum vsa_status take_retries(struct client_arguments *arguments, const char *value,
                                    struct vsa_error *error)
{
    uint64_t retries;
    VSA_TRY(numbers_parse("--retries", value, 0, VSA_MAX_RETRIES, &retries, error));
    arguments->retries = (unsigned)retries;
    return VSA_OK;
}

static enum vsa_status take_option(struct client_arguments *arguments, int key, const char *value,
                                   struct vsa_error *error)
{
    switch (key) {
    case KEY_PING:
        return take_action(arguments, CLIENT_ACTION_PING, error);
    case KEY_STATUS:
        return take_action(arguments, CLIENT_ACTION_STATUS, error);
    case KEY_ATTEST:
        return take_action(arguments, CLIENT_ACTION_ATTEST, error);
    case KEY_VERIFY:
        return take_action(arguments, CLIENT_ACTION_VERIFY, error);
    case KEY_METRICS:
        return take_action(arguments, CLIENT_ACTION_METRICS, error);
    case KEY_WATCH:
        arguments->watch = true;
        return VSA_OK;
    case KEY_INTERVAL:
        return take_interval(arguments, value, error);
    case KEY_COUNT:
        return numbers_parse("--count", value, 1, UINT32_MAX, &arguments->count, error);
    case KEY_ALL:
        arguments->all = true;
        return VSA_OK;
    case KEY_RETRIES:
        return take_retries(arguments, value, error);
    case KEY_GENERATE_KEY:
        arguments->generate_key = true;
        return VSA_OK;
    case KEY_SAVE:
        arguments->save = value;
        return VSA_OK;
    case KEY_JSON:
        arguments->json = true;
        return VSA_OK;
    case KEY_TIMEOUT:
        return take_timeout(arguments, value, error);
    case KEY_PORT:
        return take_port(arguments, value, error);
    case KEY_CID:
        return take_cid(arguments, value, error);
    case KEY_CONNECT:
        arguments->address = value;
        return VSA_OK;
    case KEY_ENCLAVE_NAME:
        arguments->selector.name = value;
        return VSA_OK;
    case KEY_ENCLAVE_ID:
        arguments->selector.id = value;
        return VSA_OK;
    default:
        return policy_options_take(&arguments->policy, key, value, error);
    }
}

/* An option without effect is a misunderstanding: reject it. */
static enum vsa_status check_enclave(const struct client_arguments *arguments,
                                     struct vsa_error *error)
{
    bool selects = arguments->selector.name || arguments->selector.id;
    if (arguments->address && (arguments->has_cid || arguments->has_port || selects))
        return usage(error, "--connect says it all: no --cid, --port, --enclave-name or "
                            "--enclave-id beside it");
    if (arguments->has_cid && selects)
        return usage(error, "--cid already says which enclave: no --enclave-name or --enclave-id");
    if (arguments->all && (arguments->address || arguments->has_cid || selects))
        return usage(error, "--all means every enclave that nitro-cli shows: no --connect, --cid, "
                            "--enclave-name or --enclave-id beside it");
    if (arguments->address) {
        struct vsa_address ignored;
        return vsa_address_parse(arguments->address, &ignored, error);
    }
    return VSA_OK;
}

static enum vsa_status check_request(const struct client_arguments *arguments,
                                     struct vsa_error *error)
{
    const struct policy_options *policy = &arguments->policy;
    bool verifies =
        arguments->action == CLIENT_ACTION_VERIFY || arguments->action == CLIENT_ACTION_WATCH;
    bool documents = verifies || arguments->action == CLIENT_ACTION_ATTEST;
    if (!documents &&
        (arguments->generate_key || policy->policy.user_data.data || policy->policy.nonce.data))
        return usage(error, "--generate-key, --user-data and --nonce go with --attest, --verify or "
                            "--watch");
    if (policy->check_only && !verifies)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--%s is about verification: it needs --verify or --watch",
                        policy->check_only);
    if (policy->document_time)
        return usage(error, "--at document is for saved documents (verifier): one made just now is "
                            "judged at the time of this machine's clock");
    return VSA_OK;
}

static enum vsa_status check_save(const struct client_arguments *arguments, struct vsa_error *error)
{
    enum client_action action = arguments->action;
    bool saves = action == CLIENT_ACTION_ATTEST || action == CLIENT_ACTION_VERIFY ||
                 action == CLIENT_ACTION_METRICS;
    if (arguments->save && (!saves || arguments->all))
        return usage(error, "--save goes with --attest, --verify or --metrics of one enclave");
    if (arguments->save && strcmp(arguments->save, "-") == 0)
        return usage(error,
                     "--save takes a file; without it --attest and --metrics write to standard "
                     "output (a file of that name is ./-)");
    if (arguments->all && (action == CLIENT_ACTION_ATTEST || action == CLIENT_ACTION_METRICS))
        return usage(error, "--all goes with --ping, --status or --verify; documents and "
                            "metrics are asked of one enclave at a time, say by --cid");
    return VSA_OK;
}

static enum vsa_status check_watch(const struct client_arguments *arguments,
                                   struct vsa_error *error)
{
    if (arguments->action != CLIENT_ACTION_WATCH) {
        if (arguments->count || arguments->interval_ms)
            return usage(error, "--interval and --count go with --watch");
        return VSA_OK;
    }
    if (arguments->policy.policy.nonce.data)
        return usage(error, "--watch makes a new nonce each round: no --nonce beside it");
    if (arguments->policy.has_time)
        return usage(error, "--watch goes on, and --at is one moment: not both");
    return VSA_OK;
}

static enum vsa_status check(const struct client_arguments *arguments, struct vsa_error *error)
{
    if (arguments->action == CLIENT_ACTION_NONE)
        return usage(error, "what to do? --ping, --status, --metrics, --attest, --verify or "
                            "--watch (see --help)");
    VSA_TRY(check_enclave(arguments, error));
    VSA_TRY(check_request(arguments, error));
    VSA_TRY(check_save(arguments, error));
    return check_watch(arguments, error);
}

static enum vsa_status settle_watch(struct client_arguments *arguments, struct vsa_error *error)
{
    enum client_action action = arguments->action;
    if (!arguments->watch)
        return VSA_OK;
    if (action != CLIENT_ACTION_NONE && action != CLIENT_ACTION_VERIFY)
        return usage(error, "--watch verifies: it stands alone or with --verify (the same)");
    if (arguments->all)
        return usage(error, "--watch is for one enclave: no --all beside it; several have one "
                            "vsock_client each, say by --enclave-name");
    arguments->action = CLIENT_ACTION_WATCH;
    return VSA_OK;
}

static void settle_times(struct client_arguments *arguments)
{
    bool watch = arguments->action == CLIENT_ACTION_WATCH;
    if (watch && !arguments->interval_ms)
        arguments->interval_ms = DEFAULT_INTERVAL_MS;
    if (arguments->timeout_ms)
        return;
    arguments->timeout_ms = VSA_DEFAULT_CLIENT_TIMEOUT_MS;
    if (watch && arguments->interval_ms < arguments->timeout_ms)
        arguments->timeout_ms = arguments->interval_ms;
    if (arguments->timeout_ms < MIN_ROUND_TIMEOUT_MS)
        arguments->timeout_ms = MIN_ROUND_TIMEOUT_MS;
}

static enum vsa_status finish(struct option_parser *parser, struct client_arguments *arguments,
                              struct vsa_error *error)
{
    char **operands;
    if (options_operands(parser, &operands) > 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s' is not an option (see --help)",
                        operands[0]);
    VSA_TRY(settle_watch(arguments, error));
    VSA_TRY(check(arguments, error));
    VSA_TRY(policy_options_finish(&arguments->policy, error));
    settle_times(arguments);
    return VSA_OK;
}

enum vsa_status client_arguments_read(int argc, char **argv, struct client_arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_parser parser;
    *arguments = (struct client_arguments){.port = VSA_DEFAULT_PORT};
    options_start(&parser, argc, argv, own_options, policy_option_table);
    VSA_TRY(policy_options_init(&arguments->policy, error));
    for (;;) {
        int key;
        const char *value;
        VSA_TRY(options_next(&parser, &key, &value, error));
        if (key == OPTION_KEY_END)
            return finish(&parser, arguments, error);
        if (key == OPTION_KEY_HELP || key == OPTION_KEY_VERSION) {
            arguments->action = CLIENT_ACTION_NONE;
            if (key == OPTION_KEY_HELP)
                print_help();
            else
                (void)printf("vsock_client %s\n", vsa_version());
            return VSA_OK;
        }
        VSA_TRY(take_option(arguments, key, value, error));
    }
}
