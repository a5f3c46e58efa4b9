/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "tar/tar.h"
#include "tar_forge.h"

static struct vsa_tar_entry entry;
static struct vsa_error error;

/* Reads the first entry, which must be taken. */
static void read_first(struct vsa_slice archive)
{
    struct vsa_tar tar = {archive, 0};
    bool found = false;
    if (vsa_tar_read(&tar, &entry, &found, &error) != VSA_OK)
        fail_msg("%s", error.detail);
    assert_true(found);
}

/* Reads to the end, which must be refused for this reason. */
static void assert_refused(struct vsa_slice archive, const char *reason)
{
    struct vsa_tar tar = {archive, 0};
    bool found = true;
    enum vsa_status status = VSA_OK;
    error.detail[0] = '\0';
    while (status == VSA_OK && found)
        status = vsa_tar_read(&tar, &entry, &found, &error);
    if (status != VSA_ERR_ARGUMENT || !strstr(error.detail, reason))
        fail_msg("status %d, '%s' instead of '%s'", (int)status, error.detail, reason);
}

static void one_entry_of_each_kind(void **state)
{
    struct tar_forge forge = {.size = 0};
    struct vsa_tar tar;
    bool found = false;
    (void)state;
    memcpy(tar_forge_add(&forge, "./bin/", '5', NULL, NULL, 0) + TAR_MODE, "0001755", 8);
    tar_forge_sum(forge.bytes);
    (void)tar_forge_add(&forge, "bin/tool", '0', NULL, "contents", 8);
    (void)tar_forge_add(&forge, "old", '\0', NULL, NULL, 0);
    (void)tar_forge_add(&forge, "link", '2', "../..//etc", NULL, 0);
    (void)tar_forge_add(&forge, "hard", '1', "./bin/tool", NULL, 0);
    tar = (struct vsa_tar){tar_forge_end(&forge), 0};
    assert_true(vsa_tar_is_archive(tar.bytes));
    static const struct {
        enum vsa_tar_kind kind;
        const char *path;
        const char *target;
        unsigned permissions;
        size_t size;
    } rows[] = {
        {VSA_TAR_DIRECTORY, "bin", "", 01755, 0},
        {VSA_TAR_FILE, "bin/tool", "", 0644, 8},
        {VSA_TAR_FILE, "old", "", 0644, 0},
        {VSA_TAR_SYMLINK, "link", "../..//etc", 0644, 0},
        {VSA_TAR_HARD_LINK, "hard", "bin/tool", 0644, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(vsa_tar_read(&tar, &entry, &found, NULL), VSA_OK);
        assert_true(found);
        assert_int_equal(entry.kind, rows[i].kind);
        assert_string_equal(entry.path, rows[i].path);
        assert_string_equal(entry.target, rows[i].target);
        assert_int_equal(entry.permissions, rows[i].permissions);
        assert_int_equal(entry.data.size, rows[i].size);
    }
    assert_int_equal(vsa_tar_read(&tar, &entry, &found, NULL), VSA_OK);
    assert_false(found);
}

static void hostile_paths(void **state)
{
    static const char *const bad[] = {"/etc/passwd", "../x", "a/../b", "..",
                                      "a/..",        "a//b", "a/./b",  "./../x"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tar_forge forge = {.size = 0};
        (void)tar_forge_add(&forge, bad[i], '5', NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), "is absolute, or has a part");
        forge.size = 0;
        (void)tar_forge_add(&forge, "a", '1', bad[i], NULL, 0);
        assert_refused(tar_forge_end(&forge), "is absolute, or has a part");
    }
}

/* A name of nothing, which readers take for other things: the root, or what the header says. */
static void empty_names(void **state)
{
    struct tar_forge forge = {.size = 0};
    (void)state;
    (void)tar_forge_add(&forge, "", '5', NULL, NULL, 0);
    assert_refused(tar_forge_end(&forge), "an entry without a name");
    forge.size = 0;
    tar_forge_add_record(&forge, 'x', "path", "");
    (void)tar_forge_add(&forge, "bin", '5', NULL, NULL, 0);
    assert_refused(tar_forge_end(&forge), "an entry without a name");
    forge.size = 0;
    (void)tar_forge_add(&forge, "././@LongLink", 'L', NULL, "\0", 1);
    (void)tar_forge_add(&forge, "bin", '5', NULL, NULL, 0);
    assert_refused(tar_forge_end(&forge), "an entry without a name");
    forge.size = 0;
    tar_forge_add_record(&forge, 'x', "linkpath", "");
    (void)tar_forge_add(&forge, "a", '2', "b", NULL, 0);
    assert_refused(tar_forge_end(&forge), "leads nowhere");
}

/* Old readers take a file whose name ends with a slash for a directory. */
static void names_that_end_with_a_slash(void **state)
{
    static const char kinds[] = {'0', '\0', '1', '2'};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds); i++) {
        struct tar_forge forge = {.size = 0};
        (void)tar_forge_add(&forge, "a/", kinds[i], "b", NULL, 0);
        assert_refused(tar_forge_end(&forge), "'a' ends with a slash, and is no directory");
        forge.size = 0;
        tar_forge_add_record(&forge, 'x', "path", "ab/");
        (void)tar_forge_add(&forge, "a", kinds[i], "b", NULL, 0);
        assert_refused(tar_forge_end(&forge), "'ab' ends with a slash, and is no directory");
    }
}

