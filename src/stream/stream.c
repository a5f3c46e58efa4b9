/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "stream/budget.h"
#include "stream/buffer.h"
#include <vsattest/limits.h>

/* Time for a peer to read why its stream ends, in ms. */
#define LINGER_MS 2000
/* Peers without a CID are numbered above all CIDs. */
#define FIRST_NUMBERED_PEER (UINT64_C(1) << 32)
#define MAX_PARTS           8
/* Of a peer that sends many lines, what is not handled at once stays in the kernel, not here. */
#define FIRST_READ 4096
/* Above what a socket holds: with more than this since the drain began, the peer goes on sending.
 */
#define MAX_DRAINED (1024 * 1024)

static const char too_much[] = "too many unfinished requests; try again later";

enum stream_state {
    STREAM_READING,
    STREAM_RUNNABLE,  /* has lines, or something to settle */
    STREAM_SUSPENDED, /* waits for its owner */
    STREAM_SENDING,   /* waits until the peer reads */
    STREAM_LINGERING, /* the last line is sent; reads on so that the peer can read it */
    STREAM_CLOSED,    /* freed at the end of the iteration */
};

struct vsa_stream {
    struct vsa_event_watch watch;
    struct vsa_timer timer; /* in the list of its state */
    struct vsa_budget_share share;
    struct vsa_streams *streams;
    struct vsa_stream *next; /* of all, or of the closed ones */
    struct vsa_stream *previous;
    void *pending;
    uint64_t number;
    uint64_t peer;
    struct vsa_buffer input;  /* what came in and was no line yet */
    struct vsa_buffer output; /* what the peer did not take yet */
    size_t scanned;           /* bytes of `input` known to hold no newline */
    size_t drained;           /* bytes read since the drain began */
    enum stream_state state;
    enum vsa_status reason; /* why it ends, if it does */
    bool ending;            /* no more lines; the last reply is on its way */
    bool broken;            /* nothing can be sent any more */
    bool input_ended;       /* the peer will send no more */
    bool input_empty;       /* the last read got nothing */
    bool read_paused;       /* readable, but not to be read now */
    bool progressed;        /* a reply was made since its timer was started */
    bool displaced;         /* another one got its memory; fails in its own turn */
    int64_t attachment[];
};

struct vsa_streams {
    struct vsa_event_loop *loop;
    struct vsa_stream_limits limits;
    const struct vsa_stream_handlers *handlers;
    void *owner;
    void (*freed)(void *user);
    void *freed_user;
    struct vsa_timer_list idle;
    struct vsa_timer_list lingering;
    struct vsa_timer_list runnable;
    struct vsa_budget budget;
    struct vsa_stream *open;
    struct vsa_stream *closed;
    struct vsa_stream *current; /* whose lines are being handled */
    uint64_t last_number;
    size_t count;     /* open */
    size_t suspended; /* of these */
    bool draining;
    vsa_counter phases[VSA_STREAM_PHASES];
    vsa_counter buffered;
    size_t scratch_size; /* replies to the current stream's lines */
    char scratch[VSA_MAX_REPLY_LINE];
    char input[VSA_MAX_REQUEST_LINE];
};

/* What lines are taken from: what was just read, or what the stream kept. */
struct turn {
    const char *data;
    size_t size;
    size_t taken; /* bytes at the front that were lines */
};

static bool has_output(const struct vsa_stream *stream)
{
    return stream->output.size > 0;
}

/* Its next line must wait: for the present one's reply, or until the peer reads. */
static bool is_blocked(const struct vsa_stream *stream)
{
    return stream->pending || has_output(stream);
}

static bool takes_lines(const struct vsa_stream *stream)
{
    return !stream->ending && !stream->broken && !is_blocked(stream);
}

static bool has_lines(const struct vsa_stream *stream)
{
    return takes_lines(stream) && stream->input.size > stream->scanned;
}

