/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/store_redis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "base/base64.h"
#include "base/error.h"
#include "clock/wall_clock.h"
#include "verifierd/limits.h"

/* Connections that wait for their next use: one for each thread of a large machine. */
#define MAX_IDLE 64

/* What a server calls this run of its process; 40 digits, and room for more. */
#define RUN_SIZE 64

/* A connection; what it saw of the server in its last INFO. */
struct connection {
    redisContext *context;
    int64_t timeout_ms;
    int64_t checked_ms; /* monotonic; then nothing was evicted */
    char run[RUN_SIZE + 1];
};

struct redis_store {
    struct vsa_store base;
    struct vsa_store_options options;
    char host[256]; /* or the path of a socket */
    int port;       /* 0: a socket */
    int database;
    pthread_mutex_t mutex;
    int64_t failed_ms; /* when it was last left alone, monotonic; 0: not since it connected */
    int64_t hung_ms;   /* first reply that did not come in time since one that did; 0: none */
    size_t idle_count;
    struct connection idle[MAX_IDLE];
};

VSA_DEFINE_CLEANUP(redisReply, freeReplyObject, cleanup_reply);
#define AUTO_REPLY VSA_CLEANUP(cleanup_reply)

/* --- connections ------------------------------------------------------------------------------ */

static void close_connection(struct connection *connection)
{
    if (connection->context)
        redisFree(connection->context);
    connection->context = NULL;
}

static enum vsa_status fail_connection(const struct connection *connection, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_BACKEND, "the store does not answer: %.100s",
                    connection->context ? connection->context->errstr : "out of memory");
}

static enum vsa_status fail_reply(const char *what, struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_BACKEND, "the store answers in a way it should not: %.100s",
                    what);
}

/* Returns whether a reply begins that is an array, or of RESP 3: no command here has one. */
static bool begins_with_array(const redisReader *reader)
{
    return reader->ridx < 0 && reader->len > reader->pos &&
           !memchr("+-:$", reader->buf[reader->pos], 4);
}

/* Takes a reply out of what was read, NULL where it is not all there. */
static enum vsa_status take_reply(redisReader *reader, void **reply, struct vsa_error *error)
{
    /* hiredis allocates as many elements as the first line has, before the first is there. */
    if (begins_with_array(reader))
        return fail_reply("an array", error);
    if (redisReaderGetReply(reader, reply) != REDIS_OK)
        return fail_reply(reader->errstr, error);
    if (!*reply && reader->len > VSA_STORE_MAX_REPLY)
        return fail_reply("too large", error);
    return VSA_OK;
}

/*
 * Waits for the next reply. redisGetReply() limits the time of each read and nothing else: a store
 * that drips or never ends would keep the thread, and memory.
 */
static enum vsa_status wait_for_reply(struct connection *connection, void **reply,
                                      struct vsa_error *error)
{
    redisContext *context = connection->context;
    int64_t end_ms = vsa_deadline(connection->timeout_ms);
    bool late = false;
    int sent = 0;
    while (!sent)
        if (redisBufferWrite(context, &sent) != REDIS_OK)
            return fail_connection(connection, error);
    for (;;) {
        VSA_TRY(take_reply(context->reader, reply, error));
        if (*reply)
            return VSA_OK;
        if (late)
            return fail_reply("too slowly", error);
        /* Looked at before the read: what is there is taken, however late this thread is. */
        late = vsa_monotonic_ms() > end_ms;
        if (redisBufferRead(context) != REDIS_OK)
            return fail_connection(connection, error);
    }
}

/* Receives the next reply of the pipeline; NULL, with the error set, when there is none. */
static enum vsa_status receive(struct connection *connection, redisReply **reply,
                               struct vsa_error *error)
{
    void *received = NULL;
    *reply = NULL;
    VSA_TRY(wait_for_reply(connection, &received, error));
    *reply = received;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it was waited for until it was there */
    if ((*reply)->type == REDIS_REPLY_ERROR)
        return vsa_fail(error, VSA_ERR_BACKEND, "the store refuses: %.160s", (*reply)->str);
    return VSA_OK;
}

