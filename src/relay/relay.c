/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/relay.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bucket.h"
#include "base/container_of.h"
#include "base/error.h"
#include "protocol/json.h"
#include "protocol/reply.h"
#include "relay/connector.h"
#include "stream/acceptor.h"
#include "stream/stream.h"
#include "stream/writing.h"

/* Lines that wait for the rate limit are looked after so often. */
#define TICK_MS 10
/* Time to connect: an enclave that runs takes milliseconds, and a stop waits for it. */
#define CONNECT_MS 5000
/* `{"success":false,...}` with an error of ours. */
#define ERROR_LINE 1024

enum link_state {
    LINK_IDLE,       /* the client's turn */
    LINK_WAITING,    /* has a line, for the rate limit */
    LINK_CONNECTING, /* has a line, for the connection to the enclave */
    LINK_SENT,       /* the enclave's turn */
};

/* A client, and its connection to the enclave: what is attached to the client's stream. */
struct link {
    struct vsa_relay *relay;
    struct vsa_stream *client;
    struct vsa_stream *enclave; /* NULL: not yet, or no more */
    struct vsa_connecting *order;
    struct vsa_timer turn; /* in `waiting` */
    enum link_state state;
    size_t size;
    char *line; /* with its newline, owned; NULL where it is sent already */
};

struct vsa_relay {
    struct vsa_relay_options options;
    struct vsa_listener listener;
    struct vsa_event_loop loop;
    struct vsa_streams *clients;
    struct vsa_streams *enclaves; /* each has a struct link * attached */
    struct vsa_acceptor acceptor;
    struct vsa_connector connector;
    struct link *adopting; /* while its connection becomes a stream */
    struct vsa_bucket bucket;
    struct vsa_timer_list waiting; /* links, first come, first served */
    struct vsa_timer_list ticks;
    struct vsa_timer tick;
    struct vsa_timer_list drains;
    struct vsa_timer drain;
    atomic_bool stop; /* vsa_relay_stop() was called */
    bool draining;
    bool ended;
    bool unreachable;
};

static void report(const struct vsa_relay *relay, enum vsa_relay_event event,
                   const struct vsa_error *why)
{
    if (relay->options.on_event)
        relay->options.on_event(relay->options.user, event, why);
}

/* --- what a client gets ----------------------------------------------------------------------- */

static void send_line(struct vsa_stream *stream, struct vsa_slice line)
{
    const struct vsa_slice parts[] = {line, vsa_slice_of_text("\n")};
    vsa_stream_answer(stream, parts, 2);
}

/* Writes an error as the enclave does; nothing authenticates either. */
static size_t write_error(enum vsa_status status, const char *detail, char *line)
{
    struct vsa_error error;
    size_t size = 0;
    VSA_AUTO_JSON json_t *reply = json_object();
    vsa_error_set(&error, status, VSA_NO_OFFSET, NULL, "%s", detail);
    if (!reply || vsa_reply_set_error(reply, &error, NULL) != VSA_OK ||
        vsa_json_write_line(reply, line, ERROR_LINE, &size, NULL) != VSA_OK)
        return 0;
    return size;
}

static void send_error(struct vsa_stream *client, enum vsa_status status, const char *detail)
{
    char line[ERROR_LINE];
    const struct vsa_slice part = vsa_slice_of(line, write_error(status, detail, line));
    vsa_stream_answer(client, &part, 1);
}

/* --- a line on its way ------------------------------------------------------------------------ */

static void drop_line(struct link *link)
{
    if (!link->line)
        return;
    vsa_budget_refund(&link->relay->clients->budget, link->size);
    free(link->line);
    link->line = NULL;
}

/* Replies to a line that was not sent: the client may send it again. */
static void refuse_line(struct link *link, enum vsa_status status, const char *detail)
{
    drop_line(link);
    link->state = LINK_IDLE;
    send_error(link->client, status, detail);
}