/* Has it settled in this iteration. */
static void make_runnable(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    vsa_timer_start(&streams->runnable, &stream->timer, streams->loop->now_ms);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void break_off(struct vsa_stream *stream, enum vsa_status why)
{
    if (!stream->broken && !stream->ending)
        stream->reason = why;
    stream->broken = true;
}

/* For other threads. */
static void publish(struct vsa_streams *streams)
{
    vsa_counter_set(&streams->buffered, streams->budget.held + streams->budget.waited);
}

static void account(struct vsa_stream *stream)
{
    vsa_budget_set(&stream->streams->budget, &stream->share,
                   stream->input.capacity + stream->output.capacity);
    publish(stream->streams);
}

static void unlink_open(struct vsa_stream *stream)
{
    *(stream->previous ? &stream->previous->next : &stream->streams->open) = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
}

static const struct state_row {
    uint32_t events;
    enum vsa_stream_phase phase;
} rows[] = {
    [STREAM_READING] = {EPOLLIN, VSA_STREAM_IDLE},
    [STREAM_RUNNABLE] = {EPOLLIN, VSA_STREAM_IDLE},    /* until it is readable: read_paused */
    [STREAM_SUSPENDED] = {EPOLLIN, VSA_STREAM_BUSY},   /* as above: no system call for most */
    [STREAM_SENDING] = {EPOLLOUT, VSA_STREAM_SENDING}, /* not EPOLLIN: it would wake us */
    [STREAM_LINGERING] = {EPOLLIN, VSA_STREAM_CLOSING},
};

static enum vsa_stream_phase phase_of(const struct vsa_stream *stream)
{
    return stream->ending ? VSA_STREAM_CLOSING : rows[stream->state].phase;
}

static void count_phase(struct vsa_stream *stream, enum vsa_stream_phase before)
{
    vsa_counter *phases = stream->streams->phases;
    vsa_counter_add(&phases[before], -1);
    vsa_counter_add(&phases[phase_of(stream)], 1);
}

/* The stream is left for the end of the iteration; so is the line that its handler looks at. */
static void close_stream(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    if (stream->state == STREAM_CLOSED)
        return;
    vsa_counter_add(&streams->phases[phase_of(stream)], -1);
    stream->state = STREAM_CLOSED;
    streams->count--;
    streams->suspended -= stream->pending != NULL;
    vsa_timer_stop(&stream->timer);
    vsa_event_loop_unwatch(streams->loop, &stream->watch);
    (void)close(stream->watch.fd);
    unlink_open(stream);
    stream->next = streams->closed;
    streams->closed = stream;
    streams->handlers->closed(stream, stream->reason);
    stream->pending = NULL;
    vsa_buffer_drop(&stream->output, stream->output.size);
    if (streams->current != stream)
        vsa_buffer_drop(&stream->input, stream->input.size);
    account(stream);
    if (streams->freed)
        streams->freed(streams->freed_user);
}

static void free_stream(struct vsa_stream *stream)
{
    vsa_budget_set(&stream->streams->budget, &stream->share, 0);
    free(stream->input.data);
    free(stream->output.data);
    free(stream);
}

void vsa_streams_end_iteration(struct vsa_streams *streams)
{
    while (streams->closed) {
        struct vsa_stream *stream = streams->closed;
        streams->closed = stream->next;
        free_stream(stream);
    }
}

/* Has the owner write a last line; it is sent, then the stream lingers. */
static void fail(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    enum vsa_stream_phase before = phase_of(stream);
    stream->streams->handlers->failing(stream, why, detail);
    if (!stream->broken)
        stream->reason = why;
    stream->ending = true;
    count_phase(stream, before);
}

/* --- memory ----------------------------------------------------------------------------------- */

/*
 * The stream holds most, and another one needs memory. It fails later: the other one's reply may be
 * in a buffer of the owner's, where a last line would overwrite it.
 */
static void give_way(struct vsa_stream *stream)
{
    if (stream->state == STREAM_READING && takes_lines(stream))
        stream->displaced = true;
    else
        break_off(stream, VSA_ERR_BUSY);
    vsa_buffer_drop(&stream->input, stream->input.size);
    if (stream->broken)
        vsa_buffer_drop(&stream->output, stream->output.size);
    account(stream);
    make_runnable(stream);
}

/* Adds to a buffer of the stream. False: this stream is the one that has to give way. */
static bool keep(struct vsa_stream *stream, struct vsa_buffer *buffer, const char *data,
                 size_t size)
{
    struct vsa_budget *budget = &stream->streams->budget;
    size_t wanted = stream->input.capacity + stream->output.capacity - buffer->capacity +
                    vsa_buffer_capacity_for(buffer, size);
    while (!vsa_budget_allows(budget, &stream->share, wanted)) {
        struct vsa_budget_share *largest = vsa_budget_largest(budget, wanted);
        struct vsa_stream *holder =
            largest ? VSA_CONTAINER_OF(largest, struct vsa_stream, share) : NULL;
        if (!holder || holder == stream || holder == stream->streams->current)
            return false;
        give_way(holder);
    }
    bool kept = vsa_buffer_add(buffer, data, size);
    account(stream);
    return kept;
}

bool vsa_streams_charge(struct vsa_streams *streams, size_t bytes)
{
    bool charged = vsa_budget_charge(&streams->budget, bytes);
    publish(streams);
    return charged;
}

void vsa_streams_refund(struct vsa_streams *streams, size_t bytes)
{
    vsa_budget_refund(&streams->budget, bytes);
    publish(streams);
}

/* --- output ----------------------------------------------------------------------------------- */

/* Bytes sent, fewer if the peer takes no more now; notes that it is gone. */
static size_t send_some(struct vsa_stream *stream, struct iovec *parts, size_t count)
{
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent;
    do {
        sent = sendmsg(stream->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
        break_off(stream, VSA_ERR_CLOSED);
    return 0;
}

/* In order: directly if nothing is waiting, else behind what is. */
static void send_or_keep(struct vsa_stream *stream, struct iovec *parts, size_t count)
{
    size_t sent = has_output(stream) || stream->broken ? 0 : send_some(stream, parts, count);
    for (size_t i = 0; i < count && !stream->broken; i++) {
        size_t done = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        const char *rest = (const char *)parts[i].iov_base + done;
        sent -= done;
        if (!keep(stream, &stream->output, rest, parts[i].iov_len - done))
            break_off(stream, VSA_ERR_BUSY);
    }
}

static void flush(struct vsa_streams *streams, struct vsa_stream *stream)
{
    struct iovec all = {streams->scratch, streams->scratch_size};
    streams->scratch_size = 0;
    if (all.iov_len > 0)
        send_or_keep(stream, &all, 1);
}

/* Replies to several lines of a turn go out together. */
static bool collect(struct vsa_streams *streams, const struct iovec *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].iov_len;
    if (size > sizeof(streams->scratch) - streams->scratch_size)
        return false;
    for (size_t i = 0; i < count; i++) {
        memcpy(streams->scratch + streams->scratch_size, parts[i].iov_base, parts[i].iov_len);
        streams->scratch_size += parts[i].iov_len;
    }
    return true;
}

void vsa_stream_answer(struct vsa_stream *stream, const struct vsa_slice *parts, size_t count)
{
    struct vsa_streams *streams = stream->streams;
    struct iovec vector[MAX_PARTS];
    size_t used = 0;
    if (stream->state == STREAM_CLOSED)
        return;
    for (size_t i = 0; i < count && used < MAX_PARTS; i++)
        if (parts[i].size > 0)
            /* NOLINTNEXTLINE(performance-no-int-to-ptr): struct iovec has no const */
            vector[used++] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].size};
    bool current = streams->current == stream;
    stream->progressed = true;
    if (!current || !collect(streams, vector, used)) {
        if (current)
            flush(streams, stream);
        send_or_keep(stream, vector, used);
    }
    if (current && !stream->pending)
        return;
    streams->suspended -= stream->pending != NULL;
    stream->pending = NULL;
    if (!current)
        make_runnable(stream);
}

