/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "software_nsm/boot.h"
#include "software_nsm_fixture.h"

static char directory[] = "/tmp/vsa-boot-XXXXXX";
static char state_path[64];
static struct vsa_error error;

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(state_path, sizeof(state_path), "%s/state", directory);
    return 0;
}

static int remove_directory(void **state)
{
    char path[96];
    static const char *const names[] = {"root.key", "root.pem"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", state_path, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(state_path);
    return rmdir(directory);
}

/* What a boot gives. */
struct booted {
    struct vsa_module_id module_id;
    uint8_t root[VSA_MAX_CERTIFICATE];
    size_t root_size;
};

static enum vsa_status boot(struct vsa_software_nsm_options options, struct booted *booted)
{
    struct vsa_software_nsm *nsm = NULL;
    struct vsa_slice root = {NULL, 0};
    options.state = state_path;
    options.now_ms = FIXTURE_NOW_MS;
    enum vsa_status status = vsa_software_nsm_boot(&options, &nsm, &booted->module_id, booted->root,
                                                   sizeof(booted->root), &root, &error);
    assert_int_equal(status == VSA_OK, nsm != NULL);
    vsa_software_nsm_free(nsm);
    booted->root_size = root.size;
    return status;
}

static void module_ids(void **state)
{
    struct booted booted;
    (void)state;
    assert_int_equal(boot((struct vsa_software_nsm_options){.state = NULL}, &booted), VSA_OK);
    assert_string_equal(booted.module_id.instance, VSA_SOFTWARE_NSM_INSTANCE);
    /* The time in milliseconds, as AWS has it, and two bytes. */
    char expected[64];
    (void)snprintf(expected, sizeof(expected), VSA_SOFTWARE_NSM_INSTANCE "-enc%012llx",
                   (unsigned long long)FIXTURE_NOW_MS);
    assert_memory_equal(booted.module_id.text, expected, strlen(expected));
    assert_int_equal(strlen(booted.module_id.text), strlen(expected) + 4);
    assert_int_equal(
        boot((struct vsa_software_nsm_options){.module_id = FIXTURE_MODULE_ID}, &booted), VSA_OK);
    assert_string_equal(booted.module_id.text, FIXTURE_MODULE_ID);
    assert_int_equal(boot((struct vsa_software_nsm_options){.module_id = FIXTURE_MODULE_ID,
                                                            .instance_id = "i-0fedcba9876543210"},
                          &booted),
                     VSA_ERR_ARGUMENT);
    assert_non_null(strstr(error.detail, "but --instance-id says i-0fedcba9876543210"));
    assert_int_equal(boot((struct vsa_software_nsm_options){.module_id = "x"}, &booted),
                     VSA_ERR_ARGUMENT);
    assert_int_equal(boot((struct vsa_software_nsm_options){.instance_id = "../x"}, &booted),
                     VSA_ERR_ARGUMENT);
}

/* The root outlives the module: verifiers know it. */
static void the_root_stays(void **state)
{
    struct booted first;
    struct booted second;
    (void)state;
    assert_int_equal(boot((struct vsa_software_nsm_options){.debug_mode = true}, &first), VSA_OK);
    assert_int_equal(
        boot((struct vsa_software_nsm_options){.role_arn = "arn:aws:iam::1:role/x"}, &second),
        VSA_OK);
    assert_true(first.root_size > 0);
    assert_int_equal(first.root_size, second.root_size);
    assert_memory_equal(first.root, second.root, first.root_size);
}

static void damaged_state(void **state)
{
    struct booted booted;
    char path[96];
    (void)state;
    assert_int_equal(boot((struct vsa_software_nsm_options){.state = NULL}, &booted), VSA_OK);
    (void)snprintf(path, sizeof(path), "%s/root.pem", state_path);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_not_equal(boot((struct vsa_software_nsm_options){.state = NULL}, &booted), VSA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_ids),
        cmocka_unit_test(the_root_stays),
        cmocka_unit_test(damaged_state),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
