/* SPDX-License-Identifier: Apache-2.0 */
/* file/whole_file.h: limits while reading, and files that are there as a whole or not at all. */
#include "file/whole_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/slice.h"
#include "slow_tool.h"
#include "unit_test.h"

#define MIB (1024 * 1024)

struct context {
    char directory[32];
    char path[64];
    struct vsa_error error;
};

static char *in(struct context *context, const char *name)
{
    (void)snprintf(context->path, sizeof(context->path), "%s/%s", context->directory, name);
    return context->path;
}

static int setup(void **state)
{
    static struct context context;
    context = (struct context){.directory = "/tmp/vsa-file-XXXXXX"};
    assert_non_null(mkdtemp(context.directory));
    *state = &context;
    return 0;
}

/* Counts the entries of the directory, and removes them when `remove` is set. */
static int entries(struct context *context, bool remove)
{
    int count = 0;
    DIR *directory = opendir(context->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' && (!entry->d_name[1] || entry->d_name[1] == '.'))
            continue;
        count++;
        if (remove && unlinkat(dirfd(directory), entry->d_name, 0) != 0)
            assert_int_equal(unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR), 0);
    }
    assert_int_equal(closedir(directory), 0);
    return count;
}

static int teardown(void **state)
{
    struct context *context = *state;
    (void)entries(context, true);
    assert_int_equal(rmdir(context->directory), 0);
    return 0;
}

static void make_file(const char *path, off_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(close(fd), 0);
}

static enum vsa_status write_text(struct context *context, const char *path, mode_t mode,
                                  const char *text)
{
    struct vsa_slice bytes = vsa_slice_of_text(text);
    return vsa_whole_file_write(path, mode, &bytes, 1, &context->error);
}

static void assert_content(const char *path, const char *text)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    assert_int_equal(vsa_whole_file_read(path, 1000, &file, NULL), VSA_OK);
    assert_int_equal(file.size, strlen(text));
    assert_memory_equal(file.data, text, file.size);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void test_limit(void **state)
{
    struct context *context = *state;
    static const size_t sizes[] = {0, 1, 16384, 16385, 40000, 2 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
        make_file(in(context, "f"), (off_t)sizes[i]);
        assert_int_equal(vsa_whole_file_read(context->path, sizes[i], &file, NULL), VSA_OK);
        assert_int_equal(file.size, sizes[i]);
        assert_non_null(file.data);
        assert_false(file.is_mapped);
        if (sizes[i] == 0)
            continue;
        vsa_whole_file_close(&file);
        assert_int_equal(vsa_whole_file_read(context->path, sizes[i] - 1, &file, &context->error),
                         VSA_ERR_TOO_LARGE);
        assert_null(file.data);
        assert_non_null(strstr(context->error.detail, context->path));
    }
}

/* An endless file is read up to the limit and no further: memory for more is not there. */
static void test_endless(void **state)
{
    struct context *context = *state;
    struct vsa_whole_file file;
    struct rlimit old;
    if (is_slow_tool())
        SKIP_BECAUSE("valgrind and sanitizers take address space of their own");
    assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
    struct rlimit small = {.rlim_cur = 512 * MIB, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &small), 0);
    enum vsa_status status = vsa_whole_file_read("/dev/zero", 64 * MIB, &file, &context->error);
    assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
    assert_int_equal(status, VSA_ERR_TOO_LARGE);
    assert_string_equal(context->error.detail, "/dev/zero has more than 67108864 bytes");
    assert_null(file.data);
}

static void test_missing(void **state)
{
    struct context *context = *state;
    struct vsa_whole_file file;
    assert_int_equal(vsa_whole_file_read(in(context, "none"), 10, &file, &context->error),
                     VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, "No such file"));
    assert_null(file.data);
    assert_int_equal(vsa_whole_file_open(context->path, &file, NULL), VSA_ERR_IO);
    assert_int_equal(vsa_whole_file_read(context->directory, 10, &file, NULL), VSA_ERR_IO);
    assert_int_equal(vsa_whole_file_open(context->directory, &file, NULL), VSA_ERR_IO);
}

static void test_large_files_are_mapped(void **state)
{
    struct context *context = *state;
    static const off_t sizes[] = {0, MIB - 1, MIB, 3 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
        make_file(in(context, "f"), sizes[i]);
        assert_int_equal(vsa_whole_file_open(context->path, &file, NULL), VSA_OK);
        assert_non_null(file.data);
        assert_int_equal(file.size, sizes[i]);
        assert_int_equal(file.is_mapped, sizes[i] >= MIB);
    }
}

/* A pipe has no size, and gives what is there in pieces. */
static void test_pipe(void **state)
{
    (void)state;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    uint8_t sent[50000];
    int ends[2];
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (uint8_t)(i * 7);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], sent, sizeof(sent)), sizeof(sent));
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(vsa_whole_file_of(ends[0], "pipe", &file, NULL), VSA_OK);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(file.size, sizeof(sent));
    assert_memory_equal(file.data, sent, sizeof(sent));
}

