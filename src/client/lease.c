/* SPDX-License-Identifier: Apache-2.0 */
#include "client/lease.h"

#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sized.h"
#include "client/channel.h"

VSA_SIZED_ASSERT(struct vsa_client_statistics, retried);

static void lock(struct vsa_client *client)
{
    (void)pthread_mutex_lock(&client->lock);
}

static void unlock(struct vsa_client *client)
{
    (void)pthread_mutex_unlock(&client->lock);
}

void vsa_lease_init(struct vsa_client *client)
{
    /* These cannot fail with default attributes (glibc and musl). */
    (void)pthread_mutex_init(&client->lock, NULL);
    (void)pthread_condattr_init(&client->monotonic);
    (void)pthread_condattr_setclock(&client->monotonic, CLOCK_MONOTONIC);
}

void vsa_lease_clear(struct vsa_client *client)
{
    (void)pthread_condattr_destroy(&client->monotonic);
    (void)pthread_mutex_destroy(&client->lock);
}

/* --- under the lock --------------------------------------------------------------------------- */

static void push_idle(struct vsa_client *client, struct vsa_pooled *connection)
{
    connection->idle_since_ms = vsa_monotonic_ms();
    connection->younger = NULL;
    connection->older = client->youngest;
    if (client->youngest)
        client->youngest->younger = connection;
    else
        client->oldest = connection;
    client->youngest = connection;
    client->statistics.idle++;
}

static void unlink_idle(struct vsa_client *client, struct vsa_pooled *connection)
{
    if (connection->younger)
        connection->younger->older = connection->older;
    else
        client->youngest = connection->older;
    if (connection->older)
        connection->older->younger = connection->younger;
    else
        client->oldest = connection->younger;
    client->statistics.idle--;
}

/* Unlinks those idle for `idle_ms` or longer; returns them as a list by `older`. */
static struct vsa_pooled *unlink_expired(struct vsa_client *client, int64_t idle_ms)
{
    struct vsa_pooled *expired = NULL;
    int64_t now = vsa_monotonic_ms();
    while (client->oldest && now - client->oldest->idle_since_ms >= idle_ms) {
        struct vsa_pooled *connection = client->oldest;
        unlink_idle(client, connection);
        connection->older = expired;
        expired = connection;
        client->statistics.open--;
        client->statistics.expired++;
    }
    return expired;
}

/* Gives a released connection, or (NULL) the right to make one, to the longest waiter. */
static void release_locked(struct vsa_client *client, struct vsa_pooled *connection)
{
    struct vsa_lease_waiter *waiter = client->first;
    if (waiter) {
        client->first = waiter->next;
        if (!client->first)
            client->last = NULL;
        client->statistics.waiting--;
        waiter->connection = connection;
        waiter->is_served = true;
        (void)pthread_cond_signal(&waiter->served);
    } else if (connection) {
        push_idle(client, connection);
    } else {
        client->statistics.open--;
    }
}

static void append_waiter(struct vsa_client *client, struct vsa_lease_waiter *waiter)
{
    if (client->last)
        client->last->next = waiter;
    else
        client->first = waiter;
    client->last = waiter;
    client->statistics.waiting++;
}

static void remove_waiter(struct vsa_client *client, const struct vsa_lease_waiter *waiter)
{
    struct vsa_lease_waiter *before = NULL;
    struct vsa_lease_waiter **link = &client->first;
    while (*link != waiter) {
        before = *link;
        link = &before->next;
    }
    *link = waiter->next;
    if (client->last == waiter)
        client->last = before;
    client->statistics.waiting--;
}

static enum vsa_status too_late(const struct vsa_client *client, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_TIMEOUT,
                    "none of the client's %zu connections to %s came free within %" PRId64 " ms",
                    client->options.max_connections, client->address, client->options.timeout_ms);
}

static enum vsa_status wait_for_slot(struct vsa_client *client, int64_t deadline_ms,
                                     struct vsa_pooled **connection, struct vsa_error *error)
{
    struct vsa_lease_waiter waiter = {.next = NULL};
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000 * 1000000)};
    int result = 0;
    (void)pthread_cond_init(&waiter.served, &client->monotonic);
    append_waiter(client, &waiter);
    while (!waiter.is_served && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&waiter.served, &client->lock, &until);
    if (!waiter.is_served)
        remove_waiter(client, &waiter);
    (void)pthread_cond_destroy(&waiter.served);
    *connection = waiter.connection;
    if (waiter.is_served)
        return VSA_OK;
    return too_late(client, error);
}

