/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/writing.h"
#include "stream_fixture.h"

static void test_suspend(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "one\nwait\nthree\n");
    iterate_streams(3);
    assert_reads(fd, "one\n");
    put(fd, "four\n");
    iterate_streams(2);
    assert_string_equal(rig.seen, "one|wait|");
    assert_ptr_equal(rig.waiting->pending, &rig.waiting);
    answer(rig.waiting, "two");
    iterate_streams(3);
    assert_reads(fd, "two\nthree\nfour\n");
    assert_states(1, 0, 0, 0);
}

static void test_back_pressure(void **state)
{
    (void)state;
    int fd = connect_one();
    for (int i = 0; i < 20; i++)
        put(fd, "large\n");
    iterate_streams(40);
    assert_states(0, 0, 1, 0);
    size_t lines = strlen(rig.seen) / strlen("large|");
    assert_in_range(lines, 1, 19); /* it did not go on */
    assert_int_equal(read_all(fd), 20 * LARGE);
    assert_states(1, 0, 0, 0);
}

/* A line that answers none, to a peer that replies. */
static void test_ask_and_close(void **state)
{
    (void)state;
    const struct vsa_slice line = vsa_slice_of_text("question\n");
    int fd = connect_one();
    put(fd, "wait\n");
    iterate_streams(1);
    struct vsa_stream *stream = rig.waiting;
    answer(stream, "reply");
    iterate_streams(1);
    vsa_stream_answer(stream, &line, 1);
    assert_reads(fd, "reply\nquestion\n");
    put(fd, "ignore\n");
    iterate_streams(2);
    assert_string_equal(rig.seen, "wait|ignore|");
    vsa_stream_close(stream, VSA_ERR_TIMEOUT);
    assert_string_equal(rig.ended, "");
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:timeout ");
    assert_reads(fd, "EOF");
    assert_states(0, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_suspend),
        STREAM_TEST(test_back_pressure),
        STREAM_TEST(test_ask_and_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