static void test_standard_input(void **state)
{
    struct context *context = *state;
    int old = dup(STDIN_FILENO);
    assert_int_equal(write_text(context, in(context, "f"), VSA_FILE_PRIVATE, "hello"), VSA_OK);
    int fd = open(context->path, O_RDONLY);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(fd), 0);
    assert_content("-", "hello");
    /* It stays open; another end of file is an empty file. */
    assert_content("-", "");
    assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_SET), 0);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    assert_int_equal(vsa_whole_file_read("-", 4, &file, &context->error), VSA_ERR_TOO_LARGE);
    assert_string_equal(context->error.detail, "standard input has more than 4 bytes");
    if (old >= 0) {
        (void)dup2(old, STDIN_FILENO);
        (void)close(old);
    }
}

static void test_fill(void **state)
{
    struct context *context = *state;
    uint8_t buffer[8];
    size_t size = 99;
    assert_int_equal(write_text(context, in(context, "f"), VSA_FILE_PRIVATE, "0123456789"), VSA_OK);
    int fd = open(context->path, O_RDONLY);
    assert_int_equal(vsa_whole_file_fill(fd, "f", buffer, sizeof(buffer), &size, NULL), VSA_OK);
    assert_int_equal(size, 8);
    assert_memory_equal(buffer, "01234567", 8);
    assert_int_equal(vsa_whole_file_fill(fd, "f", buffer, sizeof(buffer), &size, NULL), VSA_OK);
    assert_int_equal(size, 2);
    assert_int_equal(close(fd), 0);
    size = 99;
    assert_int_equal(vsa_whole_file_fill(fd, "f", buffer, 8, &size, &context->error), VSA_ERR_IO);
    assert_int_equal(size, 99);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void test_writes_parts(void **state)
{
    struct context *context = *state;
    struct vsa_slice parts[] = {vsa_slice_of_text("one "), {NULL, 0}, vsa_slice_of_text("two")};
    assert_int_equal(vsa_whole_file_write(in(context, "f"), VSA_FILE_PRIVATE, parts, 3, NULL),
                     VSA_OK);
    assert_content(context->path, "one two");
    assert_int_equal(write_text(context, context->path, VSA_FILE_PRIVATE, "three"), VSA_OK);
    assert_content(context->path, "three");
    assert_int_equal(entries(context, false), 1);
}

static void test_modes(void **state)
{
    struct context *context = *state;
    struct stat status;
    mode_t old = umask(0027);
    assert_int_equal(write_text(context, in(context, "f"), VSA_FILE_PUBLIC, ""), VSA_OK);
    assert_int_equal(stat(context->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    (void)umask(0);
    assert_int_equal(write_text(context, context->path, VSA_FILE_PRIVATE, ""), VSA_OK);
    (void)umask(old);
    assert_int_equal(stat(context->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

/* A disk that is full, as a limit of the file's size: the old file stays, nothing else does. */
static void test_failure_leaves_the_old_file(void **state)
{
    struct context *context = *state;
    static uint8_t large[8192];
    struct vsa_slice bytes = vsa_slice_of(large, sizeof(large));
    struct rlimit old;
    assert_int_equal(write_text(context, in(context, "f"), VSA_FILE_PUBLIC, "old"), VSA_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum vsa_status status =
        vsa_whole_file_write(context->path, VSA_FILE_PUBLIC, &bytes, 1, &context->error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, context->path));
    assert_content(context->path, "old");
    assert_int_equal(entries(context, false), 1);
}

static void test_only_regular_files_are_replaced(void **state)
{
    struct context *context = *state;
    assert_int_equal(symlink("/nonexistent/target", in(context, "link")), 0);
    assert_int_equal(write_text(context, context->path, VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, "is not a regular file"));
    assert_int_equal(mkfifo(in(context, "fifo"), 0600), 0);
    assert_int_equal(write_text(context, context->path, VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_int_equal(write_text(context, "/dev/null", VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_int_equal(write_text(context, context->directory, VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_int_equal(write_text(context, in(context, ""), VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, "not a file name"));
    assert_int_equal(write_text(context, "", VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_int_equal(write_text(context, in(context, "none/f"), VSA_FILE_PUBLIC, "x"), VSA_ERR_IO);
    assert_int_equal(entries(context, false), 2);
}

/* In a directory and under a temporary name of the caller's; one that exists is not followed. */
static void test_replace(void **state)
{
    struct context *context = *state;
    struct vsa_slice bytes = vsa_slice_of_text("new");
    int directory = open(context->directory, O_RDONLY | O_DIRECTORY);
    assert_int_equal(symlink("/nonexistent/target", in(context, "f")), 0);
    assert_int_equal(vsa_whole_file_replace(directory, "f.new", "f", VSA_FILE_PRIVATE, &bytes, 1,
                                            &context->error),
                     VSA_OK);
    assert_content(context->path, "new");
    assert_int_equal(symlink("f", in(context, "f.new")), 0);
    assert_int_equal(vsa_whole_file_replace(directory, "f.new", "f", VSA_FILE_PRIVATE, &bytes, 1,
                                            &context->error),
                     VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, "File exists"));
    /* What was there is not ours to remove. */
    assert_int_equal(entries(context, false), 2);
    assert_int_equal(close(directory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_files_are_mapped, setup, teardown),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test_setup_teardown(test_standard_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_leaves_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_regular_files_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replace, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
