/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, and which stream gives way. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/memory.h"
#include "stream_fixture.h"

static void put_unfinished(int fd, size_t size)
{
    char text[MAX_LINE];
    memset(text, 'x', size);
    assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
    iterate_streams(2);
}

/* The longest unfinished line gives way, not the one that comes last. */
static void test_budget(void **state)
{
    (void)state;
    rig.limits.max_buffered = 2000; /* 1500 of them for lines */
    int first = connect_one();
    int second = connect_one();
    int third = connect_one();
    put_unfinished(first, 900);
    put_unfinished(second, 300);
    put_unfinished(third, 400);
    assert_reads(first, "busy\nEOF");
    assert_reads(second, "");
    assert_reads(third, "");
    assert_states(2, 0, 0, 1);
    /* Who grows to be the longest gives way itself. */
    put_unfinished(second, 700);
    put_unfinished(second, 20);
    put_unfinished(third, 200);
    assert_reads(third, "");
    put(third, "\n");
    iterate_streams(1);
    assert_string_not_equal(rig.seen, "");
    /* The rest is for complete requests. */
    assert_true(vsa_budget_charge(&rig.streams->budget, 500));
    assert_false(vsa_budget_charge(&rig.streams->budget, 2000));
    vsa_budget_refund(&rig.streams->budget, 500);
}

/* Unread replies have the same limit; of equals the one that comes last gives way. */
static void test_unread_gives_way(void **state)
{
    (void)state;
    rig.limits.max_buffered = 100000;
    rig.send_buffer = 4096;
    int first = connect_one();
    int second = connect_one();
    put(first, "large\n");
    iterate_streams(2);
    assert_states(1, 0, 1, 0);
    put(second, "large\n");
    iterate_streams(2);
    assert_string_equal(rig.ended, "2:busy ");
    assert_int_equal(read_all(first), LARGE);
    assert_states(1, 0, 0, 0);
}

/* An owner may make its replies in one buffer: no other stream's last line gets in between. */
static void test_gives_way_to_a_reply(void **state)
{
    (void)state;
    rig.limits.max_line = 50000;
    rig.limits.max_buffered = 61400; /* 46050 of them for lines and unread replies */
    rig.send_buffer = 4096;
    int first = connect_one();
    int second = connect_one();
    assert_int_equal(send(first, rig.large, 40000, MSG_NOSIGNAL), 40000);
    iterate_streams(3);
    put(second, "wait\n");
    iterate_streams(1);
    answer_much(rig.waiting, 20000);
    assert_reads(first, "");
    iterate_streams(2);
    assert_reads(first, "busy\nEOF");
    assert_int_equal(read_all(second), 20000);
    (void)shutdown(first, SHUT_WR);
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:busy ");
}

/* A stream of the test's own: what it keeps is in no socket. */
static struct vsa_streams streams;
static struct vsa_stream own;
static struct vsa_buffer *const buffer = &own.input;

static int set_up_own(void **state)
{
    (void)state;
    memset(&streams, 0, sizeof(streams));
    memset(&own, 0, sizeof(own));
    streams.budget.limit = SIZE_MAX / 2;
    own.streams = &streams;
    return 0;
}

static void keep(const char *data, size_t size)
{
    assert_true(vsa_stream_keep(&own, buffer, data, size));
    assert_int_equal(vsa_counter_get(&streams.budget.used), buffer->capacity);
}

static void drop(size_t size)
{
    vsa_stream_drop(&own, buffer, size);
    assert_int_equal(vsa_counter_get(&streams.budget.used), buffer->capacity);
}

static void assert_holds(const char *text)
{
    assert_int_equal(buffer->size, strlen(text));
    assert_memory_equal(buffer->data, text, buffer->size);
}

static void test_keep_and_drop(void **state)
{
    (void)state;
    keep("", 0);
    assert_null(buffer->data);
    keep("abc", 3);
    keep("def", 3);
    assert_holds("abcdef");
    drop(2);
    assert_holds("cdef");
    drop(0);
    assert_holds("cdef");
    drop(4);
    assert_null(buffer->data);
    assert_int_equal(buffer->capacity, 0);
    drop(0);
}

/* Memory is what is needed, not twice that; and small pieces are not copied each time. */
static void test_capacity(void **state)
{
    (void)state;
    char bytes[6000] = {0};
    int copies = 0;
    keep(bytes, 6000);
    assert_int_equal(buffer->capacity, 6000);
    for (int i = 0; i < 6000; i++) {
        size_t before = buffer->capacity;
        keep("x", 1);
        copies += buffer->capacity != before;
        assert_in_range(buffer->capacity, buffer->size, buffer->size + buffer->size / 8 + 1);
    }
    assert_in_range(copies, 1, 10);
    drop(11990);
    assert_int_equal(buffer->capacity, 10);
    drop(10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_budget),
        STREAM_TEST(test_unread_gives_way),
        STREAM_TEST(test_gives_way_to_a_reply),
        cmocka_unit_test_setup(test_keep_and_drop, set_up_own),
        cmocka_unit_test_setup(test_capacity, set_up_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
