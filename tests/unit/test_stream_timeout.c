/* SPDX-License-Identifier: Apache-2.0 */
/* Idle streams. */
#include "unit_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"
#include "stream/timeout.h"
#include "stream_fixture.h"

static void test_idle_timeout(void **state)
{
    (void)state;
    rig.limits.idle_timeout_ms = 1;
    int fd = connect_one();
    while (rig.ended[0] == '\0' && vsa_counter_get(&rig.streams->states[VSA_STATE_READING]) > 0)
        iterate_streams(1);
    assert_reads(fd, "idle_timeout\nEOF");
    (void)shutdown(fd, SHUT_WR);
    iterate_streams(1);
    assert_string_equal(rig.ended, "1:idle_timeout ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(test_idle_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
