/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app/settings.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "programs/numbers.h"

/* Beyond these a typing error is likelier than a wish. */
#define MOST_BUFFERED    (1024 * 1024 * 1024)
#define MOST_CONNECTIONS 1000000
#define MOST_REQUESTS    1000000
#define MOST_SECONDS     86400

static void *field(const struct setting *setting, struct enclave_app_arguments *arguments)
{
    return (char *)arguments + setting->offset;
}

static enum vsa_status take_text(const struct setting *setting, const char *what, const char *value,
                                 struct enclave_app_arguments *arguments, struct vsa_error *error)
{
    const char **text = field(setting, arguments);
    (void)what;
    (void)error;
    *text = value;
    return VSA_OK;
}

static enum vsa_status take_at_least(uint64_t lowest, const struct setting *setting,
                                     const char *what, const char *value,
                                     struct enclave_app_arguments *arguments,
                                     struct vsa_error *error)
{
    size_t *number = field(setting, arguments);
    uint64_t parsed = 0;
    VSA_TRY(numbers_parse(what, value, lowest, setting->highest, &parsed, error));
    *number = (size_t)parsed;
    return VSA_OK;
}

static enum vsa_status take_count(const struct setting *setting, const char *what,
                                  const char *value, struct enclave_app_arguments *arguments,
                                  struct vsa_error *error)
{
    return take_at_least(1, setting, what, value, arguments, error);
}

/* With less, the longest request line does not fit beside the reserve for complete requests. */
static enum vsa_status take_buffered(const struct setting *setting, const char *what,
                                     const char *value, struct enclave_app_arguments *arguments,
                                     struct vsa_error *error)
{
    return take_at_least(4 * VSA_MAX_REQUEST_LINE, setting, what, value, arguments, error);
}

