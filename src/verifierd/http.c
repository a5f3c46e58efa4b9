/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>

#include <microhttpd.h>

#include "base/error.h"
#include "clock/wall_clock.h"
#include "verifierd/connections.h"
#include "verifierd/embedded.h"
#include "verifierd/inspect.h"

/* Bytes of a body beyond the limit that are read before the connection is closed. */
#define MAX_DISCARDED (1024 * 1024)

struct vsa_http {
    struct vsa_service *service;
    struct MHD_Daemon *daemon;
    bool trust_proxy;
    bool check_host;
    struct vsa_connections connections;
    atomic_bool ends;
    atomic_long in_flight;
    atomic_long answering; /* handled, and not sent yet */
};

/* One request, from its header to its answer. */
struct exchange {
    const struct route *route;            /* NULL: no such path, or a file's */
    const struct vsa_embedded_file *file; /* NULL: no such path, or a route's */
    struct vsa_answer answer;             /* status 0: not made yet */
    bool counted;                         /* in flight */
    bool answering;                       /* counted as such */
    bool closes;                          /* nothing that follows is read */
    int64_t begin_ms;                     /* when its header was there, monotonic */
    size_t discarded;
    size_t size;
    uint8_t *body; /* VSA_SERVICE_MAX_BODY bytes; NULL: none came yet */
};

/* What the handler of a path gets. */
struct call {
    struct vsa_http *http;
    struct MHD_Connection *connection;
    struct exchange *exchange;
    const char *rest; /* of the path, behind the route's */
    int64_t now_ms;
};

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct vsa_slice body_of(const struct call *call)
{
    return vsa_slice_of(call->exchange->body ? call->exchange->body : (const uint8_t *)"",
                        call->exchange->size);
}

/* --- handlers --------------------------------------------------------------------------------- */

static void answer_challenges(const struct call *call)
{
    vsa_service_issue_challenge(call->http->service, body_of(call), call->now_ms,
                                &call->exchange->answer);
}

/* Returns a parameter of the query, with what is behind a NUL (%00) in it; absent without. */
static struct vsa_slice query_value(const struct call *call, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(call->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                      &value, &size) != MHD_YES ||
        !value)
        return (struct vsa_slice){0};
    return vsa_slice_of(value, size);
}

static enum vsa_status read_query(const struct call *call, struct vsa_verify_request *request,
                                  struct vsa_error *error)
{
    request->policy = query_value(call, "policy");
    request->challenge = query_value(call, "challenge");
    request->audience = query_value(call, "audience");
    if (!request->policy.data)
        return vsa_fail(error, VSA_ERR_REQUEST,
                        "a document alone needs the policy in the query: /v1/verify?policy=NAME");
    return vsa_audience_check(request->audience, error);
}

/* Returns whether the header's media type is `type`, with parameters or without. */
static bool is_type(const char *header, const char *type)
{
    size_t size = strlen(type);
    return header && strncasecmp(header, type, size) == 0 && strchr("; \t", header[size]);
}

static void answer_request(const struct call *call, const struct vsa_verify_request *request)
{
    const char *accept = header_of(call->connection, "Accept");
    vsa_service_verify(call->http->service, request, call->now_ms,
                       accept && strstr(accept, "application/json"), &call->exchange->answer);
}

static void answer_verify_json(const struct call *call, uint8_t *buffer)
{
    struct vsa_verify_request request = {0};
    struct vsa_error error = {0};
    struct vsa_slice body = body_of(call);
    if (vsa_verify_request_parse(body, buffer, body.size, &request, &error) == VSA_OK)
        answer_request(call, &request);
    else
        vsa_answer_problem(&call->exchange->answer, VSA_PROBLEM_BODY, &error);
    vsa_verify_request_free(&request);
}

/* Verifies a body that is the document alone, raw or as text; all else is in the query. */
static void answer_verify_document(const struct call *call, uint8_t *buffer)
{
    struct vsa_verify_request request = {0};
    struct vsa_error error = {0};
    struct vsa_slice body = body_of(call);
    if (read_query(call, &request, &error) != VSA_OK)
        vsa_answer_problem(&call->exchange->answer, VSA_PROBLEM_BODY, &error);
    else if (vsa_document_decode(body, buffer, body.size, &request.document, &error) != VSA_OK)
        vsa_answer_problem(&call->exchange->answer, VSA_PROBLEM_DOCUMENT, &error);
    else
        answer_request(call, &request);
}

