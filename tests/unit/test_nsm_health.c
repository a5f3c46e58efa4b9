/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the NSM, by times that the test makes up. */
#include "unit_test.h"

#include <string.h>

#include "server/nsm_health.h"

static struct vsa_nsm_health health;

static int set_up(void **state)
{
    (void)state;
    vsa_nsm_health_init(&health);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vsa_nsm_health_destroy(&health);
    return 0;
}

static void assert_known(int64_t now_ms, bool reachable, int64_t age_ms, const char *module_id)
{
    struct vsa_server_statistics statistics = {0};
    vsa_nsm_health_read(&health, now_ms, &statistics);
    assert_int_equal(statistics.nsm_reachable, reachable);
    assert_int_equal(statistics.nsm_age_ms, age_ms);
    assert_string_equal(statistics.module_id, module_id);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_known(5000, false, -1, "");
    assert_true(vsa_nsm_health_begin_probe(&health, 0));
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    assert_true(vsa_nsm_health_begin_probe(&health, 100));
    assert_false(vsa_nsm_health_begin_probe(&health, 99999));
    assert_true(vsa_nsm_health_end_probe(&health, VSA_OK, "i-1-enc1", 200));
    assert_known(200, true, 0, "i-1-enc1");
    assert_known(199, true, 0, "i-1-enc1");
    assert_known(1700, true, 1500, "i-1-enc1");
    assert_false(vsa_nsm_health_begin_probe(&health, 1199));
    assert_true(vsa_nsm_health_begin_probe(&health, 1200));
}

static void test_probes_that_fail(void **state)
{
    (void)state;
    assert_true(vsa_nsm_health_end_probe(&health, VSA_ERR_TIMEOUT, NULL, 10));
    assert_known(10, false, 0, "");
    assert_false(vsa_nsm_health_end_probe(&health, VSA_ERR_NSM_UNREACHABLE, NULL, 20));
    /* It refuses: so it is there. */
    assert_true(vsa_nsm_health_end_probe(&health, VSA_ERR_NSM, "x", 30));
    assert_known(30, true, 0, "");
    assert_false(vsa_nsm_health_end_probe(&health, VSA_OK, "i-2", 40));
    assert_true(vsa_nsm_health_end_probe(&health, VSA_ERR_REPLY, NULL, 50));
    assert_known(50, false, 0, "i-2");
}

static void test_requests(void **state)
{
    (void)state;
    (void)vsa_nsm_health_end_probe(&health, VSA_OK, "i-1", 0);
    assert_true(vsa_nsm_health_lost(&health, 500));
    assert_false(vsa_nsm_health_lost(&health, 600));
    assert_known(700, false, 100, "i-1");
    assert_true(vsa_nsm_health_begin_probe(&health, 1600));
}

static void test_long_module_id(void **state)
{
    (void)state;
    char module_id[VSA_MAX_MODULE_ID + 1];
    memset(module_id, 'm', VSA_MAX_MODULE_ID);
    module_id[VSA_MAX_MODULE_ID] = '\0';
    (void)vsa_nsm_health_end_probe(&health, VSA_OK, module_id, 0);
    assert_known(0, true, 0, module_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_probe_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_probes_that_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_module_id, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
