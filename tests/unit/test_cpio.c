/* SPDX-License-Identifier: Apache-2.0 */
/* cpio archives: bytes of the newc form, order, and paths that Linux would drop. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "image/cpio.h"

static struct vsa_cpio_entry directory(const char *path)
{
    return (struct vsa_cpio_entry){.path = path, .kind = VSA_CPIO_DIRECTORY, .permissions = 0755};
}

static struct vsa_cpio_entry file(const char *path, const char *contents)
{
    return (struct vsa_cpio_entry){.path = path,
                                   .kind = VSA_CPIO_FILE,
                                   .permissions = 0644,
                                   .data = vsa_slice_of_text(contents)};
}

static void newc_bytes(void **state)
{
    (void)state;
    const struct vsa_cpio_entry entries[] = {
        directory("dev"),
        {.path = "init",
         .kind = VSA_CPIO_FILE,
         .permissions = 0755,
         .data = vsa_slice_of_text("#!")},
        {.path = "link",
         .kind = VSA_CPIO_SYMLINK,
         .permissions = 0777,
         .data = vsa_slice_of_text("init")},
    };
    /* Magic, inode, mode, owner, group, links, time, size, device, special device, name size, 0. */
    static const char expected[] = "070701"
                                   "00000001000041ED000000000000000000000002"
                                   "0000000000000000000000000000000000000000"
                                   "000000000000000400000000"
                                   "dev\0\0\0"
                                   "070701"
                                   "00000002000081ED000000000000000000000001"
                                   "0000000000000002000000000000000000000000"
                                   "000000000000000500000000"
                                   "init\0\0"
                                   "#!\0\0"
                                   "070701"
                                   "000000030000A1FF000000000000000000000001"
                                   "0000000000000004000000000000000000000000"
                                   "000000000000000500000000"
                                   "link\0\0"
                                   "init"
                                   "070701"
                                   "0000000000000000000000000000000000000001"
                                   "0000000000000000000000000000000000000000"
                                   "000000000000000B00000000"
                                   "TRAILER!!!\0\0\0";
    uint8_t buffer[1024];
    struct vsa_slice archive;
    assert_int_equal(vsa_cpio_size(entries, 3), 480);
    assert_int_equal(vsa_cpio_write(entries, 3, buffer, 480, &archive, NULL), VSA_OK);
    assert_int_equal(archive.size, 480);
    /* The mode of the trailer is that of nothing. */
    static const size_t trailer_mode = 480 - 124 + 6 + 8;
    assert_memory_equal(archive.data, expected, trailer_mode);
    assert_memory_equal(archive.data + trailer_mode, "00000000", 8);
    assert_memory_equal(archive.data + trailer_mode + 8, expected + trailer_mode + 8,
                        480 - trailer_mode - 8);
    struct vsa_error error = {0};
    assert_int_equal(vsa_cpio_write(entries, 3, buffer, 479, &archive, &error), VSA_ERR_BUFFER);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    struct vsa_cpio_entry one[] = {directory("a"), file("a/x", "1"), file("a-b", "2"),
                                   file("z", "3")};
    struct vsa_cpio_entry other[] = {file("z", "3"), file("a/x", "1"), file("a-b", "2"),
                                     directory("a")};
    uint8_t buffers[2][1024];
    struct vsa_slice archives[2];
    vsa_cpio_sort(one, 4);
    vsa_cpio_sort(other, 4);
    assert_int_equal(vsa_cpio_write(one, 4, buffers[0], 1024, &archives[0], NULL), VSA_OK);
    assert_int_equal(vsa_cpio_write(other, 4, buffers[1], 1024, &archives[1], NULL), VSA_OK);
    assert_int_equal(archives[0].size, archives[1].size);
    assert_memory_equal(buffers[0], buffers[1], archives[0].size);
    /* "a-b" sorts between "a" and "a/x", which still has its directory. */
    assert_string_equal(one[1].path, "a-b");
    assert_string_equal(one[2].path, "a/x");
}

static void assert_refused(const struct vsa_cpio_entry *entries, size_t count, const char *detail)
{
    struct vsa_error error = {0};
    enum vsa_status status = vsa_cpio_check(entries, count, &error);
    if (status != VSA_ERR_ARGUMENT || !strstr(error.detail, detail))
        fail_msg("expected '%s', not %s '%s'", detail, vsa_status_code(status), error.detail);
}

static void bad_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "", "/", "/etc", "etc/", "a//b", ".", "..", "../x", "a/../b", "a/./b", "a/..", "TRAILER!!!",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct vsa_cpio_entry entry = file(paths[i], "x");
        assert_refused(&entry, 1, "cannot be a path in a ramdisk");
    }
    char long_path[VSA_MAX_ARCHIVE_PATH + 1];
    memset(long_path, 'x', VSA_MAX_ARCHIVE_PATH);
    long_path[VSA_MAX_ARCHIVE_PATH] = '\0';
    struct vsa_cpio_entry entry = file(long_path, "x");
    assert_refused(&entry, 1, "cannot be a path in a ramdisk");
    long_path[VSA_MAX_ARCHIVE_PATH - 1] = '\0';
    assert_int_equal(vsa_cpio_check(&entry, 1, NULL), VSA_OK);
    /* Dots within a name are fine. */
    entry = file("..a", "x");
    assert_int_equal(vsa_cpio_check(&entry, 1, NULL), VSA_OK);
}

static void structure(void **state)
{
    (void)state;
    const struct vsa_cpio_entry twice[] = {file("a", "1"), file("a", "2")};
    assert_refused(twice, 2, "'a' is in the ramdisk twice");
    const struct vsa_cpio_entry unsorted[] = {file("b", "1"), file("a", "2")};
    assert_refused(unsorted, 2, "'a' is in the ramdisk twice, or out of order");
    const struct vsa_cpio_entry orphan[] = {directory("a"), file("a/b/c", "1")};
    assert_refused(orphan, 2, "'a/b/c' has no directory to be in");
    const struct vsa_cpio_entry in_file[] = {file("a", "1"), file("a/b", "2")};
    assert_refused(in_file, 2, "'a/b' has no directory to be in");
    struct vsa_cpio_entry large = file("a", "1");
    large.data.size = (size_t)UINT32_MAX + 1;
    if (large.data.size != 0) /* not where size_t has 32 bits */
        assert_refused(&large, 1, "less than 4 GiB");
    assert_int_equal(vsa_cpio_check(&large, VSA_MAX_ARCHIVE_ENTRIES + 1, NULL), VSA_ERR_TOO_MANY);
    assert_int_equal(vsa_cpio_check(NULL, 0, NULL), VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newc_bytes),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(bad_paths),
        cmocka_unit_test(structure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