/* Returns whether a body of this type is a document alone. */
static bool is_document_type(const char *type)
{
    return is_type(type, "application/cbor") || is_type(type, "application/cose") ||
           is_type(type, "application/octet-stream") || is_type(type, "text/plain");
}

static void answer_verify(const struct call *call)
{
    const char *type = header_of(call->connection, "Content-Type");
    VSA_AUTO_FREE uint8_t *buffer = malloc(call->exchange->size + 1);
    if (!buffer)
        vsa_answer_problem(&call->exchange->answer, VSA_PROBLEM_INTERNAL, NULL);
    else if (is_type(type, "application/json"))
        answer_verify_json(call, buffer);
    else if (is_document_type(type))
        answer_verify_document(call, buffer);
    else
        vsa_answer_problem(&call->exchange->answer, VSA_PROBLEM_TYPE, NULL);
}

static void answer_inspect(const struct call *call)
{
    struct vsa_slice document;
    struct vsa_error error = {0};
    struct vsa_answer *answer = &call->exchange->answer;
    VSA_AUTO_FREE uint8_t *buffer = malloc(call->exchange->size + 1);
    if (!buffer)
        vsa_answer_problem(answer, VSA_PROBLEM_INTERNAL, NULL);
    else if (!is_document_type(header_of(call->connection, "Content-Type")))
        vsa_answer_problem(answer, VSA_PROBLEM_TYPE, NULL);
    else if (vsa_document_decode(body_of(call), buffer, call->exchange->size, &document, &error) !=
             VSA_OK)
        vsa_answer_problem(answer, VSA_PROBLEM_DOCUMENT, &error);
    else
        vsa_inspect_document(document, call->now_ms, answer);
}

static void answer_verdicts(const struct call *call)
{
    vsa_service_show_verdicts(call->http->service, &call->exchange->answer);
}

static void answer_policies(const struct call *call)
{
    vsa_service_show_policy(call->http->service, vsa_slice_of_text(call->rest),
                            &call->exchange->answer);
}

static void answer_keys(const struct call *call)
{
    vsa_service_show_keys(call->http->service, &call->exchange->answer);
}

static void answer_metrics(const struct call *call)
{
    vsa_service_show_metrics(call->http->service, call->now_ms, atomic_load(&call->http->in_flight),
                             &call->exchange->answer);
}

static void answer_health(const struct call *call)
{
    vsa_answer_bytes(&call->exchange->answer, "text/plain", vsa_slice_of_text("ok\n"));
}

static void answer_readiness(const struct call *call)
{
    vsa_service_show_readiness(call->http->service, call->now_ms, &call->exchange->answer);
}

/* --- routes ----------------------------------------------------------------------------------- */

static const struct route {
    const char *path; /* with '/' at its end: a prefix */
    bool is_post;
    bool is_admitted; /* only for clients, where there are any, and each at its rate */
    enum vsa_service_endpoint endpoint;
    void (*handle)(const struct call *call);
} routes[] = {
    {"/v1/challenges", true, true, VSA_ENDPOINT_CHALLENGES, answer_challenges},
    {"/v1/verify", true, true, VSA_ENDPOINT_VERIFY, answer_verify},
    {"/v1/inspect", true, true, VSA_ENDPOINT_INSPECT, answer_inspect},
    {"/v1/verdicts", false, true, VSA_ENDPOINT_VERDICTS, answer_verdicts},
    {"/v1/policies", false, false, VSA_ENDPOINT_POLICIES, answer_policies},
    {"/v1/policies/", false, false, VSA_ENDPOINT_POLICIES, answer_policies},
    {"/.well-known/jwks.json", false, false, VSA_ENDPOINT_KEYS, answer_keys},
    {"/metrics", false, false, VSA_ENDPOINT_METRICS, answer_metrics},
    {"/healthz", false, false, VSA_ENDPOINT_HEALTH, answer_health},
    {"/readyz", false, false, VSA_ENDPOINT_READY, answer_readiness},
};

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        size_t size = strlen(routes[i].path);
        bool is_prefix = size > 1 && routes[i].path[size - 1] == '/';
        if (is_prefix ? strncmp(path, routes[i].path, size) == 0 && path[size]
                      : strcmp(path, routes[i].path) == 0)
            return &routes[i];
    }
    return NULL;
}

static const struct vsa_embedded_file *find_file(const char *path)
{
    for (size_t i = 0; i < vsa_embedded_file_count; i++)
        if (strcmp(vsa_embedded_files[i].path, path) == 0)
            return &vsa_embedded_files[i];
    return NULL;
}

