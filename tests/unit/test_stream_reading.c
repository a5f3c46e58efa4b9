/* SPDX-License-Identifier: Apache-2.0 */
/* Lines in. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/reading.h"
#include "stream_fixture.h"

static void test_lines(void **state)
{
    (void)state;
    int fd = connect_one();
    assert_states(1, 0, 0, 0);
    put(fd, "one\ntwo\nthr");
    iterate_streams(1);
    assert_reads(fd, "one\ntwo\n");
    put(fd, "ee");
    iterate_streams(1);
    assert_reads(fd, "");
    put(fd, "\nignore\n\n");
    iterate_streams(1);
    assert_reads(fd, "three\n\n");
    assert_string_equal(rig.seen, "one|two|three|ignore||");
}

/* The last line needs no newline. */
static void test_half_close(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "one\nla");
    iterate_streams(1);
    put(fd, "st");
    (void)shutdown(fd, SHUT_WR);
    iterate_streams(3);
    assert_reads(fd, "one\nlast\nEOF");
    assert_string_equal(rig.ended, "1:ok ");
    assert_int_equal(rig.freed, 1);
    assert_states(0, 0, 0, 0);
}

static void test_too_long(void **state)
{
    (void)state;
    char text[MAX_LINE + 1];
    int fd = connect_one();
    memset(text, 'x', MAX_LINE);
    text[MAX_LINE] = '\0';
    put(fd, text);
    iterate_streams(2);
    assert_reads(fd, "line_too_long\nEOF");
    assert_states(0, 0, 0, 1);
    put(fd, "more"); /* it lingers: the peer can finish and read why */
    iterate_streams(1);
    (void)shutdown(fd, SHUT_WR);
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:line_too_long ");
    assert_string_equal(rig.seen, "");
}

/* One slice for lines that are slow, then the others. */
static void test_turns(void **state)
{
    (void)state;
    int fd = connect_one();
    put(fd, "slow\nslow\nslow\n");
    put(connect_one(), "other\n");
    iterate_streams(1);
    const char *other = strstr(rig.seen, "other|");
    assert_non_null(other);
    assert_true(strstr(rig.seen, "slow|slow|slow|") == NULL || other < rig.seen + 15);
    iterate_streams(4);
    assert_reads(fd, "slow\nslow\nslow\n");
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
    iterate_streams(1);
    assert_int_equal(shutdown(fd, SHUT_RD), 0);
    put(fd, "ge\nlarge\nlarge\nafterwards\n");
    iterate_streams(3);
    assert_string_equal(rig.ended, "1:connection_closed ");
    /* On a slow machine the slice is over after the first: then the turn's end fails to send. */
    assert_memory_equal(rig.seen, "large|", sizeof("large|") - 1);
    assert_null(strstr(rig.seen, "afterwards"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_lines),
        STREAM_TEST(test_half_close),
        STREAM_TEST(test_too_long),
        STREAM_TEST(test_turns),
        STREAM_TEST(test_line_outlives_its_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