static enum vsa_status expect_ok(struct connection *connection, struct vsa_error *error)
{
    AUTO_REPLY redisReply *reply = NULL;
    return receive(connection, &reply, error);
}

static enum vsa_status log_in(const struct redis_store *store, struct connection *connection,
                              struct vsa_error *error)
{
    if (store->options.password) {
        (void)redisAppendCommand(connection->context, "AUTH %s", store->options.password);
        VSA_TRY(expect_ok(connection, error));
    }
    if (!store->database)
        return VSA_OK;
    (void)redisAppendCommand(connection->context, "SELECT %d", store->database);
    return expect_ok(connection, error);
}

static enum vsa_status connect_store(const struct redis_store *store, struct connection *connection,
                                     struct vsa_error *error)
{
    const int64_t timeout_ms = store->options.timeout_ms;
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    connection->timeout_ms = timeout_ms;
    connection->checked_ms = INT64_MIN / 2;
    connection->context = store->port ? redisConnectWithTimeout(store->host, store->port, timeout)
                                      : redisConnectUnixWithTimeout(store->host, timeout);
    if (!connection->context || connection->context->err ||
        redisSetTimeout(connection->context, timeout) != REDIS_OK)
        return fail_connection(connection, error);
    return log_in(store, connection, error);
}

/* Takes a connection that waits; returns false when there is none. */
static bool take_idle(struct redis_store *store, struct connection *connection)
{
    if (!store->idle_count)
        return false;
    *connection = store->idle[--store->idle_count];
    return true;
}

/* Returns whether the last failure to connect is so recent that another try can wait. */
static bool is_left_alone(const struct redis_store *store)
{
    return store->failed_ms && vsa_monotonic_ms() - store->failed_ms < VSA_STORE_RETRY_MS;
}

static enum vsa_status take_connection(struct redis_store *store, struct connection *connection,
                                       struct vsa_error *error)
{
    (void)pthread_mutex_lock(&store->mutex);
    bool taken = take_idle(store, connection);
    bool alone = !taken && is_left_alone(store);
    (void)pthread_mutex_unlock(&store->mutex);
    if (taken)
        return VSA_OK;
    if (alone)
        return vsa_fail(error, VSA_ERR_BACKEND, "the store did not answer a moment ago");
    enum vsa_status status = connect_store(store, connection, error);
    (void)pthread_mutex_lock(&store->mutex);
    store->failed_ms = status == VSA_OK ? 0 : vsa_monotonic_ms();
    (void)pthread_mutex_unlock(&store->mutex);
    if (status != VSA_OK)
        close_connection(connection);
    return status;
}

/* Closes all that wait: those to a store that was restarted are of no use. */
static void drop_idle(struct redis_store *store)
{
    while (store->idle_count)
        close_connection(&store->idle[--store->idle_count]);
}

/*
 * Notes a store that connects and then hangs. It takes its limit of time of each request in turn,
 * and with that all threads, /healthz's as well: it is left alone like one that does not connect.
 * One late reply is no reason: a request that began after it must have waited in vain, too.
 */
static void note_outcome(struct redis_store *store, bool good, int64_t begin_ms)
{
    int64_t now_ms = vsa_monotonic_ms();
    if (good || now_ms - begin_ms < store->options.timeout_ms)
        store->hung_ms = 0;
    else if (!store->hung_ms)
        store->hung_ms = now_ms;
    else if (begin_ms >= store->hung_ms)
        store->failed_ms = now_ms;
}

/* Keeps a connection for the next request, or closes it. */
static void return_connection(struct redis_store *store, struct connection *connection, bool good,
                              int64_t begin_ms)
{
    (void)pthread_mutex_lock(&store->mutex);
    note_outcome(store, good, begin_ms);
    if (good && store->idle_count < MAX_IDLE) {
        store->idle[store->idle_count++] = *connection;
        connection->context = NULL;
    }
    if (!good)
        drop_idle(store);
    (void)pthread_mutex_unlock(&store->mutex);
    close_connection(connection);
}