static enum vsa_service_endpoint endpoint_of(const struct exchange *exchange)
{
    if (exchange->route)
        return exchange->route->endpoint;
    return exchange->file ? VSA_ENDPOINT_FILES : VSA_ENDPOINT_OTHER;
}

static bool is_get(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

/*
 * Sets the headers: a page may load what this service serves, and nothing else; text becomes no
 * markup in it, and links to elsewhere carry nothing.
 */
static void add_headers(struct MHD_Response *response, const struct vsa_answer *answer)
{
    char text[48];
    add_header(response, "Content-Type", answer->type);
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
               "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
               "require-trusted-types-for 'script'; trusted-types 'none'");
    (void)snprintf(text, sizeof(text), "max-age=%lld", (long long)(answer->max_age_ms / 1000));
    add_header(response, "Cache-Control", answer->max_age_ms ? text : "no-store");
    (void)snprintf(text, sizeof(text), "%lld", (long long)((answer->retry_after_ms + 999) / 1000));
    if (answer->retry_after_ms)
        add_header(response, "Retry-After", text);
    if (answer->status == 401)
        add_header(response, "WWW-Authenticate", "Bearer");
}

/* Returns the value of Allow, which a 405 must have (RFC 9110, section 15.5.6). */
static const char *methods_of(const struct exchange *exchange)
{
    return exchange->route && exchange->route->is_post ? "POST" : "GET, HEAD";
}

static enum MHD_Result send_answer(const struct vsa_http *http, struct MHD_Connection *connection,
                                   struct exchange *exchange)
{
    static char nothing[1];
    struct vsa_answer *answer = &exchange->answer;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->size, answer->body ? answer->body : nothing,
        answer->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    vsa_service_metrics_count_request(vsa_service_get_metrics(http->service), endpoint_of(exchange),
                                      answer->status);
    if (!response)
        return MHD_NO;
    answer->body = NULL;
    add_headers(response, answer);
    if (answer->status == 405)
        add_header(response, "Allow", methods_of(exchange));
    if (exchange->closes || atomic_load(&http->ends))
        add_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* --- admission -------------------------------------------------------------------------------- */

/* Returns the network, which one client has as a whole; of IPv4 in IPv6's form the address. */
static struct vsa_slice ipv6_client(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return vsa_slice_of(address + sizeof(mapped), 4);
    return vsa_slice_of(address, 8);
}

/* Returns the address as bytes. */
static struct vsa_slice socket_address(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;
    if (address && address->sa_family == AF_INET)
        return vsa_slice_of(&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    if (address && address->sa_family == AF_INET6)
        return ipv6_client(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return vsa_slice_of_text("local");
}

/* Reads the last address of X-Forwarded-For, the one that our own proxy added. */
static struct vsa_slice forwarded_address(const char *header, uint8_t bytes[16])
{
    const char *last = strrchr(header, ',');
    last = last ? last + 1 : header;
    last += strspn(last, " ");
    if (inet_pton(AF_INET, last, bytes) == 1)
        return vsa_slice_of(bytes, 4);
    if (inet_pton(AF_INET6, last, bytes) == 1)
        return ipv6_client(bytes);
    return vsa_slice_of_text("unknown");
}

/* Proxies that add a field put it behind those that the client wrote. */
static enum MHD_Result keep_last_forwarded(void *context, enum MHD_ValueKind kind, const char *name,
                                           const char *value)
{
    const char **last = context;
    (void)kind;
    if (strcasecmp(name, "X-Forwarded-For") == 0)
        *last = value;
    return MHD_YES;
}

/*
 * Answers at once if it may not be in flight, or else counts it. What is refused takes no place:
 * its body may come slowly all the same.
 */
static void admit(struct vsa_http *http, struct MHD_Connection *connection,
                  struct exchange *exchange)
{
    uint8_t bytes[16];
    const char *forwarded = NULL;
    if (http->trust_proxy)
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_last_forwarded,
                                        &forwarded);
    struct vsa_slice address =
        forwarded ? forwarded_address(forwarded, bytes) : socket_address(connection);
    if (!vsa_service_admit(http->service, header_of(connection, "Authorization"), address,
                           &exchange->answer))
        return;
    exchange->counted = atomic_fetch_add(&http->in_flight, 1) < VSA_SERVICE_MAX_IN_FLIGHT;
    if (exchange->counted)
        return;
    atomic_fetch_sub(&http->in_flight, 1);
    vsa_answer_problem(&exchange->answer, VSA_PROBLEM_BUSY, NULL);
}

/*
 * Returns whether this service may be asked by that name. A page whose own name is made to lead to
 * the loopback (DNS rebinding) can read answers, but has that name as its Host. What sends none is
 * no browser.
 */
static bool is_local_host(const char *host)
{
    char name[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (!host)
        return true;
    bool is_ipv6 = host[0] == '[';
    size_t size = strcspn(host + is_ipv6, is_ipv6 ? "]" : ":");
    if (size >= sizeof(name))
        return false;
    memcpy(name, host + is_ipv6, size);
    name[size] = '\0';
    return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, name, bytes) == 1 ||
           (!is_ipv6 && strcasecmp(name, "localhost") == 0);
}

/* Fields of which a proxy may take another one than this program, or may take another kind. */
struct framing {
    unsigned hosts;
    unsigned lengths; /* Content-Length and Transfer-Encoding */
    bool is_odd;      /* a name that is none */
};

/*
 * Returns whether it is a token (RFC 9110, section 5.6.2). libmicrohttpd makes names of what stands
 * before the colon with its blanks, and before and behind the end of a line that is folded: these
 * fields would not be found, while a proxy may know them.
 */
static bool is_token(const char *name)
{
    return name[strcspn(name, " \t\r\n\v\f\"(),/:;<=>?@[\\]{}")] == '\0';
}

static enum MHD_Result count_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct framing *framing = context;
    (void)kind;
    (void)value;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->lengths +=
        strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
    framing->is_odd = framing->is_odd || !is_token(name);
    return MHD_YES;
}

/*
 * Refuses a request that may end elsewhere for a proxy: what follows would be taken as another
 * client's (RFC 9112, sections 3.2, 5.1, 5.2, 6.1 and 6.3). The HTTP library takes one of the
 * fields. A request without Host may have it in a line that was folded.
 */
static bool check_framing(struct MHD_Connection *connection, const char *version,
                          struct exchange *exchange)
{
    struct framing framing = {0};
    struct vsa_error error = {0};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_framing, &framing);
    bool has_host = framing.hosts == 1 || (!framing.hosts && strcmp(version, "HTTP/1.0") == 0);
    if (has_host && framing.lengths <= 1 && !framing.is_odd)
        return true;
    vsa_error_set(&error, VSA_ERR_REQUEST, VSA_NO_OFFSET, "RFC 9112",
                  "not one Host, more than one of Content-Length and Transfer-Encoding, or a field "
                  "with a blank before its colon or at the beginning of a line");
    vsa_answer_problem(&exchange->answer, VSA_PROBLEM_BODY, &error);
    exchange->closes = true;
    return false;
}

