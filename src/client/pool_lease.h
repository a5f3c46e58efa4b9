/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use which connection of a pool: the only part of it that locks. Whoever has a lease has
 * its connection alone, so nothing is locked while a socket is used.
 */
#ifndef VSA_CLIENT_POOL_LEASE_H
#define VSA_CLIENT_POOL_LEASE_H

#include <pthread.h>
#include <sys/types.h>

#include <vsattest/pool.h>
#include <vsattest/transport.h>

/* A connection that nobody uses, between a younger and an older one. */
struct vsa_pooled {
    struct vsa_client *client;
    struct vsa_pooled *younger;
    struct vsa_pooled *older;
    int64_t idle_since_ms;
};

/* A call that waits, on its caller's stack. */
struct vsa_pool_waiter {
    struct vsa_pool_waiter *next;
    pthread_cond_t served;
    struct vsa_pooled *connection; /* what it got; NULL: it may make one */
    bool is_served;
};

struct vsa_pool {
    struct vsa_pool_options options;
    char address[VSA_MAX_ADDRESS];
    pid_t owner;
    pthread_condattr_t monotonic;
    pthread_mutex_t lock; /* of everything below */
    struct vsa_pool_statistics statistics;
    struct vsa_pooled *youngest; /* idle ones; the youngest is used first, so others may expire */
    struct vsa_pooled *oldest;
    struct vsa_pool_waiter *first; /* there are waiters only while nothing is idle */
    struct vsa_pool_waiter *last;
};

void vsa_pool_queue_init(struct vsa_pool *pool);
void vsa_pool_queue_clear(struct vsa_pool *pool);

/* A connection to be used by whoever holds this. */
struct vsa_pool_lease {
    struct vsa_pooled *connection;
    bool is_kept; /* it served others before, so the enclave may have closed it meanwhile */
};

/*
 * A connection that can take a request, in turn. `*lease` is the caller's until vsa_pool_return().
 * Errors: VSA_ERR_TIMEOUT, VSA_ERR_MEMORY, those of vsa_client_connect().
 */
VSA_MUST_USE enum vsa_status vsa_pool_lease(struct vsa_pool *pool, int64_t deadline_ms,
                                            struct vsa_pool_lease *lease, struct vsa_error *error);

/* Puts a new connection into the lease; on failure the lease is over. */
VSA_MUST_USE enum vsa_status vsa_pool_replace(struct vsa_pool *pool, int64_t deadline_ms,
                                              struct vsa_pool_lease *lease,
                                              struct vsa_error *error);

/* Ends the lease; a connection that is not `usable` any more is closed. */
void vsa_pool_return(struct vsa_pool *pool, struct vsa_pool_lease *lease, bool usable);

/* Counts one more request that is sent again. */
void vsa_pool_count_retry(struct vsa_pool *pool);

#endif
