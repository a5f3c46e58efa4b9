/* SPDX-License-Identifier: Apache-2.0 */
/* Streams from adopting to draining, over socketpair(2): the test is the peer, and the owner. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/stream.h"
#include "stream_fixture.h"

static void test_peers(void **state)
{
    (void)state;
    (void)connect_as(3, VSA_OK);
    (void)connect_as(0, VSA_OK);
    put(rig.peers[0], "wait\n");
    iterate_streams(1);
    assert_int_equal(rig.waiting->cid, 3);
    put(rig.peers[1], "wait\n");
    iterate_streams(1);
    assert_int_equal(rig.waiting->cid, 0);
}

static void test_idle_gives_way(void **state)
{
    (void)state;
    rig.limits.max_streams = 2;
    int first = connect_one();
    int second = connect_one();
    put(first, "wait\n");
    iterate_streams(1);
    put(connect_one(), "new\n"); /* the first is not idle: the second gives way */
    iterate_streams(1);
    assert_reads(second, "too_many_connections\nEOF");
    assert_string_equal(rig.ended, "2:too_many_connections ");
    assert_int_equal(rig.freed, 1);
    put(rig.peers[2], "wait\n");
    iterate_streams(1);
    (void)connect_as(0, VSA_ERR_CONNECTIONS); /* none is idle */
    assert_states(0, 2, 0, 0);
}

static void test_hang_up(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "wait\n");
    iterate_streams(1);
    assert_states(0, 1, 0, 0);
    assert_non_null(rig.waiting);
    (void)close(fd);
    rig.peers[0] = -1;
    iterate_streams(1);
    assert_null(rig.waiting);
    assert_string_equal(rig.ended, "1:ok ");
}

/* What a peer that replies sent before it hung up is handled; what a client sent is not. */
static void test_hang_up_after_a_line(void **state)
{
    (void)state;
    rig.limits.peers_reply = true;
    put(connect_one(), "ignore\nignore");
    (void)close(rig.peers[0]);
    rig.peers[0] = -1;
    iterate_streams(3);
    assert_string_equal(rig.seen, "ignore|ignore|");
    assert_string_equal(rig.ended, "1:ok ");
}

static void test_hang_up_of_a_client(void **state)
{
    (void)state;
    put(connect_one(), "ignore\n");
    (void)close(rig.peers[0]);
    rig.peers[0] = -1;
    iterate_streams(3);
    assert_string_equal(rig.seen, "");
    assert_string_equal(rig.ended, "1:ok ");
}

static void test_drain(void **state)
{
    (void)state;
    int busy = connect_one();
    int idle = connect_one();
    int many = connect_one();
    put(busy, "wait\nlast\n");
    iterate_streams(1);
    for (int i = 0; i < 50; i++)
        put(many, "slow\n");
    vsa_streams_drain(rig.streams);
    for (int i = 0; i < 200 && !strstr(rig.ended, "3:"); i++)
        iterate_streams(1);
    assert_string_equal(rig.ended, "2:shutting_down 3:shutting_down ");
    assert_reads(idle, "EOF");
    char text[300];
    assert_int_equal(recv(many, text, sizeof(text), MSG_DONTWAIT), 250); /* all 50 */
    assert_false(vsa_streams_are_drained(rig.streams, true));
    answer(rig.waiting, "first");
    iterate_streams(4);
    assert_reads(busy, "first\nlast\nEOF");
    assert_true(vsa_streams_are_drained(rig.streams, false));
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
    iterate_streams(1);
    vsa_streams_drain(rig.streams);
    for (int i = 0; i < 5000 && rig.ended[0] == '\0'; i++) {
        while (send(fd, text, sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(text))
            continue;
        iterate_streams(1);
        while (recv(fd, rig.large, sizeof(rig.large), MSG_DONTWAIT) > 0)
            continue;
    }
    assert_string_equal(rig.ended, "1:shutting_down ");
    assert_true(vsa_streams_are_drained(rig.streams, false));
}

/* What a peer does not read need not keep everybody waiting. */
static void test_drain_unread(void **state)
{
    (void)state;
    int fd = connect_one();
    for (int i = 0; i < 20; i++)
        put(fd, "large\n");
    iterate_streams(40);
    vsa_streams_drain(rig.streams);
    iterate_streams(2);
    assert_false(vsa_streams_are_drained(rig.streams, false));
    assert_true(vsa_streams_are_drained(rig.streams, true));
    vsa_streams_close_all(rig.streams, VSA_ERR_SHUTTING_DOWN);
    assert_string_equal(rig.ended, "1:shutting_down ");
}

/* From outside: while it is suspended, and while its peer does not read. */
static void test_close_in_any_state(void **state)
{
    (void)state;
    put(connect_one(), "wait\n");
    iterate_streams(1);
    vsa_stream_close(rig.waiting, VSA_ERR_CLOSED);
    iterate_streams(1);
    assert_null(rig.waiting);
    assert_string_equal(rig.ended, "1:connection_closed ");
    put(connect_one(), "wait\nlarge\nlarge\nlarge\nlarge\n");
    iterate_streams(1);
    struct vsa_stream *stream = rig.waiting;
    answer(stream, "reply");
    iterate_streams(4);
    assert_states(0, 0, 1, 0);
    vsa_stream_close(stream, VSA_ERR_CLOSED);
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:connection_closed 2:connection_closed ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_peers),
        STREAM_TEST(test_idle_gives_way),
        STREAM_TEST(test_hang_up),
        STREAM_TEST(test_hang_up_after_a_line),
        STREAM_TEST(test_hang_up_of_a_client),
        STREAM_TEST(test_close_in_any_state),
        STREAM_TEST(test_drain),
        STREAM_TEST(test_drain_endless),
        STREAM_TEST(test_drain_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
