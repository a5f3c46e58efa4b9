/* SPDX-License-Identifier: Apache-2.0 */
#include "client/pool_lease.h"

#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "client/connection.h"

static void lock(struct vsa_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
}

static void unlock(struct vsa_pool *pool)
{
    (void)pthread_mutex_unlock(&pool->lock);
}

void vsa_pool_queue_init(struct vsa_pool *pool)
{
    /* These cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_condattr_init(&pool->monotonic);
    (void)pthread_condattr_setclock(&pool->monotonic, CLOCK_MONOTONIC);
}

void vsa_pool_queue_clear(struct vsa_pool *pool)
{
    (void)pthread_condattr_destroy(&pool->monotonic);
    (void)pthread_mutex_destroy(&pool->lock);
}

/* --- under the lock --------------------------------------------------------------------------- */

static void push_idle(struct vsa_pool *pool, struct vsa_pooled *connection)
{
    connection->idle_since_ms = vsa_monotonic_ms();
    connection->younger = NULL;
    connection->older = pool->youngest;
    if (pool->youngest)
        pool->youngest->younger = connection;
    else
        pool->oldest = connection;
    pool->youngest = connection;
    pool->statistics.idle++;
}

static void unlink_idle(struct vsa_pool *pool, struct vsa_pooled *connection)
{
    if (connection->younger)
        connection->younger->older = connection->older;
    else
        pool->youngest = connection->older;
    if (connection->older)
        connection->older->younger = connection->younger;
    else
        pool->oldest = connection->younger;
    pool->statistics.idle--;
}

/* Takes out those idle for `idle_ms` or longer: a list by `older`. */
static struct vsa_pooled *unlink_expired(struct vsa_pool *pool, int64_t idle_ms)
{
    struct vsa_pooled *expired = NULL;
    int64_t now = vsa_monotonic_ms();
    while (pool->oldest && now - pool->oldest->idle_since_ms >= idle_ms) {
        struct vsa_pooled *connection = pool->oldest;
        unlink_idle(pool, connection);
        connection->older = expired;
        expired = connection;
        pool->statistics.open--;
        pool->statistics.expired++;
    }
    return expired;
}

/* What somebody gave back goes to whoever waits for longest: a connection, or the right to one. */
static void pass_on(struct vsa_pool *pool, struct vsa_pooled *connection)
{
    struct vsa_pool_waiter *waiter = pool->first;
    if (waiter) {
        pool->first = waiter->next;
        if (!pool->first)
            pool->last = NULL;
        pool->statistics.waiting--;
        waiter->connection = connection;
        waiter->is_served = true;
        (void)pthread_cond_signal(&waiter->served);
    } else if (connection) {
        push_idle(pool, connection);
    } else {
        pool->statistics.open--;
    }
}

static void append_waiter(struct vsa_pool *pool, struct vsa_pool_waiter *waiter)
{
    if (pool->last)
        pool->last->next = waiter;
    else
        pool->first = waiter;
    pool->last = waiter;
    pool->statistics.waiting++;
}

static void remove_waiter(struct vsa_pool *pool, const struct vsa_pool_waiter *waiter)
{
    struct vsa_pool_waiter *before = NULL;
    struct vsa_pool_waiter **link = &pool->first;
    while (*link != waiter) {
        before = *link;
        link = &before->next;
    }
    *link = waiter->next;
    if (pool->last == waiter)
        pool->last = before;
    pool->statistics.waiting--;
}

static enum vsa_status too_late(const struct vsa_pool *pool, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_TIMEOUT,
                    "none of the pool's %u connections to %s came free within %" PRId64 " ms",
                    pool->options.max_connections, pool->address, pool->options.timeout_ms);
}

static enum vsa_status wait_in_line(struct vsa_pool *pool, int64_t deadline_ms,
                                    struct vsa_pooled **connection, struct vsa_error *error)
{
    struct vsa_pool_waiter waiter = {.next = NULL};
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000 * 1000000)};
    int result = 0;
    (void)pthread_cond_init(&waiter.served, &pool->monotonic);
    append_waiter(pool, &waiter);
    while (!waiter.is_served && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&waiter.served, &pool->lock, &until);
    if (!waiter.is_served)
        remove_waiter(pool, &waiter);
    (void)pthread_cond_destroy(&waiter.served);
    *connection = waiter.connection;
    if (waiter.is_served)
        return VSA_OK;
    return too_late(pool, error);
}

