/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifierd/http.h: routes, limits, headers and what happens when memory or time runs out, by bytes
 * over a Unix socket. Clocks are the test's; the service behind it: test_service.c.
 */
#include "unit_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/slice.h"
#include "file/whole_file.h"
#include "forge.h"
#include "verifierd/http.h"
#include "verifierd/limits.h"

/* Seconds until a test fails for which the other side does nothing. */
#define PATIENCE_S 20

static _Atomic int64_t monotonic_ms;
/* Until one fails, only in this thread's or the server's own calls; -1: none does. */
static atomic_int mallocs_left = -1;
static atomic_int callocs_left = -1;

/* Stand in for the library's. */
__attribute__((used)) int64_t __wrap_vsa_monotonic_ms(void);
int64_t __wrap_vsa_monotonic_ms(void)
{
    return monotonic_ms;
}

/* Holds the next request before its handler, until the test lets it go on. */
static atomic_bool holds;
static sem_t held;
static sem_t go_on;

__attribute__((used)) int64_t __wrap_vsa_wall_clock_ms(void);
int64_t __wrap_vsa_wall_clock_ms(void)
{
    if (atomic_exchange(&holds, false)) {
        (void)sem_post(&held);
        (void)sem_wait(&go_on);
    }
    return FORGE_NOW_MS;
}

static bool is_short(atomic_int *left)
{
    int before = atomic_load(left);
    return before >= 0 && atomic_fetch_sub(left, 1) == 0;
}

void *__real_malloc(size_t size);
__attribute__((used)) void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return is_short(&mallocs_left) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
__attribute__((used)) void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return is_short(&callocs_left) ? NULL : __real_calloc(count, size);
}

static struct forge forge;
static char directory[64];
static char policies[96];
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct vsa_service *service;
static struct vsa_http *http;
static char reply[256 * 1024]; /* of the last request, all that came */

/* --- the service ------------------------------------------------------------------------------ */

static const char *path_of(const char *name)
{
    static char paths[2][128];
    static unsigned next;
    char *path = paths[next++ % 2];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void write_file(const char *name, struct vsa_slice bytes)
{
    assert_int_equal(vsa_whole_file_write(path_of(name), VSA_FILE_PRIVATE, &bytes, 1, NULL),
                     VSA_OK);
}

static int make_files(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/vsattest-http-XXXXXX");
    if (!mkdtemp(directory) || mkdir(path_of("policies"), 0700) != 0)
        return -1;
    (void)snprintf(policies, sizeof(policies), "%s", path_of("policies"));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of("http"));
    forge_reset(&forge);
    write_file("policies/root.der", forge_genuine_root(&forge));
    write_file("policies/p.json",
               vsa_slice_of_text("{\"roots\":\"root.der\",\"challenge\":\"optional\"}"));
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    return remove(path_of("policies/root.der")) || remove(path_of("policies/p.json")) ||
           remove(path_of("policies")) || remove(directory);
}

static void start_with(unsigned rate, bool trust_proxy, bool check_host)
{
    const struct vsa_service_options options = {
        .policies = policies,
        .rate = rate,
        .burst = rate,
        .store = {.url = "memory", .service_id = "test"},
    };
    const struct vsa_http_options http_options = {
        .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .threads = 2,
        .trust_proxy = trust_proxy,
        .check_host = check_host,
    };
    monotonic_ms = 1000000;
    assert_int_equal(
        bind(http_options.fd, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(http_options.fd, VSA_SERVICE_MAX_CONNECTIONS), 0);
    assert_int_equal(vsa_service_new(&options, FORGE_NOW_MS, &service, NULL), VSA_OK);
    assert_int_equal(vsa_http_start(service, &http_options, &http, NULL), VSA_OK);
}

static int start(void **state)
{
    (void)state;
    forge_reset(&forge);
    start_with(1000, false, false);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mallocs_left = -1;
    callocs_left = -1;
    vsa_http_stop(http);
    http = NULL;
    vsa_service_free(service);
    service = NULL;
    return unlink(address.sun_path);
}

/* --- a client --------------------------------------------------------------------------------- */

static int connect_client(void)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)),
                     0);
    return fd;
}

