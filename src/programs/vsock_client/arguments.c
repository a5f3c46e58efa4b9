/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/arguments.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "command_line/secret_file.h"
#include "protocol/json.h"
#include "protocol/request.h"
#include <vsattest/seal.h>
#include <vsattest/transport.h>

/* A day: more is a mistake. */
#define MAX_TIMEOUT_SECONDS 86400
#define DEFAULT_INTERVAL_MS 10000
/* A private key in PEM has a tenth of it. */
#define MAX_KEY_FILE 4096
/* Clients of a relay; each takes two descriptors. */
#define DEFAULT_RELAYED 256
#define MAX_RELAYED     100000
/* Half of the documents that an enclave makes for its parent: its own clients have the rest. */
#define DEFAULT_RELAY_RATE (VSA_DEFAULT_RATE_LIMIT / 2)
/* Ten rounds a second: more is a load test. */
#define MIN_INTERVAL_MS 100
/* Least timeout of a round of --watch in ms; the default is its interval. */
#define MIN_ROUND_TIMEOUT_MS 1000
/* A list of all actions. */
#define ACTIONS_TEXT 120

/* The key of the first action; the others follow. */
#define KEY_ACTION OPTION_KEY_PROGRAM
/* "Not given" of --rate-limit, for which 0 has a meaning. */
#define NO_RATE_LIMIT UINT64_MAX

static const struct program_option own_options[] = {
    OPTION_ROW_FLAG(client_arguments, watch, "watch",
                    "verify again and again, a line a round, and compare\n"
                    "with the first"),
    OPTION_ROW_SECONDS(client_arguments, interval_ms, "interval", "SECONDS",
                       "from round to round of --watch (default: 10)", MIN_INTERVAL_MS,
                       MAX_TIMEOUT_SECONDS),
    OPTION_ROW_NUMBER(client_arguments, count, "count", "N",
                      "rounds of --watch (default: until it is stopped)", 1, UINT32_MAX),
    OPTION_ROW_FLAG(client_arguments, all, "all", "every running enclave of this instance"),
    OPTION_ROW_FLAG(client_arguments, generate_key, "generate-key",
                    "have a key made in the enclave and attested"),
    OPTION_ROW_TEXT(client_arguments, save, "save", "FILE",
                    "write the document (in base64) or the metrics there"),
    OPTION_ROW_FLAG(client_arguments, json, "json",
                    "print one JSON object, also on failure; with --watch\n"
                    "one a line"),
    OPTION_ROW_SECONDS(client_arguments, timeout_ms, "timeout", "SECONDS",
                       "for everything, connecting included (default: 30);\n"
                       "with --watch for a round (default: the interval),\n"
                       "with --relay for a reply",
                       1, MAX_TIMEOUT_SECONDS),
    OPTION_ROW_NUMBER(client_arguments, retries, "retries", "N",
                      "ask again up to N times if the enclave is not there\n"
                      "or busy, within --timeout (default: 0)",
                      0, VSA_MAX_RETRIES),
    OPTION_ROW_NUMBER(client_arguments, place.cid, "cid", "CID",
                      "the enclave's CID (default: ask nitro-cli)", 1, VSA_CID_ANY - 1),
    OPTION_ROW_NUMBER(client_arguments, place.port, "port", "PORT", "vsock port (default: 9000)", 1,
                      UINT32_MAX - 1),
    OPTION_ROW_TEXT(client_arguments, place.selector.name, "enclave-name", "NAME",
                    "which enclave, if several run"),
    OPTION_ROW_TEXT(client_arguments, place.selector.id, "enclave-id", "ID", "the same by ID"),
    OPTION_ROW_TEXT(client_arguments, place.address, "connect", "ADDRESS",
                    "vsock:CID:PORT, unix:PATH,\n"
                    "vsock-mux:PATH:PORT or tcp:HOST:PORT\n"
                    "instead of the above"),
    OPTION_ROW_HELP,
    OPTION_ROW_VERSION,
    OPTION_ROWS_END,
};

static const struct program_option sealed_options[] = {
    OPTION_ROW_FLAG(client_arguments, sealed, "sealed",
                    "send it so that only an enclave that verifies can\n"
                    "read it, and only this program the reply"),
    OPTION_ROW_TEXT(client_arguments, aad, "aad", "TEXT",
                    "associated data, which the parent can read"),
    OPTION_ROW_TEXT(client_arguments, sign_key, "sign-key", "FILE",
                    "sign it with this private key (P-384)"),
    OPTION_ROW_FLAG(client_arguments, idempotent, "idempotent",
                    "send it again when its outcome is unknown: to carry\n"
                    "it out twice is harmless"),
    OPTION_ROWS_END,
};

