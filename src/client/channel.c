/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: a request goes out, the reply to it comes back, in time or not at all. */
#include "client/channel.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include <vsattest/transport.h>

struct vsa_channel {
    int fd;
    int64_t timeout_ms;
    int64_t deadline_ms;    /* end of the exchange in progress, CLOCK_MONOTONIC */
    uint64_t requests;      /* number of requests sent; the `id` of the last one */
    int64_t retry_after_ms; /* member of the last reply; -1: it had none */
    bool sent;              /* some of the last request, perhaps */
    bool broken;            /* the next line may belong to any request: send no more */
    struct vsa_line_reader reader;
    char address[VSA_MAX_ADDRESS];
    char request_line[VSA_MAX_REQUEST_LINE];
    char reply_line[VSA_MAX_REPLY_LINE];
};

VSA_DEFINE_CLEANUP(struct vsa_channel, vsa_channel_close, cleanup_channel);

void vsa_channel_close(struct vsa_channel *channel)
{
    if (!channel)
        return;
    if (channel->fd >= 0)
        (void)close(channel->fd);
    free(channel);
}

enum vsa_status vsa_channel_open(const char *address, int64_t timeout_ms,
                                 struct vsa_channel **channel, struct vsa_error *error)
{
    struct vsa_address parsed;
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    VSA_CLEANUP(cleanup_channel) struct vsa_channel *made = calloc(1, sizeof(*made));
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
    *channel = made;
    made = NULL;
    return VSA_OK;
}

/* Writes the line to send: the caller's object with an `id` added. */
static enum vsa_status write_request(struct vsa_channel *channel, const json_t *request,
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
    channel->requests++;
    VSA_TRY(vsa_json_set(sent, "id", json_integer((json_int_t)channel->requests), error));
    enum vsa_status status = vsa_json_write_line(sent, channel->request_line,
                                                 sizeof(channel->request_line), &size, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_REQUEST, "the request is longer than %d bytes",
                        VSA_MAX_REQUEST_LINE);
    VSA_TRY(status);
    *line = vsa_slice_of(channel->request_line, size);
    return VSA_OK;
}

/*
 * Fails if the reply has another `id` than the request. None is fine: older servers do not echo
 * it, and an error about a line that could not be parsed has none.
 */
static enum vsa_status check_id(const struct vsa_channel *channel, const json_t *reply,
                                struct vsa_error *error)
{
    const json_t *id = vsa_json_get(reply, "id");
    if (!id || (json_is_integer(id) && json_integer_value(id) == (json_int_t)channel->requests))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_REPLY, "the reply is not to this request (\"id\" differs)");
}

static enum vsa_status exchange(struct vsa_channel *channel, struct vsa_slice request,
                                json_t **reply, struct vsa_error *error)
{
    struct vsa_slice line;
    enum vsa_status sent = vsa_send_all(channel->fd, request, channel->deadline_ms, error);
    /* A server that closes early ("busy", "too many connections") sends the reason before. */
    if (sent != VSA_OK && sent != VSA_ERR_CLOSED)
        return sent;
    enum vsa_status received =
        vsa_read_line(&channel->reader, channel->deadline_ms, &line, sent == VSA_OK ? error : NULL);
    if (received != VSA_OK)
        return sent != VSA_OK ? sent : received;
    VSA_AUTO_JSON json_t *parsed = NULL;
    enum vsa_status status = vsa_json_parse(line, &parsed, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "the reply");
        return status;
    }
    VSA_TRY(check_id(channel, parsed, error));
    *reply = parsed;
    parsed = NULL;
    return VSA_OK;
}

enum vsa_status vsa_channel_request(struct vsa_channel *channel, const json_t *request,
                                    json_t **reply, struct vsa_error *error)
{
    struct vsa_slice line;
    channel->retry_after_ms = -1;
    channel->sent = false;
    if (channel->broken)
        return vsa_fail(error, VSA_ERR_CLOSED,
                        "an earlier request broke the connection to %s; connect again",
                        channel->address);
    if (channel->requests > 0)
        channel->deadline_ms = vsa_deadline(channel->timeout_ms);
    VSA_TRY(write_request(channel, request, &line, error));
    VSA_AUTO_JSON json_t *received = NULL;
    channel->sent = true;
    enum vsa_status status = exchange(channel, line, &received, error);
    if (status != VSA_OK) {
        channel->broken = true;
        return status;
    }
    channel->retry_after_ms = vsa_reply_retry_after(received);
    VSA_TRY(vsa_reply_check(received, error));
    (void)json_object_del(received, "id");
    *reply = received;
    received = NULL;
    return VSA_OK;
}

int64_t vsa_channel_retry_after_ms(const struct vsa_channel *channel)
{
    return channel->retry_after_ms;
}

bool vsa_channel_is_broken(const struct vsa_channel *channel)
{
    return channel->broken;
}

bool vsa_channel_is_ready(const struct vsa_channel *channel)
{
    struct pollfd entry = {.fd = channel->fd, .events = POLLIN | POLLRDHUP};
    return !channel->broken && channel->reader.filled == channel->reader.consumed &&
           poll(&entry, 1, 0) == 0;
}

bool vsa_channel_has_sent(const struct vsa_channel *channel)
{
    return channel->sent;
}

bool vsa_channel_is_unanswered(const struct vsa_channel *channel)
{
    /* Reading begins with dropping what the last line took. */
    return channel->broken && channel->reader.filled == 0;
}

void vsa_channel_set_timeout(struct vsa_channel *channel, int64_t timeout_ms)
{
    channel->timeout_ms = timeout_ms;
}
