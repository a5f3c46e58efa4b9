/* SPDX-License-Identifier: Apache-2.0 */
/* Structs that grow, read and written by a library that is older or newer than the program. */
#include "unit_test.h"

#include "base/sized.h"

struct first {
    size_t size;
    uint64_t a;
};

struct second {
    size_t size;
    uint64_t a;
    uint64_t b;
};

VSA_SIZED_ASSERT(struct second, b);

static enum vsa_status read_second(struct second *known, const void *given, struct vsa_error *error)
{
    *known = (struct second){.a = 10, .b = 20};
    return vsa_sized_read(known, sizeof(*known), given, "seconds", "second_init()", error);
}

static void older_programs_get_defaults(void **state)
{
    (void)state;
    struct second known;
    struct first given = {sizeof(given), 1};
    assert_int_equal(read_second(&known, &given, NULL), VSA_OK);
    assert_int_equal(known.size, sizeof(known));
    assert_int_equal(known.a, 1);
    assert_int_equal(known.b, 20);
}

static void newer_programs_may_not_set_what_is_unknown(void **state)
{
    (void)state;
    struct first known = {0, 10};
    struct second given = {sizeof(given), 1, 0};
    struct vsa_error error = {0};
    assert_int_equal(vsa_sized_read(&known, sizeof(known), &given, "x", "x_init()", NULL), VSA_OK);
    assert_int_equal(known.a, 1);
    known = (struct first){0, 10};
    given.b = UINT64_C(1) << 63; /* only the last byte */
    assert_int_equal(vsa_sized_read(&known, sizeof(known), &given, "options", "x_init()", &error),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "options with a member"));
    assert_int_equal(known.a, 10);
}

static void a_size_is_needed(void **state)
{
    (void)state;
    static const size_t bad[] = {0, 1, sizeof(size_t), sizeof(size_t) + 1, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct second known;
        struct second given = {bad[i], 1, 2};
        struct vsa_error error = {0};
        assert_int_equal(read_second(&known, &given, &error), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(error.detail, "second_init()"));
        assert_int_equal(known.a, 10);
    }
}

static void writing_stays_within_the_programs_struct(void **state)
{
    (void)state;
    const struct second known = {sizeof(known), 1, 2};
    struct first older[2] = {{7, 7}, {8, 9}};
    struct {
        struct second known;
        uint64_t added;
    } newer;
    memset(&newer, 0xff, sizeof(newer));
    vsa_sized_write(&older[0], sizeof(older[0]), &known, sizeof(known));
    assert_int_equal(older[0].size, sizeof(older[0]));
    assert_int_equal(older[0].a, 1);
    assert_int_equal(older[1].size, 8);
    assert_int_equal(older[1].a, 9);
    vsa_sized_write(&newer, sizeof(newer), &known, sizeof(known));
    assert_int_equal(newer.known.size, sizeof(newer));
    assert_int_equal(newer.known.b, 2);
    assert_int_equal(newer.added, 0);
    vsa_sized_write(&older[0], 0, &known, sizeof(known));
    assert_int_equal(older[0].a, 1);
}

static void copying_takes_what_both_know(void **state)
{
    (void)state;
    struct first given = {sizeof(given), 1};
    struct second known = {0, 10, 20};
    struct first empty = {0, 1};
    vsa_sized_copy(&known, sizeof(known), &given);
    assert_int_equal(known.a, 1);
    assert_int_equal(known.b, 20);
    known.a = 10;
    vsa_sized_copy(&known, sizeof(known), &empty);
    assert_int_equal(known.a, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(older_programs_get_defaults),
        cmocka_unit_test(newer_programs_may_not_set_what_is_unknown),
        cmocka_unit_test(a_size_is_needed),
        cmocka_unit_test(copying_takes_what_both_know),
        cmocka_unit_test(writing_stays_within_the_programs_struct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