static void kinds(void **state)
{
    static const char devices[] = {'3', '4', '6'};
    static const char unknown[] = {'7', 'S', 'V', 'M', 'A', 's', 'D', '\x7f'};
    (void)state;
    for (size_t i = 0; i < sizeof(devices); i++) {
        struct tar_forge forge = {.size = 0};
        (void)tar_forge_add(&forge, "dev/x", devices[i], NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), "'dev/x' is a device or a pipe");
    }
    for (size_t i = 0; i < sizeof(unknown); i++) {
        struct tar_forge forge = {.size = 0};
        (void)tar_forge_add(&forge, "x", unknown[i], NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), "not a file, a directory or a link");
    }
}

/* Sizes that are no numbers, or lead beyond the archive; the sum with the padding may wrap. */
static void sizes(void **state)
{
    static const struct {
        const char *field;
        const char *reason;
    } rows[] = {
        {"00000001001", "the archive is cut off"},
        {"77777777777", "the archive is cut off"},
        {"           ", "a size that is not octal"},
        {"-0000000001", "a size that is not octal"},
        {"0x000000001", "a size that is not octal"},
        {"\x80\0\0\0\0\0\0\0\0\0\1", "a size that is not octal"},
    };
    static const struct {
        const char *size;
        const char *reason;
    } pax[] = {
        {"18446744073709551615", "a size that is no number"},
        {"999999999999999999", "the archive is cut off"},
        {"-1", "a size that is no number"},
        {"", "a size that is no number"},
    };
    struct tar_forge forge = {.size = 0};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        forge.size = 0;
        uint8_t *header = tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
        memcpy(header + TAR_SIZE, rows[i].field, 12);
        tar_forge_sum(header);
        forge.size = TAR_BLOCK;
        struct vsa_slice archive = tar_forge_end(&forge);
        archive.size -= TAR_BLOCK;
        assert_refused(archive, rows[i].reason);
    }
    for (size_t i = 0; i < sizeof(pax) / sizeof(pax[0]); i++) {
        forge.size = 0;
        tar_forge_add_record(&forge, 'x', "size", pax[i].size);
        (void)tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), pax[i].reason);
    }
}

static void every_cut_is_noticed(void **state)
{
    struct tar_forge forge = {.size = 0};
    (void)state;
    tar_forge_add_record(&forge, 'x', "path", "abc");
    (void)tar_forge_add(&forge, "x", '0', NULL, "12345", 5);
    struct vsa_slice whole = tar_forge_end(&forge);
    read_first(whole);
    assert_string_equal(entry.path, "abc");
    for (size_t size = 0; size < whole.size - TAR_BLOCK; size++)
        assert_refused(vsa_slice_of(whole.data, size), "cut off");
    forge.bytes[whole.size - 1] = 1;
    assert_refused(whole, "bytes behind the end");
}

/* Lengths that are none or not those of the records; what readers have to know and we do not. */
static void pax_headers(void **state)
{
    static const char *const malformed[] = {
        "x path=a\n", "999 path=a\n", "3 \n",         "11 pathaaa\n",
        "0 path=a\n", "10 path=a\nx", "10 path=aa\n",
    };
    static const char *const global[] = {"path", "linkpath", "size"};
    struct tar_forge forge = {.size = 0};
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        forge.size = 0;
        tar_forge_add_pax(&forge, 'x', malformed[i]);
        (void)tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), "a malformed pax header");
    }
    for (size_t i = 0; i < sizeof(global) / sizeof(global[0]); i++) {
        forge.size = 0;
        tar_forge_add_record(&forge, 'g', global[i], "1");
        (void)tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
        assert_refused(tar_forge_end(&forge), "a global pax header with a path or a size");
    }
    forge.size = 0;
    tar_forge_add_record(&forge, 'x', "GNU.sparse.major", "1");
    (void)tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
    assert_refused(tar_forge_end(&forge), "a sparse file");
    forge.size = 0;
    tar_forge_add_record(&forge, 'g', "comment", "a");
    tar_forge_add_record(&forge, 'x', "mtime", "1.5");
    (void)tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
    read_first(tar_forge_end(&forge));
    assert_string_equal(entry.path, "x");
}

static void headers(void **state)
{
    struct tar_forge forge = {.size = 0};
    (void)state;
    uint8_t *header = tar_forge_add(&forge, "x", '0', NULL, NULL, 0);
    memcpy(header + TAR_MODE, "0000999", 8);
    tar_forge_sum(header);
    assert_refused(tar_forge_end(&forge), "a mode that is not octal");
    memcpy(header + TAR_MODE, "0007777", 8);
    assert_refused(tar_forge_end(&forge), "no header of a tar archive"); /* its checksum */
    assert_false(vsa_tar_is_archive(tar_forge_end(&forge)));
    tar_forge_sum(header);
    read_first(tar_forge_end(&forge));
    assert_int_equal(entry.permissions, 07777);
    memcpy(header + TAR_MAGIC, "xstar", 5);
    tar_forge_sum(header);
    assert_refused(tar_forge_end(&forge), "no header of a tar archive");
    assert_false(vsa_tar_is_archive(vsa_slice_of(forge.bytes, TAR_BLOCK - 1)));
    forge.size = 0;
    (void)tar_forge_add(&forge, "x", '2', "y", "data", 4);
    assert_refused(tar_forge_end(&forge), "has contents, and is no file");
    forge.size = 0;
    (void)tar_forge_add(&forge, "./", '0', NULL, NULL, 0);
    assert_refused(tar_forge_end(&forge), "the root is not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_entry_of_each_kind),
        cmocka_unit_test(hostile_paths),
        cmocka_unit_test(empty_names),
        cmocka_unit_test(names_that_end_with_a_slash),
        cmocka_unit_test(kinds),
        cmocka_unit_test(sizes),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(pax_headers),
        cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
