/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app/settings.h"

#include <string.h>

#include "base/error.h"
#include "command_line/numbers.h"

/* Beyond these a typing error is likelier than a wish. */
#define MOST_BUFFERED    (1024 * 1024 * 1024)
#define MOST_CONNECTIONS 1000000
#define MOST_REQUESTS    1000000
#define MOST_SECONDS     86400

/* Reads N or N:BURST; 0 for no limit. */
static enum vsa_status take_rate(void *context, const char *what, const char *value,
                                 struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    char number[24];
    uint64_t rate = 0;
    uint64_t burst = 0;
    size_t size = strcspn(value, ":");
    const char *after = value[size] ? value + size + 1 : NULL;
    if (size >= sizeof(number))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is not N or N:BURST", what, value);
    memcpy(number, value, size);
    number[size] = '\0';
    VSA_TRY(numbers_parse(what, number, 0, VSA_MAX_RATE_LIMIT, &rate, error));
    if (after)
        VSA_TRY(numbers_parse(what, after, 1, VSA_MAX_RATE_LIMIT, &burst, error));
    if (after && rate == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: 0 is no limit, and has no burst", what);
    arguments->server.rate_limit = (size_t)rate;
    arguments->server.rate_burst = (size_t)burst;
    return VSA_OK;
}

static enum vsa_status take_log_level(void *context, const char *what, const char *value,
                                      struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    (void)what;
    return log_level_parse(value, &arguments->log_level, error);
}

/* Reads unix:PATH, or NAME[,NAME...]=unix:PATH; the server checks the names. */
static enum vsa_status take_backend(void *context, const char *what, const char *value,
                                    struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    static const char scheme[] = "unix:";
    const char *equals = strchr(value, '=');
    bool has_names = strncmp(value, scheme, strlen(scheme)) != 0;
    const char *address = has_names && equals ? equals + 1 : value;
    if (strncmp(address, scheme, strlen(scheme)) != 0 || address == value + 1)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: '%.120s' is neither unix:PATH nor NAME[,NAME...]=unix:PATH", what,
                        value);
    if (arguments->backend_count == VSA_MAX_BACKENDS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: more than %d backends", what,
                        VSA_MAX_BACKENDS);
    arguments->backends[arguments->backend_count++] = value;
    return VSA_OK;
}

/* Reads yes or no; an option has no value, and means yes. */
static enum vsa_status take_backend_sealed_only(void *context, const char *what, const char *value,
                                                struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    bool yes = !value || strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is neither yes nor no", what, value);
    arguments->backend_sealed_only = yes;
    return VSA_OK;
}

static enum vsa_status take_kem(void *context, const char *what, const char *value,
                                struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    static const struct {
        const char *name;
        size_t kem;
    } kems[] = {{"x25519", VSA_SEALING_X25519}, {"p384", VSA_SEALING_P384}, {"off", 0}};
    for (size_t i = 0; i < sizeof(kems) / sizeof(kems[0]); i++)
        if (strcmp(value, kems[i].name) == 0) {
            arguments->sealing.kem = kems[i].kem;
            return VSA_OK;
        }
    return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is not x25519, p384 or off", what, value);
}

static enum vsa_status take_senders(void *context, const char *what, const char *value,
                                    struct vsa_error *error)
{
    struct enclave_app_arguments *arguments = context;
    if (arguments->sender_count == ENCLAVE_APP_MAX_SENDERS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "%s is given more than %d times", what,
                        ENCLAVE_APP_MAX_SENDERS);
    arguments->senders[arguments->sender_count++] = value;
    return VSA_OK;
}

/* A row of the table in options.h, with the members of the arguments. */
#define TEXT(member, name, argument, help)                                                         \
    OPTION_ROW_TEXT(enclave_app_arguments, member, name, argument, help)
#define NUMBER(member, name, help, lowest, highest)                                                \
    OPTION_ROW_NUMBER(enclave_app_arguments, member, name, "N", help, lowest, highest)
#define SECONDS(member, name, help, lowest_ms, highest)                                            \
    OPTION_ROW_SECONDS(enclave_app_arguments, member, name, "SECONDS", help, lowest_ms, highest)