static const struct program_option service_options[] = {
    OPTION_ROW_TEXT(client_arguments, service_policy, "service-policy", "NAME",
                    "which of its policies (needed)"),
    OPTION_ROW_TEXT(client_arguments, service_audience, "service-audience", "TEXT",
                    "whom the token is for"),
    OPTION_ROW_TEXT(client_arguments, service_token_file, "service-token-file", "FILE",
                    "the bearer token that it asks for"),
    OPTION_ROW_TEXT(client_arguments, cacert, "cacert", "FILE",
                    "certificates (PEM) to trust instead of the system's"),
    OPTION_ROWS_END,
};

static const struct program_option relay_options[] = {
    OPTION_ROW_TEXT(client_arguments, listen, "listen", "ADDRESS", "unix:PATH or tcp:HOST:PORT"),
    OPTION_ROW_FLAG(client_arguments, anywhere, "anywhere",
                    "HOST may be an address that other machines reach,\n"
                    "not only one of the loopback"),
    OPTION_ROW_NUMBER(client_arguments, max_connections, "max-connections", "N",
                      "clients at once (default: 256)", 1, MAX_RELAYED),
    OPTION_ROW_NUMBER(client_arguments, rate_limit, "rate-limit", "N",
                      "lines a second of all clients together, 0 for no\n"
                      "limit (default: 50)",
                      0, VSA_MAX_RATE_LIMIT),
    OPTION_ROW_SECONDS(client_arguments, idle_timeout_ms, "idle-timeout", "SECONDS",
                       "of a client without a complete line (default: 60)", 1, MAX_TIMEOUT_SECONDS),
    OPTION_ROWS_END,
};

static enum vsa_status usage(struct vsa_error *error, const char *text)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT, "%s", text);
}

static bool is_any(const struct client_action *action)
{
    (void)action;
    return true;
}

static bool may_save(const struct client_action *action)
{
    return action->save != NULL;
}

static bool may_all(const struct client_action *action)
{
    return action->columns != NULL;
}

/* Lists the actions that are such: "--ping, --status or --verify". */
static const char *list_actions(const struct client_action *actions,
                                bool (*is_such)(const struct client_action *action), char *text,
                                size_t capacity)
{
    size_t last = 0;
    size_t used = 0;
    for (size_t i = 0; actions[i].name; i++)
        last = is_such(&actions[i]) ? i : last;
    text[0] = '\0';
    for (size_t i = 0; i <= last && used < capacity; i++)
        if (is_such(&actions[i]))
            used += (size_t)snprintf(text + used, capacity - used, "%s--%s",
                                     used == 0   ? ""
                                     : i == last ? " or "
                                                 : ", ",
                                     actions[i].name);
    return text;
}

static enum vsa_status take_action(struct client_arguments *arguments,
                                   const struct client_action *action, const char *value,
                                   struct vsa_error *error)
{
    const struct client_action *before = arguments->action;
    char actions[ACTIONS_TEXT];
    /* Verifying requests a document anyway. */
    bool both =
        before && vsa_query_has_document(before->kind) && vsa_query_has_document(action->kind);
    if (before && before != action && !both)
        return vsa_fail(
            error, VSA_ERR_ARGUMENT,
            "one action at a time: %s (only --attest, --verify and --service go together)",
            list_actions(arguments->actions, is_any, actions, sizeof(actions)));
    if (action->argument)
        arguments->operand = value;
    /* What includes the other comes later: --attest, --verify, --service. */
    arguments->action = both && before > action ? before : action;
    return VSA_OK;
}

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct client_arguments *arguments = context;
    if (key >= KEY_ACTION)
        return take_action(arguments, &arguments->actions[key - KEY_ACTION], value, error);
    return policy_options_take(&arguments->policy, key, value, error);
}

/* Rejects options without effect: each is a misunderstanding. */
static enum vsa_status check_enclave(const struct client_arguments *arguments,
                                     struct vsa_error *error)
{
    bool selects = arguments->place.selector.name || arguments->place.selector.id;
    /* 1 is the loopback of test benches; 0 and 2 can never be an enclave (vm_sockets.h). */
    if (arguments->place.cid == 2)
        return usage(error, "--cid: 2 is the host itself; nitro-cli describe-enclaves shows the "
                            "CIDs of enclaves");
    if (arguments->place.address && (arguments->place.cid || arguments->place.port || selects))
        return usage(error, "--connect says it all: no --cid, --port, --enclave-name or "
                            "--enclave-id beside it");
    if (arguments->place.cid && selects)
        return usage(error, "--cid already says which enclave: no --enclave-name or --enclave-id");
    if (arguments->all && (arguments->place.address || arguments->place.cid || selects))
        return usage(error, "--all means every enclave that nitro-cli shows: no --connect, --cid, "
                            "--enclave-name or --enclave-id beside it");
    if (arguments->place.address) {
        struct vsa_address ignored;
        return vsa_address_parse(arguments->place.address, &ignored, error);
    }
    return VSA_OK;
}

