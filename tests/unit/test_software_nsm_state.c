/* SPDX-License-Identifier: Apache-2.0 */
#include "software_nsm/state.h"
#include "software_nsm/state_directory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"
#include "software_nsm/authority.h"
#include "software_nsm_fixture.h"
#include "unit_test.h"
#include "x509/certificate.h"

struct context {
    char top[32];
    char directory[64]; /* top/a/state */
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_key *key;
    struct vsa_slice root;
    struct vsa_error error;
};

static const char *in(const struct context *context, const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", context->directory, name);
    return path;
}

static enum vsa_status open_state(struct context *context)
{
    vsa_key_free(context->key);
    context->key = NULL;
    return vsa_software_state_open(context->directory, FIXTURE_NOW_MS, &context->key,
                                   context->buffer, sizeof(context->buffer), &context->root,
                                   &context->error);
}

static int setup(void **state)
{
    static struct context context;
    memset(&context, 0, sizeof(context));
    (void)snprintf(context.top, sizeof(context.top), "/tmp/vsa-state-XXXXXX");
    assert_non_null(mkdtemp(context.top));
    (void)snprintf(context.directory, sizeof(context.directory), "%s/a/state", context.top);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"root.key", "root.pem", "root.key.new", "root.pem.new"};
    struct context *context = *state;
    char parent[64];
    vsa_key_free(context->key);
    (void)chmod(context->directory, 0700);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void)unlink(in(context, files[i]));
    (void)rmdir(context->directory);
    (void)snprintf(parent, sizeof(parent), "%s/a", context->top);
    (void)rmdir(parent);
    (void)unlink(context->top);
    assert_int_equal(rmdir(context->top), 0);
    return 0;
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_makes_a_root(void **state)
{
    struct context *context = *state;
    /* Whatever the umask: the modes are asked for. */
    mode_t old = umask(0);
    assert_int_equal(open_state(context), VSA_OK);
    (void)umask(old);
    assert_int_equal(mode_of(context->directory), 0700);
    assert_int_equal(mode_of(in(context, "root.key")), 0600);
    assert_int_equal(mode_of(in(context, "root.pem")), 0600);
    assert_int_equal(access(in(context, "root.key.new"), F_OK), -1);
}

static void test_keeps_it(void **state)
{
    struct context *context = *state;
    uint8_t first[VSA_MAX_CERTIFICATE];
    struct vsa_module_id module_id;
    struct vsa_authority *authority = NULL;
    assert_int_equal(open_state(context), VSA_OK);
    size_t size = context->root.size;
    memcpy(first, context->root.data, size);
    assert_int_equal(open_state(context), VSA_OK);
    assert_true(vsa_slice_equal(context->root, vsa_slice_of(first, size)));
    /* Key and certificate belong together still. */
    assert_int_equal(vsa_module_id_parse(FIXTURE_MODULE_ID, &module_id, NULL), VSA_OK);
    assert_int_equal(vsa_authority_new(context->key, context->root, &module_id, &authority, NULL),
                     VSA_OK);
    context->key = NULL;
    vsa_authority_free(authority);
}

static void test_directory_open_to_others(void **state)
{
    struct context *context = *state;
    static const mode_t modes[] = {0750, 0701, 0777, 0710, 0720};
    assert_int_equal(open_state(context), VSA_OK);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(context->directory, modes[i]), 0);
        assert_int_equal(open_state(context), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(context->error.detail, "chmod go="));
    }
    assert_int_equal(chmod(context->directory, 0700), 0);
    assert_int_equal(open_state(context), VSA_OK);
}

static void test_key_open_to_others(void **state)
{
    struct context *context = *state;
    assert_int_equal(open_state(context), VSA_OK);
    assert_int_equal(chmod(in(context, "root.key"), 0640), 0);
    assert_int_equal(open_state(context), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(context->error.detail, "root.key"));
}

static void test_directory_of_another_user(void **state)
{
    struct context *context = *state;
    if (geteuid() != 0)
        SKIP_BECAUSE("needs root to make another user's directory");
    assert_int_equal(open_state(context), VSA_OK);
    assert_int_equal(chown(context->directory, 65534, (gid_t)-1), 0);
    assert_int_equal(open_state(context), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(context->error.detail, "belongs to user 65534"));
    assert_int_equal(chown(context->directory, 0, (gid_t)-1), 0);
}