void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why)
{
    if (stream->state == STREAM_CLOSED)
        return;
    break_off(stream, why);
    make_runnable(stream);
}

/* --- what happens next ------------------------------------------------------------------------ */

static enum stream_state next_state(const struct vsa_stream *stream)
{
    if (stream->broken)
        return STREAM_CLOSED;
    if (has_output(stream))
        return STREAM_SENDING;
    if (stream->ending)
        return stream->input_ended ? STREAM_CLOSED : STREAM_LINGERING;
    if (stream->pending)
        return STREAM_SUSPENDED;
    if (has_lines(stream) || (stream->input_ended && stream->input.size > 0))
        return STREAM_RUNNABLE;
    if (stream->input_ended)
        return STREAM_CLOSED;
    if (!stream->streams->draining)
        return STREAM_READING;
    return stream->input_empty || stream->drained > MAX_DRAINED ? STREAM_CLOSED : STREAM_RUNNABLE;
}

static struct vsa_timer_list *timers_of(struct vsa_streams *streams, enum stream_state state)
{
    switch (state) {
    case STREAM_READING:
    case STREAM_SENDING:
        return &streams->idle;
    case STREAM_RUNNABLE:
        return &streams->runnable;
    case STREAM_LINGERING:
        return &streams->lingering;
    case STREAM_SUSPENDED: /* the owner has its own limit */
    case STREAM_CLOSED:
        break;
    }
    return NULL;
}

