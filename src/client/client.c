/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: lease a connection, one exchange, return the lease; send again if that helps. */
#include "client/client.h"

#include "base/error.h"
#include "base/sized.h"
#include "client/channel.h"
#include "client/lease.h"
#include "client/retry.h"
#include "protocol/request.h"
#include "protocol/service.h"

VSA_SIZED_ASSERT(struct vsa_client_options, max_connections);

void vsa_client_options_init_size(struct vsa_client_options *options, size_t size)
{
    const struct vsa_client_options defaults = {
        .max_connections = VSA_DEFAULT_CLIENT_CONNECTIONS,
        .timeout_ms = VSA_DEFAULT_CLIENT_TIMEOUT_MS,
        .idle_timeout_ms = VSA_DEFAULT_CLIENT_IDLE_TIMEOUT_MS,
        .retries = 0,
    };
    vsa_sized_write(options, size, &defaults, sizeof(defaults));
}

static enum vsa_status check_options(const struct vsa_client_options *options,
                                     struct vsa_error *error)
{
    if (options->max_connections < 1 || options->max_connections > VSA_MAX_CLIENT_CONNECTIONS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "max_connections is %zu: it may be 1 to %d",
                        options->max_connections, VSA_MAX_CLIENT_CONNECTIONS);
    if (options->timeout_ms <= 0 || options->idle_timeout_ms < 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "timeout_ms must be over 0, idle_timeout_ms 0 or more");
    if (options->retries > VSA_MAX_RETRIES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%u retries: the most is %d", options->retries,
                        VSA_MAX_RETRIES);
    return VSA_OK;
}

enum vsa_status vsa_client_new(const char *address, const struct vsa_client_options *options,
                               struct vsa_client **client, struct vsa_error *error)
{
    struct vsa_client_options known;
    struct vsa_address parsed;
    vsa_client_options_init(&known);
    if (options)
        VSA_TRY(vsa_sized_read(&known, sizeof(known), options, "client options",
                               "vsa_client_options_init()", error));
    VSA_TRY(check_options(&known, error));
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    struct vsa_client *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->options = known;
    made->owner = getpid();
    (void)vsa_address_format(&parsed, made->address, sizeof(made->address));
    vsa_lease_init(made);
    *client = made;
    return VSA_OK;
}

void vsa_client_free(struct vsa_client *client)
{
    if (!client)
        return;
    /* In a forked child a lock may stay locked, and what it guards may be inconsistent. */
    if (client->owner != getpid()) {
        if (pthread_mutex_trylock(&client->lock) != 0)
            return;
        (void)pthread_mutex_unlock(&client->lock);
        client->owner = getpid();
    }
    (void)vsa_client_close_idle(client, 0);
    vsa_lease_clear(client);
    free(client);
}

static enum vsa_status check_process(const struct vsa_client *client, struct vsa_error *error)
{
    if (client->owner == getpid())
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "this client belongs to process %ld: make another one after fork()",
                    (long)client->owner);
}

/* Returns whether the enclave closes after this error: docs/PROTOCOL.md, "Errors". */
static bool ends_connection(enum vsa_status status)
{
    return status == VSA_ERR_CONNECTIONS || status == VSA_ERR_IDLE_TIMEOUT ||
           status == VSA_ERR_SHUTTING_DOWN || status == VSA_ERR_LINE_TOO_LONG;
}

/* Returns whether the enclave closed it while it was idle, unnoticed before sending. */
static bool was_stale(const struct vsa_lease *lease, enum vsa_status status, bool idempotent)
{
    if (!lease->is_kept)
        return false;
    return status == VSA_ERR_IDLE_TIMEOUT ||
           (status == VSA_ERR_CLOSED && idempotent &&
            vsa_channel_is_unanswered(lease->connection->channel));
}

/* One call's request, the same in all its attempts. */
struct call {
    struct vsa_client *client;
    const json_t *request;
    int64_t deadline_ms;
    bool idempotent; /* the request may be sent twice */
    bool once;       /* never sent twice, whatever comes of it */
};

static enum vsa_status exchange(const struct call *call, struct vsa_lease *lease, json_t **reply,
                                struct vsa_error *error)
{
    enum vsa_status status =
        vsa_channel_request(lease->connection->channel, call->request, reply, error);
    if (call->once || !was_stale(lease, status, call->idempotent))
        return status;
    vsa_lease_count_retry(call->client);
    VSA_TRY(vsa_lease_replace(call->client, call->deadline_ms, lease, error));
    return vsa_channel_request(lease->connection->channel, call->request, reply, error);
}