static void keep_line(struct link *link, struct vsa_slice line)
{
    if (!vsa_budget_charge(&link->relay->clients->budget, line.size))
        return;
    link->line = malloc(line.size ? line.size : 1);
    if (!link->line) {
        vsa_budget_refund(&link->relay->clients->budget, line.size);
        return;
    }
    memcpy(link->line, line.data, line.size);
    link->size = line.size;
}

static void connect_link(struct link *link)
{
    link->state = LINK_CONNECTING;
    link->order = vsa_connector_order(&link->relay->connector, link);
    if (!link->order)
        refuse_line(link, VSA_ERR_BUSY, "the relay has no memory for it; try again later");
}

static bool has_token(struct vsa_relay *relay)
{
    int64_t rate = relay->options.rate;
    return rate == 0 || vsa_bucket_take(&relay->bucket, rate, rate, relay->loop.now_ms) == 0;
}

/* Sends the line that was kept, or connects first. */
static void forward_kept(struct link *link)
{
    if (!link->enclave) {
        connect_link(link);
        return;
    }
    link->state = LINK_SENT;
    send_line(link->enclave, vsa_slice_of(link->line, link->size));
    drop_line(link);
}

/* Forwards what the rate limit permits: it delays lines, and refuses none. */
static void on_tick(void *user, struct vsa_timer *timer)
{
    struct vsa_relay *relay = user;
    struct vsa_timer *first;
    while ((first = vsa_timer_first(&relay->waiting)) && has_token(relay)) {
        vsa_timer_stop(first);
        forward_kept(VSA_CONTAINER_OF(first, struct link, turn));
    }
    if (first)
        vsa_timer_start(&relay->ticks, timer, relay->loop.now_ms);
}

static void wait_for_token(struct link *link)
{
    struct vsa_relay *relay = link->relay;
    link->state = LINK_WAITING;
    vsa_timer_start(&relay->waiting, &link->turn, relay->loop.now_ms);
    if (!vsa_timer_runs(&relay->tick))
        vsa_timer_start(&relay->ticks, &relay->tick, relay->loop.now_ms);
}

/* --- clients ---------------------------------------------------------------------------------- */

static void on_client_opened(struct vsa_stream *stream)
{
    struct link *link = (void *)stream->attachment;
    link->relay = stream->streams->owner;
    link->client = stream;
}

static void on_client_line(struct vsa_stream *stream, struct vsa_slice line)
{
    struct link *link = (void *)stream->attachment;
    struct vsa_relay *relay = link->relay;
    /* No reply would come for it. */
    if (vsa_json_is_blank(line))
        return;
    bool may_go = !vsa_timer_first(&relay->waiting) && has_token(relay);
    if (may_go && link->enclave) {
        vsa_stream_suspend(stream, link);
        link->state = LINK_SENT;
        send_line(link->enclave, line);
        return;
    }
    keep_line(link, line);
    if (!link->line) {
        send_error(stream, VSA_ERR_BUSY, "the relay has too many lines waiting; try again later");
        return;
    }
    vsa_stream_suspend(stream, link);
    if (may_go)
        connect_link(link);
    else
        wait_for_token(link);
}

static void on_client_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    send_error(stream, why, detail);
}

static struct link **link_of(struct vsa_stream *enclave)
{
    return (void *)enclave->attachment;
}

static void on_client_closed(struct vsa_stream *stream, enum vsa_status why)
{
    struct link *link = (void *)stream->attachment;
    (void)why;
    vsa_timer_stop(&link->turn);
    drop_line(link);
    if (link->order)
        vsa_connector_cancel(&link->relay->connector, link->order);
    if (link->enclave) {
        *link_of(link->enclave) = NULL;
        vsa_stream_close(link->enclave, VSA_OK);
    }
}

static const struct vsa_stream_handlers client_handlers = {on_client_opened, on_client_line,
                                                           on_client_failing, on_client_closed};

/* --- the enclave ------------------------------------------------------------------------------ */