/* Returns false where the other side has closed the connection. */
static bool send_bytes(int fd, const char *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t part = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
        if (part < 0) {
            assert_true(errno == EPIPE || errno == ECONNRESET);
            return false;
        }
        sent += (size_t)part;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_bytes(fd, text, strlen(text));
}

/* Receives until the other side closes; closes too. Returns the status, 0 where none came. */
static unsigned receive_reply(int fd)
{
    size_t size = 0;
    for (;;) {
        ssize_t part = recv(fd, reply + size, sizeof(reply) - 1 - size, 0);
        if (part < 0)
            assert_int_equal(errno, ECONNRESET); /* and not EAGAIN: it closes by itself */
        if (part <= 0)
            break;
        size += (size_t)part;
    }
    reply[size] = '\0';
    (void)close(fd);
    return size ? (unsigned)strtoul(reply + strlen("HTTP/1.1 "), NULL, 10) : 0;
}

/* One request of a connection that ends with it; `headers` each with its end of line. */
static unsigned ask(const char *method, const char *target, const char *headers,
                    struct vsa_slice body)
{
    static char head[64 * 1024];
    int fd = connect_client();
    int size = snprintf(head, sizeof(head),
                        "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
                        "Content-Length: %zu\r\n\r\n",
                        method, target, headers, body.size);
    if (send_bytes(fd, head, (size_t)size))
        (void)send_bytes(fd, (const char *)body.data, body.size);
    return receive_reply(fd);
}

static unsigned get(const char *target)
{
    return ask("GET", target, "", (struct vsa_slice){0});
}

#define JSON_TYPE "Content-Type: application/json\r\n"
#define CBOR_TYPE "Content-Type: application/cbor\r\n"
#define TEXT_TYPE "Content-Type: text/plain\r\n"

static unsigned post(const char *target, const char *headers, const char *body)
{
    return ask("POST", target, headers, vsa_slice_of_text(body));
}

static void assert_reply_has(const char *text)
{
    if (!strstr(reply, text))
        fail_msg("no \"%s\" in\n%s", text, reply);
}

static void assert_reply_lacks(const char *text)
{
    if (strstr(reply, text))
        fail_msg("\"%s\" in\n%s", text, reply);
}

/* --- routes ----------------------------------------------------------------------------------- */

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        const char *type;
    } table[] = {
        {"/", 200, "text/html"},
        {"/openapi.json", 200, "application/json"},
        {"/page/page.js", 200, "text/javascript"},
        {"/v1/policies", 200, "application/json"},
        {"/v1/policies/p", 200, "application/json"},
        {"/v1/policies/none", 404, "application/json"},
        {"/v1/policies/", 404, "application/json"},
        {"/v1/policies/../p", 404, "application/json"},
        {"/v1/verdicts", 200, "application/json"},
        {"/.well-known/jwks.json", 200, "application/json"},
        {"/metrics", 200, "text/plain; version=0.0.4"},
        {"/healthz", 200, "text/plain"},
        {"/readyz", 200, "application/json"},
        {"/v1/policiesx", 404, "application/json"},
        {"/v1", 404, "application/json"},
        {"//", 404, "application/json"},
        {"/page/../page.js", 404, "application/json"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char line[64];
        assert_int_equal(get(table[i].target), table[i].status);
        (void)snprintf(line, sizeof(line), "\r\nContent-Type: %s", table[i].type);
        assert_reply_has(line);
    }
}

/* RFC 9110, section 15.5.6: a 405 names the methods that there are. */
static void methods(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *target;
        unsigned status;
        const char *allow;
    } table[] = {
        {"GET", "/v1/verify", 405, "POST"},
        {"GET", "/v1/challenges", 405, "POST"},
        {"HEAD", "/v1/inspect", 405, "POST"},
        {"OPTIONS", "/v1/verify", 405, "POST"},
        {"POST", "/v1/verdicts", 405, "GET, HEAD"},
        {"DELETE", "/v1/policies/p", 405, "GET, HEAD"},
        {"PUT", "/", 405, "GET, HEAD"},
        {"POST", "/none", 404, NULL},
        {"HEAD", "/healthz", 200, NULL},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char line[64];
        assert_int_equal(ask(table[i].method, table[i].target, "", (struct vsa_slice){0}),
                         table[i].status);
        (void)snprintf(line, sizeof(line), "\r\nAllow: %s\r\n", table[i].allow);
        if (table[i].allow)
            assert_reply_has(line);
        else
            assert_reply_lacks("\r\nAllow:");
    }
    /* What was sent away so was counted where it was. */
    assert_int_equal(get("/metrics"), 200);
    assert_reply_has("requests_total{endpoint=\"verify\",status=\"405\"} 2\n");
    assert_reply_has("requests_total{endpoint=\"files\",status=\"405\"} 1\n");
    assert_reply_has("requests_total{endpoint=\"other\",status=\"404\"} 1\n");
    assert_reply_has("requests_total{endpoint=\"healthz\",status=\"200\"} 1\n");
}

