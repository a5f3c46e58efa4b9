/* SPDX-License-Identifier: Apache-2.0 */
/* file/name_list.h: which names of a directory are taken, in which order, and how many. */
#include "file/name_list.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "unit_test.h"

static const char *const files[] = {"b.pem",  "a.pem", ".hidden.pem", ".pem",
                                    "c.pem~", "d.PEM", "e.json"};

struct context {
    char path[32];
    int fd;
};

static int setup(void **state)
{
    static struct context context;
    context = (struct context){.path = "/tmp/vsa-names-XXXXXX"};
    assert_non_null(mkdtemp(context.path));
    context.fd = open(context.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(context.fd >= 0);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd = openat(context.fd, files[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_equal(unlinkat(context->fd, files[i], 0), 0);
    assert_int_equal(close(context->fd), 0);
    return rmdir(context->path);
}

static void sorted_with_suffix(void **state)
{
    struct context *context = *state;
    struct vsa_name_list list = {0};
    assert_int_equal(vsa_name_list_read(context->path, ".pem", 2, &list, NULL), VSA_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.names[0], "a.pem");
    assert_string_equal(list.names[1], "b.pem");
    vsa_name_list_close(&list);
    assert_null(list.names);
    assert_int_equal(vsa_name_list_read(context->path, ".txt", 2, &list, NULL), VSA_OK);
    assert_int_equal(list.count, 0);
}

/* The descriptor stays the caller's. */
static void all_of_a_descriptor(void **state)
{
    struct context *context = *state;
    struct vsa_name_list list = {0};
    assert_int_equal(vsa_name_list_of(context->fd, NULL, 7, &list, NULL), VSA_OK);
    assert_int_equal(list.count, 7);
    assert_string_equal(list.names[0], ".hidden.pem");
    assert_string_equal(list.names[6], "e.json");
    assert_int_equal(fcntl(context->fd, F_GETFD), FD_CLOEXEC);
    vsa_name_list_close(&list);
}

/* The list stays as it was. */
static void refused(void **state)
{
    struct context *context = *state;
    struct vsa_error error;
    struct vsa_name_list list = {.count = 99};
    assert_int_equal(vsa_name_list_read(context->path, ".pem", 1, &list, &error), VSA_ERR_TOO_MANY);
    assert_string_equal(error.detail, "a directory of more than 1 files *.pem");
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/a.pem", context->path);
    assert_int_equal(vsa_name_list_read(path, NULL, 9, &list, &error), VSA_ERR_IO);
    assert_non_null(strstr(error.detail, path));
    assert_int_equal(vsa_name_list_of(-1, NULL, 9, &list, NULL), VSA_ERR_IO);
    assert_int_equal(list.count, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sorted_with_suffix, setup, teardown),
        cmocka_unit_test_setup_teardown(all_of_a_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("name_list", tests, NULL, NULL);
}
