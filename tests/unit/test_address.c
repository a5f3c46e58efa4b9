/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include <vsattest/transport.h>

static struct vsa_address parsed(const char *text)
{
    struct vsa_address address;
    memset(&address, 0xa5, sizeof(address));
    struct vsa_error error = {0};
    if (vsa_address_parse(text, &address, &error) != VSA_OK)
        fail_msg("%s: %s", text, error.detail);
    return address;
}

static void assert_refused(const char *text, const char *words)
{
    struct vsa_address address;
    struct vsa_address untouched;
    struct vsa_error error = {0};
    memset(&address, 0xa5, sizeof(address));
    memset(&untouched, 0xa5, sizeof(untouched));
    if (vsa_address_parse(text, &address, &error) != VSA_ERR_ARGUMENT)
        fail_msg("%s was not refused", text);
    assert_int_equal(error.status, VSA_ERR_ARGUMENT);
    if (!strstr(error.detail, words))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error.detail, words);
    assert_memory_equal(&address, &untouched, sizeof(address));
}

static void test_vsock(void **state)
{
    (void)state;
    struct vsa_address address = parsed("vsock:16:9000");
    assert_int_equal(address.kind, VSA_ADDRESS_VSOCK);
    assert_int_equal(address.cid, 16);
    assert_int_equal(address.port, 9000);
    assert_string_equal(address.path, "");
    assert_int_equal(parsed("vsock:any:1").cid, VSA_CID_ANY);
    assert_int_equal(parsed("vsock:4294967294:4294967294").cid, 4294967294U);
    assert_int_equal(parsed("vsock:4294967294:4294967294").port, 4294967294U);
    assert_int_equal(parsed("vsock:0:1").cid, 0);
}

static void test_vsock_refused(void **state)
{
    (void)state;
    assert_refused("vsock:", "no CID and PORT");
    assert_refused("vsock:16", "no CID and PORT");
    assert_refused("vsock::9000", "CID must be");
    assert_refused("vsock:x:9000", "CID must be");
    assert_refused("vsock:-1:9000", "CID must be");
    assert_refused("vsock: 16:9000", "CID must be");
    assert_refused("vsock:0x10:9000", "CID must be");
    assert_refused("vsock:4294967295:9000", "CID must be");
    assert_refused("vsock:4294967296:9000", "CID must be");
    assert_refused("vsock:18446744073709551617:9000", "no CID and PORT");
    assert_refused("vsock:16:", "PORT must be");
    assert_refused("vsock:16:0", "PORT must be");
    assert_refused("vsock:16:4294967295", "PORT must be");
    assert_refused("vsock:16:99999999999999999999", "PORT must be");
    assert_refused("vsock:16:9000 ", "PORT must be");
    assert_refused("vsock:16:9000:1", "PORT must be");
    assert_refused("vsock:16:any", "PORT must be");
}

static void test_unix(void **state)
{
    (void)state;
    struct vsa_address address = parsed("unix:/run/a:b.sock");
    assert_int_equal(address.kind, VSA_ADDRESS_UNIX);
    assert_string_equal(address.path, "/run/a:b.sock");
    assert_int_equal(address.port, 0);
    assert_refused("unix:", "PATH is empty");
}

static void test_vsock_mux(void **state)
{
    (void)state;
    struct vsa_address address = parsed("vsock-mux:/run/vm:1.sock:9000");
    assert_int_equal(address.kind, VSA_ADDRESS_VSOCK_MUX);
    assert_string_equal(address.path, "/run/vm:1.sock");
    assert_int_equal(address.port, 9000);
    assert_refused("vsock-mux:/run/vm.sock", "no PORT");
    assert_refused("vsock-mux:/run/vm.sock:", "PORT must be");
    assert_refused("vsock-mux::9000", "PATH is empty");
}

static void test_path_length(void **state)
{
    (void)state;
    char text[200] = "unix:";
    memset(text + 5, 'p', VSA_MAX_SOCKET_PATH - 1);
    assert_int_equal(strlen(parsed(text).path), VSA_MAX_SOCKET_PATH - 1);
    text[5 + VSA_MAX_SOCKET_PATH - 1] = 'p';
    assert_refused(text, "socket path of 108 bytes: the system allows 107");
}

static void test_unknown_kinds(void **state)
{
    (void)state;
    assert_refused("", "unknown kind");
    assert_refused("16:9000", "unknown kind");
    assert_refused("http://localhost", "unknown kind");
    assert_refused("tcp:localhost:80", "no TCP: an enclave has only vsock, which its parent");
    assert_refused("tcp:localhost:80", "another machine verifies what was saved there");
    assert_refused("VSOCK:16:9000", "unknown kind");
    /* The forms that are understood are in every such error. */
    assert_refused("tcp:localhost:80", "vsock:CID:PORT, unix:PATH or vsock-mux:PATH:PORT");
}

static void test_format(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "vsock:16:9000",
        "vsock:any:9000",
        "unix:/run/a:b.sock",
        "vsock-mux:/run/vm.sock:4294967294",
    };
    char text[VSA_MAX_ADDRESS];
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct vsa_address address = parsed(texts[i]);
        assert_string_equal(vsa_address_format(&address, text, sizeof(text)), texts[i]);
    }
}

/* VSA_MAX_ADDRESS is enough for the longest address. */
static void test_format_longest(void **state)
{
    (void)state;
    char longest[VSA_MAX_ADDRESS + 20];
    char text[VSA_MAX_ADDRESS];
    char path[VSA_MAX_SOCKET_PATH];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    (void)snprintf(longest, sizeof(longest), "vsock-mux:%s:4294967294", path);
    struct vsa_address address = parsed(longest);
    assert_string_equal(vsa_address_format(&address, text, sizeof(text)), longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vsock),       cmocka_unit_test(test_vsock_refused),
        cmocka_unit_test(test_unix),        cmocka_unit_test(test_vsock_mux),
        cmocka_unit_test(test_path_length), cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_format),      cmocka_unit_test(test_format_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
