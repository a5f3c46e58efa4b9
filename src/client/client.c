/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: a request goes out, the reply to it comes back, in time or not at all. */
#include "client/connection.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/service.h"
#include <vsattest/transport.h>

struct vsa_client {
    int fd;
    int64_t timeout_ms;
    int64_t deadline_ms;    /* of the exchange under way */
    uint64_t requests;      /* sent so far; the `id` of the last one */
    int64_t retry_after_ms; /* what the last reply said; -1: nothing */
    bool broken;            /* what comes next on the connection is anybody's guess */
    struct vsa_line_reader reader;
    char address[VSA_MAX_ADDRESS];
    char request_line[VSA_MAX_REQUEST_LINE];
    char reply_line[VSA_MAX_REPLY_LINE];
};

VSA_DEFINE_CLEANUP(struct vsa_client, vsa_client_free, cleanup_client);

void vsa_client_free(struct vsa_client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        (void)close(client->fd);
    free(client);
}

enum vsa_status vsa_client_connect(const char *address, int64_t timeout_ms,
                                   struct vsa_client **client, struct vsa_error *error)
{
    struct vsa_address parsed;
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    VSA_CLEANUP(cleanup_client) struct vsa_client *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->fd = -1;
    made->timeout_ms = timeout_ms;
    made->retry_after_ms = -1;
    made->deadline_ms = vsa_deadline(timeout_ms);
    (void)vsa_address_format(&parsed, made->address, sizeof(made->address));
    VSA_TRY(vsa_connect(&parsed, made->deadline_ms, &made->fd, error));
    made->reader.fd = made->fd;
    made->reader.buffer = made->reply_line;
    made->reader.capacity = sizeof(made->reply_line);
    *client = made;
    made = NULL;
    return VSA_OK;
}

/* What goes over the wire: the caller's object and our `id`. */
static enum vsa_status write_request(struct vsa_client *client, const json_t *request,
                                     struct vsa_slice *line, struct vsa_error *error)
{
    const char *command;
    size_t size;
    if (!json_is_object(request) || json_object_get(request, "id"))
        return vsa_fail(error, VSA_ERR_REQUEST, "a request is a JSON object without \"id\"");
    VSA_TRY(vsa_request_command(request, &command, error));
    VSA_AUTO_JSON json_t *sent = json_deep_copy(request);
    if (!sent)
        return vsa_fail_memory(error);
    client->requests++;
    VSA_TRY(vsa_json_set(sent, "id", json_integer((json_int_t)client->requests), error));
    enum vsa_status status =
        vsa_json_write_line(sent, client->request_line, sizeof(client->request_line), &size, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_REQUEST, "the request is longer than %d bytes",
                        VSA_MAX_REQUEST_LINE);
    VSA_TRY(status);
    *line = vsa_slice_of(client->request_line, size);
    return VSA_OK;
}

/*
 * Servers from before `id` do not echo it, and neither do errors about a line that could not be
 * read; another one is never ours.
 */
static enum vsa_status check_id(const struct vsa_client *client, const json_t *reply,
                                struct vsa_error *error)
{
    const json_t *id = vsa_json_get(reply, "id");
    if (!id || (json_is_integer(id) && json_integer_value(id) == (json_int_t)client->requests))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_REPLY, "the reply is not to this request (\"id\" differs)");
}

static enum vsa_status exchange(struct vsa_client *client, struct vsa_slice request, json_t **reply,
                                struct vsa_error *error)
{
    struct vsa_slice line;
    enum vsa_status sent = vsa_send_all(client->fd, request, client->deadline_ms, error);
    /* A server that hangs up early ("busy", "too many connections") has said why before. */
    if (sent != VSA_OK && sent != VSA_ERR_CLOSED)
        return sent;
    enum vsa_status received =
        vsa_read_line(&client->reader, client->deadline_ms, &line, sent == VSA_OK ? error : NULL);
    if (received != VSA_OK)
        return sent != VSA_OK ? sent : received;
    VSA_AUTO_JSON json_t *parsed = NULL;
    enum vsa_status status = vsa_json_parse(line, &parsed, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "the reply");
        return status;
    }
    VSA_TRY(check_id(client, parsed, error));
    *reply = parsed;
    parsed = NULL;
    return VSA_OK;
}

enum vsa_status vsa_client_request(struct vsa_client *client, const json_t *request, json_t **reply,
                                   struct vsa_error *error)
{
    struct vsa_slice line;
    client->retry_after_ms = -1;
    if (client->broken)
        return vsa_fail(error, VSA_ERR_CLOSED,
                        "an earlier request broke the connection to %s; connect again",
                        client->address);
    if (client->requests > 0)
        client->deadline_ms = vsa_deadline(client->timeout_ms);
    VSA_TRY(write_request(client, request, &line, error));
    VSA_AUTO_JSON json_t *received = NULL;
    enum vsa_status status = exchange(client, line, &received, error);
    if (status != VSA_OK) {
        client->broken = true;
        return status;
    }
    client->retry_after_ms = vsa_reply_retry_after(received);
    VSA_TRY(vsa_reply_check(received, error));
    (void)json_object_del(received, "id");
    *reply = received;
    received = NULL;
    return VSA_OK;
}

int64_t vsa_client_retry_after_ms(const struct vsa_client *client)
{
    return client->retry_after_ms;
}

bool vsa_client_is_broken(const struct vsa_client *client)
{
    return client->broken;
}

bool vsa_client_is_ready(const struct vsa_client *client)
{
    struct pollfd entry = {.fd = client->fd, .events = POLLIN | POLLRDHUP};
    return !client->broken && client->reader.filled == client->reader.consumed &&
           poll(&entry, 1, 0) == 0;
}

bool vsa_client_is_unanswered(const struct vsa_client *client)
{
    /* Reading begins with dropping what the last line took. */
    return client->broken && client->reader.filled == 0;
}

void vsa_client_set_timeout(struct vsa_client *client, int64_t timeout_ms)
{
    client->timeout_ms = timeout_ms;
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

enum vsa_status vsa_client_check_status(const json_t *reply, struct vsa_error *error)
{
    struct vsa_service_status checked;
    VSA_TRY(vsa_status_reply_decode(reply, &checked, error));
    if (!json_is_number(json_object_get(reply, "uptime")))
        return vsa_fail(error, VSA_ERR_REPLY, "the status reply has no \"uptime\"");
    return VSA_OK;
}

enum vsa_status vsa_client_status(struct vsa_client *client, json_t **status,
                                  struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    VSA_TRY(request_command(client, VSA_COMMAND_NAME_STATUS, &reply, error));
    VSA_TRY(vsa_client_check_status(reply, error));
    *status = reply;
    reply = NULL;
    return VSA_OK;
}
