/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request and its answer, over libcurl: by https with the server's certificate checked, or
 * within this machine; no redirect is followed, no proxy of the environment is used.
 */
#ifndef VSA_HTTP_EXCHANGE_EXCHANGE_H
#define VSA_HTTP_EXCHANGE_EXCHANGE_H

#include <curl/curl.h>

#include "http_exchange/limits.h"
#include <vsattest/base.h>

/* All borrowed. */
struct http_request {
    const char *url;    /* https://; http:// of a loopback address or with `socket` */
    const char *socket; /* path of a Unix socket to connect to; NULL: by the URL's host */
    const char *bearer; /* token of the "Authorization" field, or NULL */
    const char *cacert; /* PEM file of certificates to trust; NULL: the system's */
    const char *accept; /* media type */
    const char *body;   /* JSON to post; NULL: GET */
    int64_t timeout_ms; /* for all of it, more than 0 */
};

struct http_answer {
    long status;                    /* of HTTP */
    size_t size;                    /* bytes of `body` */
    char body[VSA_HTTP_MAX_ANSWER]; /* no NUL at its end */
};

/*
 * Sends a request and receives the answer, whatever its status.
 *
 * curl    in: a handle, which keeps its connection for the next request
 * answer  out: complete on success only
 *
 * Errors: VSA_ERR_ARGUMENT (a URL of another form, a file of certificates that is none),
 * VSA_ERR_REFUSED, VSA_ERR_TIMEOUT, VSA_ERR_CLOSED, VSA_ERR_IO (no such host, TLS, a certificate
 * that is not trusted), VSA_ERR_TOO_LARGE, VSA_ERR_REPLY (not HTTP), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status http_exchange(CURL *curl, const struct http_request *request,
                                           struct http_answer *answer, struct vsa_error *error);

#endif
