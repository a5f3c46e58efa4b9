/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of connections to one enclave, for programs that ask it often or from many threads.
 *
 * Connections are made when they are needed, up to a limit, and kept for the next request; ones
 * that were idle for too long are closed, ones that broke are replaced. Callers who find none free
 * are served in the order in which they came, each until its own deadline.
 *
 * All functions but vsa_pool_free() may be called from any number of threads at once. There is no
 * background thread, and no lock is held while a socket is waited for.
 *
 * fork(): a pool belongs to the process that made it, because a connection shared by two processes
 * would mix up their replies. In a child every call is VSA_ERR_ARGUMENT (statistics are zero) and
 * vsa_pool_free() only lets go of the child's copies: make a pool of its own in the child.
 *
 * Source: docs/PROTOCOL.md, "Order, time, connections" and "Errors".
 * Example: examples/pool.c
 */
#ifndef VSATTEST_POOL_H
#define VSATTEST_POOL_H

#include <stdbool.h>

#include <vsattest/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vsa_pool;

/* Initialise with vsa_pool_options_init(), then change what should differ. */
struct vsa_pool_options {
    /* Open at once, 1..VSA_MAX_POOL_CONNECTIONS. Default: VSA_DEFAULT_POOL_CONNECTIONS. */
    unsigned max_connections;
    /*
     * For one whole call, in milliseconds, more than 0: waiting for a connection, connecting, the
     * exchange, and all pauses and retries. Default: VSA_DEFAULT_CLIENT_TIMEOUT_MS.
     */
    int64_t timeout_ms;
    /*
     * A connection idle for so long is closed when the next request comes, in milliseconds; with 0
     * none that was idle is used again. Default: VSA_DEFAULT_POOL_IDLE_TIMEOUT_MS, half of what
     * the server grants.
     */
    int64_t idle_timeout_ms;
    /*
     * How often one call asks again, at most VSA_MAX_RETRIES. Default: 0. Before each it pauses:
     * for what the enclave asked for ("retry_after_ms"), else for a time that doubles; plus a
     * random part. A pause that would not end before the timeout is not begun: the call fails at
     * once with what the last try met.
     *
     * Asked again is after VSA_ERR_REFUSED, VSA_ERR_BUSY, VSA_ERR_RATE_LIMITED,
     * VSA_ERR_CONNECTIONS, VSA_ERR_SHUTTING_DOWN and VSA_ERR_IDLE_TIMEOUT, which all mean that
     * nothing was carried out; and after VSA_ERR_NSM_UNREACHABLE and VSA_ERR_CLOSED (before any
     * byte of a reply) if asking twice is harmless: "ping", "status", "metrics", and "attest"
     * without "generate_key".
     */
    unsigned retries;
};

VSA_PUBLIC void vsa_pool_options_init(struct vsa_pool_options *options);

/*
 * Makes a pool. It connects nowhere yet.
 *
 * address  in: as for vsa_client_connect(); copied
 * options  in, may be NULL: the defaults; copied
 * pool     out: set on success; free with vsa_pool_free()
 *
 * Errors: VSA_ERR_ARGUMENT (an address that is none, an option out of its range), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_pool_new(const char *address,
                                                     const struct vsa_pool_options *options,
                                                     struct vsa_pool **pool,
                                                     struct vsa_error *error);

/* Closes all connections. No call may be under way or come later. NULL is fine. */
VSA_PUBLIC void vsa_pool_free(struct vsa_pool *pool);

/*
 * One exchange each, on a connection of the pool. Parameters and errors are those of the functions
 * of the same name in client.h, besides:
 *
 * - those of vsa_client_connect(), when a connection had to be made;
 * - VSA_ERR_TIMEOUT when none came free in time;
 * - VSA_ERR_ARGUMENT in a child of the process that made the pool.
 *
 * A kept connection that turns out dead before any byte of the reply is replaced and the request
 * sent once more, even with `retries` 0, if asking twice is harmless (see there) or the enclave
 * said that it had closed for idleness.
 *
 * A failure stays with the call that met it: other calls go on, on other connections.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_pool_request(struct vsa_pool *pool,
                                                         const json_t *request, json_t **reply,
                                                         struct vsa_error *error);

VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_pool_ping(struct vsa_pool *pool,
                                                      struct vsa_error *error);

VSA_PUBLIC VSA_MUST_USE enum vsa_status vsa_pool_status(struct vsa_pool *pool, json_t **status,
                                                        struct vsa_error *error);

VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_pool_attest(struct vsa_pool *pool, const struct vsa_attestation_request *request,
                struct vsa_attestation_reply *reply, struct vsa_error *error);

/* The connection is given back before the document is verified: verifying takes milliseconds. */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_pool_attest_and_verify(struct vsa_pool *pool, const struct vsa_attestation_request *request,
                           struct vsa_verifier *verifier, const struct vsa_policy *policy,
                           int64_t (*now)(const void *context), const void *context,
                           struct vsa_attestation_reply *reply, struct vsa_claims *claims,
                           struct vsa_error *error);

/*
 * Closes connections that nobody uses now: those idle for `idle_ms` milliseconds or longer, all
 * for 0. Returns how many were closed.
 */
VSA_PUBLIC size_t vsa_pool_close_idle(struct vsa_pool *pool, int64_t idle_ms);

struct vsa_pool_statistics {
    /* now */
    size_t open;    /* connections in use, idle and being made */
    size_t idle;    /* of these, those that nobody uses */
    size_t waiting; /* calls that wait for a connection */
    /* since the pool was made */
    uint64_t made;    /* connections made */
    uint64_t broken;  /* of these, closed because they broke or the enclave closed them */
    uint64_t expired; /* of these, closed because nobody used them */
    uint64_t retried; /* requests that were sent again, for whatever reason */
};
VSA_PUBLIC void vsa_pool_statistics(struct vsa_pool *pool, struct vsa_pool_statistics *statistics);

#ifdef __cplusplus
}
#endif

#endif
