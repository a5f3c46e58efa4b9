/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_fixture.h"

#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"

struct stream_rig rig;

void answer(struct vsa_stream *stream, const char *text)
{
    const struct vsa_slice parts[] = {vsa_slice_of_text(text), vsa_slice_of_text(""),
                                      vsa_slice_of_text("\n")};
    vsa_stream_answer(stream, parts, 3);
}

void answer_much(struct vsa_stream *stream, size_t size)
{
    const struct vsa_slice parts[] = {vsa_slice_of(rig.large + LARGE - size, size)};
    rig.answering = true;
    vsa_stream_answer(stream, parts, 1);
    rig.answering = false;
}

/* Echoes; lines with a meaning: "wait", "large", "slow", "ignore". */
static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    char text[MAX_LINE];
    (void)snprintf(text, sizeof(text), "%.*s", (int)line.size, (const char *)line.data);
    assert_ptr_equal(stream->streams->owner, &rig.loop);
    assert_null(stream->pending);
    if (strcmp(text, "wait") == 0) {
        rig.waiting = stream;
        vsa_stream_suspend(stream, &rig.waiting);
    } else if (strcmp(text, "large") == 0) {
        answer_much(stream, LARGE);
    } else if (strcmp(text, "ignore") != 0) {
        answer(stream, text);
    }
    while (strcmp(text, "slow") == 0 && !vsa_event_loop_is_over(&rig.loop))
        continue;
    /* Whatever was called above: the line is still there. */
    assert_memory_equal(line.data, text, line.size);
    if (strlen(rig.seen) < sizeof(rig.seen) / 2)
        (void)snprintf(rig.seen + strlen(rig.seen), sizeof(rig.seen) - strlen(rig.seen), "%s|",
                       text);
}

static void on_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    assert_true(strlen(detail) > 0);
    assert_false(rig.answering);
    answer(stream, vsa_status_code(why));
}

static void on_opened(struct vsa_stream *stream)
{
    rig.opened++;
    assert_int_equal(stream->number, rig.opened);
    assert_int_equal(stream->attachment[0], 0);
}

static void on_closed(struct vsa_stream *stream, enum vsa_status why)
{
    (void)snprintf(rig.ended + strlen(rig.ended), sizeof(rig.ended) - strlen(rig.ended), "%d:%s ",
                   (int)stream->number, why == VSA_OK ? "ok" : vsa_status_code(why));
    if (stream->pending) {
        assert_ptr_equal(stream->pending, &rig.waiting);
        rig.waiting = NULL;
    }
}

static void on_freed(void *user)
{
    ++*(int *)user;
}

static const struct vsa_stream_handlers handlers = {on_opened, on_line, on_failing, on_closed};

static void on_woken(void *user)
{
    (void)user;
}

int stream_set_up(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.limits = (struct vsa_stream_limits){.max_streams = 4,
                                            .max_line = MAX_LINE,
                                            .max_buffered = 1024 * 1024,
                                            .attachment = sizeof(int64_t),
                                            .idle_timeout_ms = 600000};
    memset(rig.large, 'L', sizeof(rig.large));
    rig.large[LARGE - 1] = '\n';
    return vsa_event_loop_open(&rig.loop, on_woken, NULL, NULL) == VSA_OK ? 0 : -1;
}

int stream_tear_down(void **state)
{
    (void)state;
    vsa_streams_free(rig.streams);
    vsa_event_loop_close(&rig.loop);
    for (size_t i = 0; i < rig.peer_count; i++)
        if (rig.peers[i] >= 0)
            (void)close(rig.peers[i]);
    return 0;
}

static void start(void)
{
    assert_int_equal(
        vsa_streams_new(&rig.loop, &rig.limits, &handlers, &rig.loop, &rig.streams, NULL), VSA_OK);
    rig.streams->freed = on_freed;
    rig.streams->freed_user = &rig.freed;
}

int connect_as(uint32_t cid, enum vsa_status expected)
{
    int pair[2];
    if (!rig.streams)
        start();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    rig.peers[rig.peer_count++] = pair[0];
    if (rig.send_buffer)
        (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &rig.send_buffer, sizeof(rig.send_buffer));
    enum vsa_status status = vsa_streams_adopt(rig.streams, pair[1], cid, NULL);
    assert_int_equal(status, expected);
    if (status != VSA_OK)
        (void)close(pair[1]);
    return pair[0];
}

int connect_one(void)
{
    return connect_as(0, VSA_OK);
}

void iterate_streams(int times)
{
    for (int i = 0; i < times; i++) {
        vsa_event_loop_wake(&rig.loop);
        vsa_event_loop_iterate(&rig.loop);
        vsa_streams_end_iteration(rig.streams);
    }
}

void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void assert_reads(int fd, const char *expected)
{
    char text[1024];
    size_t size = 0;
    ssize_t got;
    while ((got = recv(fd, text + size, sizeof(text) - 8 - size, MSG_DONTWAIT)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    if (got == 0)
        strcat(text, "EOF");
    assert_string_equal(text, expected);
}

size_t read_all(int fd)
{
    static char text[LARGE];
    size_t size = 0;
    ssize_t got;
    for (int i = 0; i < 400; i++) {
        iterate_streams(1);
        while ((got = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
            size += (size_t)got;
    }
    return size;
}

void assert_states(uint64_t idle, uint64_t busy, uint64_t sending, uint64_t closing)
{
    const vsa_counter *states = rig.streams->states;
    assert_int_equal(vsa_counter_get(&states[VSA_STATE_READING]) +
                         vsa_counter_get(&states[VSA_STATE_RUNNABLE]),
                     idle);
    assert_int_equal(vsa_counter_get(&states[VSA_STATE_SUSPENDED]), busy);
    assert_int_equal(vsa_counter_get(&states[VSA_STATE_SENDING]), sending);
    assert_int_equal(vsa_counter_get(&states[VSA_STATE_LINGERING]), closing);
}