static void try_once(const struct call *call, struct vsa_attempt *attempt, json_t **reply,
                     struct vsa_error *error)
{
    struct vsa_lease lease = {.connection = NULL};
    *attempt = (struct vsa_attempt){.retry_after_ms = -1};
    attempt->status = vsa_lease_take(call->client, call->deadline_ms, &lease, error);
    if (attempt->status != VSA_OK)
        return;
    attempt->status = exchange(call, &lease, reply, error);
    if (!lease.connection)
        return;
    const struct vsa_channel *channel = lease.connection->channel;
    attempt->retry_after_ms = vsa_channel_retry_after_ms(channel);
    attempt->sent = vsa_channel_has_sent(channel);
    attempt->unanswered = vsa_channel_is_unanswered(channel);
    vsa_lease_return(call->client, &lease,
                     !vsa_channel_is_broken(channel) && !ends_connection(attempt->status));
}

/* Pauses before retry number `retry`; returns false if there is to be no retry. */
static bool pause_before(const struct call *call, unsigned retry, const struct vsa_attempt *attempt)
{
    if (retry >= call->client->options.retries || (call->once && attempt->sent) ||
        !vsa_retry_is_allowed(attempt, call->idempotent))
        return false;
    int64_t pause_ms = vsa_retry_pause_ms(
        retry, attempt->retry_after_ms, call->deadline_ms - vsa_monotonic_ms(), vsa_retry_random());
    if (pause_ms < 0)
        return false;
    vsa_retry_sleep(pause_ms);
    vsa_lease_count_retry(call->client);
    return true;
}

/* Carries out the call; `*sent`: whether some of the last attempt may have been sent. */
static enum vsa_status carry_out(const struct call *call, bool *sent, json_t **reply,
                                 struct vsa_error *error)
{
    struct vsa_attempt attempt;
    /* Failure of the last attempt; the caller's `error` is left alone on success. */
    struct vsa_error why = {.status = VSA_OK};
    unsigned retry = 0;
    *sent = false;
    VSA_TRY(check_process(call->client, error));
    do {
        try_once(call, &attempt, reply, &why);
    } while (attempt.status != VSA_OK && pause_before(call, retry++, &attempt));
    *sent = attempt.sent;
    if (attempt.status != VSA_OK && error)
        *error = why;
    return attempt.status;
}

enum vsa_status vsa_client_request_until(struct vsa_client *client, const json_t *request,
                                         int64_t deadline_ms, json_t **reply,
                                         struct vsa_error *error)
{
    bool sent;
    const struct call call = {.client = client,
                              .request = request,
                              .deadline_ms = deadline_ms,
                              .idempotent = vsa_retry_is_idempotent(request)};
    return carry_out(&call, &sent, reply, error);
}

enum vsa_status vsa_client_request_once(struct vsa_client *client, const json_t *request,
                                        int64_t deadline_ms, bool *sent, json_t **reply,
                                        struct vsa_error *error)
{
    const struct call call = {
        .client = client, .request = request, .deadline_ms = deadline_ms, .once = true};
    return carry_out(&call, sent, reply, error);
}

int64_t vsa_client_deadline(const struct vsa_client *client)
{
    return vsa_deadline(client->options.timeout_ms);
}

void vsa_client_set_timeout(struct vsa_client *client, int64_t timeout_ms)
{
    client->options.timeout_ms = timeout_ms;
}

enum vsa_status vsa_client_request(struct vsa_client *client, const json_t *request, json_t **reply,
                                   struct vsa_error *error)
{
    return vsa_client_request_until(client, request, vsa_client_deadline(client), reply, error);
}

static enum vsa_status request_command(struct vsa_client *client, const char *command,
                                       json_t **reply, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *request = vsa_request_new(command);
    if (!request)
        return vsa_fail_memory(error);
    return vsa_client_request(client, request, reply, error);
}

enum vsa_status vsa_client_ping(struct vsa_client *client, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    VSA_TRY(request_command(client, VSA_COMMAND_NAME_PING, &reply, error));
    return vsa_ping_reply_decode(reply, error);
}

static enum vsa_status check_status(const json_t *reply, struct vsa_error *error)
{
    struct vsa_service_status checked;
    VSA_TRY(vsa_service_status_decode(reply, &checked, error));
    if (!json_is_number(json_object_get(reply, "uptime")))
        return vsa_fail(error, VSA_ERR_REPLY, "the status reply has no \"uptime\"");
    return VSA_OK;
}

enum vsa_status vsa_client_status(struct vsa_client *client, json_t **status,
                                  struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    VSA_TRY(request_command(client, VSA_COMMAND_NAME_STATUS, &reply, error));
    VSA_TRY(check_status(reply, error));
    *status = reply;
    reply = NULL;
    return VSA_OK;
}
