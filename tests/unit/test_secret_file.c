/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "command_line/secret_file.h"

struct taken {
    bool called;
    char text[16];
};

static enum vsa_status take(void *context, struct vsa_slice bytes, struct vsa_error *error)
{
    struct taken *taken = context;
    taken->called = true;
    assert_in_range(bytes.size, 0, sizeof(taken->text) - 1);
    memcpy(taken->text, bytes.data, bytes.size);
    taken->text[bytes.size] = '\0';
    return strcmp(taken->text, "bad") == 0 ? vsa_fail(error, VSA_ERR_ARGUMENT, "it is bad")
                                           : VSA_OK;
}

static enum vsa_status read_text(const char *text, size_t capacity, struct taken *taken,
                                 struct vsa_error *error)
{
    char path[] = "/tmp/vsa-secret-XXXXXX";
    int fd = mkstemp(path);
    *taken = (struct taken){0};
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    enum vsa_status status = secret_file_read("--option", path, capacity, take, taken, error);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    return status;
}

static void files(void **state)
{
    (void)state;
    struct taken taken;
    struct vsa_error error = {0};
    assert_int_equal(read_text("secret", 10, &taken, NULL), VSA_OK);
    assert_string_equal(taken.text, "secret");
    assert_int_equal(read_text("secret", 6, &taken, NULL), VSA_OK);
    assert_string_equal(taken.text, "secret");
    /* A longer one is not cut. */
    assert_int_equal(read_text("secret", 5, &taken, &error), VSA_ERR_TOO_LARGE);
    assert_false(taken.called);
    assert_string_equal(error.detail, "--option: more than 5 bytes");
    assert_int_equal(read_text("", 4, &taken, NULL), VSA_OK);
    assert_true(taken.called);
    assert_int_equal(read_text("bad", 10, &taken, &error), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail, "--option: it is bad");
}

static void no_file(void **state)
{
    (void)state;
    struct taken taken = {0};
    struct vsa_error error = {0};
    assert_int_equal(secret_file_read("--option", NULL, 4, take, &taken, &error), VSA_OK);
    assert_int_equal(secret_file_read("--option", "/vsa-nothing", 4, take, &taken, &error),
                     VSA_ERR_IO);
    assert_string_equal(error.detail,
                        "--option: cannot open /vsa-nothing: No such file or directory");
    assert_int_equal(secret_file_read("--option", "/", 4, take, &taken, &error), VSA_ERR_IO);
    assert_false(taken.called);
}

static void standard_input(void **state)
{
    (void)state;
    struct taken taken = {0};
    int fds[2];
    int before = dup(STDIN_FILENO);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "piped", 5), 5);
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    enum vsa_status status = secret_file_read("--option", "-", 10, take, &taken, NULL);
    assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
    (void)close(before);
    (void)close(fds[0]);
    assert_int_equal(status, VSA_OK);
    assert_string_equal(taken.text, "piped");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(no_file),
        cmocka_unit_test(standard_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