/* Decides from the header alone what can be decided, before a body is read. */
static struct exchange *begin(struct vsa_http *http, struct MHD_Connection *connection,
                              const char *path, const char *method, const char *version)
{
    const struct route *route = find_route(path);
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange)
        return NULL;
    exchange->begin_ms = vsa_monotonic_ms();
    exchange->route = route;
    exchange->file = route ? NULL : find_file(path);
    if (!check_framing(connection, version, exchange))
        return exchange;
    if (http->check_host && !is_local_host(header_of(connection, "Host")))
        vsa_answer_problem(&exchange->answer, VSA_PROBLEM_HOST, NULL);
    else if (!route && !exchange->file)
        vsa_answer_problem(&exchange->answer, VSA_PROBLEM_PATH, NULL);
    else if (route && route->is_post ? strcmp(method, "POST") != 0 : !is_get(method))
        vsa_answer_problem(&exchange->answer, VSA_PROBLEM_METHOD, NULL);
    else if (route && route->is_admitted)
        admit(http, connection, exchange);
    return exchange;
}

/*
 * Keeps a part of the body; what is too much, or not wanted, is read and forgotten. A body that
 * comes byte by byte never is without progress, and would keep its place for days.
 */
static enum MHD_Result take_part(struct exchange *exchange, const char *data, size_t *size)
{
    if (!exchange->answer.status && !exchange->body)
        exchange->body = malloc(VSA_SERVICE_MAX_BODY);
    if (!exchange->answer.status && !exchange->body)
        vsa_answer_problem(&exchange->answer, VSA_PROBLEM_INTERNAL, NULL);
    if (!exchange->answer.status && *size > VSA_SERVICE_MAX_BODY - exchange->size)
        vsa_answer_problem(&exchange->answer, VSA_PROBLEM_SIZE, NULL);
    if (exchange->answer.status) {
        exchange->discarded += *size;
    } else {
        memcpy(exchange->body + exchange->size, data, *size);
        exchange->size += *size;
    }
    *size = 0;
    bool too_slow = vsa_monotonic_ms() - exchange->begin_ms > VSA_SERVICE_BODY_MS;
    return too_slow || exchange->discarded > MAX_DISCARDED ? MHD_NO : MHD_YES;
}