/* Sets a kept connection, or NULL: the caller may make one. Waits in FIFO order. */
static enum vsa_status acquire_locked(struct vsa_client *client, int64_t deadline_ms,
                                      struct vsa_pooled **connection, struct vsa_error *error)
{
    *connection = client->youngest;
    if (*connection) {
        unlink_idle(client, *connection);
        return VSA_OK;
    }
    if (client->statistics.open < client->options.max_connections) {
        client->statistics.open++;
        return VSA_OK;
    }
    return wait_for_slot(client, deadline_ms, connection, error);
}

/* --- without it ------------------------------------------------------------------------------- */

static void close_connection(struct vsa_pooled *connection)
{
    vsa_channel_close(connection->channel);
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

size_t vsa_client_close_idle(struct vsa_client *client, int64_t idle_ms)
{
    if (client->owner != getpid())
        return 0;
    lock(client);
    struct vsa_pooled *expired = unlink_expired(client, idle_ms);
    unlock(client);
    return close_list(expired);
}

static void release_connection(struct vsa_client *client, struct vsa_pooled *connection)
{
    lock(client);
    release_locked(client, connection);
    unlock(client);
}

static void discard(struct vsa_client *client, struct vsa_pooled *connection)
{
    close_connection(connection);
    lock(client);
    client->statistics.broken++;
    unlock(client);
}

/* Connects for the holder of the right to make a connection; releases the right on failure. */
static enum vsa_status make_connection(struct vsa_client *client, int64_t deadline_ms,
                                       struct vsa_pooled **connection, struct vsa_error *error)
{
    struct vsa_pooled *made = calloc(1, sizeof(*made));
    enum vsa_status status =
        made ? vsa_channel_open(client->address, deadline_ms - vsa_monotonic_ms(), &made->channel,
                                error)
             : vsa_fail_memory(error);
    if (status != VSA_OK) {
        free(made);
        release_connection(client, NULL);
        return status;
    }
    lock(client);
    client->statistics.made++;
    unlock(client);
    *connection = made;
    return VSA_OK;
}

enum vsa_status vsa_lease_take(struct vsa_client *client, int64_t deadline_ms,
                               struct vsa_lease *lease, struct vsa_error *error)
{
    struct vsa_pooled *connection = NULL;
    lock(client);
    struct vsa_pooled *expired = unlink_expired(client, client->options.idle_timeout_ms);
    enum vsa_status status = acquire_locked(client, deadline_ms, &connection, error);
    unlock(client);
    (void)close_list(expired);
    VSA_TRY(status);
    /* A call served at its deadline sends nothing: it could not receive the reply. */
    if (vsa_monotonic_ms() >= deadline_ms) {
        release_connection(client, connection);
        return too_late(client, error);
    }
    if (connection && !vsa_channel_is_ready(connection->channel)) {
        discard(client, connection);
        connection = NULL;
    }
    lease->is_kept = connection != NULL;
    if (connection)
        vsa_channel_set_timeout(connection->channel, deadline_ms - vsa_monotonic_ms());
    else
        VSA_TRY(make_connection(client, deadline_ms, &connection, error));
    lease->connection = connection;
    return VSA_OK;
}

enum vsa_status vsa_lease_replace(struct vsa_client *client, int64_t deadline_ms,
                                  struct vsa_lease *lease, struct vsa_error *error)
{
    discard(client, lease->connection);
    lease->connection = NULL;
    lease->is_kept = false;
    return make_connection(client, deadline_ms, &lease->connection, error);
}

void vsa_lease_return(struct vsa_client *client, struct vsa_lease *lease, bool usable)
{
    if (!usable)
        discard(client, lease->connection);
    release_connection(client, usable ? lease->connection : NULL);
    lease->connection = NULL;
}

void vsa_lease_count_retry(struct vsa_client *client)
{
    lock(client);
    client->statistics.retried++;
    unlock(client);
}

void vsa_client_get_statistics_size(struct vsa_client *client,
                                    struct vsa_client_statistics *statistics, size_t size)
{
    struct vsa_client_statistics known = {0};
    if (client->owner == getpid()) {
        lock(client);
        known = client->statistics;
        unlock(client);
    }
    vsa_sized_write(statistics, size, &known, sizeof(known));
}
