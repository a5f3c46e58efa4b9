/* SPDX-License-Identifier: Apache-2.0 */
/* Requests through a pool: lease a connection, one exchange, give it back; again if that helps. */
#include <vsattest/pool.h>

#include "base/error.h"
#include "client/attest.h"
#include "client/connection.h"
#include "client/pool_lease.h"
#include "client/retry.h"
#include "protocol/request.h"
#include "protocol/service.h"

void vsa_pool_options_init(struct vsa_pool_options *options)
{
    *options = (struct vsa_pool_options){
        .max_connections = VSA_DEFAULT_POOL_CONNECTIONS,
        .timeout_ms = VSA_DEFAULT_CLIENT_TIMEOUT_MS,
        .idle_timeout_ms = VSA_DEFAULT_POOL_IDLE_TIMEOUT_MS,
        .retries = 0,
    };
}

static enum vsa_status check_options(const struct vsa_pool_options *options,
                                     struct vsa_error *error)
{
    if (options->max_connections < 1 || options->max_connections > VSA_MAX_POOL_CONNECTIONS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a pool of %u connections: it may have 1 to %d",
                        options->max_connections, VSA_MAX_POOL_CONNECTIONS);
    if (options->timeout_ms <= 0 || options->idle_timeout_ms < 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a pool's timeout must be over 0 ms, its idle timeout 0 ms or more");
    if (options->retries > VSA_MAX_RETRIES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%u retries: the most is %d", options->retries,
                        VSA_MAX_RETRIES);
    return VSA_OK;
}

enum vsa_status vsa_pool_new(const char *address, const struct vsa_pool_options *options,
                             struct vsa_pool **pool, struct vsa_error *error)
{
    struct vsa_pool_options defaults;
    struct vsa_address parsed;
    vsa_pool_options_init(&defaults);
    if (!options)
        options = &defaults;
    VSA_TRY(check_options(options, error));
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    struct vsa_pool *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->options = *options;
    made->owner = getpid();
    (void)vsa_address_format(&parsed, made->address, sizeof(made->address));
    vsa_pool_queue_init(made);
    *pool = made;
    return VSA_OK;
}

void vsa_pool_free(struct vsa_pool *pool)
{
    if (!pool)
        return;
    /* In a child: a lock that is taken stays so, and what it guards may be half changed. */
    if (pool->owner != getpid()) {
        if (pthread_mutex_trylock(&pool->lock) != 0)
            return;
        (void)pthread_mutex_unlock(&pool->lock);
        pool->owner = getpid();
    }
    (void)vsa_pool_close_idle(pool, 0);
    vsa_pool_queue_clear(pool);
    free(pool);
}

static enum vsa_status check_process(const struct vsa_pool *pool, struct vsa_error *error)
{
    if (pool->owner == getpid())
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "this pool belongs to process %ld: make another one after fork()",
                    (long)pool->owner);
}

/* The enclave closes the connection after these: docs/PROTOCOL.md, "Errors". */
static bool ends_connection(enum vsa_status status)
{
    return status == VSA_ERR_CONNECTIONS || status == VSA_ERR_IDLE_TIMEOUT ||
           status == VSA_ERR_SHUTTING_DOWN || status == VSA_ERR_LINE_TOO_LONG;
}

/* It was closed while nobody used it, and we were too fast to see that before sending. */
static bool was_stale(const struct vsa_pool_lease *lease, enum vsa_status status, bool harmless)
{
    if (!lease->is_kept)
        return false;
    return status == VSA_ERR_IDLE_TIMEOUT || (status == VSA_ERR_CLOSED && harmless &&
                                              vsa_client_is_unanswered(lease->connection->client));
}

/* One request of one call, on its way through attempts. */
struct call {
    struct vsa_pool *pool;
    const json_t *request;
    int64_t deadline_ms;
    bool harmless; /* to ask twice */
};

static enum vsa_status exchange(const struct call *call, struct vsa_pool_lease *lease,
                                json_t **reply, struct vsa_error *error)
{
    enum vsa_status status =
        vsa_client_request(lease->connection->client, call->request, reply, error);
    if (!was_stale(lease, status, call->harmless))
        return status;
    vsa_pool_count_retry(call->pool);
    VSA_TRY(vsa_pool_replace(call->pool, call->deadline_ms, lease, error));
    return vsa_client_request(lease->connection->client, call->request, reply, error);
}

