/* SPDX-License-Identifier: Apache-2.0 */
/* Which replies are given again, by times that the test makes up. */
#include "unit_test.h"

#include <string.h>

#include "server/summary.h"

static struct vsa_summary summary;

static int tear_down(void **state)
{
    (void)state;
    vsa_summary_drop(&summary);
    summary = (struct vsa_summary){0};
    return 0;
}

static void keep(const char *text)
{
    vsa_summary_keep(&summary, vsa_slice_of(text, strlen(text)));
}

static void test_new_ones_first(void **state)
{
    (void)state;
    for (int i = 0; i < VSA_SUMMARIES_NEW; i++) {
        assert_false(vsa_summary_is_enough(&summary, 5000));
        keep("{");
    }
    assert_true(vsa_summary_is_enough(&summary, 5000));
    assert_true(vsa_summary_is_enough(&summary, 5000 + VSA_SUMMARY_PERIOD_MS - 1));
    assert_int_equal(summary.size, 1);
    assert_memory_equal(summary.text, "{", 1);
    /* The next period: new ones again. */
    assert_false(vsa_summary_is_enough(&summary, 5000 + VSA_SUMMARY_PERIOD_MS));
}

/* What was not kept is made anew, however often. */
static void test_none_is_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 3 * VSA_SUMMARIES_NEW; i++)
        assert_false(vsa_summary_is_enough(&summary, 5000));
    keep("{\"a\":1");
    assert_true(vsa_summary_is_enough(&summary, 5000));
    vsa_summary_drop(&summary);
    vsa_summary_drop(&summary);
    assert_false(vsa_summary_is_enough(&summary, 5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_new_ones_first, tear_down),
        cmocka_unit_test_teardown(test_none_is_kept, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
