/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a stream from outside. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/closing.h"
#include "stream_fixture.h"

/* While it is suspended, and while its peer does not read. */
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
    assert_phases(0, 0, 1, 0);
    vsa_stream_close(stream, VSA_ERR_CLOSED);
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:connection_closed 2:connection_closed ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_close_in_any_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