static void on_enclave_opened(struct vsa_stream *stream)
{
    const struct vsa_relay *relay = stream->streams->owner;
    *link_of(stream) = relay->adopting;
    relay->adopting->enclave = stream;
}

/*
 * Gives up a connection that is of no use any more. A client that waits for a reply learns it by
 * the end of its own one, as it would without a relay; another one gets a new connection with its
 * next line.
 */
static void part_from(struct vsa_stream *stream)
{
    struct link *link = *link_of(stream);
    *link_of(stream) = NULL;
    if (!link)
        return;
    link->enclave = NULL;
    if (link->state == LINK_SENT)
        vsa_stream_close(link->client, VSA_ERR_CLOSED);
}

static void on_enclave_line(struct vsa_stream *stream, struct vsa_slice line)
{
    struct link *link = *link_of(stream);
    if (!link)
        return;
    if (link->state == LINK_SENT) {
        link->state = LINK_IDLE;
        send_line(link->client, line);
        return;
    }
    /* Not a reply: why the enclave closes the connection. */
    part_from(stream);
    vsa_stream_close(stream, VSA_OK);
}

static void on_enclave_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    (void)why;
    (void)detail;
    part_from(stream);
}

static void on_enclave_closed(struct vsa_stream *stream, enum vsa_status why)
{
    (void)why;
    part_from(stream);
}

static const struct vsa_stream_handlers enclave_handlers = {on_enclave_opened, on_enclave_line,
                                                            on_enclave_failing, on_enclave_closed};

/* --- connections ------------------------------------------------------------------------------ */

static void note_reachable(struct vsa_relay *relay, const struct vsa_error *why)
{
    bool unreachable = why != NULL;
    if (unreachable != relay->unreachable)
        report(relay, unreachable ? VSA_RELAY_UNREACHABLE : VSA_RELAY_REACHABLE, why);
    relay->unreachable = unreachable;
}

static void finish_connecting(struct vsa_relay *relay, struct link *link,
                              const struct vsa_connecting *order)
{
    struct vsa_error error = order->error;
    link->order = NULL;
    relay->adopting = link;
    enum vsa_status status = error.status;
    if (order->fd >= 0) {
        status = vsa_streams_adopt(relay->enclaves, order->fd, 0, &error);
        if (status != VSA_OK)
            (void)close(order->fd);
    }
    note_reachable(relay, status == VSA_OK ? NULL : &error);
    if (status == VSA_OK)
        forward_kept(link);
    else
        refuse_line(
            link, VSA_ERR_BACKEND,
            "the relay cannot connect to the enclave (its standard error, on the parent, says "
            "why); try again later");
}

static void on_connected(void *user)
{
    struct vsa_relay *relay = user;
    vsa_event_loop_wake(&relay->loop);
}

static void begin_draining(struct vsa_relay *relay);

static void on_woken(void *user)
{
    struct vsa_relay *relay = user;
    struct vsa_connecting *order;
    while ((order = vsa_connector_take(&relay->connector))) {
        finish_connecting(relay, order->user, order);
        free(order);
    }
    if (atomic_load(&relay->stop) && !relay->draining)
        begin_draining(relay);
}

/* --- accepting, stopping ---------------------------------------------------------------------- */