/* --- what the store must not do --------------------------------------------------------------- */

/* Returns the value behind `name` in the reply of INFO, and its size; NULL when there is none. */
static const char *find_info(const redisReply *reply, const char *name, int *size)
{
    const char *found = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;
    if (!found)
        return NULL;
    found += strlen(name);
    *size = (int)strcspn(found, "\r\n");
    return found;
}

/* Fails unless nothing is evicted, and the server names its run. */
static enum vsa_status read_info(struct connection *connection, struct vsa_error *error)
{
    AUTO_REPLY redisReply *reply = NULL;
    int size = 0;
    VSA_TRY(receive(connection, &reply, error));
    const char *policy = find_info(reply, "\r\nmaxmemory_policy:", &size);
    if (!policy || size != 10 || memcmp(policy, "noeviction", 10) != 0)
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "the store may forget: its maxmemory-policy is %.*s, not noeviction",
                        policy ? size : 7, policy ? policy : "unknown");
    const char *run = find_info(reply, "\r\nrun_id:", &size);
    if (!run || size < 1 || size > RUN_SIZE)
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "the store's INFO has no run_id: that it was restarted would not show");
    memcpy(connection->run, run, (size_t)size);
    connection->run[size] = '\0';
    connection->checked_ms = vsa_monotonic_ms();
    return VSA_OK;
}

/*
 * Makes an epoch that begins when every challenge issued by now has a time before it. `now` is
 * when its lack was seen, not when the request came: challenges of the time between may have been
 * redeemed, and forgotten.
 */
static enum vsa_status begin_epoch(const struct redis_store *store, struct connection *connection,
                                   struct vsa_error *error)
{
    int64_t begins_ms = vsa_wall_clock_ms() + store->options.skew_ms + 1;
    (void)redisAppendCommand(connection->context, "SET %s:epoch %lld-%s NX",
                             store->options.service_id, (long long)begins_ms, connection->run);
    return expect_ok(connection, error);
}

/*
 * Removes the epoch of a run before: the server may have come back from a snapshot, or be another
 * one, without the last redemptions. The next request makes a new one. To replace it here could
 * move one back that another replica has just made.
 */
static enum vsa_status end_epoch(const struct redis_store *store, struct connection *connection,
                                 struct vsa_error *error)
{
    (void)redisAppendCommand(connection->context, "DEL %s:epoch", store->options.service_id);
    return expect_ok(connection, error);
}

enum epoch_state {
    EPOCH_NONE,
    EPOCH_OF_RUN_BEFORE,
    EPOCH_VALID,
};

/* Reads the reply of GET; `*begins_ms` is -1 where no epoch is valid. */
static enum vsa_status read_epoch(struct connection *connection, enum epoch_state *state,
                                  int64_t *begins_ms, struct vsa_error *error)
{
    AUTO_REPLY redisReply *reply = NULL;
    VSA_TRY(receive(connection, &reply, error));
    *state = EPOCH_NONE;
    *begins_ms = -1;
    if (reply->type == REDIS_REPLY_NIL)
        return VSA_OK;
    char *end = NULL;
    long long value = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, &end, 10) : 0;
    if (value <= 0 || !end || *end != '-')
        return vsa_fail(error, VSA_ERR_BACKEND, "the store's epoch is not one of this service's");
    *state = strcmp(end + 1, connection->run) == 0 ? EPOCH_VALID : EPOCH_OF_RUN_BEFORE;
    if (*state == EPOCH_VALID)
        *begins_ms = value;
    return VSA_OK;
}

/* --- redemption ------------------------------------------------------------------------------- */

