/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line stream and what all of them share. No JSON, no commands; all of it runs in the loop's
 * thread. stream.h makes and stops streams, reading.h takes lines, writing.h sends replies,
 * schedule.h decides what a stream waits for and ends it, timeout.h ends waiting.
 *
 * A handler borrows its line until it returns, whatever it calls: no function that it can call
 * closes a stream, frees a buffer or calls a handler. Sending that fails only sets a mark; a stream
 * closes at the end of its turn, and its memory is freed at the end of the iteration.
 */
#ifndef VSA_STREAM_STATE_H
#define VSA_STREAM_STATE_H

#include "event/loop.h"
#include "stream/budget.h"
#include <vsattest/limits.h>

struct vsa_stream;
struct vsa_streams;

struct vsa_stream_handlers {
    void (*opened)(struct vsa_stream *stream);
    /* A line without its newline: answers it, suspends the stream, or ignores the line. */
    void (*line)(struct vsa_stream *stream, struct vsa_slice line);
    /* The stream is going to end: answers with its last line. */
    void (*failing)(struct vsa_stream *stream, enum vsa_status why, const char *detail);
    /* The stream has ended; VSA_OK: by its peer's wish. `pending` is not wanted any more. */
    void (*closed)(struct vsa_stream *stream, enum vsa_status why);
};

struct vsa_stream_limits {
    size_t max_streams;
    size_t max_line;     /* bytes of a line with its newline; VSA_MAX_REQUEST_LINE at most */
    size_t max_buffered; /* bytes of all buffers, and of what is charged */
    size_t attachment;   /* bytes that each stream has for its owner, zeroed */
    int64_t idle_timeout_ms;
    bool peers_reply; /* they are servers: what one sent before it hung up is handled */
};

/* What a stream waits for, and is counted by. Packed: there may be many streams. */
enum __attribute__((packed)) vsa_stream_state {
    VSA_STATE_READING,   /* its peer's turn */
    VSA_STATE_RUNNABLE,  /* has lines, or is to be scheduled anew */
    VSA_STATE_SUSPENDED, /* for its owner */
    VSA_STATE_SENDING,   /* until the peer reads its replies */
    VSA_STATE_LINGERING, /* the last line is sent; reads on so that the peer can read it */
    VSA_STATE_CLOSED,    /* freed at the end of the iteration */
};

/*
 * Bytes that had to be kept: half a line of a peer, the rest of a reply it did not take yet.
 * Zeroed: empty, without memory. An empty buffer never has memory.
 */
struct vsa_buffer {
    char *data;
    uint32_t size;
    uint32_t capacity; /* bytes allocated */
};

/* Owners read the first five members. */
struct vsa_stream {
    struct vsa_streams *streams;
    uint64_t number;        /* counted from 1 */
    void *pending;          /* what it is suspended for, or NULL */
    uint32_t cid;           /* of the peer; 0: it has none */
    enum vsa_status reason; /* why it ends, if it does */

    struct vsa_event_watch watch;
    struct vsa_timer timer;   /* in the list of its state */
    struct vsa_link place;    /* among the open or the closed ones */
    struct vsa_link share;    /* of the budget */
    struct vsa_buffer input;  /* incomplete lines, and lines that wait */
    struct vsa_buffer output; /* unsent replies */
    uint32_t scanned;         /* bytes of `input` known to hold no newline */
    uint32_t drained;         /* bytes read since the drain began */
    enum vsa_stream_state state;
    bool ending : 1;      /* no more lines; the last reply is on its way */
    bool broken : 1;      /* nothing can be sent any more */
    bool input_ended : 1; /* the peer will send no more */
    bool input_empty : 1; /* the last read got nothing */
    bool read_paused : 1; /* readable, but not to be read now */
    bool progressed : 1;  /* a reply was made since its timer was started */
    bool evicted : 1;     /* another one got its memory; fails in its own turn */
    int64_t attachment[]; /* the owner's */
};

struct vsa_streams {
    struct vsa_event_loop *loop;
    struct vsa_stream_limits limits;
    const struct vsa_stream_handlers *handlers;
    void *owner;
    /* Called when a stream's descriptor was closed; or NULL. */
    void (*freed)(void *user);
    void *freed_user;
    struct vsa_timer_list idle;
    struct vsa_timer_list lingering;
    struct vsa_timer_list runnable;
    struct vsa_budget budget;
    struct vsa_link open;
    struct vsa_link closed;
    struct vsa_stream *current; /* whose lines are being handled */
    uint64_t last_number;
    size_t count;     /* open */
    size_t suspended; /* of these */
    bool draining;    /* streams answer what their peers have sent, then close */
    vsa_counter states[VSA_STATE_CLOSED]; /* open ones, by state */
    size_t scratch_size;                  /* replies to the current stream's lines */
    char scratch[VSA_MAX_REPLY_LINE];
    char input[VSA_MAX_REQUEST_LINE];
};

static inline bool vsa_stream_has_output(const struct vsa_stream *stream)
{
    return stream->output.size > 0;
}

/* Returns whether the next line may be handled: not before the present one's reply is read. */
static inline bool vsa_stream_takes_lines(const struct vsa_stream *stream)
{
    return !stream->ending && !stream->broken && !stream->pending && !vsa_stream_has_output(stream);
}

static inline bool vsa_stream_has_lines(const struct vsa_stream *stream)
{
    return vsa_stream_takes_lines(stream) && stream->input.size > stream->scanned;
}

/* Has the stream close at the end of its turn, without a last line. */
static inline void vsa_stream_break_off(struct vsa_stream *stream, enum vsa_status why)
{
    if (!stream->broken && !stream->ending)
        stream->reason = why;
    stream->broken = true;
}

/* Gives the stream a turn in this iteration or the next. */
static inline void vsa_stream_make_runnable(struct vsa_stream *stream)
{
    struct vsa_streams *streams = stream->streams;
    vsa_timer_start(&streams->runnable, &stream->timer, streams->loop->now_ms);
}

#endif
