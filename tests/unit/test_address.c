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

static void test_tcp(void **state)
{
    (void)state;
    struct vsa_address address = parsed("tcp:parent.example-1.com:65535");
    assert_int_equal(address.kind, VSA_ADDRESS_TCP);
    assert_string_equal(address.path, "parent.example-1.com");
    assert_int_equal(address.port, 65535);
    assert_string_equal(parsed("tcp:127.0.0.1:1").path, "127.0.0.1");
    assert_string_equal(parsed("tcp:[::1]:9000").path, "::1");
    assert_string_equal(parsed("tcp:[::ffff:10.0.0.1]:9000").path, "::ffff:10.0.0.1");
    assert_string_equal(parsed("tcp:[fe80::1%eth0]:9000").path, "fe80::1%eth0");
}

static void test_tcp_refused(void **state)
{
    (void)state;
    static const char *const no_host[] = {
        "tcp::80",           "tcp:[]:80",        "tcp:::1:80",         "tcp:[::1:80",
        "tcp:::1]:80",       "tcp:[::1]]:80",    "tcp:[127.0.0.1]:80", "tcp:[name]:80",
        "tcp:[::1%]:80",     "tcp:[::1%a/b]:80", "tcp:a b:80",         "tcp:a/b:80",
        "tcp:user@host:80",  "tcp:-h:80",        "tcp:[::1%a%b]:80",   "tcp:a:1:80",
        "tcp:http://host:80"};
    char text[200] = "tcp:";
    for (size_t i = 0; i < sizeof(no_host) / sizeof(no_host[0]); i++)
        assert_refused(no_host[i], "HOST must be a name, an IPv4 address or an IPv6 one in");
    assert_refused("tcp:", "no HOST and PORT");
    assert_refused("tcp:80", "no HOST and PORT");
    assert_refused("tcp:host:", "PORT must be 1..65535");
    assert_refused("tcp:host:0", "PORT must be 1..65535");
    assert_refused("tcp:host:65536", "PORT must be 1..65535");
    assert_refused("tcp:host:http", "PORT must be 1..65535");
    assert_refused("tcp:[::1]", "HOST must be");
    memset(text + 4, 'h', VSA_MAX_SOCKET_PATH);
    memcpy(text + 4 + VSA_MAX_SOCKET_PATH, ":80", 4);
    assert_refused(text, "HOST is too long");
    memcpy(text + 4 + VSA_MAX_SOCKET_PATH - 1, ":80", 4);
    assert_int_equal(strlen(parsed(text).path), VSA_MAX_SOCKET_PATH - 1);
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
    assert_refused("VSOCK:16:9000", "unknown kind");
    /* The forms that are understood are in every such error. */
    assert_refused("udp:localhost:80",
                   "vsock:CID:PORT, unix:PATH, vsock-mux:PATH:PORT or tcp:HOST:PORT");
}

static void test_format(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "vsock:16:9000",        "vsock:any:9000",
        "unix:/run/a:b.sock",   "vsock-mux:/run/vm.sock:4294967294",
        "tcp:127.0.0.1:9000",   "tcp:[fe80::1%eth0]:9000",
        "tcp:parent.example:1",
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
        cmocka_unit_test(test_tcp),         cmocka_unit_test(test_tcp_refused),
        cmocka_unit_test(test_path_length), cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_format),      cmocka_unit_test(test_format_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
