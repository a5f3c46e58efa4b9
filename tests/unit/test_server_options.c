/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include "server/options.h"

static void test_defaults(void **state)
{
    (void)state;
    struct vsa_server_options options;
    vsa_server_options_init(&options);
    assert_string_equal(options.listen, "vsock:any:9000");
    assert_string_equal(options.nsm, "/dev/nsm");
    assert_int_equal(options.max_line, 65536);
    assert_int_equal(options.rate_limit, 100);
    assert_int_equal(options.rate_burst, 200);
    assert_int_equal(options.cache_ttl_ms, 0);
    assert_null(options.on_event);
    assert_null(options.on_key);
}

static void assert_read(const struct vsa_server_options *options, enum vsa_status status)
{
    struct vsa_server_options known;
    assert_int_equal(vsa_server_options_read(options, &known, NULL), status);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct vsa_server_options good;
    struct vsa_server_options options;
    vsa_server_options_init(&good);
    assert_read(&good, VSA_OK);
#define WITH(member, value)                                                                        \
    options = good;                                                                                \
    options.member = (value);                                                                      \
    assert_read(&options, VSA_ERR_ARGUMENT)
    WITH(listen, NULL);
    WITH(nsm, NULL);
    WITH(max_connections, 0);
    WITH(max_queue, 0);
    WITH(max_in_flight, 0);
    WITH(max_buffered, 0);
    WITH(rate_limit, VSA_MAX_RATE_LIMIT + 1);
    WITH(rate_burst, VSA_MAX_RATE_LIMIT + 1);
    WITH(cache_ttl_ms, -1);
    WITH(cache_ttl_ms, VSA_MAX_CACHE_TTL_MS + 1);
    WITH(max_line, 255);
    WITH(max_line, 65537);
    WITH(idle_timeout_ms, 0);
    WITH(request_timeout_ms, -1);
    WITH(drain_timeout_ms, 0);
    WITH(size, 0); /* not initialized */
#undef WITH
}

/* What an application of an older version does not know of has its default. */
static void test_shorter(void **state)
{
    (void)state;
    struct vsa_server_options options;
    struct vsa_server_options known;
    vsa_server_options_init_size(&options, offsetof(struct vsa_server_options, rate_burst));
    options.rate_limit = 7;
    assert_int_equal(vsa_server_options_read(&options, &known, NULL), VSA_OK);
    assert_int_equal(known.rate_limit, 7);
    assert_int_equal(known.drain_timeout_ms, VSA_DEFAULT_DRAIN_TIMEOUT_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
