/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of settings files: what reaches the program, and which line an error names. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "command_line/settings_file.h"
#include <vsattest/limits.h>

static char path[] = "/tmp/vsa-settings-XXXXXX";
static char seen[200];

/* Collects "name=value;". */
static enum vsa_status take(void *user, const char *name, const char *value,
                            struct vsa_error *error)
{
    size_t used = strlen(seen);
    (void)user;
    if (strcmp(name, "bad") == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no such name");
    (void)snprintf(seen + used, sizeof(seen) - used, "%s=%s;", name, value);
    return VSA_OK;
}

static enum vsa_status read_bytes(const void *bytes, size_t size, struct vsa_error *error)
{
    char *text = NULL;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    seen[0] = '\0';
    enum vsa_status status = settings_file_read(path, &text, take, NULL, error);
    free(text);
    return status;
}

static void lines_become_settings(void **state)
{
    static const char text[] = "# comment\n\n \t a = 1 \r\nb=x = y\n  # more\nc =\nlast = z";
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(read_bytes(text, sizeof(text) - 1, &error), VSA_OK);
    assert_string_equal(seen, "a=1;b=x = y;c=;last=z;");
    assert_int_equal(read_bytes("", 0, &error), VSA_OK);
    assert_string_equal(seen, "");
}

static void errors_name_file_and_line(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *words;
    } rows[] = {
        {"a = 1\nword\n", 11, ":2: expected 'name = value'"},
        {"\n\nbad = 1\n", 10, ":3: no such name"},
        {"a = 1\0\nb = 1\n", 14, ":1: a NUL character"},
        {"a = \x1b[2J\n", 9, ":1: a control character"},
        {"a = 1\nb = \x7f", 11, ":2: a control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        assert_int_equal(read_bytes(rows[i].text, rows[i].size, &error), VSA_ERR_ARGUMENT);
        if (!strstr(error.detail, rows[i].words) || !strstr(error.detail, path))
            fail_msg("%zu: %s", i, error.detail);
    }
}

static void size_is_limited(void **state)
{
    static char text[VSA_MAX_CONFIG_FILE + 1];
    struct vsa_error error = {0};
    (void)state;
    memset(text, '#', sizeof(text));
    assert_int_equal(read_bytes(text, sizeof(text) - 1, &error), VSA_OK);
    assert_int_equal(read_bytes(text, sizeof(text), &error), VSA_ERR_TOO_LARGE);
    (void)unlink(path);
    char *unset = NULL;
    assert_int_equal(settings_file_read(path, &unset, take, NULL, &error), VSA_ERR_IO);
    assert_null(unset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_settings),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(size_is_limited),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    (void)close(fd);
    int failed = cmocka_run_group_tests_name("settings_file", tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
