/* SPDX-License-Identifier: Apache-2.0 */
/* The file of services as it is written; test_enclave_init.c reads what comes out. */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "image/services.h"

static struct vsa_error error;

static void lines(void **state)
{
    static const char *const items[] = {"a", "", "b c", "line\nbreak"};
    static const char *const variables[] = {"A=1", "B=", "C=x=y", "=x", "D"};
    (void)state;
    assert_int_equal(vsa_image_check_lines("argument", items, 3, NULL), VSA_OK);
    assert_int_equal(vsa_image_check_lines("argument", items, 4, &error), VSA_ERR_ARGUMENT);
    assert_string_equal(error.detail,
                        "argument 'line\nbreak' holds a line break, which an image cannot carry");
    assert_int_equal(vsa_image_check_environment(variables, 3, NULL), VSA_OK);
    for (size_t i = 3; i < 5; i++) {
        assert_int_equal(vsa_image_check_environment(variables + i, 1, &error), VSA_ERR_ARGUMENT);
        assert_non_null(strstr(error.detail, "is not NAME=VALUE"));
    }
    assert_int_equal(vsa_image_check_environment(items + 3, 1, &error), VSA_ERR_ARGUMENT);
}

static void assert_refused(const struct vsa_image_service *services, size_t count,
                           const char *reason)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file text = {NULL, 0, false};
    enum vsa_status status = vsa_services_write(services, count, &text, &error);
    if (status != VSA_ERR_ARGUMENT || !strstr(error.detail, reason) || text.data)
        fail_msg("status %d, '%s' instead of '%s'", (int)status, error.detail, reason);
}

static void bad_services(void **state)
{
    static const char *const broken[] = {"x\nname b"};
    static const char *const variable[] = {"A=\nname b"};
    static const struct {
        struct vsa_image_service service;
        const char *reason;
    } rows[] = {
        {{.name = NULL, .program = "/a"}, "a name has up to 32"},
        {{.name = "", .program = "/a"}, "a name has up to 32"},
        {{.name = "a/b", .program = "/a"}, "a name has up to 32"},
        {{.name = "a\nb", .program = "/a"}, "a name has up to 32"},
        {{.name = "a", .program = NULL}, "its program is an absolute path"},
        {{.name = "a", .program = "a"}, "its program is an absolute path"},
        {{.name = "a", .program = "/a\nuser 1:1"}, "holds a line break"},
        {{.name = "a", .program = "/a", .arguments = broken, .argument_count = 1},
         "holds a line break"},
        {{.name = "a", .program = "/a", .environment = variable, .environment_count = 1},
         "holds a line break"},
        {{.name = "a", .program = "/a", .user = 1}, "both 0, which is root, or both from 1"},
        {{.name = "a", .program = "/a", .group = 1}, "both 0, which is root, or both from 1"},
        {{.name = "a", .program = "/a", .user = UINT32_MAX, .group = 1}, "both from 1"},
        {{.name = "a", .program = "/a", .restart = (enum vsa_image_restart)3},
         "no such restart policy"},
        {{.name = "a", .program = "/a", .socket = "/run/ab/s"}, "is not /run/a/FILE"},
        {{.name = "a", .program = "/a", .socket = "/run/a/../s"}, "is not /run/a/FILE"},
        {{.name = "a", .program = "/a", .socket = ""}, "is not /run/a/FILE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_refused(&rows[i].service, 1, rows[i].reason);
}

static void counts(void **state)
{
    struct vsa_image_service services[64];
    char names[64][8];
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file text = {NULL, 0, false};
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "s%zu", i);
        services[i] = (struct vsa_image_service){.name = names[i], .program = "/bin/s"};
    }
    assert_refused(services, 64, "64 services: an image has at most 15");
    assert_refused(services, VSA_MAX_IMAGE_SERVICES + 1, "16 services: an image has at most 15");
    assert_int_equal(vsa_services_write(services, VSA_MAX_IMAGE_SERVICES, &text, &error), VSA_OK);
    assert_memory_equal(text.data, "name s0\narg /bin/s\nname s1\n", 27);
    services[1].name = "s0";
    assert_refused(services, 2, "two services have the name s0");
}

/* enclave_init takes 256 KiB and 4096 lines. */
static void sizes(void **state)
{
    static char large[256 * 1024];
    const char *argument = large;
    const char *arguments[4096];
    struct vsa_image_service service = {
        .name = "a", .program = "/a", .arguments = &argument, .argument_count = 1};
    static const char around[] = "name a\narg /a\narg \n";
    (void)state;
    memset(large, 'x', sizeof(large) - sizeof(around) + 1);
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file text = {NULL, 0, false};
    assert_int_equal(vsa_services_write(&service, 1, &text, &error), VSA_OK);
    assert_int_equal(text.size, sizeof(large));
    large[sizeof(large) - sizeof(around) + 1] = 'x';
    assert_refused(&service, 1, "more than 262144 bytes or 4096 lines");
    for (size_t i = 0; i < 4096; i++)
        arguments[i] = "";
    service.arguments = arguments;
    service.argument_count = 4095;
    assert_refused(&service, 1, "more than 262144 bytes or 4096 lines");
    service.argument_count = 4094;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file many = {NULL, 0, false};
    assert_int_equal(vsa_services_write(&service, 1, &many, &error), VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(bad_services),
        cmocka_unit_test(counts),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