static enum vsa_status append_set(const struct redis_store *store, struct connection *connection,
                                  const struct vsa_challenge *challenge, int64_t now_ms,
                                  struct vsa_error *error)
{
    char name[64];
    int64_t left_ms = challenge->issued_ms + VSA_CHALLENGE_LIFETIME_MS - now_ms;
    int64_t ttl_ms = (left_ms > 0 ? left_ms : 0) + store->options.skew_ms + VSA_STORE_MARGIN_MS;
    VSA_TRY(vsa_base64url_encode(vsa_slice_of(challenge->mac, sizeof(challenge->mac)), name,
                                 sizeof(name), error));
    (void)redisAppendCommand(connection->context, "SET %s:used:%s 1 NX PX %lld",
                             store->options.service_id, name, (long long)ttl_ms);
    return VSA_OK;
}

/* Sends one pipeline. The epoch is read last: after it, a store that was emptied shows it. */
static enum vsa_status send_pipeline(const struct redis_store *store, struct connection *connection,
                                     const struct vsa_challenge *challenge, int64_t now_ms,
                                     bool check, struct vsa_error *error)
{
    if (check)
        (void)redisAppendCommand(connection->context, "INFO");
    if (challenge)
        VSA_TRY(append_set(store, connection, challenge, now_ms, error));
    (void)redisAppendCommand(connection->context, "GET %s:epoch", store->options.service_id);
    if (challenge && store->options.replicas)
        (void)redisAppendCommand(connection->context, "WAIT %u 100", store->options.replicas);
    return VSA_OK;
}

static enum vsa_status read_set(struct connection *connection, enum vsa_redemption *redemption,
                                struct vsa_error *error)
{
    AUTO_REPLY redisReply *reply = NULL;
    VSA_TRY(receive(connection, &reply, error));
    if (reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0)
        *redemption = VSA_REDEMPTION_FIRST;
    else if (reply->type == REDIS_REPLY_NIL)
        *redemption = VSA_REDEMPTION_AGAIN;
    else
        return vsa_fail(error, VSA_ERR_BACKEND, "the store answers SET in a way it should not");
    return VSA_OK;
}

static enum vsa_status read_wait(const struct redis_store *store, struct connection *connection,
                                 struct vsa_error *error)
{
    AUTO_REPLY redisReply *reply = NULL;
    VSA_TRY(receive(connection, &reply, error));
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < (long long)store->options.replicas)
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "fewer than %u replicas of the store have the redemption",
                        store->options.replicas);
    return VSA_OK;
}

/* Reads the epoch, as read_epoch() does, and with a challenge redeems that first. */
static enum vsa_status exchange(const struct redis_store *store, struct connection *connection,
                                const struct vsa_challenge *challenge, int64_t now_ms,
                                enum vsa_redemption *redemption, int64_t *epoch_ms,
                                struct vsa_error *error)
{
    enum epoch_state state;
    bool check = vsa_monotonic_ms() - connection->checked_ms >= VSA_STORE_CHECK_MS;
    VSA_TRY(send_pipeline(store, connection, challenge, now_ms, check, error));
    if (check)
        VSA_TRY(read_info(connection, error));
    if (challenge)
        VSA_TRY(read_set(connection, redemption, error));
    VSA_TRY(read_epoch(connection, &state, epoch_ms, error));
    if (challenge && store->options.replicas)
        VSA_TRY(read_wait(store, connection, error));
    if (state == EPOCH_NONE)
        return begin_epoch(store, connection, error);
    return state == EPOCH_VALID ? VSA_OK : end_epoch(store, connection, error);
}

