/* SPDX-License-Identifier: Apache-2.0 */
/* State and timer of a stream by what there is to do. */
#include "unit_test.h"

#include "base/container_of.h"
#include "stream/schedule.h"
#include "stream_fixture.h"

static struct vsa_stream *new_stream(void)
{
    (void)connect_one();
    return VSA_CONTAINER_OF(rig.streams->open.next, struct vsa_stream, place);
}

static void test_states(void **state)
{
    (void)state;
    struct vsa_stream *stream = new_stream();
    assert_int_equal(stream->state, VSA_STATE_READING);
    assert_ptr_equal(vsa_timer_first(&rig.streams->idle), &stream->timer);
    vsa_stream_suspend(stream, &rig);
    vsa_stream_schedule(stream);
    assert_int_equal(stream->state, VSA_STATE_SUSPENDED);
    assert_false(vsa_timer_runs(&stream->timer)); /* its owner has a limit */
    assert_states(0, 1, 0, 0);
    stream->pending = NULL;
    rig.streams->suspended--;
    stream->ending = true;
    vsa_stream_schedule(stream);
    assert_int_equal(stream->state, VSA_STATE_LINGERING);
    assert_ptr_equal(vsa_timer_first(&rig.streams->lingering), &stream->timer);
    assert_states(0, 0, 0, 1);
    stream->input_ended = true;
    vsa_stream_schedule(stream);
    assert_int_equal(stream->state, VSA_STATE_CLOSED);
    assert_states(0, 0, 0, 0);
    vsa_stream_schedule(stream); /* harmless */
    assert_string_equal(rig.ended, "1:ok ");
}

/* The idle time goes on while nothing is answered. */
static void test_idle_time(void **state)
{
    (void)state;
    struct vsa_stream *stream = new_stream();
    int64_t due_ms = stream->timer.due_ms;
    rig.loop.now_ms += 10;
    vsa_stream_schedule(stream);
    assert_int_equal(stream->timer.due_ms, due_ms);
    stream->progressed = true;
    vsa_stream_schedule(stream);
    assert_int_equal(stream->timer.due_ms, due_ms + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {STREAM_TEST(test_states), STREAM_TEST(test_idle_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
