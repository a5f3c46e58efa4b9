/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications behind the server: each listens on a Unix socket and answers one line with one line.
 * Connections are kept and bounded in number; exchanges that find none wait in a bounded queue.
 * All of it runs in the loop's thread, and nothing blocks it. No JSON, no commands.
 */
#ifndef VSA_BACKEND_BACKEND_H
#define VSA_BACKEND_BACKEND_H

#include "base/list.h"
#include "event/loop.h"
#include <vsattest/transport.h>

struct vsa_backends;
struct vsa_backend;

/* A line on its way to a backend and its reply back. Embed it. Zeroed: not running. */
struct vsa_exchange {
    /*
     * Handler, set by the caller: called once after vsa_exchange_begin() has succeeded, never from
     * inside it, and not after vsa_exchange_cancel().
     *
     * reply  in: the line without its newline, borrowed during the call; absent on failure
     * why    in: NULL, or VSA_ERR_BACKEND with what happened
     */
    void (*done)(struct vsa_exchange *exchange, struct vsa_slice reply,
                 const struct vsa_error *why);

    struct vsa_link place; /* in the queue of its backend */
    struct vsa_backend *backend;
    struct vsa_stream *stream; /* that it was sent on; NULL while it waits */
    char *line;                /* owned while it waits; wiped */
    size_t size;
};

struct vsa_backend_limits {
    size_t max_queue;        /* exchanges of each backend that wait for a connection */
    size_t max_buffered;     /* bytes of lines and replies of all backends */
    int64_t idle_timeout_ms; /* of a kept connection; longer than any exchange may take */
};

/*
 * Makes an empty set of backends.
 *
 * loop    in: borrowed
 * limits  in: copied
 *
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_backends_new(struct vsa_event_loop *loop,
                                              const struct vsa_backend_limits *limits,
                                              struct vsa_backends **backends,
                                              struct vsa_error *error);
/* Closes all connections; no exchange may run any more. NULL is fine. */
void vsa_backends_free(struct vsa_backends *backends);

/*
 * Adds a backend; connects with the first exchange.
 *
 * address          in: of kind VSA_ADDRESS_UNIX; copied
 * max_connections  in: 1..VSA_MAX_BACKEND_CONNECTIONS
 * backend          out: lives as long as `backends`
 *
 * Errors: VSA_ERR_ARGUMENT (another kind, the number), VSA_ERR_TOO_MANY, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_backend_add(struct vsa_backends *backends,
                                             const struct vsa_address *address,
                                             size_t max_connections, struct vsa_backend **backend,
                                             struct vsa_error *error);

/*
 * Sends a line, now or when a connection is free.
 *
 * line  in: with its newline, and without another one; borrowed
 *
 * Errors: VSA_ERR_BACKEND (no process listens), VSA_ERR_BUSY (the queue is full), VSA_ERR_MEMORY;
 * the line was not sent then, and `done` is not called.
 */
VSA_MUST_USE enum vsa_status vsa_exchange_begin(struct vsa_backend *backend,
                                                struct vsa_exchange *exchange,
                                                struct vsa_slice line, struct vsa_error *error);

/* Returns whether the line was sent, so that the backend may have carried it out. */
bool vsa_exchange_is_sent(const struct vsa_exchange *exchange);

/* Ends an exchange that runs: its connection is closed, for its reply may still come. */
void vsa_exchange_cancel(struct vsa_exchange *exchange);

/* Frees what has closed. Call once after each iteration of the loop. NULL is fine. */
void vsa_backends_end_iteration(struct vsa_backends *backends);

#endif
