/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's pool of connections, and the only part of it that locks. The holder of a lease has
 * its connection alone, so no lock is held while a socket is used.
 */
#ifndef VSA_CLIENT_LEASE_H
#define VSA_CLIENT_LEASE_H

#include <pthread.h>
#include <sys/types.h>

#include <vsattest/client.h>
#include <vsattest/transport.h>

/* A connection of the pool; while idle, linked to a younger and an older one. */
struct vsa_pooled {
    struct vsa_channel *channel;
    struct vsa_pooled *younger;
    struct vsa_pooled *older;
    int64_t idle_since_ms;
};

/* A call that waits, on its caller's stack. */
struct vsa_lease_waiter {
    struct vsa_lease_waiter *next;
    pthread_cond_t served;
    struct vsa_pooled *connection; /* result; NULL: it may make one */
    bool is_served;
};

struct vsa_client {
    struct vsa_client_options options;
    char address[VSA_MAX_ADDRESS];
    pid_t owner;
    pthread_condattr_t monotonic;
    pthread_mutex_t lock; /* guards all members below */
    struct vsa_client_statistics statistics;
    struct vsa_pooled *youngest; /* idle; the youngest is used first, so that others expire */
    struct vsa_pooled *oldest;
    struct vsa_lease_waiter *first; /* FIFO; empty while a connection is idle */
    struct vsa_lease_waiter *last;
};

void vsa_lease_init(struct vsa_client *client);
void vsa_lease_clear(struct vsa_client *client);

/* The right to one connection. */
struct vsa_lease {
    struct vsa_pooled *connection;
    bool is_kept; /* used before, so the enclave may have closed it since */
};

/*
 * Waits in FIFO order for a connection that can send a request; end with vsa_lease_return().
 * Errors: VSA_ERR_TIMEOUT, VSA_ERR_MEMORY, those of vsa_channel_open().
 */
VSA_MUST_USE enum vsa_status vsa_lease_take(struct vsa_client *client, int64_t deadline_ms,
                                            struct vsa_lease *lease, struct vsa_error *error);

/* Puts a new connection into the lease; on failure the lease is over. */
VSA_MUST_USE enum vsa_status vsa_lease_replace(struct vsa_client *client, int64_t deadline_ms,
                                               struct vsa_lease *lease, struct vsa_error *error);

/* Ends the lease; a connection that is not `usable` any more is closed. */
void vsa_lease_return(struct vsa_client *client, struct vsa_lease *lease, bool usable);

/* Counts one more request that is sent again. */
void vsa_lease_count_retry(struct vsa_client *client);

#endif