static void test_damaged_files(void **state)
{
    struct context *context = *state;
    assert_int_equal(open_state(context), VSA_OK);
    write_text(in(context, "root.key"), "nonsense");
    assert_int_not_equal(open_state(context), VSA_OK);
    assert_non_null(strstr(context->error.detail, context->directory));
    assert_int_equal(unlink(in(context, "root.key")), 0);
    assert_int_equal(open_state(context), VSA_ERR_IO);
    assert_non_null(strstr(context->error.detail, "root.key is missing"));
    write_text(in(context, "root.pem"), "");
    assert_int_equal(open_state(context), VSA_ERR_CERTIFICATE_SYNTAX);
    write_text(in(context, "root.pem"), "-----BEGIN CERTIFICATE-----\n");
    assert_int_equal(open_state(context), VSA_ERR_CERTIFICATE_SYNTAX);
}

/* A start that was cut off before the certificate was written: that root was not known. */
static void test_half_made_root_is_replaced(void **state)
{
    struct context *context = *state;
    assert_int_equal(open_state(context), VSA_OK);
    assert_int_equal(unlink(in(context, "root.pem")), 0);
    write_text(in(context, "root.pem.new"), "-----BEGIN");
    assert_int_equal(open_state(context), VSA_OK);
    assert_int_equal(open_state(context), VSA_OK);
}

static void test_files_of_another_kind(void **state)
{
    struct context *context = *state;
    assert_int_equal(open_state(context), VSA_OK);
    assert_int_equal(unlink(in(context, "root.pem")), 0);
    assert_int_equal(symlink("/etc/passwd", in(context, "root.pem")), 0);
    assert_int_equal(open_state(context), VSA_ERR_IO);
    assert_int_equal(unlink(in(context, "root.pem")), 0);
    assert_int_equal(mkfifo(in(context, "root.pem"), 0600), 0);
    assert_int_equal(open_state(context), VSA_ERR_ARGUMENT);
}

static void test_root_for_others(void **state)
{
    struct context *context = *state;
    char pem[4096];
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice der;
    assert_int_equal(open_state(context), VSA_OK);
    const char *path = in(context, "written.pem");
    mode_t old = umask(077);
    assert_int_equal(vsa_software_root_write(path, context->root, NULL), VSA_OK);
    (void)umask(old);
    assert_int_equal(mode_of(path), 0644);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(pem, 1, sizeof(pem), file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(
        vsa_certificate_read_file(vsa_slice_of(pem, size), buffer, sizeof(buffer), &der, NULL),
        VSA_OK);
    assert_true(vsa_slice_equal(der, context->root));
    assert_int_equal(vsa_software_root_write("/nowhere/at/all", context->root, NULL), VSA_ERR_IO);
}

static void test_paths(void **state)
{
    struct context *context = *state;
    char whole[sizeof(context->directory)];
    memcpy(whole, context->directory, sizeof(whole));
    context->directory[0] = '\0';
    assert_int_equal(open_state(context), VSA_ERR_ARGUMENT);
    /* A file in the way. */
    (void)snprintf(context->directory, sizeof(context->directory), "/etc/passwd");
    assert_int_equal(open_state(context), VSA_ERR_IO);
    (void)snprintf(context->directory, sizeof(context->directory), "/etc/passwd/x");
    assert_int_equal(open_state(context), VSA_ERR_IO);
    memcpy(context->directory, whole, sizeof(whole));
}

/* XDG_STATE_HOME counts if it is absolute (XDG Base Directory Specification), else HOME does. */
static void test_default_directory(void **state)
{
    struct context *context = *state;
    struct vsa_error error = {0};
    char expected[128];
    char path[PATH_MAX];
    assert_int_equal(setenv("HOME", "/home/of/none", 1), 0);
    assert_int_equal(setenv("XDG_STATE_HOME", context->top, 1), 0);
    assert_int_equal(vsa_software_state_find(path, NULL), VSA_OK);
    (void)snprintf(expected, sizeof(expected), "%s/vsattest/software_nsm", context->top);
    assert_string_equal(path, expected);
    assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
    assert_int_equal(vsa_software_state_find(path, NULL), VSA_OK);
    assert_string_equal(path, "/home/of/none/.local/state/vsattest/software_nsm");
    static char longest[PATH_MAX] = "/";
    memset(longest + 1, 'x', sizeof(longest) - 2);
    assert_int_equal(setenv("HOME", longest, 1), 0);
    assert_int_equal(vsa_software_state_find(path, NULL), VSA_ERR_ARGUMENT);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(vsa_software_state_find(path, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "--state DIR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_makes_a_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory_open_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_open_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_directory_of_another_user, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_made_root_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_of_another_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_root_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_directory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
