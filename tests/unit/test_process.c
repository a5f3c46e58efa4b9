/* SPDX-License-Identifier: Apache-2.0 */
#include "process/process.h"

#include <sys/resource.h>
#include <vsattest/limits.h>

#include "unit_test.h"

static void usage_is_of_this_process(void **state)
{
    (void)state;
    struct vsa_process_usage usage;
    vsa_process_read(&usage);
    assert_true(usage.resident_bytes > 4096);
    assert_true(usage.user_us >= 0 && usage.system_us >= 0);
}

static void descriptors_are_raised_up_to_the_hard_limit(void **state)
{
    (void)state;
    struct rlimit before;
    struct rlimit limit;
    bool raised = true;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit low = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(vsa_process_raise_descriptors(40, &raised), 64);
    assert_false(raised);
    assert_int_equal(vsa_process_raise_descriptors(100, &raised), 100);
    assert_true(raised);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 100);
    /* "Unlimited" is more than the kernel grants (fs.nr_open). */
    if (before.rlim_max < 1 << 30)
        assert_int_equal(vsa_process_raise_descriptors(UINT64_MAX, &raised), before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void buffers_fit_the_machine(void **state)
{
    (void)state;
    size_t bytes = vsa_process_buffered_bytes();
    assert_true(bytes >= (size_t)4 * 1024 * 1024 && bytes <= VSA_DEFAULT_MAX_BUFFERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_of_this_process),
        cmocka_unit_test(descriptors_are_raised_up_to_the_hard_limit),
        cmocka_unit_test(buffers_fit_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
