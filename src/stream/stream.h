/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line streams: framing, buffers under one budget, back-pressure, idle and linger timers. No JSON,
 * no commands. All of it runs in the loop's thread.
 *
 * A handler borrows its line until it returns, whatever it calls: nothing that it can call closes a
 * stream, frees a buffer or calls a handler. Sending that fails is only noted; a stream is closed
 * at the end of its turn, and its memory is freed at the end of the iteration.
 */
#ifndef VSA_STREAM_STREAM_H
#define VSA_STREAM_STREAM_H

#include "base/counter.h"
#include "event/loop.h"

struct vsa_stream;
struct vsa_streams;

struct vsa_stream_handlers {
    void (*opened)(struct vsa_stream *stream);
    /* A line without its newline: answers it, suspends the stream, or ignores the line. */
    void (*line)(struct vsa_stream *stream, struct vsa_slice line);
    /* The stream is going to end: answers with its last line. */
    void (*failing)(struct vsa_stream *stream, enum vsa_status why, const char *detail);
    /* It has ended; VSA_OK: by its peer's wish. What it was suspended for is not wanted any more.
     */
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

/* What a stream is doing, as it is counted. */
enum vsa_stream_phase {
    VSA_STREAM_IDLE,    /* its peer's turn */
    VSA_STREAM_BUSY,    /* suspended */
    VSA_STREAM_SENDING, /* its peer does not read its replies */
    VSA_STREAM_CLOSING, /* no more lines */
    VSA_STREAM_PHASES,
};

/*
 * limits    in: copied
 * handlers  in: borrowed
 * owner     in: for vsa_stream_owner()
 *
 * Errors: VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_streams_new(struct vsa_event_loop *loop,
                                             const struct vsa_stream_limits *limits,
                                             const struct vsa_stream_handlers *handlers,
                                             void *owner, struct vsa_streams **streams,
                                             struct vsa_error *error);
/* Closes what is open, without calling handlers. NULL is fine. */
void vsa_streams_free(struct vsa_streams *streams);

/*
 * Makes a stream of a non-blocking socket, which it owns from now on, but for a failure. When there
 * are too many, the one that has been idle for longest gives way.
 *
 * peer  in: for vsa_stream_peer(); 0: a number of its own, above every CID
 *
 * Errors: VSA_ERR_CONNECTIONS (too many, and none is idle), VSA_ERR_MEMORY, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_streams_adopt(struct vsa_streams *streams, int fd, uint64_t peer,
                                               struct vsa_error *error);

/*
 * Replies to the line that is being handled, or that the stream is suspended for, which goes on
 * then. Without either, sends a line to a peer that is itself a server: the next one is its reply.
 * In any case the parts make one line with its newline. They are copied or sent, not kept.
 */
void vsa_stream_answer(struct vsa_stream *stream, const struct vsa_slice *parts, size_t count);
/* Closes the stream in this iteration, without a last line. `closed` is called, with `why`. */
void vsa_stream_close(struct vsa_stream *stream, enum vsa_status why);
/* From a line's handler: no further line until it is answered. */
void vsa_stream_suspend(struct vsa_stream *stream, void *pending);

/* What vsa_stream_suspend() was given; NULL while it is not suspended. */
void *vsa_stream_pending(const struct vsa_stream *stream);
uint64_t vsa_stream_peer(const struct vsa_stream *stream);
uint64_t vsa_stream_number(const struct vsa_stream *stream); /* counted from 1 */
void *vsa_stream_owner(const struct vsa_stream *stream);
void *vsa_stream_attachment(struct vsa_stream *stream);

/* Memory for a complete request, from the same budget; false when there is none. */
bool vsa_streams_charge(struct vsa_streams *streams, size_t bytes);
void vsa_streams_refund(struct vsa_streams *streams, size_t bytes);

/* Bytes of all buffers and of what is charged. To be read by any thread. */
const vsa_counter *vsa_streams_buffered(const struct vsa_streams *streams);

/* To be called once after each iteration of the loop: frees streams that have closed. */
void vsa_streams_end_iteration(struct vsa_streams *streams);

/* Calls `freed` whenever a stream's descriptor was closed. */
void vsa_streams_set_observer(struct vsa_streams *streams, void (*freed)(void *user), void *user);

/* From now on streams answer what their peers have sent until now, then close. */
void vsa_streams_drain(struct vsa_streams *streams);
/* Whether all lines are answered, and with `ignore_unread` false, all replies sent. */
bool vsa_streams_are_drained(const struct vsa_streams *streams, bool ignore_unread);
void vsa_streams_close_all(struct vsa_streams *streams, enum vsa_status why);

/* Numbers of streams by enum vsa_stream_phase. To be read by any thread. */
const vsa_counter *vsa_streams_phases(const struct vsa_streams *streams);

#endif
