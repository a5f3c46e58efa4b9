/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by http_exchange, a process of its own with libcurl (ARCHITECTURE.md, "HTTP is another
 * program's"): one for each conversation, whose connection it keeps.
 */
#ifndef VSA_SERVICE_CLIENT_HTTP_HELPER_H
#define VSA_SERVICE_CLIENT_HTTP_HELPER_H

#include <sys/types.h>

#include <jansson.h>

#include <vsattest/transport.h>

#define VSA_HTTP_HELPER "http_exchange"

/* Set by one of the first two functions, whatever they return; ended by the last. */
struct vsa_http_helper {
    pid_t pid; /* 0: no process of ours */
    int fd;    /* owned */
    struct vsa_line_reader reader;
    char *line; /* owned */
};

/* Starts the program at `path`. Errors: VSA_ERR_IO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_http_helper_start(struct vsa_http_helper *helper, const char *path,
                                                   struct vsa_error *error);

/* Speaks to what is behind a stream socket, which it takes over. Errors: VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_http_helper_attach(struct vsa_http_helper *helper, int fd,
                                                    struct vsa_error *error);

/*
 * Sends a request and waits for the answer, whatever its HTTP status.
 *
 * request  in: as http_exchange/main.c reads it, but for the time, which is set here
 * status   out: of HTTP
 * body     out: a string or null; new reference
 *
 * Errors: those of http_exchange(), VSA_ERR_TIMEOUT.
 */
VSA_MUST_USE enum vsa_status vsa_http_helper_ask(struct vsa_http_helper *helper, json_t *request,
                                                 int64_t deadline_ms, int *status, json_t **body,
                                                 struct vsa_error *error);

/* Ends the process, if there is one. */
void vsa_http_helper_close(struct vsa_http_helper *helper);

#endif
