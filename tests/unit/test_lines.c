/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of any input in bounded memory (src/archive/lines.c). */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "archive/lines.h"
#include "base/slice.h"

static struct vsa_lines lines;

static FILE *input_of(const char *text, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    rewind(file);
    vsa_lines_init(&lines, fileno(file), -1);
    return file;
}

static void expect_line(const char *text, bool expected_end)
{
    struct vsa_slice line;
    bool has_end;
    assert_int_equal(vsa_lines_next(&lines, &line, &has_end, NULL), VSA_OK);
    assert_true(vsa_slice_equal_text(line, text));
    assert_int_equal(has_end, expected_end);
}

static void expect_end(uint64_t offset)
{
    struct vsa_slice line;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vsa_lines_next(&lines, &line, NULL, NULL), VSA_OK);
        assert_null(line.data);
        assert_int_equal(lines.offset, offset);
    }
}

static void lines_with_and_without_an_end(void **state)
{
    (void)state;
    FILE *file = input_of("one\n\nthree\r\nlast", 16);
    expect_line("one", true);
    expect_line("", true);
    expect_line("three\r", true);
    assert_int_equal(lines.offset, 12);
    expect_line("last", false);
    expect_end(16);
    (void)fclose(file);
    file = input_of("", 0);
    expect_end(0);
    (void)fclose(file);
}

/* Sizes around the limit and the buffer; what follows a line that is too long is read. */
static void lines_of_every_critical_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {VSA_MAX_ARCHIVE_LINE - 1, VSA_MAX_ARCHIVE_LINE,
                                   VSA_MAX_ARCHIVE_LINE + 1, 2 * VSA_MAX_ARCHIVE_LINE - 1,
                                   2 * VSA_MAX_ARCHIVE_LINE, 2 * VSA_MAX_ARCHIVE_LINE + 1,
                                   4 * VSA_MAX_ARCHIVE_LINE, 5 * VSA_MAX_ARCHIVE_LINE + 77};
    static char text[6 * VSA_MAX_ARCHIVE_LINE];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (int has_end = 0; has_end < 2; has_end++) {
            struct vsa_slice line;
            size_t size = sizes[i];
            memset(text, 'x', size);
            memcpy(text, "a\n", 2);
            memcpy(text + 2 + size, "\nb\n", 3);
            memset(text + 2, 'x', size);
            FILE *file = input_of(text, has_end ? size + 5 : size + 2);
            expect_line("a", true);
            enum vsa_status status = vsa_lines_next(&lines, &line, NULL, NULL);
            if (size <= VSA_MAX_ARCHIVE_LINE) {
                assert_int_equal(status, VSA_OK);
                assert_int_equal(line.size, size);
            } else {
                assert_int_equal(status, VSA_ERR_LINE_TOO_LONG);
            }
            if (has_end)
                expect_line("b", true);
            expect_end(has_end ? size + 5 : size + 2);
            (void)fclose(file);
        }
}

/* Bytes come one at a time, as from a slow pipe. */
static void a_slow_pipe(void **state)
{
    (void)state;
    int fds[2];
    struct vsa_slice line;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    vsa_lines_init(&lines, fds[0], -1);
    assert_int_equal(write(fds[1], "c\nd", 3), 3);
    expect_line("abc", true);
    assert_int_equal(close(fds[1]), 0);
    expect_line("d", false);
    expect_end(5);
    assert_int_equal(close(fds[0]), 0);
    /* What cannot be read is an error, once. */
    vsa_lines_init(&lines, fds[0], -1);
    assert_int_equal(vsa_lines_next(&lines, &line, NULL, NULL), VSA_ERR_IO);
}

static void reading_is_stopped(void **state)
{
    (void)state;
    int fds[2];
    struct vsa_slice line;
    int stop = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(pipe(fds), 0);
    vsa_lines_init(&lines, fds[0], stop);
    assert_int_equal(eventfd_write(stop, 1), 0);
    assert_int_equal(vsa_lines_next(&lines, &line, NULL, NULL), VSA_ERR_SHUTTING_DOWN);
    expect_end(0);
    assert_int_equal(close(fds[0]) | close(fds[1]) | close(stop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_and_without_an_end),
        cmocka_unit_test(lines_of_every_critical_size),
        cmocka_unit_test(a_slow_pipe),
        cmocka_unit_test(reading_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
