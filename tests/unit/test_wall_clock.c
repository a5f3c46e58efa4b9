/* SPDX-License-Identifier: Apache-2.0 */
#include "clock/wall_clock.h"

#include <time.h>

#include "unit_test.h"

static void it_is_in_milliseconds(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) - 1; /* time(2) may lag behind by a tick */
    int64_t now_ms = vsa_wall_clock_ms();
    int64_t after = (int64_t)time(NULL) + 1;
    assert_true(now_ms / 1000 >= before && now_ms / 1000 <= after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_in_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