static enum vsa_status take_seconds(const struct setting *setting, const char *what,
                                    const char *value, struct enclave_app_arguments *arguments,
                                    struct vsa_error *error)
{
    int64_t *milliseconds = field(setting, arguments);
    int64_t parsed = 0;
    VSA_TRY(numbers_parse_seconds(what, value, setting->highest, &parsed, error));
    if (parsed == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s must be above 0", what);
    *milliseconds = parsed;
    return VSA_OK;
}

/* 0 is a choice here. */
static enum vsa_status take_seconds_or_none(const struct setting *setting, const char *what,
                                            const char *value,
                                            struct enclave_app_arguments *arguments,
                                            struct vsa_error *error)
{
    return numbers_parse_seconds(what, value, setting->highest, field(setting, arguments), error);
}

/* N or N:BURST; 0 for no limit. */
static enum vsa_status take_rate(const struct setting *setting, const char *what, const char *value,
                                 struct enclave_app_arguments *arguments, struct vsa_error *error)
{
    char number[24];
    uint64_t rate = 0;
    uint64_t burst = 0;
    size_t size = strcspn(value, ":");
    const char *after = value[size] ? value + size + 1 : NULL;
    if (size >= sizeof(number))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is not N or N:BURST", what, value);
    memcpy(number, value, size);
    number[size] = '\0';
    VSA_TRY(numbers_parse(what, number, 0, setting->highest, &rate, error));
    if (after)
        VSA_TRY(numbers_parse(what, after, 1, setting->highest, &burst, error));
    if (after && rate == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: 0 is no limit, and has no burst", what);
    arguments->server.rate_limit = (size_t)rate;
    arguments->server.rate_burst = (size_t)burst;
    return VSA_OK;
}

static enum vsa_status take_log_level(const struct setting *setting, const char *what,
                                      const char *value, struct enclave_app_arguments *arguments,
                                      struct vsa_error *error)
{
    (void)setting;
    (void)what;
    return log_level_parse(value, &arguments->log_level, error);
}

/* unix:PATH, or NAME[,NAME...]=unix:PATH; the server checks the names. */
static enum vsa_status take_backend(const struct setting *setting, const char *what,
                                    const char *value, struct enclave_app_arguments *arguments,
                                    struct vsa_error *error)
{
    static const char scheme[] = "unix:";
    const char *equals = strchr(value, '=');
    bool has_names = strncmp(value, scheme, strlen(scheme)) != 0;
    const char *address = has_names && equals ? equals + 1 : value;
    (void)setting;
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

static enum vsa_status take_backend_connections(const struct setting *setting, const char *what,
                                                const char *value,
                                                struct enclave_app_arguments *arguments,
                                                struct vsa_error *error)
{
    uint64_t count = 0;
    VSA_TRY(numbers_parse(what, value, 1, setting->highest, &count, error));
    arguments->backend_connections = (size_t)count;
    return VSA_OK;
}

/* An option has no value, and means yes. */
static enum vsa_status take_backend_sealed_only(const struct setting *setting, const char *what,
                                                const char *value,
                                                struct enclave_app_arguments *arguments,
                                                struct vsa_error *error)
{
    bool yes = !value || strcmp(value, "yes") == 0;
    (void)setting;
    if (!yes && strcmp(value, "no") != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is neither yes nor no", what, value);
    arguments->backend_sealed_only = yes;
    return VSA_OK;
}

static enum vsa_status take_uses(const struct setting *setting, const char *what, const char *value,
                                 struct enclave_app_arguments *arguments, struct vsa_error *error)
{
    return take_at_least(VSA_MIN_SEAL_MAX_USES, setting, what, value, arguments, error);
}

static enum vsa_status take_count_or_none(const struct setting *setting, const char *what,
                                          const char *value,
                                          struct enclave_app_arguments *arguments,
                                          struct vsa_error *error)
{
    return take_at_least(0, setting, what, value, arguments, error);
}

/* A key that is to live shorter than the default overlap is not accepted for longer than that. */
static enum vsa_status take_lifetime(const struct setting *setting, const char *what,
                                     const char *value, struct enclave_app_arguments *arguments,
                                     struct vsa_error *error)
{
    struct vsa_sealing_options *sealing = &arguments->sealing;
    VSA_TRY(take_seconds(setting, what, value, arguments, error));
    if (sealing->overlap_ms > sealing->lifetime_ms)
        sealing->overlap_ms = sealing->lifetime_ms;
    return VSA_OK;
}

static enum vsa_status take_kem(const struct setting *setting, const char *what, const char *value,
                                struct enclave_app_arguments *arguments, struct vsa_error *error)
{
    static const struct {
        const char *name;
        size_t kem;
    } kems[] = {{"x25519", VSA_SEALING_X25519}, {"p384", VSA_SEALING_P384}, {"off", 0}};
    (void)setting;
    for (size_t i = 0; i < sizeof(kems) / sizeof(kems[0]); i++)
        if (strcmp(value, kems[i].name) == 0) {
            arguments->sealing.kem = kems[i].kem;
            return VSA_OK;
        }
    return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: '%.40s' is not x25519, p384 or off", what, value);
}

static enum vsa_status take_senders(const struct setting *setting, const char *what,
                                    const char *value, struct enclave_app_arguments *arguments,
                                    struct vsa_error *error)
{
    (void)setting;
    if (arguments->sender_count == ENCLAVE_APP_MAX_SENDERS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "%s is given more than %d times", what,
                        ENCLAVE_APP_MAX_SENDERS);
    arguments->senders[arguments->sender_count++] = value;
    return VSA_OK;
}

#define FIELD(name)   offsetof(struct enclave_app_arguments, server.name)
#define SEALING(name) offsetof(struct enclave_app_arguments, sealing.name)

static const struct setting table[] = {
    {"listen", "ADDRESS",
     "serve on vsock:CID:PORT (CID may be \"any\"), unix:PATH\nor vsock-mux:PATH:PORT", take_text,
     FIELD(listen), 0, false, false},
    {"nsm", "ADDRESS", "the NSM: /dev/nsm (default) or unix:PATH (software_nsm)", take_text,
     FIELD(nsm), 0, false, false},
    {"max-connections", "N", "open connections (10000)", take_count, FIELD(max_connections),
     MOST_CONNECTIONS, true, false},
    {"max-in-flight", "N", "requests accepted and not answered (1024)", take_count,
     FIELD(max_in_flight), MOST_REQUESTS, true, false},
    {"max-nsm-queue", "N", "requests waiting for the NSM (256)", take_count, FIELD(max_queue),
     MOST_REQUESTS, true, false},
    {"max-buffered", "N",
     "bytes for unfinished lines, unread replies and waiting\nrequests (a quarter of what is "
     "free, at most 67108864)",
     take_buffered, FIELD(max_buffered), MOST_BUFFERED, true, false},
    {"rate-limit", "N[:BURST]",
     "documents a second, and at once, for each CID, or each\nconnection of a Unix socket; 0: no "
     "limit (100:200)",
     take_rate, 0, VSA_MAX_RATE_LIMIT, true, false},
    {"cache-ttl", "SECONDS",
     "age of cached documents for requests without nonce and\nkey; 0: no cache (0)",
     take_seconds_or_none, FIELD(cache_ttl_ms), VSA_MAX_CACHE_TTL_MS / 1000, true, false},
    {"idle-timeout", "SECONDS", "close a connection without a complete request (60)", take_seconds,
     FIELD(idle_timeout_ms), MOST_SECONDS, true, false},
    {"request-timeout", "SECONDS", "from a request to its reply (10)", take_seconds,
     FIELD(request_timeout_ms), MOST_SECONDS, false, false},
    {"drain-timeout", "SECONDS", "for requests in flight after SIGTERM (10)", take_seconds,
     FIELD(drain_timeout_ms), MOST_SECONDS, true, false},
    {"backend", "[NAME,...=]unix:PATH",
     "an application that answers these commands, or all that\nare unknown (again for more)",
     take_backend, 0, 0, true, true},
    {"backend-connections", "N", "connections to each backend at once (16)",
     take_backend_connections, 0, VSA_MAX_BACKEND_CONNECTIONS, true, false},
    {"backend-sealed-only", NULL, "backends get sealed requests only", take_backend_sealed_only, 0,
     0, true, false},
    {"seal", "KEM", "key of sealed requests: x25519 (default), p384 or off", take_kem, 0, 0, true,
     false},
    {"seal-lifetime", "SECONDS", "until a new sealing key begins (3600)", take_lifetime,
     SEALING(lifetime_ms), MOST_SECONDS, true, false},
    {"seal-max-uses", "N", "sealed requests that one key accepts (262144)", take_uses,
     SEALING(max_uses), VSA_MAX_SEAL_MAX_USES, true, false},
    {"seal-rate-limit", "N",
     "sealed requests a second for each CID or connection;\n0: no limit (with p384 400, else 0)",
     take_count_or_none, SEALING(rate_limit), VSA_MAX_RATE_LIMIT, true, false},
    {"senders", "[NAMES=]FILE",
     "public keys (PEM) of those who may send; with\nCOMMAND[,COMMAND]...= these commands",
     take_senders, 0, 0, true, true},
    {"log-level", "LEVEL", "error, warn, info (default) or debug", take_log_level, 0, 0, false,
     false},
    {NULL, NULL, NULL, NULL, 0, 0, false, false},
};

void settings_options(int first_key, struct program_option rows[SETTINGS_MAX + 1])
{
    int i = 0;
    _Static_assert(sizeof(table) / sizeof(table[0]) <= SETTINGS_MAX + 1, "rows for all settings");
    for (; table[i].name; i++)
        rows[i] = (struct program_option){table[i].name,
                                          first_key + i,
                                          table[i].argument,
                                          table[i].help,
                                          table[i].is_repeated,
                                          OPTION_TAKE,
                                          0};
    rows[i] = (struct program_option)OPTION_ROWS_END;
}

int settings_find(const char *name)
{
    for (int i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}

bool settings_any_only_server(settings_set set)
{
    for (int i = 0; table[i].name; i++)
        if (((set >> i) & 1U) && table[i].only_server)
            return true;
    return false;
}

enum vsa_status settings_take(int index, const char *value, struct enclave_app_arguments *arguments,
                              settings_set *set, struct vsa_error *error)
{
    char what[40];
    const struct setting *setting = &table[index];
    (void)snprintf(what, sizeof(what), "--%s", setting->name);
    VSA_TRY(setting->take(setting, what, value, arguments, error));
    *set |= 1U << index;
    return VSA_OK;
}

/* --- the configuration file ------------------------------------------------------------------- */

/* Spaces, tabs, and what some editors put before a newline. */
static const char blanks[] = " \t\r";

/* Without the blanks at both ends; changes the text. */
static char *trimmed(char *text)
{
    text += strspn(text, blanks);
    char *end = text + strlen(text);
    while (end > text && strchr(blanks, end[-1]))
        *--end = '\0';
    return text;
}

struct reading {
    struct enclave_app_arguments *arguments;
    struct enclave_app_arguments overruled; /* takes what the command line says better */
    settings_set first;                     /* from the command line */
    settings_set set;                       /* from the file */
};

static enum vsa_status take_line(struct reading *reading, char *line, struct vsa_error *error)
{
    char *name = trimmed(line);
    if (*name == '\0' || *name == '#')
        return VSA_OK;
    for (const char *c = name; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "a control character");
    char *sign = strchr(name, '=');
    if (!sign)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "expected 'name = value', or # before a comment");
    *sign = '\0';
    name = trimmed(name);
    const char *value = trimmed(sign + 1);
    int index = settings_find(name);
    if (index < 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "there is no setting '%.40s' (see enclave_app(1))",
                        name);
    if (((reading->set >> index) & 1U) && !table[index].is_repeated)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%s' is set twice; which one is meant?", name);
    if (*value == '\0')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%s' has no value", name);
    bool overruled = (reading->first >> index) & 1U;
    reading->set |= 1U << index;
    return table[index].take(&table[index], name, value,
                             overruled ? &reading->overruled : reading->arguments, error);
}

static enum vsa_status take_lines(const char *path, struct reading *reading, char *text,
                                  size_t size, struct vsa_error *error)
{
    size_t number = 1;
    char *end = text + size;
    for (char *line = text; line < end; number++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *next = newline ? newline + 1 : end;
        if (newline)
            *newline = '\0';
        enum vsa_status status = line + strlen(line) < (newline ? newline : end)
                                     ? vsa_fail(error, VSA_ERR_ARGUMENT, "a NUL character")
                                     : take_line(reading, line, error);
        if (status != VSA_OK) {
            vsa_error_wrap(error, "%.120s:%zu", path, number);
            return status;
        }
        line = next;
    }
    return VSA_OK;
}

enum vsa_status settings_read_file(const char *path, struct enclave_app_arguments *arguments,
                                   settings_set *set, struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file bytes = {NULL, 0, false};
    struct reading reading = {.arguments = arguments, .first = *set};
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_CONFIG_FILE, &bytes, error));
    /* One NUL more, so that the last value ends as all others do. */
    arguments->config = malloc(bytes.size + 1);
    if (!arguments->config)
        return vsa_fail_memory(error);
    memcpy(arguments->config, bytes.data, bytes.size);
    arguments->config[bytes.size] = '\0';
    VSA_TRY(take_lines(path, &reading, arguments->config, bytes.size, error));
    *set |= reading.set;
    return VSA_OK;
}
