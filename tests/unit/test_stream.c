/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over socketpair(2): the test is the peer, and the owner above the streams. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/closing.h"
#include "stream/stream.h"
#include "stream/writing.h"

#define MAX_LINE 1024
#define LARGE    60000

static struct vsa_event_loop loop;
static struct vsa_streams *streams;
static struct vsa_stream_limits limits;
static char seen[4096];  /* the lines, each with '|' behind */
static char ended[4096]; /* why streams ended: "number:code " */
static int opened;
static int freed;
static int peers[8];
static size_t peer_count;
static struct vsa_stream *waiting; /* the one that is suspended */
static char large[LARGE];
static int send_buffer; /* of streams, in bytes; 0: as it comes */
static bool answering;  /* the owner's buffer holds a reply */

static void answer(struct vsa_stream *stream, const char *text)
{
    const struct vsa_slice parts[] = {vsa_slice_of_text(text), vsa_slice_of_text(""),
                                      vsa_slice_of_text("\n")};
    vsa_stream_answer(stream, parts, 3);
}

static void answer_much(struct vsa_stream *stream, size_t size)
{
    const struct vsa_slice parts[] = {vsa_slice_of(large + LARGE - size, size)};
    answering = true;
    vsa_stream_answer(stream, parts, 1);
    answering = false;
}