static bool sends_request(const struct client_arguments *arguments)
{
    return arguments->action->kind == VSA_QUERY_REQUEST;
}

static enum vsa_status check_request(const struct client_arguments *arguments,
                                     struct vsa_error *error)
{
    const struct policy_options *policy = &arguments->policy;
    bool verifies = vsa_query_is_verifying(arguments->action->kind) || arguments->sealed;
    bool documents = vsa_query_has_document(arguments->action->kind);
    if (!documents &&
        (arguments->generate_key || policy->policy.user_data.data || policy->policy.nonce.data))
        return usage(error, "--generate-key, --user-data and --nonce go with --attest, --verify or "
                            "--watch");
    if (policy->check_only && !verifies)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--%s is about verification: it needs --verify, --watch or --sealed",
                        policy->check_only);
    if (policy->document_time)
        return usage(error, "--at document is for saved documents (verifier): one made just now is "
                            "judged at the time of this machine's clock");
    return VSA_OK;
}

static enum vsa_status check_save(const struct client_arguments *arguments, struct vsa_error *error)
{
    const struct client_action *action = arguments->action;
    char actions[ACTIONS_TEXT];
    if (arguments->save && (!may_save(action) || arguments->all || arguments->watch))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--save goes with %s of one enclave",
                        list_actions(arguments->actions, may_save, actions, sizeof(actions)));
    if (arguments->save && strcmp(arguments->save, "-") == 0)
        return usage(error,
                     "--save takes a file; without it --attest and --metrics write to standard "
                     "output (a file of that name is ./-)");
    if (arguments->all && !may_all(action))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--all goes with %s; documents and metrics are asked of one enclave at a "
                        "time, say by --cid",
                        list_actions(arguments->actions, may_all, actions, sizeof(actions)));
    return VSA_OK;
}

static enum vsa_status check_watch(const struct client_arguments *arguments,
                                   struct vsa_error *error)
{
    if (!arguments->watch) {
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

static enum vsa_status check_service(const struct client_arguments *arguments,
                                     struct vsa_error *error)
{
    const struct policy_options *policy = &arguments->policy;
    if (arguments->action->kind != VSA_QUERY_SERVICE) {
        if (arguments->service_policy || arguments->service_audience ||
            arguments->service_token_file || arguments->cacert)
            return usage(error, "--service-policy, --service-audience, --service-token-file and "
                                "--cacert go with --service");
        return VSA_OK;
    }
    if (!arguments->service_policy)
        return usage(error, "--service: by which of its policies? --service-policy NAME");
    if (policy->policy.nonce.data)
        return usage(error, "--service: its challenge is the nonce: no --nonce beside it");
    if (policy->check_only)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--service: its policy says what the document must be: no --%s beside it",
                        policy->check_only);
    if (arguments->cacert && access(arguments->cacert, R_OK) != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--cacert: cannot read %.160s: %s",
                        arguments->cacert, strerror(errno));
    return VSA_OK;
}

static enum vsa_status check_sealed(const struct client_arguments *arguments,
                                    struct vsa_error *error)
{
    if (arguments->sealed && !sends_request(arguments))
        return usage(error, "--sealed goes with --request");
    if ((arguments->aad || arguments->sign_key || arguments->idempotent) && !arguments->sealed)
        return usage(error, "--aad, --sign-key and --idempotent go with --sealed");
    if (arguments->aad && strlen(arguments->aad) > VSA_SEAL_MAX_AAD)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "--aad: more than %d bytes", VSA_SEAL_MAX_AAD);
    return VSA_OK;
}

static enum vsa_status check_relay(const struct client_arguments *arguments,
                                   struct vsa_error *error)
{
    const char *listen = arguments->listen;
    bool limits = arguments->max_connections || arguments->rate_limit != NO_RATE_LIMIT ||
                  arguments->idle_timeout_ms;
    if (arguments->action->kind != VSA_QUERY_NONE) {
        if (listen || arguments->anywhere || limits)
            return usage(error, "--listen, --anywhere, --max-connections, --rate-limit and "
                                "--idle-timeout go with --relay");
        return VSA_OK;
    }
    if (!listen)
        return usage(error, "--relay: where? --listen unix:PATH or --listen tcp:127.0.0.1:PORT");
    bool is_tcp = strncmp(listen, "tcp:", strlen("tcp:")) == 0;
    if (!is_tcp && strncmp(listen, "unix:", strlen("unix:")) != 0)
        return usage(error, "--listen takes unix:PATH or tcp:HOST:PORT");
    if (arguments->anywhere && !is_tcp)
        return usage(error, "--anywhere is for tcp: addresses");
    if (arguments->json || arguments->retries)
        return usage(error, "--relay has no result and sends nothing itself: no --json or "
                            "--retries beside it");
    return VSA_OK;
}