static void headers(void **state)
{
    (void)state;
    assert_int_equal(get("/"), 200);
    assert_reply_has("\r\nX-Content-Type-Options: nosniff\r\n");
    assert_reply_has("\r\nReferrer-Policy: no-referrer\r\n");
    assert_reply_has("\r\nContent-Security-Policy: default-src 'none'; ");
    assert_reply_has("\r\nCache-Control: no-store\r\n");
    assert_int_equal(get("/.well-known/jwks.json"), 200);
    assert_reply_has("\r\nCache-Control: max-age=300\r\n");
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void forms_of_documents(void **state)
{
    (void)state;
    char text[16 * 1024];
    struct vsa_slice document = forge_build(&forge);
    assert_int_equal(vsa_base64_encode(document, text, sizeof(text), NULL), VSA_OK);
    struct vsa_slice encoded = vsa_slice_of_text(text);
    static const char target[] = "/v1/verify?policy=p&audience=app";
    assert_int_equal(ask("POST", target, CBOR_TYPE, document), 200);
    assert_reply_has("\r\nContent-Type: application/eat+jwt\r\n");
    assert_int_equal(ask("POST", target, TEXT_TYPE "Accept: application/json\r\n", encoded), 200);
    assert_reply_has("\"affirming\":false");
    assert_reply_has("\"aud\":\"app\"");
    assert_int_equal(ask("POST", target, "Content-Type: Application/CBOR; x=y\r\n", document), 200);
    /* Nothing is cut off: it would be another policy's name. */
    assert_int_equal(ask("POST", "/v1/verify?policy=p%00x", CBOR_TYPE, document), 404);
    assert_reply_has("\"policy_unknown\"");
    assert_int_equal(ask("POST", "/v1/verify?policy", CBOR_TYPE, document), 400);
    assert_int_equal(ask("POST", "/v1/inspect", CBOR_TYPE, document), 200);
    assert_reply_has("\"verified\":false");
}

static void refused_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        const char *headers;
        const char *body;
        unsigned status;
        const char *code;
    } table[] = {
        {"/v1/verify", "", "{}", 415, "type_unknown"},
        {"/v1/verify", "Content-Type: application/jsonx\r\n", "{}", 415, "type_unknown"},
        {"/v1/verify", JSON_TYPE, "", 400, "request_malformed"},
        {"/v1/verify", JSON_TYPE, "{}", 400, "request_malformed"},
        {"/v1/verify", CBOR_TYPE, "x", 400, "request_malformed"},
        {"/v1/verify?policy=p", CBOR_TYPE, "", 400, "document_malformed"},
        {"/v1/verify?policy=p", TEXT_TYPE, "?", 400, "document_malformed"},
        {"/v1/verify?policy=p&audience=%0a", CBOR_TYPE, "x", 400, "request_malformed"},
        {"/v1/verify?policy=p&audience=a%00b", CBOR_TYPE, "x", 400, "request_malformed"},
        {"/v1/verify?policy=none", CBOR_TYPE, "x", 400, "document_malformed"},
        {"/v1/inspect", JSON_TYPE, "{}", 415, "type_unknown"},
        {"/v1/inspect", CBOR_TYPE, "", 400, "document_malformed"},
        {"/v1/inspect", CBOR_TYPE, "x", 400, "document_malformed"},
        {"/v1/challenges", "", "{\"policy\":\"none\"}", 404, "policy_unknown"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char error[64];
        assert_int_equal(post(table[i].target, table[i].headers, table[i].body), table[i].status);
        (void)snprintf(error, sizeof(error), "{\"error\":\"%s\"", table[i].code);
        assert_reply_has(error);
    }
}

