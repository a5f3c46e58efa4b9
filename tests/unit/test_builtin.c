/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in commands without a server. */
#include "unit_test.h"

#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/key.h"
#include "fake_nsm.h"
#include "protocol/json.h"
#include "server/builtin.h"

static struct fake_nsm fake;
static struct vsa_nsm *nsm;
static struct vsa_server_options options;
static struct vsa_requests all;
static struct vsa_streams streams;
static struct vsa_nsm_health health;
static json_t *reply;
static int keys;
static enum vsa_status key_status;

static enum vsa_status on_key(void *user, const struct vsa_server_key *key)
{
    struct vsa_key *private_key = NULL;
    assert_ptr_equal(user, &keys);
    assert_int_equal(vsa_key_read_private(key->private_key, &private_key, NULL), VSA_OK);
    vsa_key_free(private_key);
    assert_true(vsa_slice_equal_text(key->document, "data"));
    keys++;
    return key_status;
}

static int set_up(void **state)
{
    (void)state;
    fake = (struct fake_nsm){0};
    vsa_server_options_init(&options);
    memset(&all, 0, sizeof(all));
    all.options = &options;
    all.streams = &streams;
    all.port = 9000;
    vsa_counter_set(&all.counters.requests, 5);
    vsa_counter_set(&streams.budget.used, 77);
    all.health = &health;
    vsa_nsm_health_init(&health);
    (void)vsa_nsm_health_end_probe(&health, VSA_OK, "known before", 1);
    keys = 0;
    key_status = VSA_OK;
    reply = json_object();
    nsm = fake_nsm_open(&fake);
    return nsm && reply ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(reply);
    vsa_nsm_free(nsm);
    vsa_nsm_health_destroy(&health);
    return 0;
}

static enum vsa_status run(struct vsa_nsm *with, const char *text)
{
    struct vsa_error error;
    VSA_AUTO_JSON json_t *request = json_loads(text, 0, NULL);
    assert_non_null(request);
    return vsa_builtin_run(&all, with, request, reply, &error);
}

static json_int_t number(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void test_ping(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, "{\"command\":\"ping\"}"), VSA_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "message")), "pong");
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, "{\"command\":\"status\"}"), VSA_OK);
    assert_int_equal(number(reply, "requests"), 5);
    assert_int_equal(number(reply, "port"), 9000);
    assert_int_equal(number(reply, "buffered_bytes"), 77);
    assert_int_equal(number(reply, "buffered_bytes_limit"), VSA_DEFAULT_MAX_BUFFERED);
    const json_t *known = json_object_get(reply, "nsm");
    assert_true(number(known, "age_ms") > 0);
    assert_string_equal(json_string_value(json_object_get(known, "module_id")), "known before");
}

/* In the NSM's thread it is asked itself. */
static void test_status_beside_the_nsm(void **state)
{
    (void)state;
    assert_int_equal(run(nsm, "{\"command\":\"status\"}"), VSA_OK);
    const json_t *known = json_object_get(reply, "nsm");
    assert_int_equal(number(known, "age_ms"), 0);
    assert_string_equal(json_string_value(json_object_get(known, "module_id")), FAKE_NSM_MODULE_ID);
    fake.status = VSA_ERR_TIMEOUT;
    assert_int_equal(run(nsm, "{\"command\":\"status\"}"), VSA_OK);
    assert_true(json_is_false(json_object_get(json_object_get(reply, "nsm"), "reachable")));
}

static void test_metrics(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, "{\"command\":\"metrics\"}"), VSA_OK);
    const char *text = json_string_value(json_object_get(reply, "metrics"));
    assert_non_null(strstr(text, "\nvsattest_buffered_bytes 77\n"));
    assert_non_null(strstr(text, "\nvsattest_connections_limit 10000\n"));
}

static void test_attest(void **state)
{
    (void)state;
    assert_int_equal(run(nsm, "{\"command\":\"attest\",\"user_data\":\"data\"}"), VSA_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "attestation_document")),
                        "ZGF0YQ==");
    assert_int_equal(run(NULL, "{\"command\":\"attest\"}"), VSA_ERR_NSM_UNREACHABLE);
    assert_int_equal(run(nsm, "{\"command\":\"attest\",\"nonce\":1}"), VSA_ERR_FIELD);
    fake.refuses = true;
    assert_int_equal(run(nsm, "{\"command\":\"attest\"}"), VSA_ERR_NSM);
}

static void test_keys(void **state)
{
    (void)state;
    static const char text[] =
        "{\"command\":\"attest\",\"user_data\":\"data\",\"generate_key\":true}";
    options.on_key = on_key;
    options.user = &keys;
    assert_int_equal(run(nsm, text), VSA_OK);
    assert_int_equal(keys, 1);
    assert_true(json_is_true(json_object_get(reply, "has_public_key")));
    key_status = VSA_ERR_BUSY;
    assert_int_equal(run(nsm, text), VSA_ERR_BUSY);
}

static void test_others(void **state)
{
    (void)state;
    assert_int_equal(run(nsm, "{\"command\":\"nope\"}"), VSA_ERR_UNKNOWN_COMMAND);
    assert_int_equal(run(nsm, "{\"command\":5}"), VSA_ERR_FIELD);
    assert_int_equal(run(nsm, "{}"), VSA_ERR_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_status_beside_the_nsm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