static void try_once(const struct call *call, struct vsa_attempt *attempt, json_t **reply,
                     struct vsa_error *error)
{
    struct vsa_pool_lease lease = {.connection = NULL};
    *attempt = (struct vsa_attempt){.retry_after_ms = -1};
    attempt->status = vsa_pool_lease(call->pool, call->deadline_ms, &lease, error);
    if (attempt->status != VSA_OK)
        return;
    attempt->status = exchange(call, &lease, reply, error);
    if (!lease.connection)
        return;
    const struct vsa_client *client = lease.connection->client;
    attempt->retry_after_ms = vsa_client_retry_after_ms(client);
    attempt->unanswered = vsa_client_is_unanswered(client);
    vsa_pool_return(call->pool, &lease,
                    !vsa_client_is_broken(client) && !ends_connection(attempt->status));
}

/* Pauses before retry number `retry`; false when it is not worth it. */
static bool pause_before(const struct call *call, unsigned retry, const struct vsa_attempt *attempt)
{
    if (retry >= call->pool->options.retries || !vsa_retry_makes_sense(attempt, call->harmless))
        return false;
    int64_t pause_ms = vsa_retry_pause_ms(
        retry, attempt->retry_after_ms, call->deadline_ms - vsa_monotonic_ms(), vsa_retry_random());
    if (pause_ms < 0)
        return false;
    vsa_retry_sleep(pause_ms);
    vsa_pool_count_retry(call->pool);
    return true;
}

enum vsa_status vsa_pool_request(struct vsa_pool *pool, const json_t *request, json_t **reply,
                                 struct vsa_error *error)
{
    struct call call = {pool, request, vsa_deadline(pool->options.timeout_ms),
                        vsa_retry_is_harmless(request)};
    struct vsa_attempt attempt;
    struct vsa_error why = {.status = VSA_OK}; /* of the last attempt; they may yet succeed */
    unsigned retry = 0;
    VSA_TRY(check_process(pool, error));
    do {
        try_once(&call, &attempt, reply, &why);
    } while (attempt.status != VSA_OK && pause_before(&call, retry++, &attempt));
    if (attempt.status != VSA_OK && error)
        *error = why;
    return attempt.status;
}

static enum vsa_status request_command(struct vsa_pool *pool, const char *command, json_t **reply,
                                       struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *request = vsa_request_new(command);
    if (!request)
        return vsa_fail_memory(error);
    return vsa_pool_request(pool, request, reply, error);
}

enum vsa_status vsa_pool_ping(struct vsa_pool *pool, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    VSA_TRY(request_command(pool, VSA_COMMAND_NAME_PING, &reply, error));
    return vsa_ping_reply_decode(reply, error);
}

enum vsa_status vsa_pool_status(struct vsa_pool *pool, json_t **status, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    VSA_TRY(request_command(pool, VSA_COMMAND_NAME_STATUS, &reply, error));
    VSA_TRY(vsa_client_check_status(reply, error));
    *status = reply;
    reply = NULL;
    return VSA_OK;
}

enum vsa_status vsa_pool_attest(struct vsa_pool *pool,
                                const struct vsa_attestation_request *request,
                                struct vsa_attestation_reply *reply, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *object = NULL;
    VSA_AUTO_JSON json_t *received = NULL;
    VSA_TRY(vsa_attest_object(request, &object, error));
    VSA_TRY(vsa_pool_request(pool, object, &received, error));
    return vsa_attest_read(received, reply, error);
}

enum vsa_status vsa_pool_attest_and_verify(struct vsa_pool *pool,
                                           const struct vsa_attestation_request *request,
                                           struct vsa_verifier *verifier,
                                           const struct vsa_policy *policy,
                                           int64_t (*now)(const void *context), const void *context,
                                           struct vsa_attestation_reply *reply,
                                           struct vsa_claims *claims, struct vsa_error *error)
{
    struct vsa_attest_plan plan;
    reply->document_size = 0;
    *claims = (struct vsa_claims){0};
    VSA_TRY(vsa_attest_plan_make(request, policy, &plan, error));
    VSA_TRY(vsa_pool_attest(pool, &plan.asked, reply, error));
    return vsa_attest_plan_verify(&plan, verifier, now(context), reply, claims, error);
}
