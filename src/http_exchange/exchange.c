/* SPDX-License-Identifier: Apache-2.0 */
#include "http_exchange/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"

VSA_DEFINE_CLEANUP(CURLU, curl_url_cleanup, cleanup_url);
VSA_DEFINE_CLEANUP(struct curl_slist, curl_slist_free_all, cleanup_list);

/* "Authorization: Bearer " and a token; tokens have at most 512 bytes. */
#define MAX_FIELD 640

static void cleanup_text(char **text)
{
    curl_free(*text);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Returns whether the host is this machine, by an address or the one name that libcurl itself
 * resolves to loopback addresses. */
static bool is_loopback(const char *host)
{
    struct in_addr address;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    /* What only resembles an address is a name, which may be of any machine. */
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    VSA_CLEANUP(cleanup_text) char *text = NULL;
    return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

static enum vsa_status read_url(const struct http_request *request, CURLU *url,
                                struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_text) char *scheme = NULL;
    VSA_CLEANUP(cleanup_text) char *host = NULL;
    if (curl_url_set(url, CURLUPART_URL, request->url, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return vsa_fail(
            error, VSA_ERR_ARGUMENT,
            "%.140s is no URL: https://HOST[:PORT][/PATH], or http:// with an address of "
            "this machine",
            request->url);
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) ||
        has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "the URL has a user, a password, a query or a fragment: "
                        "https://HOST[:PORT][/PATH] is all that it may have");
    if (strcmp(scheme, "https") == 0)
        return VSA_OK;
    if (strcmp(scheme, "http") == 0 && (request->socket || is_loopback(host)))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "%.20s://%.100s: only https:// proves who answers; http:// is for addresses of "
                    "this machine",
                    scheme, host);
}

/* --- one request ------------------------------------------------------------------------------ */

/* What libcurl's callbacks fill. */
struct received {
    struct http_answer *answer;
    size_t header_size; /* with trailers, and of answers 1xx before it */
    bool too_large;
};

/* Counts a field: libcurl keeps all of them, and those of trailers without a limit. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t take_field(char *data, size_t one, size_t size, void *context)
{
    struct received *received = context;
    (void)data;
    (void)one; /* it is 1 */
    received->header_size += size;
    received->too_large = received->header_size > VSA_HTTP_MAX_ANSWER;
    return received->too_large ? 0 : size;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct received *received = context;
    struct http_answer *answer = received->answer;
    (void)one; /* it is 1 */
    if (size > sizeof(answer->body) - answer->size) {
        received->too_large = true;
        return 0;
    }
    memcpy(answer->body + answer->size, data, size);
    answer->size += size;
    return size;
}

static bool append_field(struct curl_slist **fields, const char *name, const char *value)
{
    char field[MAX_FIELD];
    int size = snprintf(field, sizeof(field), "%s%s", name, value);
    struct curl_slist *longer = NULL;
    if (size >= 0 && (size_t)size < sizeof(field))
        longer = curl_slist_append(*fields, field);
    vsa_wipe(field, sizeof(field));
    if (longer)
        *fields = longer;
    return longer;
}

static bool set_fields(const struct http_request *request, struct curl_slist **fields)
{
    /* Without "Expect": the bodies are small, and a proxy that does not know it costs a second. */
    return append_field(fields, "Accept: ", request->accept) &&
           append_field(fields, "Expect:", "") &&
           (!request->body || append_field(fields, "Content-Type: ", "application/json")) &&
           (!request->bearer || append_field(fields, "Authorization: Bearer ", request->bearer));
}

/* Sets all options anew; libcurl's function takes long and pointers in variable arguments. */
static bool set_options(CURL *curl, const struct http_request *request, CURLU *url,
                        struct curl_slist *fields, struct received *received, char *problem)
{
    bool set = true;
    curl_easy_reset(curl); /* keeps the connection */
#define SET(option, value) set = set && curl_easy_setopt(curl, option, value) == CURLE_OK
    SET(CURLOPT_CURLU, url);
    SET(CURLOPT_PROTOCOLS_STR, "https,http");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_USERAGENT, "vsattest/" VSA_VERSION);
    SET(CURLOPT_HTTPHEADER, fields);
    SET(CURLOPT_HEADERFUNCTION, take_field);
    SET(CURLOPT_HEADERDATA, received);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, received);
    SET(CURLOPT_ERRORBUFFER, problem);
    if (request->socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, request->socket);
    if (request->cacert)
        SET(CURLOPT_CAINFO, request->cacert);
    if (request->body)
        SET(CURLOPT_POSTFIELDS, request->body);
#undef SET
    return set;
}

static enum vsa_status status_of(CURL *curl, CURLcode code)
{
    long number = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return VSA_ERR_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
        return number == ECONNREFUSED || number == ENOENT ? VSA_ERR_REFUSED : VSA_ERR_IO;
    case CURLE_SSL_CACERT_BADFILE:
        return VSA_ERR_ARGUMENT;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return VSA_ERR_CLOSED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
        return VSA_ERR_REPLY;
    case CURLE_OUT_OF_MEMORY:
        return VSA_ERR_MEMORY;
    default: /* no such host, TLS, certificates that are not trusted */
        return VSA_ERR_IO;
    }
}

enum vsa_status http_exchange(CURL *curl, const struct http_request *request,
                              struct http_answer *answer, struct vsa_error *error)
{
    char problem[CURL_ERROR_SIZE] = "";
    struct received received = {.answer = answer};
    VSA_CLEANUP(cleanup_list) struct curl_slist *fields = NULL;
    VSA_CLEANUP(cleanup_url) CURLU *url = curl_url();
    answer->size = 0;
    if (!url)
        return vsa_fail_memory(error);
    VSA_TRY(read_url(request, url, error));
    if (!set_fields(request, &fields) ||
        !set_options(curl, request, url, fields, &received, problem))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "libcurl does not take this request");
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code == CURLE_OK)
        return VSA_OK;
    if (received.too_large)
        return vsa_fail(error, VSA_ERR_TOO_LARGE,
                        "an answer of more than %d bytes, or fields of more", VSA_HTTP_MAX_ANSWER);
    if (code == CURLE_SSL_CACERT_BADFILE && !request->cacert)
        return vsa_fail(error, VSA_ERR_IO,
                        "no certificates of authorities on this machine (package ca-certificates), "
                        "and none by --cacert");
    return vsa_fail(error, status_of(curl, code), "%.200s",
                    problem[0] ? problem : curl_easy_strerror(code));
}
