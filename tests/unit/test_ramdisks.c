/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/ramdisks.h"

static struct vsa_error error;
static char directory[] = "/tmp/vsa-ramdisks-XXXXXX";
static char self[4096]; /* a program that needs a dynamic linker */

static const char *at(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

/* A program that needs nothing: an ELF header alone. */
static void write_program(const char *name)
{
    uint8_t header[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 62, [20] = 1};
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, sizeof(header), file), sizeof(header));
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    write_program("init");
    write_program("server");
    FILE *script = fopen(at("script"), "wb");
    assert_non_null(script);
    (void)fputs("#!/bin/server\n", script);
    assert_int_equal(fclose(script), 0);
    return readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 ? 0 : -1;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(at("init"));
    (void)unlink(at("server"));
    (void)unlink(at("script"));
    return rmdir(directory);
}

static struct vsa_image_recipe recipe_of(void)
{
    struct vsa_image_recipe recipe;
    vsa_image_recipe_init(&recipe);
    recipe.init = at("init");
    recipe.program = at("server");
    return recipe;
}

/* Finds the contents of a file in an archive in the form newc: the header has 13 numbers in hex. */
static struct vsa_slice contents(const struct vsa_whole_file *archive, const char *path)
{
    const char *bytes = (const char *)archive->data;
    for (size_t start = 0; start + 110 <= archive->size;) {
        char text[9] = "";
        memcpy(text, bytes + start + 54, 8);
        size_t size = strtoul(text, NULL, 16);
        memcpy(text, bytes + start + 94, 8);
        size_t name_size = strtoul(text, NULL, 16);
        const char *name = bytes + start + 110;
        start = (start + 110 + name_size + 3) / 4 * 4;
        if (strcmp(name, path) == 0)
            return vsa_slice_of(bytes + start, size);
        start = (start + size + 3) / 4 * 4;
    }
    return vsa_slice_of(NULL, 0);
}

static void assert_contents(const struct vsa_whole_file *archive, const char *path,
                            const char *expected)
{
    struct vsa_slice found = contents(archive, path);
    if (!found.data || found.size != strlen(expected) ||
        memcmp(found.data, expected, found.size) != 0)
        fail_msg("%s: '%.*s'", path, (int)found.size, found.data ? (const char *)found.data : "");
}

static void boot_ramdisk(void **state)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    struct vsa_image_recipe recipe = recipe_of();
    (void)state;
    assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_OK);
    assert_int_equal(contents(&archive, "init").size, 64);
    assert_null(contents(&archive, "modules/order").data);
}

static void boot_ramdisks_that_are_refused(void **state)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    static const char *const names[] = {"x/order", "x/", "x/a\nb.ko"};
    struct vsa_image_recipe recipe = recipe_of();
    (void)state;
    recipe.init = NULL;
    assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail, "an image of a program needs an init: enclave_init");
    recipe.init = at("none");
    assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_ERR_IO);
    recipe.init = at("script");
    assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "the init of an enclave is statically linked"));
    for (size_t i = 0; i < 3; i++) {
        recipe = recipe_of();
        recipe.modules = &names[i];
        recipe.module_count = 1;
        assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(error.detail, "has not the name of a module"));
    }
    const char *module = at("server");
    recipe.modules = &module;
    assert_int_equal(vsa_boot_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "is not a kernel module"));
    assert_null(archive.data);
}

static void app_ramdisk(void **state)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file again = {NULL, 0, false};
    static const char *const arguments[] = {"--vsock", ""};
    static const char *const variables[] = {"A=1"};
    char pair[160];
    const char *files[] = {pair};
    const struct vsa_image_service services[] = {{.name = "s", .program = "/bin/server"}};
    struct vsa_image_recipe recipe = recipe_of();
    (void)state;
    (void)snprintf(pair, sizeof(pair), "%s:/bin/server", at("server"));
    recipe.arguments = arguments;
    recipe.argument_count = 2;
    recipe.environment = variables;
    recipe.environment_count = 1;
    recipe.files = files;
    recipe.file_count = 1;
    recipe.services = services;
    recipe.service_count = 1;
    recipe.user = 1000;
    recipe.group = 100;
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_OK);
    assert_contents(&archive, "cmd", "/app/server\n--vsock\n\n");
    assert_contents(&archive, "env", "A=1\n");
    assert_contents(&archive, "user", "1000:100\n");
    assert_contents(&archive, "services", "name s\narg /bin/server\n");
    assert_int_equal(contents(&archive, "rootfs/app/server").size, 64);
    assert_int_equal(contents(&archive, "rootfs/bin/server").size, 64);
    /* Twice the same bytes, whatever the times of the files. */
    assert_int_equal(chmod(at("server"), 0600), 0);
    assert_int_equal(chmod(at("server"), 0644), 0);
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &again, &error), VSA_OK);
    assert_int_equal(archive.size, again.size);
    assert_memory_equal(archive.data, again.data, archive.size);
}

/* What would only be restarted a few times in the enclave. */
static void programs_that_cannot_run(void **state)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    struct vsa_image_recipe recipe = recipe_of();
    const struct vsa_image_service service = {.name = "s", .program = "/bin/none"};
    (void)state;
    recipe.program = at("script");
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "needs /bin/server, which is not in the image"));
    recipe.program = self;
    if (vsa_app_ramdisk_make(&recipe, &archive, &error) == VSA_OK)
        SKIP_BECAUSE("this program is static");
    assert_true(strstr(error.detail, "which is not in the image") ||
                strstr(error.detail, "another processor"));
    recipe = recipe_of();
    recipe.services = &service;
    recipe.service_count = 1;
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "service s: /bin/none is not in the image"));
}

static void texts_that_are_refused(void **state)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file archive = {NULL, 0, false};
    static const char *const broken[] = {"a\nb"};
    static const char *const variables[] = {"A"};
    static const char *const files[] = {"x", ":/x", "/bin/sh:x", "/bin/sh:"};
    struct vsa_image_recipe recipe = recipe_of();
    (void)state;
    recipe.arguments = broken;
    recipe.argument_count = 1;
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    recipe = recipe_of();
    recipe.environment = variables;
    recipe.environment_count = 1;
    assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        recipe = recipe_of();
        recipe.files = &files[i];
        recipe.file_count = 1;
        assert_int_equal(vsa_app_ramdisk_make(&recipe, &archive, &error), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(error.detail, "is not SOURCE:/DESTINATION"));
    }
    assert_null(archive.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boot_ramdisk),
        cmocka_unit_test(boot_ramdisks_that_are_refused),
        cmocka_unit_test(app_ramdisk),
        cmocka_unit_test(programs_that_cannot_run),
        cmocka_unit_test(texts_that_are_refused),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
