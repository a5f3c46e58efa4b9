/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "image/metadata.h"
#include "json/value.h"

static enum vsa_status read_text(const char *text, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *object = NULL;
    enum vsa_status status = vsa_metadata_read(vsa_slice_of_text(text), &object, error);
    assert_int_equal(status == VSA_OK, object != NULL);
    return status;
}

/* {"a":{"a":...{}}} with so many levels. */
static const char *nested(size_t levels)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 1; i < levels; i++)
        strcat(text, "{\"a\":");
    strcat(text, "{}");
    for (size_t i = 1; i < levels; i++)
        strcat(text, "}");
    return text;
}

static void test_limits(void **state)
{
    static char large[VSA_MAX_IMAGE_METADATA + 2];
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(read_text(nested(VSA_MAX_JSON_FILE_DEPTH), NULL), VSA_OK);
    assert_int_equal(read_text(nested(VSA_MAX_JSON_FILE_DEPTH + 1), &error), VSA_ERR_NESTING);
    assert_string_equal(error.detail, "the metadata is nested deeper than 32 levels");
    memset(large, ' ', sizeof(large) - 1);
    memcpy(large, "{}", 2);
    assert_int_equal(read_text(large, &error), VSA_ERR_TOO_LARGE);
    assert_int_equal(read_text("{\"a\":1,\"a\":1}", &error), VSA_ERR_DUPLICATE_KEY);
    assert_int_equal(read_text("[]", &error), VSA_ERR_JSON);
    assert_int_equal(read_text("<xml/>", &error), VSA_ERR_JSON);
    assert_int_equal(read_text("", &error), VSA_ERR_EMPTY);
}

static void test_memory(void **state)
{
    struct vsa_error error = {0};
    enum vsa_status status;
    int after = 0;
    (void)state;
    do {
        failing_memory_after(after++);
        status = read_text("{\"ImageName\":\"app\"}", &error);
        failing_memory_after(-1);
        if (status != VSA_OK && status != VSA_ERR_MEMORY)
            fail_msg("allocation %d: %s", after, error.detail);
    } while (status != VSA_OK);
    assert_true(after > 3);
}

static void test_make(void **state)
{
    static const char config[] = "#\n# Linux/x86 6.1.99 Kernel Configuration\n#\n";
    static const char expected[] =
        "{\"ImageName\":\"app\",\"ImageVersion\":\"1.0\",\"BuildMetadata\":{"
        "\"BuildTime\":\"1970-01-01T00:00:01Z\",\"BuildTool\":\"enclave_image\","
        "\"BuildToolVersion\":\"" VSA_VERSION "\",\"OperatingSystem\":\"Linux\","
        "\"KernelVersion\":\"6.1.99\"},\"DockerInfo\":{},\"CustomMetadata\":{}}";
    struct vsa_image_recipe recipe = {.program = "/opt/app", .build_time = 1};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file bytes = {NULL, 0, false};
    struct vsa_error error = {0};
    (void)state;
    assert_int_equal(vsa_metadata_make(&recipe, vsa_slice_of_text(config), &bytes, &error), VSA_OK);
    assert_int_equal(bytes.size, sizeof(expected) - 1);
    assert_memory_equal(bytes.data, expected, bytes.size);
    assert_int_equal(vsa_metadata_check(vsa_whole_file_slice(&bytes), &error), VSA_OK);
}

/* Only what is no text is the caller's fault. */
static void test_make_refused(void **state)
{
    struct vsa_image_recipe recipe = {.name = "app", .version = "\xff"};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file bytes = {NULL, 0, false};
    struct vsa_error error = {0};
    struct vsa_slice none = {0};
    (void)state;
    assert_int_equal(vsa_metadata_make(&recipe, none, &bytes, &error), VSA_ERR_ARGUMENT);
    recipe.version = "2";
    failing_memory_after(3);
    enum vsa_status status = vsa_metadata_make(&recipe, none, &bytes, &error);
    failing_memory_after(-1);
    assert_int_equal(status, VSA_ERR_MEMORY);
    assert_null(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_make_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