/* Echoes; lines with a meaning: "wait", "large", "slow", "ignore". */
static void on_line(struct vsa_stream *stream, struct vsa_slice line)
{
    char text[MAX_LINE];
    (void)snprintf(text, sizeof(text), "%.*s", (int)line.size, (const char *)line.data);
    assert_ptr_equal(stream->streams->owner, &loop);
    assert_null(stream->pending);
    if (strcmp(text, "wait") == 0) {
        waiting = stream;
        vsa_stream_suspend(stream, &waiting);
    } else if (strcmp(text, "large") == 0) {
        answer_much(stream, LARGE);
    } else if (strcmp(text, "ignore") != 0) {
        answer(stream, text);
    }
    while (strcmp(text, "slow") == 0 && !vsa_event_loop_is_over(&loop))
        continue;
    /* Whatever was called above: the line is still there. */
    assert_memory_equal(line.data, text, line.size);
    if (strlen(seen) < sizeof(seen) / 2)
        (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s|", text);
}

static void on_failing(struct vsa_stream *stream, enum vsa_status why, const char *detail)
{
    assert_true(strlen(detail) > 0);
    assert_false(answering);
    answer(stream, vsa_status_code(why));
}

static void on_opened(struct vsa_stream *stream)
{
    opened++;
    assert_int_equal(stream->number, opened);
    assert_int_equal(stream->attachment[0], 0);
}

static void on_closed(struct vsa_stream *stream, enum vsa_status why)
{
    (void)snprintf(ended + strlen(ended), sizeof(ended) - strlen(ended), "%d:%s ",
                   (int)stream->number, why == VSA_OK ? "ok" : vsa_status_code(why));
    if (stream->pending) {
        assert_ptr_equal(stream->pending, &waiting);
        waiting = NULL;
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

static int set_up(void **state)
{
    (void)state;
    limits = (struct vsa_stream_limits){.max_streams = 4,
                                        .max_line = MAX_LINE,
                                        .max_buffered = 1024 * 1024,
                                        .attachment = sizeof(int64_t),
                                        .idle_timeout_ms = 600000};
    seen[0] = ended[0] = '\0';
    opened = freed = send_buffer = 0;
    answering = false;
    peer_count = 0;
    waiting = NULL;
    streams = NULL;
    memset(large, 'L', sizeof(large));
    large[LARGE - 1] = '\n';
    return vsa_event_loop_open(&loop, on_woken, NULL, NULL) == VSA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_streams_free(streams);
    vsa_event_loop_close(&loop);
    for (size_t i = 0; i < peer_count; i++)
        if (peers[i] >= 0)
            (void)close(peers[i]);
    return 0;
}

static void start(void)
{
    assert_int_equal(vsa_streams_new(&loop, &limits, &handlers, &loop, &streams, NULL), VSA_OK);
    streams->freed = on_freed;
    streams->freed_user = &freed;
}

/* The peer's end of a new stream. */
static int connect_stream(uint32_t cid, enum vsa_status expected)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    peers[peer_count++] = pair[0];
    if (send_buffer)
        (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    enum vsa_status status = vsa_streams_adopt(streams, pair[1], cid, NULL);
    assert_int_equal(status, expected);
    if (status != VSA_OK)
        (void)close(pair[1]);
    return pair[0];
}

static int connect_one(void)
{
    if (!streams)
        start();
    return connect_stream(0, VSA_OK);
}

static void iterate(int times)
{
    for (int i = 0; i < times; i++) {
        vsa_event_loop_wake(&loop);
        vsa_event_loop_iterate(&loop);
        vsa_streams_end_iteration(streams);
    }
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that can be read now; "EOF" at the end of the stream. */
static void assert_reads(int fd, const char *expected)
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

static size_t read_all(int fd)
{
    static char text[LARGE];
    size_t size = 0;
    ssize_t got;
    for (int i = 0; i < 400; i++) {
        iterate(1);
        while ((got = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
            size += (size_t)got;
    }
    return size;
}

static void assert_phases(uint64_t idle, uint64_t busy, uint64_t sending, uint64_t closing)
{
    const vsa_counter *phases = streams->phases;
    assert_int_equal(vsa_counter_get(&phases[VSA_STREAM_IDLE]), idle);
    assert_int_equal(vsa_counter_get(&phases[VSA_STREAM_BUSY]), busy);
    assert_int_equal(vsa_counter_get(&phases[VSA_STREAM_SENDING]), sending);
    assert_int_equal(vsa_counter_get(&phases[VSA_STREAM_CLOSING]), closing);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void test_lines(void **state)
{
    (void)state;
    int fd = connect_one();
    assert_phases(1, 0, 0, 0);
    put(fd, "one\ntwo\nthr");
    iterate(1);
    assert_reads(fd, "one\ntwo\n");
    put(fd, "ee");
    iterate(1);
    assert_reads(fd, "");
    put(fd, "\nignore\n\n");
    iterate(1);
    assert_reads(fd, "three\n\n");
    assert_string_equal(seen, "one|two|three|ignore||");
}

/* The last line needs no newline. */
static void test_half_close(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "one\nla");
    iterate(1);
    put(fd, "st");
    (void)shutdown(fd, SHUT_WR);
    iterate(3);
    assert_reads(fd, "one\nlast\nEOF");
    assert_string_equal(ended, "1:ok ");
    assert_int_equal(freed, 1);
    assert_phases(0, 0, 0, 0);
}

static void test_hang_up(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "wait\n");
    iterate(1);
    assert_phases(0, 1, 0, 0);
    assert_non_null(waiting);
    (void)close(fd);
    peers[0] = -1;
    iterate(1);
    assert_null(waiting);
    assert_string_equal(ended, "1:ok ");
}

/* What a peer that replies sent before it hung up is handled; what a client sent is not. */
static void test_hang_up_after_a_line(void **state)
{
    (void)state;
    limits.peers_reply = true;
    put(connect_one(), "ignore\nignore");
    (void)close(peers[0]);
    peers[0] = -1;
    iterate(3);
    assert_string_equal(seen, "ignore|ignore|");
    assert_string_equal(ended, "1:ok ");
}

static void test_hang_up_of_a_client(void **state)
{
    (void)state;
    put(connect_one(), "ignore\n");
    (void)close(peers[0]);
    peers[0] = -1;
    iterate(3);
    assert_string_equal(seen, "");
    assert_string_equal(ended, "1:ok ");
}

/* A line that answers none, to a peer that replies. */
static void test_ask_and_close(void **state)
{
    (void)state;
    const struct vsa_slice line = vsa_slice_of_text("question\n");
    int fd = connect_one();
    put(fd, "wait\n");
    iterate(1);
    struct vsa_stream *stream = waiting;
    answer(stream, "reply");
    iterate(1);
    vsa_stream_answer(stream, &line, 1);
    assert_reads(fd, "reply\nquestion\n");
    put(fd, "ignore\n");
    iterate(2);
    assert_string_equal(seen, "wait|ignore|");
    vsa_stream_close(stream, VSA_ERR_TIMEOUT);
    assert_string_equal(ended, "");
    iterate(1);
    assert_string_equal(ended, "1:timeout ");
    assert_reads(fd, "EOF");
    assert_phases(0, 0, 0, 0);
}

/* While it is suspended, and while its peer does not read. */
static void test_close_in_any_state(void **state)
{
    (void)state;
    put(connect_one(), "wait\n");
    iterate(1);
    vsa_stream_close(waiting, VSA_ERR_CLOSED);
    iterate(1);
    assert_null(waiting);
    assert_string_equal(ended, "1:connection_closed ");
    put(connect_one(), "wait\nlarge\nlarge\nlarge\nlarge\n");
    iterate(1);
    struct vsa_stream *stream = waiting;
    answer(stream, "reply");
    iterate(4);
    assert_phases(0, 0, 1, 0);
    vsa_stream_close(stream, VSA_ERR_CLOSED);
    iterate(1);
    assert_string_equal(ended, "1:connection_closed 2:connection_closed ");
}

static void test_too_long(void **state)
{
    (void)state;
    char text[MAX_LINE + 1];
    int fd = connect_one();
    memset(text, 'x', MAX_LINE);
    text[MAX_LINE] = '\0';
    put(fd, text);
    iterate(2);
    assert_reads(fd, "line_too_long\nEOF");
    assert_phases(0, 0, 0, 1);
    put(fd, "more"); /* it lingers: the peer can finish and read why */
    iterate(1);
    (void)shutdown(fd, SHUT_WR);
    iterate(1);
    assert_string_equal(ended, "1:line_too_long ");
    assert_string_equal(seen, "");
}

static void test_suspend(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "one\nwait\nthree\n");
    iterate(3);
    assert_reads(fd, "one\n");
    put(fd, "four\n");
    iterate(2);
    assert_string_equal(seen, "one|wait|");
    assert_ptr_equal(waiting->pending, &waiting);
    answer(waiting, "two");
    iterate(3);
    assert_reads(fd, "two\nthree\nfour\n");
    assert_phases(1, 0, 0, 0);
}

static void test_peers(void **state)
{
    (void)state;
    start();
    (void)connect_stream(3, VSA_OK);
    (void)connect_stream(0, VSA_OK);
    put(peers[0], "wait\n");
    iterate(1);
    assert_int_equal(waiting->cid, 3);
    put(peers[1], "wait\n");
    iterate(1);
    assert_int_equal(waiting->cid, 0);
}

/* --- the peer does not read ------------------------------------------------------------------- */

static void test_back_pressure(void **state)
{
    (void)state;
    int fd = connect_one();
    for (int i = 0; i < 20; i++)
        put(fd, "large\n");
    iterate(40);
    assert_phases(0, 0, 1, 0);
    size_t lines = strlen(seen) / strlen("large|");
    assert_in_range(lines, 1, 19); /* it did not go on */
    assert_int_equal(read_all(fd), 20 * LARGE);
    assert_phases(1, 0, 0, 0);
}

/*
 * The peer takes no more replies: sending fails in the middle of a turn, whose line is a part of
 * the stream's own buffer. Under AddressSanitizer a buffer freed by that would show.
 */
static void test_line_outlives_its_stream(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "lar");
    iterate(1);
    assert_int_equal(shutdown(fd, SHUT_RD), 0);
    put(fd, "ge\nlarge\nlarge\nafterwards\n");
    iterate(3);
    assert_string_equal(ended, "1:connection_closed ");
    assert_string_equal(seen, "large|large|");
}

/* --- sharing ---------------------------------------------------------------------------------- */

/* One slice for lines that are slow, then the others. */
static void test_turns(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "slow\nslow\nslow\n");
    put(connect_one(), "other\n");
    iterate(1);
    const char *other = strstr(seen, "other|");
    assert_non_null(other);
    assert_true(strstr(seen, "slow|slow|slow|") == NULL || other < seen + 15);
    iterate(4);
    assert_reads(fd, "slow\nslow\nslow\n");
}

static void put_unfinished(int fd, size_t size)
{
    char text[MAX_LINE];
    memset(text, 'x', size);
    assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
    iterate(2);
}

/* The longest unfinished line gives way, not the one that comes last. */
static void test_budget(void **state)
{
    (void)state;
    limits.max_buffered = 2000; /* 1500 of them for lines */
    int first = connect_one();
    int second = connect_one();
    int third = connect_one();
    put_unfinished(first, 900);
    put_unfinished(second, 300);
    put_unfinished(third, 400);
    assert_reads(first, "busy\nEOF");
    assert_reads(second, "");
    assert_reads(third, "");
    assert_phases(2, 0, 0, 1);
    /* Who grows to be the longest gives way itself. */
    put_unfinished(second, 700);
    put_unfinished(second, 20);
    put_unfinished(third, 200);
    assert_reads(third, "");
    put(third, "\n");
    iterate(1);
    assert_string_not_equal(seen, "");
    /* The rest is for complete requests. */
    assert_true(vsa_budget_charge(&streams->budget, 500));
    assert_false(vsa_budget_charge(&streams->budget, 2000));
    vsa_budget_refund(&streams->budget, 500);
}

/* Unread replies have the same limit; of equals the one that comes last gives way. */
static void test_unread_gives_way(void **state)
{
    (void)state;
    limits.max_buffered = 100000;
    send_buffer = 4096;
    int first = connect_one();
    int second = connect_one();
    put(first, "large\n");
    iterate(2);
    assert_phases(1, 0, 1, 0);
    put(second, "large\n");
    iterate(2);
    assert_string_equal(ended, "2:busy ");
    assert_int_equal(read_all(first), LARGE);
    assert_phases(1, 0, 0, 0);
}

/* An owner may make its replies in one buffer: no other stream's last line gets in between. */
static void test_gives_way_to_a_reply(void **state)
{
    (void)state;
    limits.max_line = 50000;
    limits.max_buffered = 61400; /* 46050 of them for lines and unread replies */
    send_buffer = 4096;
    int first = connect_one();
    int second = connect_one();
    assert_int_equal(send(first, large, 40000, MSG_NOSIGNAL), 40000);
    iterate(3);
    put(second, "wait\n");
    iterate(1);
    answer_much(waiting, 20000);
    assert_reads(first, "");
    iterate(2);
    assert_reads(first, "busy\nEOF");
    assert_int_equal(read_all(second), 20000);
    (void)shutdown(first, SHUT_WR);
    iterate(1);
    assert_string_equal(ended, "1:busy ");
}

static void test_idle_gives_way(void **state)
{
    (void)state;
    limits.max_streams = 2;
    int first = connect_one();
    int second = connect_one();
    put(first, "wait\n");
    iterate(1);
    put(connect_one(), "new\n"); /* the first is not idle: the second gives way */
    iterate(1);
    assert_reads(second, "too_many_connections\nEOF");
    assert_string_equal(ended, "2:too_many_connections ");
    assert_int_equal(freed, 1);
    put(peers[2], "wait\n");
    iterate(1);
    (void)connect_stream(0, VSA_ERR_CONNECTIONS); /* none is idle */
    assert_phases(0, 2, 0, 0);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    limits.idle_timeout_ms = 1;
    int fd = connect_one();
    while (ended[0] == '\0' && vsa_counter_get(&streams->phases[VSA_STREAM_IDLE]) > 0)
        iterate(1);
    assert_reads(fd, "idle_timeout\nEOF");
    (void)shutdown(fd, SHUT_WR);
    iterate(1);
    assert_string_equal(ended, "1:idle_timeout ");
}

/* --- stopping --------------------------------------------------------------------------------- */

static void test_drain(void **state)
{
    (void)state;
    int busy = connect_one();
    int idle = connect_one();
    int many = connect_one();
    put(busy, "wait\nlast\n");
    iterate(1);
    for (int i = 0; i < 50; i++)
        put(many, "slow\n");
    vsa_streams_drain(streams);
    for (int i = 0; i < 200 && !strstr(ended, "3:"); i++)
        iterate(1);
    assert_string_equal(ended, "2:shutting_down 3:shutting_down ");
    assert_reads(idle, "EOF");
    char text[300];
    assert_int_equal(recv(many, text, sizeof(text), MSG_DONTWAIT), 250); /* all 50 */
    assert_false(vsa_streams_are_drained(streams, true));
    answer(waiting, "first");
    iterate(4);
    assert_reads(busy, "first\nlast\nEOF");
    assert_true(vsa_streams_are_drained(streams, false));
}

/* What a peer sends after the stop need not either: it may send for ever. */
static void test_drain_endless(void **state)
{
    (void)state;
    char text[4096];
    int fd = connect_one();
    memset(text, 'x', sizeof(text));
    for (size_t i = 63; i < sizeof(text); i += 64)
        text[i] = '\n';
    iterate(1);
    vsa_streams_drain(streams);
    for (int i = 0; i < 5000 && ended[0] == '\0'; i++) {
        while (send(fd, text, sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(text))
            continue;
        iterate(1);
        while (recv(fd, large, sizeof(large), MSG_DONTWAIT) > 0)
            continue;
    }
    assert_string_equal(ended, "1:shutting_down ");
    assert_true(vsa_streams_are_drained(streams, false));
}

/* What a peer does not read need not keep everybody waiting. */
static void test_drain_unread(void **state)
{
    (void)state;
    int fd = connect_one();
    for (int i = 0; i < 20; i++)
        put(fd, "large\n");
    iterate(40);
    vsa_streams_drain(streams);
    iterate(2);
    assert_false(vsa_streams_are_drained(streams, false));
    assert_true(vsa_streams_are_drained(streams, true));
    vsa_streams_close_all(streams, VSA_ERR_SHUTTING_DOWN);
    assert_string_equal(ended, "1:shutting_down ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hang_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hang_up_after_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hang_up_of_a_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ask_and_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_in_any_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_suspend, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_back_pressure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_line_outlives_its_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unread_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gives_way_to_a_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_timeout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain_endless, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drain_unread, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