/* The idle time counts from the last reply, whatever single bytes come or go. */
static void set_timer(struct vsa_stream *stream, enum stream_state before)
{
    struct vsa_streams *streams = stream->streams;
    struct vsa_timer_list *list = timers_of(streams, stream->state);
    if (!list)
        vsa_timer_stop(&stream->timer);
    else if (stream->progressed || !vsa_timer_runs(&stream->timer) ||
             list != timers_of(streams, before))
        vsa_timer_start(list, &stream->timer, streams->loop->now_ms);
    stream->progressed = false;
}

/* Decides what the stream waits for; every turn ends here. */
static void settle(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    enum stream_state before = stream->state;
    if (before == STREAM_CLOSED)
        return;
    enum vsa_stream_phase phase = phase_of(stream);
    enum stream_state state = next_state(stream);
    if (state == STREAM_LINGERING && before != STREAM_LINGERING &&
        shutdown(stream->watch.fd, SHUT_WR) < 0)
        state = STREAM_CLOSED;
    if (state == STREAM_CLOSED) {
        if (streams->draining && stream->reason == VSA_OK && !stream->input_ended)
            stream->reason = VSA_ERR_SHUTTING_DOWN;
        close_stream(stream);
        return;
    }
    stream->state = state;
    if (state == STREAM_READING || state == STREAM_LINGERING)
        stream->read_paused = false;
    count_phase(stream, phase);
    set_timer(stream, before);
    account(stream);
    uint32_t events = rows[state].events;
    if ((events & EPOLLIN) && (stream->read_paused || stream->input_ended))
        events = 0;
    if (vsa_event_loop_watch(streams->loop, &stream->watch, events, NULL) != VSA_OK) {
        break_off(stream, VSA_ERR_IO);
        close_stream(stream);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The next complete line; without a newline, what came before the end of the input is one too. */
static bool next_line(struct vsa_stream *stream, struct turn *turn, struct vsa_slice *line)
{
    /* Nothing read yet: no address to add to. */
    const char *start = turn->size ? turn->data + turn->taken : "";
    size_t size = turn->size - turn->taken;
    const char *newline = NULL;
    if (size > stream->scanned)
        newline = memchr(start + stream->scanned, '\n', size - stream->scanned);
    if (newline) {
        *line = vsa_slice_of(start, (size_t)(newline - start));
        turn->taken += line->size + 1;
        stream->scanned = 0;
        return true;
    }
    stream->scanned = size;
    if (!stream->input_ended || size == 0)
        return false;
    *line = vsa_slice_of(start, size);
    turn->taken = turn->size;
    stream->scanned = 0;
    return true;
}

/* At least one, then as long as the slice lasts: many lines of one peer are not others' time. */
static void handle_lines(struct vsa_stream *stream, struct turn *turn)
{
    struct vsa_streams *streams = stream->streams;
    struct vsa_slice line;
    if (stream->displaced && takes_lines(stream))
        fail(stream, VSA_ERR_BUSY, too_much);
    while (takes_lines(stream)) {
        if (!next_line(stream, turn, &line)) {
            if (turn->size - turn->taken >= streams->limits.max_line)
                fail(stream, VSA_ERR_LINE_TOO_LONG, "the request line is too long");
            return;
        }
        streams->handlers->line(stream, line);
        if (turn->taken < turn->size && vsa_event_loop_is_over(streams->loop))
            return;
    }
}

/* Keeps what is no line yet, or has no time left. */
static void keep_rest(struct vsa_stream *stream, const struct turn *turn)
{
    struct vsa_buffer *input = &stream->input;
    if (stream->ending || stream->broken)
        vsa_buffer_drop(input, input->size);
    else if (turn->data == input->data)
        vsa_buffer_drop(input, turn->taken);
    else if (!keep(stream, input, turn->data + turn->taken, turn->size - turn->taken)) {
        if (is_blocked(stream))
            break_off(stream, VSA_ERR_BUSY);
        else
            fail(stream, VSA_ERR_BUSY, too_much);
    }
}

static void take_turn(struct vsa_stream *stream, struct turn turn)
{
    struct vsa_streams *streams = stream->streams;
    streams->current = stream;
    handle_lines(stream, &turn);
    flush(streams, stream);
    streams->current = NULL;
    keep_rest(stream, &turn);
    settle(stream);
}

static void work_on_input(struct vsa_stream *stream)
{
    take_turn(stream, (struct turn){stream->input.data, stream->input.size, 0});
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Bytes read; 0 when there are none now. Notices the end of the input and a peer that is gone. */
static size_t receive(struct vsa_stream *stream, size_t capacity)
{
    ssize_t got;
    do {
        got = recv(stream->watch.fd, stream->streams->input, capacity, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    stream->input_empty = got <= 0;
    if (got > 0 && stream->streams->draining)
        stream->drained += (size_t)got;
    if (got > 0)
        return (size_t)got;
    if (got == 0)
        stream->input_ended = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        break_off(stream, VSA_ERR_CLOSED);
    return 0;
}

static void read_and_work(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    struct vsa_buffer *input = &stream->input;
    size_t capacity = streams->limits.max_line - input->size;
    if (input->size == 0 && capacity > FIRST_READ)
        capacity = FIRST_READ;
    size_t size = receive(stream, capacity);
    if (input->size == 0) {
        take_turn(stream, (struct turn){streams->input, size, 0});
        return;
    }
    if (!keep(stream, input, streams->input, size))
        fail(stream, VSA_ERR_BUSY, too_much);
    work_on_input(stream);
}

static void on_readable(struct vsa_stream *stream)
{
    if (stream->state == STREAM_LINGERING) {
        (void)receive(stream, VSA_MAX_REQUEST_LINE); /* it shall only be able to finish */
        settle(stream);
    } else if (stream->state == STREAM_READING && takes_lines(stream)) {
        read_and_work(stream);
    } else {
        /* Pushes back: what it sends stays in the kernel until its turn. */
        stream->read_paused = true;
        settle(stream);
    }
}

static void on_writable(struct vsa_stream *stream)
{
    struct iovec rest = {stream->output.data, stream->output.size};
    if (!has_output(stream))
        return;
    vsa_buffer_drop(&stream->output, send_some(stream, &rest, 1));
    stream->progressed = !has_output(stream);
    work_on_input(stream);
}

/*
 * Returns whether nothing more can come of the stream. After a hang-up both directions are closed,
 * so no reply of ours can be read; one of the peer's can.
 */
static bool has_hung_up(const struct vsa_stream *stream, uint32_t events)
{
    bool has_reply = stream->streams->limits.peers_reply && stream->state == STREAM_READING &&
                     (events & EPOLLIN) && !(events & EPOLLERR);
    return (events & (EPOLLERR | EPOLLHUP)) && !has_reply;
}

static void on_ready(struct vsa_event_watch *watch, uint32_t events)
{
    struct vsa_stream *stream = VSA_CONTAINER_OF(watch, struct vsa_stream, watch);
    if (stream->state == STREAM_CLOSED)
        return;
    if (has_hung_up(stream, events)) {
        break_off(stream, events & EPOLLERR ? VSA_ERR_CLOSED : VSA_OK);
        close_stream(stream);
    } else if (events & EPOLLOUT) {
        on_writable(stream);
    } else if (events & EPOLLIN) {
        on_readable(stream);
    }
}

/* --- timers ----------------------------------------------------------------------------------- */

static void on_idle(void *user, struct vsa_timer *timer)
{
    struct vsa_stream *stream = VSA_CONTAINER_OF(timer, struct vsa_stream, timer);
    (void)user;
    if (takes_lines(stream))
        fail(stream, VSA_ERR_IDLE_TIMEOUT, "no complete request for too long");
    else
        break_off(stream, VSA_ERR_IDLE_TIMEOUT);
    work_on_input(stream);
}

static void on_lingered(void *user, struct vsa_timer *timer)
{
    struct vsa_stream *stream = VSA_CONTAINER_OF(timer, struct vsa_stream, timer);
    (void)user;
    stream->broken = true;
    settle(stream);
}

static void on_runnable(void *user, struct vsa_timer *timer)
{
    const struct vsa_streams *streams = user;
    struct vsa_stream *stream = VSA_CONTAINER_OF(timer, struct vsa_stream, timer);
    if (streams->draining && takes_lines(stream) && !has_lines(stream) && !stream->input_ended)
        read_and_work(stream);
    else
        work_on_input(stream);
}

/* --- for others ------------------------------------------------------------------------------- */

enum vsa_status vsa_streams_new(struct vsa_event_loop *loop, const struct vsa_stream_limits *limits,
                                const struct vsa_stream_handlers *handlers, void *owner,
                                struct vsa_streams **out, struct vsa_error *error)
{
    struct vsa_streams *streams = calloc(1, sizeof(*streams));
    if (!streams)
        return vsa_fail_memory(error);
    streams->loop = loop;
    streams->limits = *limits;
    streams->handlers = handlers;
    streams->owner = owner;
    vsa_budget_init(&streams->budget, limits->max_buffered);
    vsa_timer_list_init(&streams->idle, limits->idle_timeout_ms, on_idle, streams);
    vsa_timer_list_init(&streams->lingering, LINGER_MS, on_lingered, streams);
    vsa_timer_list_init(&streams->runnable, 0, on_runnable, streams);
    vsa_event_loop_add(loop, &streams->idle);
    vsa_event_loop_add(loop, &streams->lingering);
    vsa_event_loop_add(loop, &streams->runnable);
    *out = streams;
    return VSA_OK;
}

void vsa_streams_free(struct vsa_streams *streams)
{
    if (!streams)
        return;
    while (streams->open) {
        struct vsa_stream *stream = streams->open;
        unlink_open(stream);
        (void)close(stream->watch.fd);
        free_stream(stream);
    }
    vsa_streams_end_iteration(streams);
    free(streams);
}

/* None whose request is being worked on gives way: the peer could not know how that went. */
static bool make_room(struct vsa_streams *streams)
{
    struct vsa_timer *oldest = vsa_timer_first(&streams->idle);
    if (streams->count < streams->limits.max_streams)
        return true;
    if (!oldest)
        return false;
    struct vsa_stream *stream = VSA_CONTAINER_OF(oldest, struct vsa_stream, timer);
    if (takes_lines(stream))
        fail(stream, VSA_ERR_CONNECTIONS, "too many connections; this one was idle for longest");
    break_off(stream, VSA_ERR_CONNECTIONS);
    close_stream(stream); /* it does not linger: its descriptor is what is needed */
    return true;
}

enum vsa_status vsa_streams_adopt(struct vsa_streams *streams, int fd, uint64_t peer,
                                  struct vsa_error *error)
{
    struct vsa_stream *stream = calloc(1, sizeof(*stream) + streams->limits.attachment);
    if (!stream)
        return vsa_fail_memory(error);
    stream->streams = streams;
    stream->watch = (struct vsa_event_watch){.fd = fd, .ready = on_ready};
    enum vsa_status status = VSA_OK;
    if (!make_room(streams))
        status = vsa_fail(error, VSA_ERR_CONNECTIONS,
                          "%zu connections are open already; try again later", streams->count);
    if (status == VSA_OK)
        status = vsa_event_loop_watch(streams->loop, &stream->watch, EPOLLIN, error);
    if (status != VSA_OK) {
        free(stream);
        return status;
    }
    stream->number = ++streams->last_number;
    stream->peer = peer ? peer : FIRST_NUMBERED_PEER + stream->number;
    stream->next = streams->open;
    if (streams->open)
        streams->open->previous = stream;
    streams->open = stream;
    streams->count++;
    vsa_counter_add(&streams->phases[VSA_STREAM_IDLE], 1);
    settle(stream);
    streams->handlers->opened(stream);
    return VSA_OK;
}

void vsa_stream_suspend(struct vsa_stream *stream, void *pending)
{
    stream->pending = pending;
    stream->streams->suspended++;
}

void *vsa_stream_pending(const struct vsa_stream *stream)
{
    return stream->pending;
}

uint64_t vsa_stream_peer(const struct vsa_stream *stream)
{
    return stream->peer;
}

uint64_t vsa_stream_number(const struct vsa_stream *stream)
{
    return stream->number;
}

void *vsa_stream_owner(const struct vsa_stream *stream)
{
    return stream->streams->owner;
}

void *vsa_stream_attachment(struct vsa_stream *stream)
{
    return stream->attachment;
}

const vsa_counter *vsa_streams_phases(const struct vsa_streams *streams)
{
    return streams->phases;
}

const vsa_counter *vsa_streams_buffered(const struct vsa_streams *streams)
{
    return &streams->buffered;
}

void vsa_streams_set_observer(struct vsa_streams *streams, void (*freed)(void *user), void *user)
{
    streams->freed = freed;
    streams->freed_user = user;
}

/* --- stopping --------------------------------------------------------------------------------- */

void vsa_streams_drain(struct vsa_streams *streams)
{
    streams->draining = true;
    for (struct vsa_stream *stream = streams->open; stream; stream = stream->next) {
        stream->input_empty = false;
        if (takes_lines(stream))
            make_runnable(stream);
    }
}

bool vsa_streams_are_drained(const struct vsa_streams *streams, bool ignore_unread)
{
    return streams->suspended == 0 && !vsa_timer_first(&streams->runnable) &&
           (ignore_unread || vsa_counter_get(&streams->phases[VSA_STREAM_SENDING]) == 0);
}

void vsa_streams_close_all(struct vsa_streams *streams, enum vsa_status why)
{
    while (streams->open) {
        break_off(streams->open, why);
        close_stream(streams->open);
    }
}
