/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by http_exchange, a process of its own with libcurl (ARCHITECTURE.md, "HTTP is another
 * program's"): one for each conversation, whose connection it keeps.
 */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_HTTP_H
#define VSA_PROGRAMS_VSOCK_CLIENT_HTTP_H

#include <sys/types.h>

#include <jansson.h>

#include <vsattest/transport.h>

/* Zero it first; end it with http_close(). */
struct http_connection {
    pid_t pid; /* 0: not started */
    int fd;
    struct vsa_line_reader reader;
    char *line; /* owned */
};

/* Starts the process. Errors: VSA_ERR_ARGUMENT (there is no such program), VSA_ERR_IO, _MEMORY. */
VSA_MUST_USE enum vsa_status http_open(struct http_connection *http, struct vsa_error *error);

/*
 * Sends a request and waits for the answer, whatever its HTTP status.
 *
 * request  in: as http_exchange/main.c reads it, but for the time
 * status   out: of HTTP
 * body     out: a string or null; new reference
 *
 * Errors: those of http_exchange(), VSA_ERR_TIMEOUT.
 */
VSA_MUST_USE enum vsa_status http_ask(struct http_connection *http, json_t *request,
                                      int64_t deadline_ms, int *status, json_t **body,
                                      struct vsa_error *error);

/* Ends the process, which may not have been started. */
void http_close(struct http_connection *http);

#endif