static enum vsa_status check(const struct client_arguments *arguments, struct vsa_error *error)
{
    char actions[ACTIONS_TEXT];
    if (!arguments->action)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "what to do? %s, or --watch (see --help)",
                        list_actions(arguments->actions, is_any, actions, sizeof(actions)));
    VSA_TRY(check_enclave(arguments, error));
    VSA_TRY(check_request(arguments, error));
    VSA_TRY(check_save(arguments, error));
    VSA_TRY(check_sealed(arguments, error));
    VSA_TRY(check_service(arguments, error));
    VSA_TRY(check_relay(arguments, error));
    return check_watch(arguments, error);
}

static enum vsa_status settle_watch(struct client_arguments *arguments, struct vsa_error *error)
{
    const struct client_action *action = arguments->actions;
    if (!arguments->watch)
        return VSA_OK;
    if (arguments->action && arguments->action->kind == VSA_QUERY_SERVICE)
        return usage(error, "--watch verifies by itself: no --service beside it");
    if (arguments->action && arguments->action->kind != VSA_QUERY_VERIFY)
        return usage(error, "--watch verifies: it stands alone or with --verify (the same)");
    if (arguments->all)
        return usage(error, "--watch is for one enclave: no --all beside it; several have one "
                            "vsock_client each, say by --enclave-name");
    while (action->kind != VSA_QUERY_VERIFY)
        action++;
    arguments->action = action;
    return VSA_OK;
}

static void settle_times(struct client_arguments *arguments)
{
    if (arguments->watch && !arguments->interval_ms)
        arguments->interval_ms = DEFAULT_INTERVAL_MS;
    if (arguments->timeout_ms)
        return;
    arguments->timeout_ms = VSA_DEFAULT_CLIENT_TIMEOUT_MS;
    if (arguments->watch && arguments->interval_ms < arguments->timeout_ms)
        arguments->timeout_ms = arguments->interval_ms;
    if (arguments->timeout_ms < MIN_ROUND_TIMEOUT_MS)
        arguments->timeout_ms = MIN_ROUND_TIMEOUT_MS;
}

static enum vsa_status take_request(void *read, struct vsa_slice text, struct vsa_error *error)
{
    json_t **request = &((struct client_arguments *)read)->request;
    const char *command;
    if (text.size > VSA_MAX_REQUEST_LINE)
        return vsa_fail(error, VSA_ERR_TOO_LARGE, "more than %d bytes", VSA_MAX_REQUEST_LINE);
    VSA_TRY(vsa_json_parse(text, request, error));
    VSA_TRY(vsa_request_command(*request, &command, error));
    if (json_object_get(*request, "id"))
        return usage(error, "\"id\" is the client's own: leave it out");
    return VSA_OK;
}

/*
 * Reads what --request names: a secret in it is better in a file or on standard input than among
 * the arguments, which every process of this machine can read.
 */
static enum vsa_status read_request(struct client_arguments *arguments, struct vsa_error *error)
{
    static const char option[] = "--request";
    const char *operand = arguments->operand;
    if (!sends_request(arguments))
        return VSA_OK;
    if (operand[0] == '@' || strcmp(operand, "-") == 0)
        return secret_file_read(option, operand[0] == '@' ? operand + 1 : operand,
                                VSA_MAX_REQUEST_LINE, take_request, arguments, error);
    enum vsa_status status =
        strchr("{[ \t\r\n", operand[0])
            ? take_request(arguments, vsa_slice_of_text(operand), error)
            : usage(error, "takes a JSON object, @FILE, or - for standard input");
    if (status != VSA_OK)
        vsa_error_wrap(error, "%s", option);
    return status;
}

static enum vsa_status take_sign_key(void *read, struct vsa_slice bytes, struct vsa_error *error)
{
    return vsa_sender_new(bytes, &((struct client_arguments *)read)->sender, error);
}

static enum vsa_status take_service_token(void *read, struct vsa_slice text,
                                          struct vsa_error *error)
{
    return vsa_bearer_read(text, ((struct client_arguments *)read)->service_token, error);
}

