/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <string.h>

#include "stream/budget.h"

static struct vsa_budget budget;
static struct {
    struct vsa_link place;
    size_t bytes;
} shares[4];

static int set_up(void **state)
{
    (void)state;
    memset(shares, 0, sizeof(shares));
    memset(&budget, 0, sizeof(budget));
    budget.limit = 1000;
    return 0;
}

static void set(int holder, size_t bytes)
{
    vsa_budget_change(&budget, &shares[holder].place, shares[holder].bytes, bytes);
    shares[holder].bytes = bytes;
    assert_int_equal(vsa_counter_get(&budget.used), budget.held + budget.charged);
}

/* A quarter is not for holders. */
static void test_reserve(void **state)
{
    (void)state;
    assert_true(vsa_budget_allows(&budget, shares[0].bytes, 750));
    assert_false(vsa_budget_allows(&budget, shares[0].bytes, 751));
    set(0, 700);
    assert_true(vsa_budget_allows(&budget, shares[0].bytes, 750));
    assert_false(vsa_budget_allows(&budget, shares[1].bytes, 51));
    assert_true(vsa_budget_charge(&budget, 300));
    assert_false(vsa_budget_charge(&budget, 1));
    /* Full: but giving back is always possible. */
    assert_false(vsa_budget_allows(&budget, shares[1].bytes, 1));
    assert_true(vsa_budget_allows(&budget, shares[0].bytes, 699));
    vsa_budget_refund(&budget, 300);
    assert_true(vsa_budget_charge(&budget, 1));
    vsa_budget_refund(&budget, 1);
    set(0, 0);
    assert_int_equal(budget.held, 0);
    assert_true(vsa_budget_charge(&budget, 1000));
    assert_false(vsa_budget_charge(&budget, SIZE_MAX));
}

static void test_largest(void **state)
{
    (void)state;
    assert_null(vsa_budget_largest(&budget, 0));
    set(0, 100);
    set(1, 300);
    set(2, 310);
    set(3, 5);
    assert_ptr_equal(vsa_budget_largest(&budget, 5), &shares[1].place);
    assert_null(vsa_budget_largest(&budget, 300)); /* none has more, to the power of two */
    set(1, 20);
    assert_ptr_equal(vsa_budget_largest(&budget, 5), &shares[2].place);
    set(2, 0);
    assert_ptr_equal(vsa_budget_largest(&budget, 5), &shares[0].place);
    assert_int_equal(budget.held, 125);
    set(3, SIZE_MAX / 2);
    assert_ptr_equal(vsa_budget_largest(&budget, 100), &shares[3].place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reserve, set_up),
        cmocka_unit_test_setup(test_largest, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