static void on_refused(void *user, int fd, const struct vsa_error *why)
{
    char line[ERROR_LINE];
    if (fd < 0) {
        report(user, VSA_RELAY_PAUSED, why);
        return;
    }
    size_t size = write_error(why->status, why->detail, line);
    ssize_t sent = send(fd, line, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the buffer of a new connection takes it */
}

static void on_drain_limit(void *user, struct vsa_timer *timer)
{
    struct vsa_relay *relay = user;
    (void)timer;
    relay->ended = true;
}

static void begin_draining(struct vsa_relay *relay)
{
    relay->draining = true;
    vsa_acceptor_stop(&relay->acceptor);
    vsa_streams_drain(relay->clients);
    vsa_timer_start(&relay->drains, &relay->drain, relay->loop.now_ms);
}

void vsa_relay_stop(struct vsa_relay *relay)
{
    atomic_store(&relay->stop, true);
    vsa_event_loop_wake(&relay->loop);
}

/* --- begin and end ---------------------------------------------------------------------------- */

static enum vsa_status make_streams(struct vsa_relay *relay, struct vsa_error *error)
{
    const struct vsa_relay_options *options = &relay->options;
    struct vsa_stream_limits limits = {
        .max_streams = options->max_connections,
        .max_line = VSA_MAX_REQUEST_LINE,
        .max_buffered = options->max_buffered,
        .attachment = sizeof(struct link),
        .idle_timeout_ms = options->idle_timeout_ms,
    };
    VSA_TRY(
        vsa_streams_new(&relay->loop, &limits, &client_handlers, relay, &relay->clients, error));
    /* Those of clients that have gone close at the end of the iteration: none must give way. */
    limits.max_streams = 2 * options->max_connections;
    limits.attachment = sizeof(struct link *);
    limits.idle_timeout_ms = options->timeout_ms;
    limits.peers_reply = true;
    return vsa_streams_new(&relay->loop, &limits, &enclave_handlers, relay, &relay->enclaves,
                           error);
}

static enum vsa_status build(struct vsa_relay *relay, struct vsa_error *error)
{
    VSA_TRY(vsa_event_loop_open(&relay->loop, on_woken, relay, error));
    vsa_event_loop_add(&relay->loop, &relay->waiting, VSA_TIMER_NEVER, NULL, NULL);
    vsa_event_loop_add(&relay->loop, &relay->ticks, TICK_MS, on_tick, relay);
    vsa_event_loop_add(&relay->loop, &relay->drains, relay->options.drain_timeout_ms,
                       on_drain_limit, relay);
    VSA_TRY(make_streams(relay, error));
    relay->connector.address = relay->options.enclave;
    relay->connector.timeout_ms =
        relay->options.timeout_ms < CONNECT_MS ? relay->options.timeout_ms : CONNECT_MS;
    relay->connector.done = on_connected;
    relay->connector.user = relay;
    return vsa_connector_start(&relay->connector, error);
}

enum vsa_status vsa_relay_new(const struct vsa_relay_options *options,
                              const struct vsa_listener *listener, struct vsa_relay **relay,
                              struct vsa_error *error)
{
    struct vsa_relay *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->options = *options;
    made->listener.fd = -1;
    made->loop.epoll_fd = -1;
    made->loop.wake.fd = -1;
    enum vsa_status status = build(made, error);
    if (status != VSA_OK) {
        vsa_relay_free(made);
        return status;
    }
    made->listener = *listener;
    *relay = made;
    return VSA_OK;
}

void vsa_relay_free(struct vsa_relay *relay)
{
    if (!relay)
        return;
    if (relay->clients)
        vsa_streams_close_all(relay->clients, VSA_ERR_SHUTTING_DOWN);
    vsa_connector_stop(&relay->connector);
    vsa_streams_free(relay->clients);
    vsa_streams_free(relay->enclaves);
    vsa_event_loop_close(&relay->loop);
    vsa_listener_close(&relay->listener);
    free(relay);
}

enum vsa_status vsa_relay_run(struct vsa_relay *relay, struct vsa_error *error)
{
    relay->loop.now_ms = vsa_monotonic_ms();
    relay->acceptor = (struct vsa_acceptor){.loop = &relay->loop,
                                            .streams = relay->clients,
                                            .listener = &relay->listener,
                                            .refused = on_refused,
                                            .user = relay};
    VSA_TRY(vsa_acceptor_start(&relay->acceptor, error));
    while (!relay->ended) {
        vsa_event_loop_iterate(&relay->loop);
        if (relay->draining && vsa_streams_are_drained(relay->clients, false))
            relay->ended = true;
        vsa_streams_end_iteration(relay->clients);
        vsa_streams_end_iteration(relay->enclaves);
    }
    return VSA_OK;
}