static void sizes(void **state)
{
    (void)state;
    static char bytes[VSA_SERVICE_MAX_BODY + 1];
    memset(bytes, ' ', sizeof(bytes));
    assert_int_equal(ask("POST", "/v1/challenges", "", vsa_slice_of(bytes, sizeof(bytes) - 1)),
                     400);
    assert_reply_has("request_malformed");
    assert_int_equal(ask("POST", "/v1/challenges", "", vsa_slice_of(bytes, sizeof(bytes))), 413);
    assert_reply_has("too_large");
    /* The same in chunks, whose sum no header has. */
    int fd = connect_client();
    assert_true(send_text(fd, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n10001\r\n"));
    assert_true(send_bytes(fd, bytes, sizeof(bytes)));
    assert_true(send_text(fd, "\r\n0\r\n\r\n"));
    assert_int_equal(receive_reply(fd), 413);
}

/* Beyond a MiB it is not read to the end. */
static void endless_body(void **state)
{
    (void)state;
    static char bytes[64 * 1024];
    int fd = connect_client();
    size_t sent = 0;
    assert_true(send_text(fd, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\n"
                              "Content-Length: 1000000000\r\n\r\n"));
    while (sent < 64 * sizeof(bytes) && send_bytes(fd, bytes, sizeof(bytes)))
        sent += sizeof(bytes);
    assert_in_range(sent, 1024 * 1024 - sizeof(bytes), 63 * sizeof(bytes));
    (void)receive_reply(fd);
    assert_int_equal(get("/healthz"), 200);
}

static void long_header(void **state)
{
    (void)state;
    static char header[VSA_SERVICE_CONNECTION_MEMORY + 32];
    memset(header, 'x', sizeof(header));
    memcpy(header, "X-Long: ", 8);
    memcpy(header + sizeof(header) - 3, "\r\n", 3);
    assert_int_equal(ask("GET", "/healthz", header, (struct vsa_slice){0}), 431);
    header[4096] = '\r';
    header[4097] = '\n';
    header[4098] = '\0';
    assert_int_equal(ask("GET", "/healthz", header, (struct vsa_slice){0}), 200);
}

/* --- limits of time and number ---------------------------------------------------------------- */

/* Asks over a connection that is kept. */
static unsigned ask_health(int fd)
{
    assert_true(send_text(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    ssize_t size = recv(fd, reply, sizeof(reply) - 1, 0);
    assert_true(size > 0);
    reply[size] = '\0';
    return (unsigned)strtoul(reply + strlen("HTTP/1.1 "), NULL, 10);
}

/* Begins a request whose body is not all there. */
static int begin_request(void)
{
    int fd = connect_client();
    assert_true(send_text(fd, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                              "Content-Length: 14\r\n\r\n{"));
    return fd;
}

/* Waits until the service counts so many requests as being read or answered. */
static void wait_for_in_flight(unsigned count)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "requests_in_flight %u\n", count);
    for (int i = 0; i < PATIENCE_S * 100; i++) {
        assert_int_equal(get("/metrics"), 200);
        if (strstr(reply, line))
            return;
        (void)usleep(10000);
    }
    fail_msg("no \"%s\" in\n%s", line, reply);
}

/* A body that comes byte by byte has ten seconds; at the last of them it is in time. */
static void slow_body(void **state)
{
    (void)state;
    int in_time = begin_request();
    wait_for_in_flight(1);
    monotonic_ms += VSA_SERVICE_BODY_MS;
    assert_true(send_text(in_time, "\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(in_time), 200);
    int late = begin_request();
    wait_for_in_flight(1);
    monotonic_ms += VSA_SERVICE_BODY_MS + 1;
    assert_true(send_text(late, "\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(late), 0);
    wait_for_in_flight(0);
}

/* Bytes that are no part of a body take no more time: an extension of a chunk, fields, trailers. */
static void slow_request(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "",
        "POST /v1/chal",
        "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nX-Slow: y",
        "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;slow",
        "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y",
    };
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        struct pollfd closed = {.fd = connect_client(), .events = POLLIN};
        assert_int_equal(ask_health(closed.fd), 200);
        assert_true(send_text(closed.fd, beginnings[i]));
        wait_for_in_flight(i >= 3);
        monotonic_ms += VSA_SERVICE_REQUEST_MS / 2;
        vsa_http_shut_down_late(http);
        assert_int_equal(poll(&closed, 1, 20), 0);
        /* More than once: that its answer is sent may be noticed after it has come. */
        for (int tries = 0; tries < 100 && poll(&closed, 1, 50) == 0; tries++) {
            monotonic_ms += VSA_SERVICE_REQUEST_MS + 1;
            vsa_http_shut_down_late(http);
        }
        assert_int_equal(receive_reply(closed.fd), 0);
        wait_for_in_flight(0);
    }
}

/* Each answer gives a connection its time again. */
static void kept_connection(void **state)
{
    (void)state;
    int fd = connect_client();
    for (int i = 0; i < 10; i++) {
        /* The answer to the second shows that the first was noticed as sent. */
        assert_int_equal(ask_health(fd), 200);
        assert_int_equal(ask_health(fd), 200);
        monotonic_ms += VSA_SERVICE_REQUEST_MS;
        vsa_http_shut_down_late(http);
    }
    (void)close(fd);
}

static void busy(void **state)
{
    (void)state;
    static int fds[VSA_SERVICE_MAX_IN_FLIGHT];
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    if (files.rlim_max < 2 * VSA_SERVICE_MAX_IN_FLIGHT + 64)
        SKIP_BECAUSE("too few file descriptors");
    for (size_t i = 0; i < VSA_SERVICE_MAX_IN_FLIGHT; i++)
        fds[i] = begin_request();
    wait_for_in_flight(VSA_SERVICE_MAX_IN_FLIGHT);
    assert_int_equal(post("/v1/challenges", "", "{\"policy\":\"p\"}"), 503);
    assert_reply_has("\"error\":\"busy\"");
    assert_reply_has("\r\nRetry-After: 1\r\n");
    /* What asks for nothing costly is let in: probes would end the process otherwise. */
    assert_int_equal(get("/healthz"), 200);
    assert_true(send_text(fds[0], "\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(fds[0]), 200);
    for (size_t i = 1; i < VSA_SERVICE_MAX_IN_FLIGHT; i++)
        (void)close(fds[i]);
    wait_for_in_flight(0);
    assert_int_equal(post("/v1/challenges", "", "{\"policy\":\"p\"}"), 200);
}

/* Sends a header, and waits until it was read: the body is asked for. */
static int begin_request_read(void)
{
    static const char wanted[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char text[sizeof(wanted)] = "";
    int fd = connect_client();
    assert_true(send_text(fd, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                              "Expect: 100-continue\r\nContent-Length: 14\r\n\r\n"));
    assert_int_equal(recv(fd, text, sizeof(wanted) - 1, MSG_WAITALL), sizeof(wanted) - 1);
    assert_string_equal(text, wanted);
    return fd;
}

/* What the rate refuses keeps no place, though its body never comes. */
static void refused_take_no_place(void **state)
{
    (void)state;
    assert_int_equal(stop(NULL), 0);
    start_with(1, false, false);
    int admitted = begin_request_read();
    int refused = begin_request_read();
    wait_for_in_flight(1);
    assert_true(send_text(refused, "{\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(refused), 429);
    assert_true(send_text(admitted, "{\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(admitted), 200);
    wait_for_in_flight(0);
}

static unsigned forwarded(const char *header)
{
    return post("/v1/challenges", header, "{\"policy\":\"p\"}");
}

#define FORWARDED(value) "X-Forwarded-For: " value "\r\n"

/* One bucket an address; of IPv6 one a network of 64 bits. */
static void forwarded_addresses(void **state)
{
    (void)state;
    assert_int_equal(stop(NULL), 0);
    start_with(1, true, false);
    static const struct {
        const char *header;
        unsigned status;
    } table[] = {
        {FORWARDED("192.0.2.1"), 200},
        {FORWARDED("192.0.2.1"), 429},
        {FORWARDED("192.0.2.9, 192.0.2.1"), 429},
        {FORWARDED("192.0.2.8") FORWARDED("192.0.2.1"), 429},
        {FORWARDED("::ffff:192.0.2.1"), 429},
        {FORWARDED("192.0.2.1,192.0.2.2"), 200},
        {FORWARDED("2001:db8::1"), 200},
        {FORWARDED("2001:db8::2"), 429},
        {FORWARDED("2001:db8:0:1::1"), 200},
        {FORWARDED("nonsense"), 200},
        {FORWARDED("other nonsense"), 429},
        {"", 200},
        {"", 429},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_int_equal(forwarded(table[i].header), table[i].status);
    assert_reply_has("\r\nRetry-After: 1\r\n");
}

/* Without --trust-proxy the header is a client's word. */
static void not_forwarded(void **state)
{
    (void)state;
    assert_int_equal(stop(NULL), 0);
    start_with(1, false, false);
    assert_int_equal(forwarded(FORWARDED("192.0.2.1")), 200);
    assert_int_equal(forwarded(FORWARDED("192.0.2.2")), 429);
}

/* What a proxy may take as ending elsewhere: what follows is not read, as another one's or not. */
static void ambiguous(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "X: y",
        "Host: x\r\nHost: y\r\nContent-Length: 4",
        "Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        "Host: x\r\nTransfer-Encoding: chunked\r\ncontent-length: 4",
        "Host: x\r\nContent-Length: 4\r\nContent-Length: 5",
        "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Host: x\r\nContent-Length : 5",
        "Host: x\r\nTransfer-Encoding\t: chunked",
        "Host: x\r\nX: y\r\n Content-Length: 5",
        "Host: pages.example\r\n x\r\nContent-Length: 5",
        "Host : x",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char text[256];
        int fd = connect_client();
        (void)snprintf(text, sizeof(text),
                       "POST /v1/inspect HTTP/1.1\r\n%s\r\n\r\n0\r\n\r\n"
                       "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                       fields[i]);
        assert_true(send_text(fd, text));
        assert_int_equal(receive_reply(fd), 400);
        assert_reply_has("\r\nConnection: close\r\n");
        /* libmicrohttpd refuses some in its own words, each version others. */
        if (!strstr(reply, "<html>"))
            assert_reply_has("\"request_malformed\"");
        assert_reply_lacks("vsattest_verifierd_");
    }
}

static unsigned ask_host(const char *header)
{
    char text[160];
    int fd = connect_client();
    /* HTTP/1.1 has one. */
    (void)snprintf(text, sizeof(text), "GET /v1/policies HTTP/1.0\r\n%s\r\n", header);
    assert_true(send_text(fd, text));
    return receive_reply(fd);
}

/* A page whose name is made to lead to the loopback has that name as its Host. */
static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        unsigned status;
    } table[] = {
        {"", 200},
        {"Host: localhost:8080\r\n", 200},
        {"Host: LOCALHOST\r\n", 200},
        {"Host: 127.0.0.1:8080\r\n", 200},
        {"Host: 192.0.2.1\r\n", 200},
        {"Host: [::1]:8080\r\n", 200},
        {"Host: pages.example:8080\r\n", 421},
        {"Host: localhost.pages.example\r\n", 421},
        {"Host: 127.0.0.1.pages.example\r\n", 421},
        {"Host: [pages.example]\r\n", 421},
        {"Host: [localhost]\r\n", 421},
        {"Host: ::1\r\n", 421},
        {"Host: a-name-that-is-longer-than-any-address-there-is-in-ipv6.example\r\n", 421},
        {"Host: \r\n", 421},
    };
    assert_int_equal(ask_host("Host: pages.example\r\n"), 200);
    assert_int_equal(stop(NULL), 0);
    start_with(1, false, true);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        unsigned status = ask_host(table[i].header);
        if (status != table[i].status)
            print_message("# %s", table[i].header);
        assert_int_equal(status, table[i].status);
    }
    assert_reply_has("\"host_unknown\"");
}

/* --- memory ----------------------------------------------------------------------------------- */

/*
 * Each allocation of a request fails in turn: the answer is an error or none at all, and the next
 * request is as good as any.
 */
static void memory_short(void **state, atomic_int *left)
{
    (void)state;
    struct vsa_slice document = forge_build(&forge);
    int failures = 0;
    for (; failures < 1000; failures++) {
        *left = failures;
        unsigned status = ask("POST", "/v1/verify?policy=p", CBOR_TYPE, document);
        bool used = *left < 0;
        *left = -1;
        /* 429: an address that cannot be hashed has to wait. AWS-LC allocates for that. */
        if (status != 0 && status != 200 && status != 429 && status != 500)
            fail_msg("allocation %d: status %u", failures, status);
        if (status != 200)
            assert_reply_lacks("eat+jwt");
        assert_int_equal(ask("POST", "/v1/verify?policy=p", CBOR_TYPE, document), 200);
        if (!used)
            break;
        /* The first is the exchange or its body: without it nothing can be answered with 200. */
        if (failures == 0)
            assert_int_not_equal(status, 200);
    }
    assert_in_range(failures, 1, 999);
    wait_for_in_flight(0);
}

static void malloc_short(void **state)
{
    memory_short(state, &mallocs_left);
}

static void calloc_short(void **state)
{
    memory_short(state, &callocs_left);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void *stop_thread(void *argument)
{
    (void)argument;
    vsa_http_stop(http);
    return NULL;
}

/* What was being answered when the end came is answered: its challenge may be redeemed. */
static void answered_before_the_end(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(sem_init(&held, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    holds = true;
    int fd = connect_client();
    assert_true(send_text(fd, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\n"
                              "Content-Length: 14\r\n\r\n{\"policy\":\"p\"}"));
    (void)sem_wait(&held);
    int late = begin_request();
    wait_for_in_flight(2);
    int kept = connect_client();
    assert_int_equal(ask_health(kept), 200);
    assert_int_equal(pthread_create(&thread, NULL, stop_thread, NULL), 0);
    unsigned status = 200;
    for (int i = 0; status == 200 && i < PATIENCE_S * 100; i++) {
        (void)usleep(10000);
        status = ask_health(kept);
    }
    assert_int_equal(status, 503);
    assert_reply_has("\r\nConnection: close\r\n");
    (void)close(kept);
    /* Its body comes too late: nothing of it is begun. */
    assert_true(send_text(late, "\"policy\":\"p\"}"));
    assert_int_equal(receive_reply(late), 503);
    (void)sem_post(&go_on);
    assert_int_equal(receive_reply(fd), 200);
    assert_reply_has("\"challenge\":\"");
    assert_int_equal(pthread_join(thread, NULL), 0);
    http = NULL;
}

static void no_start(void **state)
{
    (void)state;
    struct vsa_http_options options = {.fd = STDIN_FILENO, .threads = 1};
    struct vsa_http *made = NULL;
    callocs_left = 0;
    assert_int_equal(vsa_http_start(service, &options, &made, NULL), VSA_ERR_MEMORY);
    /* libmicrohttpd would listen on a port of all addresses. */
    callocs_left = -1;
    options.fd = -1;
    assert_int_equal(vsa_http_start(service, &options, &made, NULL), VSA_ERR_IO);
    assert_null(made);
    vsa_http_stop(NULL);
}

int main(void)
{
#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        HTTP_TEST(paths),
        HTTP_TEST(methods),
        HTTP_TEST(headers),
        HTTP_TEST(forms_of_documents),
        HTTP_TEST(refused_bodies),
        HTTP_TEST(sizes),
        HTTP_TEST(endless_body),
        HTTP_TEST(long_header),
        HTTP_TEST(slow_body),
        HTTP_TEST(slow_request),
        HTTP_TEST(kept_connection),
        HTTP_TEST(busy),
        HTTP_TEST(refused_take_no_place),
        HTTP_TEST(forwarded_addresses),
        HTTP_TEST(not_forwarded),
        HTTP_TEST(ambiguous),
        HTTP_TEST(hosts),
        HTTP_TEST(malloc_short),
        HTTP_TEST(calloc_short),
        HTTP_TEST(answered_before_the_end),
        HTTP_TEST(no_start),
    };
    return cmocka_run_group_tests_name("http", tests, make_files, remove_files);
}