/* Reads the files that hold secrets. */
static enum vsa_status read_secrets(struct client_arguments *arguments, struct vsa_error *error)
{
    VSA_TRY(read_request(arguments, error));
    VSA_TRY(secret_file_read("--sign-key", arguments->sign_key, MAX_KEY_FILE, take_sign_key,
                             arguments, error));
    return secret_file_read("--service-token-file", arguments->service_token_file,
                            VSA_MAX_BEARER + 8, take_service_token, arguments, error);
}

static void settle_relay(struct client_arguments *arguments)
{
    if (!arguments->max_connections)
        arguments->max_connections = DEFAULT_RELAYED;
    if (arguments->rate_limit == NO_RATE_LIMIT)
        arguments->rate_limit = DEFAULT_RELAY_RATE;
    if (!arguments->idle_timeout_ms)
        arguments->idle_timeout_ms = VSA_DEFAULT_IDLE_TIMEOUT_MS;
}

static enum vsa_status finish(const struct option_operands *operands,
                              struct client_arguments *arguments, struct vsa_error *error)
{
    if (operands->count > 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s' is not an option (see --help)",
                        operands->words[0]);
    VSA_TRY(settle_watch(arguments, error));
    VSA_TRY(check(arguments, error));
    /* A secret is for a program, not for any enclave. */
    bool required = arguments->policy.policy.require_pcrs;
    arguments->policy.policy.require_pcrs = required || arguments->sealed;
    bool verifies = arguments->action->kind == VSA_QUERY_VERIFY || arguments->sealed;
    enum vsa_status status = policy_options_finish(&arguments->policy, verifies, error);
    if (status == VSA_ERR_POLICY_EMPTY && !required)
        return vsa_fail(error, status,
                        "--sealed needs the image whose program may read the request: "
                        "--measurements FILE or --pcr 0=HEX");
    VSA_TRY(status);
    VSA_TRY(read_secrets(arguments, error));
    if (!arguments->place.port)
        arguments->place.port = VSA_DEFAULT_PORT;
    settle_times(arguments);
    settle_relay(arguments);
    return VSA_OK;
}

static const char usage_text[] =
    "Usage: vsock_client (--ping | --status | --metrics | --attest | --verify | --watch |\n"
    "                     --verify --service URL --service-policy NAME | --request JSON |\n"
    "                     --relay --listen ADDRESS) [OPTION]...\n"
    "\n"
    "Talks to enclave_app in a Nitro enclave, from its parent instance.\n\n";
static const char sealed_title[] = "Of --request:";
static const char service_title[] = "Of --service:";
static const char relay_title[] = "Where --relay listens, and its limits:";
static const char policy_title[] =
    "What the document must be (--verify, --watch, --sealed). User data and nonce are what is\n"
    "sent and what is expected back; without a nonce a random one is made:";
static const char note[] =
    "In JSON \"success\" says that the enclave answered; only \"verified\" says that the document\n"
    "holds: jq -e .verified. It is false beside \"success\": true where a document is refused.";

enum vsa_status client_arguments_read(int argc, char **argv, const struct client_action *actions,
                                      struct client_arguments *arguments, struct vsa_error *error)
{
    struct program_option rows[CLIENT_MAX_ACTIONS + 1] = {OPTION_ROWS_END};
    struct option_operands operands;
    const struct option_set set = {
        .usage = usage_text,
        .groups = {{NULL, rows},
                   {NULL, own_options},
                   {sealed_title, sealed_options},
                   {service_title, service_options},
                   {relay_title, relay_options},
                   {policy_title, policy_option_table}},
        .note = note,
        .program = CLIENT_PROGRAM,
        .take = take,
    };
    for (int i = 0; actions[i].name; i++)
        rows[i] = (struct program_option){.name = actions[i].name,
                                          .key = KEY_ACTION + i,
                                          .argument = actions[i].argument,
                                          .help = actions[i].help};
    *arguments = (struct client_arguments){.actions = actions, .rate_limit = NO_RATE_LIMIT};
    policy_options_init(&arguments->policy);
    VSA_TRY(options_read(&set, argc, argv, arguments, &operands, error));
    if (!operands.done)
        return finish(&operands, arguments, error);
    arguments->action = NULL;
    return VSA_OK;
}

void client_arguments_free(struct client_arguments *arguments)
{
    policy_options_free(&arguments->policy);
    vsa_sender_free(arguments->sender);
    arguments->sender = NULL;
    json_decref(arguments->request);
    arguments->request = NULL;
    vsa_wipe(arguments->service_token, sizeof(arguments->service_token));
}