static enum vsa_status redeem(struct vsa_store *base, const struct vsa_challenge *challenge,
                              int64_t now_ms, bool only_look, enum vsa_redemption *redemption,
                              struct vsa_error *error)
{
    struct redis_store *store = (struct redis_store *)base;
    struct connection connection = {0};
    int64_t epoch_ms = -1;
    *redemption = VSA_REDEMPTION_FIRST;
    VSA_TRY(take_connection(store, &connection, error));
    int64_t begin_ms = vsa_monotonic_ms();
    enum vsa_status status = exchange(store, &connection, only_look ? NULL : challenge, now_ms,
                                      redemption, &epoch_ms, error);
    return_connection(store, &connection, status == VSA_OK, begin_ms);
    if (status == VSA_OK && (epoch_ms < 0 || challenge->issued_ms < epoch_ms))
        *redemption = VSA_REDEMPTION_FORGOTTEN;
    return status;
}

static enum vsa_status probe(struct vsa_store *base, int64_t now_ms, struct vsa_error *error)
{
    struct redis_store *store = (struct redis_store *)base;
    struct connection connection = {0};
    int64_t epoch_ms = -1;
    VSA_TRY(take_connection(store, &connection, error));
    connection.checked_ms = INT64_MIN / 2;
    int64_t begin_ms = vsa_monotonic_ms();
    enum vsa_status status = exchange(store, &connection, NULL, now_ms, NULL, &epoch_ms, error);
    return_connection(store, &connection, status == VSA_OK, begin_ms);
    VSA_TRY(status);
    if (epoch_ms < 0)
        epoch_ms = now_ms + store->options.skew_ms + 1; /* as begin_epoch() makes it */
    if (epoch_ms > now_ms)
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "the store's memory is new: challenges can be redeemed that are issued "
                        "%lld ms from now on",
                        (long long)(epoch_ms - now_ms));
    return VSA_OK;
}

/* --- making ----------------------------------------------------------------------------------- */

static void redis_store_free(struct vsa_store *base)
{
    struct redis_store *store = (struct redis_store *)base;
    drop_idle(store);
    (void)pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* Reads a number of at most `max` after `*text`, which moves past it. */
static bool read_number(const char **text, unsigned long max, int *value)
{
    if (**text < '0' || **text > '9')
        return false;
    char *end;
    unsigned long number = strtoul(*text, &end, 10);
    if (number > max)
        return false;
    *value = (int)number;
    *text = end;
    return true;
}

/* Reads "redis://HOST[:PORT][/DB]"; HOST in brackets where it is an IPv6 address. */
static bool read_url(const char *url, struct redis_store *store)
{
    int end = 0;
    if (sscanf(url, "redis://[%255[0-9a-fA-F:]]%n", store->host, &end) != 1 || !end)
        end = 0;
    if (!end && (sscanf(url, "redis://%255[A-Za-z0-9._-]%n", store->host, &end) != 1 || !end))
        return false;
    const char *rest = url + end;
    store->port = 6379;
    store->database = 0;
    if (*rest == ':') {
        rest++;
        if (!read_number(&rest, 65535, &store->port) || store->port < 1)
            return false;
    }
    if (*rest == '/') {
        rest++;
        if (*rest && !read_number(&rest, 9999, &store->database))
            return false;
    }
    return !*rest;
}

static enum vsa_status read_address(const char *url, struct redis_store *store,
                                    struct vsa_error *error)
{
    if (strncmp(url, "unix:/", 6) == 0 && strlen(url) < sizeof(store->host)) {
        (void)snprintf(store->host, sizeof(store->host), "%s", url + strlen("unix:"));
        return VSA_OK;
    }
    if (read_url(url, store))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "'%.100s' is no store: memory, redis://HOST:PORT/DB or unix:/PATH", url);
}

enum vsa_status vsa_store_redis_new(const struct vsa_store_options *options,
                                    struct vsa_store **store, struct vsa_error *error)
{
    static const struct vsa_store_operations operations = {redeem, probe, redis_store_free};
    struct redis_store *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->base.operations = &operations;
    made->base.is_shared = true;
    made->options = *options;
    (void)pthread_mutex_init(&made->mutex, NULL);
    enum vsa_status status = read_address(options->url, made, error);
    if (status != VSA_OK) {
        redis_store_free(&made->base);
        return status;
    }
    *store = &made->base;
    return VSA_OK;
}
