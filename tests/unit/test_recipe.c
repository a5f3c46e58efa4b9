/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes of programs that were compiled against another version of the header. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vsattest/image.h>

/* The struct as the first version had it: up to build_time. */
#define OLD_SIZE offsetof(struct vsa_image_recipe, user)

static char directory[] = "/tmp/vsa-recipe-XXXXXX";
static char kernel[64];
static char ramdisk[64];
static const char *const ramdisks[] = {ramdisk};
static struct vsa_error error;

static void write_file(char path[64], const char *name, const void *bytes, size_t size)
{
    (void)snprintf(path, 64, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    uint8_t image[0x206] = {0};
    (void)state;
    memcpy(image + 0x202, "HdrS", 4);
    assert_non_null(mkdtemp(directory));
    write_file(kernel, "kernel", image, sizeof(image));
    write_file(ramdisk, "ramdisk", "070701", 6);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(kernel);
    (void)unlink(ramdisk);
    return rmdir(directory);
}

static void fill(struct vsa_image_recipe *recipe)
{
    recipe->kernel = kernel;
    recipe->name = "test";
    recipe->ramdisks = ramdisks;
    recipe->ramdisk_count = 1;
}

static enum vsa_status build(const struct vsa_image_recipe *recipe, size_t *size)
{
    struct vsa_built_image *built = NULL;
    enum vsa_status status = vsa_image_build(recipe, &built, &error);
    *size = status == VSA_OK ? vsa_image_size(vsa_built_image_get(built)) : 0;
    assert_true((status == VSA_OK) == (built != NULL));
    vsa_built_image_free(built);
    return status;
}

static void smaller_struct(void **state)
{
    (void)state;
    struct vsa_image_recipe old;
    struct vsa_image_recipe current;
    size_t old_size;
    size_t current_size;
    /* What an older program has behind its struct is neither read nor set. */
    memset(&old, 0xff, sizeof(old));
    vsa_image_recipe_init_size(&old, OLD_SIZE);
    fill(&old);
    vsa_image_recipe_init(&current);
    fill(&current);
    assert_int_equal(current.size, sizeof(current));
    assert_int_equal(build(&old, &old_size), VSA_OK);
    assert_int_equal(build(&current, &current_size), VSA_OK);
    assert_int_equal(old_size, current_size);
    assert_int_equal(old.user, UINT32_MAX);
    assert_int_equal(old.module_count, SIZE_MAX);
}

static void larger_struct(void **state)
{
    (void)state;
    struct {
        struct vsa_image_recipe known;
        size_t later;
    } newer;
    size_t size;
    vsa_image_recipe_init_size(&newer.known, sizeof(newer));
    fill(&newer.known);
    assert_int_equal(build(&newer.known, &size), VSA_OK);
    newer.later = 1;
    assert_int_equal(build(&newer.known, &size), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "does not have"));
}

static void refused(void **state)
{
    (void)state;
    struct vsa_image_recipe recipe = {.kernel = kernel};
    size_t size;
    assert_int_equal(build(&recipe, &size), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "set up with vsa_image_recipe_init()"));

    vsa_image_recipe_init(&recipe);
    fill(&recipe);
    recipe.user = recipe.group = 1000;
    assert_int_equal(build(&recipe, &size), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "belong to an image of a program"));

    recipe.ramdisk_count = 0;
    recipe.program = kernel;
    recipe.group = 0;
    assert_int_equal(build(&recipe, &size), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "a UID and a GID"));
    recipe.user = recipe.group = UINT32_MAX;
    assert_int_equal(build(&recipe, &size), VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "neither a UID nor a GID"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smaller_struct),
        cmocka_unit_test(larger_struct),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