/* A kept connection, or NULL: the right to make one. */
static enum vsa_status take_turn(struct vsa_pool *pool, int64_t deadline_ms,
                                 struct vsa_pooled **connection, struct vsa_error *error)
{
    *connection = pool->youngest;
    if (*connection) {
        unlink_idle(pool, *connection);
        return VSA_OK;
    }
    if (pool->statistics.open < pool->options.max_connections) {
        pool->statistics.open++;
        return VSA_OK;
    }
    return wait_in_line(pool, deadline_ms, connection, error);
}

/* --- without it ------------------------------------------------------------------------------- */

static void close_connection(struct vsa_pooled *connection)
{
    vsa_client_free(connection->client);
    free(connection);
}

static size_t close_list(struct vsa_pooled *connection)
{
    size_t count = 0;
    for (; connection; count++) {
        struct vsa_pooled *older = connection->older;
        close_connection(connection);
        connection = older;
    }
    return count;
}

size_t vsa_pool_close_idle(struct vsa_pool *pool, int64_t idle_ms)
{
    if (pool->owner != getpid())
        return 0;
    lock(pool);
    struct vsa_pooled *expired = unlink_expired(pool, idle_ms);
    unlock(pool);
    return close_list(expired);
}

static void give_back(struct vsa_pool *pool, struct vsa_pooled *connection)
{
    lock(pool);
    pass_on(pool, connection);
    unlock(pool);
}

static void discard(struct vsa_pool *pool, struct vsa_pooled *connection)
{
    close_connection(connection);
    lock(pool);
    pool->statistics.broken++;
    unlock(pool);
}

/* For whoever has the right to make a connection; the right is given back on failure. */
static enum vsa_status make_connection(struct vsa_pool *pool, int64_t deadline_ms,
                                       struct vsa_pooled **connection, struct vsa_error *error)
{
    struct vsa_pooled *made = calloc(1, sizeof(*made));
    enum vsa_status status =
        made ? vsa_client_connect(pool->address, deadline_ms - vsa_monotonic_ms(), &made->client,
                                  error)
             : vsa_fail_memory(error);
    if (status != VSA_OK) {
        free(made);
        give_back(pool, NULL);
        return status;
    }
    lock(pool);
    pool->statistics.made++;
    unlock(pool);
    *connection = made;
    return VSA_OK;
}

enum vsa_status vsa_pool_lease(struct vsa_pool *pool, int64_t deadline_ms,
                               struct vsa_pool_lease *lease, struct vsa_error *error)
{
    struct vsa_pooled *connection = NULL;
    lock(pool);
    struct vsa_pooled *expired = unlink_expired(pool, pool->options.idle_timeout_ms);
    enum vsa_status status = take_turn(pool, deadline_ms, &connection, error);
    unlock(pool);
    (void)close_list(expired);
    VSA_TRY(status);
    /* Whose turn came at the last moment sends nothing that it could not see answered. */
    if (vsa_monotonic_ms() >= deadline_ms) {
        give_back(pool, connection);
        return too_late(pool, error);
    }
    if (connection && !vsa_client_is_ready(connection->client)) {
        discard(pool, connection);
        connection = NULL;
    }
    lease->is_kept = connection != NULL;
    if (connection)
        vsa_client_set_timeout(connection->client, deadline_ms - vsa_monotonic_ms());
    else
        VSA_TRY(make_connection(pool, deadline_ms, &connection, error));
    lease->connection = connection;
    return VSA_OK;
}

enum vsa_status vsa_pool_replace(struct vsa_pool *pool, int64_t deadline_ms,
                                 struct vsa_pool_lease *lease, struct vsa_error *error)
{
    discard(pool, lease->connection);
    lease->connection = NULL;
    lease->is_kept = false;
    return make_connection(pool, deadline_ms, &lease->connection, error);
}

void vsa_pool_return(struct vsa_pool *pool, struct vsa_pool_lease *lease, bool usable)
{
    if (!usable)
        discard(pool, lease->connection);
    give_back(pool, usable ? lease->connection : NULL);
    lease->connection = NULL;
}

void vsa_pool_count_retry(struct vsa_pool *pool)
{
    lock(pool);
    pool->statistics.retried++;
    unlock(pool);
}

void vsa_pool_statistics(struct vsa_pool *pool, struct vsa_pool_statistics *statistics)
{
    *statistics = (struct vsa_pool_statistics){0};
    if (pool->owner != getpid())
        return;
    lock(pool);
    *statistics = pool->statistics;
    unlock(pool);
}
