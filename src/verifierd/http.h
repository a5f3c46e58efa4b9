/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 in front of the service, by libmicrohttpd: routes, limits, headers. */
#ifndef VSA_VERIFIERD_HTTP_H
#define VSA_VERIFIERD_HTTP_H

#include "verifierd/service.h"

struct vsa_http_options {
    int fd;           /* listens; closed by vsa_http_stop() */
    unsigned threads; /* 1 or more */
    bool trust_proxy; /* X-Forwarded-For has the client's address */
    bool check_host;  /* refuses a Host that is neither an address nor localhost */
};

struct vsa_http;

/* Begins to answer, on threads of its own. Errors: VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_http_start(struct vsa_service *service,
                                            const struct vsa_http_options *options,
                                            struct vsa_http **http, struct vsa_error *error);

/*
 * Shuts down connections that have made no request whole, nor read its answer, for
 * VSA_SERVICE_REQUEST_MS. Call it once a second or so; not during vsa_http_stop().
 */
void vsa_http_shut_down_late(struct vsa_http *http);

/*
 * Stops: requests whose body has come are answered first, for VSA_SERVICE_STOP_MS at most; those
 * that come later are not handled. NULL is fine.
 */
void vsa_http_stop(struct vsa_http *http);

#endif