static void handle(struct vsa_http *http, struct MHD_Connection *connection,
                   struct exchange *exchange, const char *path)
{
    const struct route *route = exchange->route;
    const struct vsa_embedded_file *file = exchange->file;
    if (file) {
        vsa_answer_bytes(&exchange->answer, file->type, vsa_slice_of(file->data, file->size));
        return;
    }
    const struct call call = {
        .http = http,
        .connection = connection,
        .exchange = exchange,
        .rest = path + strlen(route->path),
        .now_ms = vsa_wall_clock_ms(),
    };
    route->handle(&call);
}

/* --- libmicrohttpd ---------------------------------------------------------------------------- */

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **kept)
{
    struct vsa_http *http = context;
    if (!*kept) {
        *kept = begin(http, connection, path, method, version);
        return *kept ? MHD_YES : MHD_NO;
    }
    if (*size)
        return take_part(*kept, data, size);
    struct exchange *exchange = *kept;
    /* Before `ends` is read: vsa_http_stop() sees either this request, or that it does nothing. */
    atomic_fetch_add(&http->answering, 1);
    exchange->answering = !atomic_load(&http->ends);
    if (!exchange->answering) {
        atomic_fetch_sub(&http->answering, 1);
        if (!exchange->answer.status)
            vsa_answer_problem(&exchange->answer, VSA_PROBLEM_BUSY, NULL);
    }
    if (!exchange->answer.status)
        handle(http, connection, exchange, path);
    return send_answer(http, connection, exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **kept,
                         enum MHD_RequestTerminationCode code)
{
    struct vsa_http *http = context;
    struct exchange *exchange = *kept;
    (void)code;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info)
        vsa_connection_renew(&http->connections, info->socket_context);
    if (!exchange)
        return;
    if (exchange->counted)
        atomic_fetch_sub(&http->in_flight, 1);
    if (exchange->answering)
        atomic_fetch_sub(&http->answering, 1);
    vsa_answer_free(&exchange->answer);
    free(exchange->body);
    free(exchange);
    *kept = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode code)
{
    struct vsa_http *http = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        vsa_connection_end(&http->connections, *kept);
        *kept = NULL;
    } else if (info) {
        *kept = vsa_connection_begin(&http->connections, info->connect_fd);
    }
}

enum vsa_status vsa_http_start(struct vsa_service *service, const struct vsa_http_options *options,
                               struct vsa_http **http, struct vsa_error *error)
{
    /* With -1 the HTTP library would open a port of its own, which all machines reach. */
    if (options->fd < 0)
        return vsa_fail(error, VSA_ERR_IO, "no descriptor to serve HTTP on");
    struct vsa_http *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->service = service;
    made->trust_proxy = options->trust_proxy;
    made->check_host = options->check_host;
    vsa_connections_init(&made->connections);
    made->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, made,
        MHD_OPTION_LISTEN_SOCKET, options->fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, made,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, made, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)VSA_SERVICE_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(VSA_SERVICE_IDLE_MS / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)VSA_SERVICE_CONNECTION_MEMORY,
        /* From 1.0 on it would make one line of folded ones, which a proxy may take for fields. */
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        /* One thread is no pool. */
        MHD_OPTION_THREAD_POOL_SIZE, options->threads > 1 ? options->threads : 0, MHD_OPTION_END);
    if (!made->daemon) {
        vsa_connections_destroy(&made->connections);
        free(made);
        return vsa_fail(error, VSA_ERR_IO, "cannot start to serve HTTP");
    }
    *http = made;
    return VSA_OK;
}

void vsa_http_shut_down_late(struct vsa_http *http)
{
    vsa_connections_shut_down_late(&http->connections, VSA_SERVICE_REQUEST_MS);
}

void vsa_http_stop(struct vsa_http *http)
{
    if (!http)
        return;
    /*
     * MHD_stop_daemon() alone closes connections whose answer is made and not sent yet.
     * MHD_quiesce_daemon() is of no use: it and a thread of the pool may both take the listener out
     * of the thread's epoll set, and the second one aborts the process.
     */
    atomic_store(&http->ends, true);
    for (int ms = 0; ms < VSA_SERVICE_STOP_MS && atomic_load(&http->answering) > 0; ms += 10)
        (void)poll(NULL, 0, 10);
    MHD_stop_daemon(http->daemon);
    vsa_connections_destroy(&http->connections);
    free(http);
}
