/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what `status` and `metrics` show. */
#include "unit_test.h"

#include <string.h>

#include "server/status.h"

/* How a structure aligns a value: by 4 bytes on i386. */
struct member {
    char before;
    int64_t value;
};

static void where_values_are(void **state)
{
    (void)state;
    static struct vsa_snapshot snapshot;
    for (size_t i = 0; i < vsa_quantity_count; i++) {
        const struct vsa_quantity *quantity = &vsa_quantities[i];
        const int64_t value = (int64_t)i - 1;
        assert_int_equal(quantity->offset % offsetof(struct member, value), 0);
        assert_true(quantity->offset + sizeof(value) <= sizeof(snapshot));
        memcpy((char *)&snapshot + quantity->offset, &value, sizeof(value));
        assert_int_equal(vsa_quantity_value(quantity, &snapshot), value);
    }
    /* No value stands twice: each is still what was put there. */
    for (size_t i = 0; i < vsa_quantity_count; i++)
        assert_int_equal(vsa_quantity_value(&vsa_quantities[i], &snapshot), (int64_t)i - 1);
}

/* The format wants samples of one metric together, below one HELP and TYPE. */
static void metrics_stand_together(void **state)
{
    (void)state;
    const char *before = "";
    for (size_t i = 0; i < vsa_quantity_count; i++) {
        const struct vsa_quantity *quantity = &vsa_quantities[i];
        if (!quantity->metric)
            continue;
        if ((strcmp(quantity->metric, before) == 0) != (quantity->type == NULL))
            fail_msg("%s", quantity->metric);
        assert_true((quantity->type == NULL) == (quantity->help == NULL));
        before = quantity->metric;
        for (size_t j = 0; quantity->type && j < i; j++)
            if (vsa_quantities[j].metric && strcmp(vsa_quantities[j].metric, before) == 0)
                fail_msg("%s stands in two places", before);
    }
}

static void members_of_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < vsa_quantity_count; i++) {
        const struct vsa_quantity *one = &vsa_quantities[i];
        assert_true(one->member || one->metric);
        for (size_t j = 0; one->member && j < i; j++) {
            const struct vsa_quantity *other = &vsa_quantities[j];
            bool same_group = !one->group == !other->group &&
                              (!one->group || strcmp(one->group, other->group) == 0);
            if (other->member && same_group && strcmp(one->member, other->member) == 0)
                fail_msg("%s twice", one->member);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_values_are),
        cmocka_unit_test(metrics_stand_together),
        cmocka_unit_test(members_of_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