static const struct program_setting table[] = {
    {TEXT(server.listen, "listen", "ADDRESS",
          "serve on vsock:CID:PORT (CID may be \"any\"), unix:PATH\nor vsock-mux:PATH:PORT"),
     NULL, false},
    {TEXT(server.nsm, "nsm", "ADDRESS", "the NSM: /dev/nsm (default) or unix:PATH (software_nsm)"),
     NULL, false},
    {NUMBER(server.max_connections, "max-connections", "open connections (10000)", 1,
            MOST_CONNECTIONS),
     NULL, true},
    {NUMBER(server.max_in_flight, "max-in-flight", "requests accepted and not answered (1024)", 1,
            MOST_REQUESTS),
     NULL, true},
    {NUMBER(server.max_queue, "max-nsm-queue", "requests waiting for the NSM (256)", 1,
            MOST_REQUESTS),
     NULL, true},
    /* With less, the longest line does not fit beside the reserve for complete requests. */
    {NUMBER(
         server.max_buffered, "max-buffered",
         "bytes for unfinished lines, unread replies and waiting\nrequests (a quarter of what is "
         "free, at most 67108864)",
         UINT64_C(4) * VSA_MAX_REQUEST_LINE, MOST_BUFFERED),
     NULL, true},
    {{.name = "rate-limit",
      .argument = "N[:BURST]",
      .help = "documents a second, and at once, for each CID, or each\nconnection of a Unix "
              "socket; 0: no limit (100:200)"},
     take_rate,
     true},
    {SECONDS(server.cache_ttl_ms, "cache-ttl",
             "age of cached documents for requests without nonce and\nkey; 0: no cache (0)", 0,
             VSA_MAX_CACHE_TTL_MS / 1000),
     NULL, true},
    {SECONDS(server.idle_timeout_ms, "idle-timeout",
             "close a connection without a complete request (60)", 1, MOST_SECONDS),
     NULL, true},
    {SECONDS(server.request_timeout_ms, "request-timeout", "from a request to its reply (10)", 1,
             MOST_SECONDS),
     NULL, false},
    {SECONDS(server.drain_timeout_ms, "drain-timeout", "for requests in flight after SIGTERM (10)",
             1, MOST_SECONDS),
     NULL, true},
    {{.name = "backend",
      .argument = "[NAME,...=]unix:PATH",
      .help = "an application that answers these commands, or all that\nare unknown (again for "
              "more)",
      .repeatable = true},
     take_backend,
     true},
    {NUMBER(backend_connections, "backend-connections", "connections to each backend at once (16)",
            1, VSA_MAX_BACKEND_CONNECTIONS),
     NULL, true},
    {{.name = "backend-sealed-only", .help = "backends get sealed requests only"},
     take_backend_sealed_only,
     true},
    {{.name = "seal",
      .argument = "KEM",
      .help = "key of sealed requests: x25519 (default), p384 or off"},
     take_kem,
     true},
    {SECONDS(sealing.lifetime_ms, "seal-lifetime", "until a new sealing key begins (3600)", 1,
             MOST_SECONDS),
     NULL, true},
    {NUMBER(sealing.max_uses, "seal-max-uses", "sealed requests that one key accepts (262144)",
            VSA_MIN_SEAL_MAX_USES, VSA_MAX_SEAL_MAX_USES),
     NULL, true},
    {NUMBER(sealing.rate_limit, "seal-rate-limit",
            "sealed requests a second for each CID or connection;\n0: no limit (with p384 400, "
            "else 0)",
            0, VSA_MAX_RATE_LIMIT),
     NULL, true},
    {{.name = "senders",
      .argument = "[NAMES=]FILE",
      .help = "public keys (PEM) of those who may send; with\nCOMMAND[,COMMAND]...= these commands",
      .repeatable = true},
     take_senders,
     true},
    {{.name = "log-level", .argument = "LEVEL", .help = "error, warn, info (default) or debug"},
     take_log_level,
     false},
};
_Static_assert(sizeof(table) / sizeof(table[0]) <= SETTINGS_MAX, "bits for all settings");

const struct setting_table enclave_app_settings = {ENCLAVE_APP, table,
                                                   sizeof(table) / sizeof(table[0])};
