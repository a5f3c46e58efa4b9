/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connecting to and listening on vsock make of the kernel's results. The linker puts the names
 * of system calls here (--wrap), so that no socket of AF_VSOCK is ever made: the tests give the
 * results.
 */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <vsattest/transport.h>

#define TIMEOUT_MS 200

/* Results of the calls, an errno each; 0: success. */
static struct {
    int socket;
    int connect;
    int established; /* SO_ERROR after EINPROGRESS */
    int timeout;     /* setting the time limit of connect(2) */
    int bind;
    int listen;
    bool hangs; /* the connection is never established */
} kernel;

/* What was asked of the kernel. */
static struct sockaddr_vm named;
static struct timeval connect_timeout;
static int pipe_ends[2] = {-1, -1};

static int result(int number)
{
    errno = number;
    return number ? -1 : 0;
}

int __real_socket(int family, int type, int protocol);
__attribute__((used)) int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
    if (family != AF_VSOCK)
        return __real_socket(family, type, protocol);
    assert_int_equal(type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK), SOCK_STREAM);
    if (kernel.socket)
        return result(kernel.socket);
    /* The read end of a pipe is never ready to be written to. */
    return kernel.hangs ? fcntl(pipe_ends[0], F_DUPFD_CLOEXEC, 3) : __real_socket(AF_UNIX, type, 0);
}

__attribute__((used)) int __wrap_connect(int fd, const struct sockaddr *name, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *name, socklen_t size)
{
    (void)fd;
    assert_int_equal(size, sizeof(named));
    memcpy(&named, name, sizeof(named));
    return result(kernel.connect);
}

__attribute__((used)) int __wrap_setsockopt(int fd, int level, int option, const void *value,
                                            socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
    (void)fd;
    assert_int_equal(level, AF_VSOCK);
    assert_int_equal(option, SO_VM_SOCKETS_CONNECT_TIMEOUT);
    assert_int_equal(size, sizeof(connect_timeout));
    memcpy(&connect_timeout, value, sizeof(connect_timeout));
    return result(kernel.timeout);
}

__attribute__((used)) int __wrap_getsockopt(int fd, int level, int option, void *value,
                                            socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
    (void)fd;
    assert_int_equal(level, SOL_SOCKET);
    assert_int_equal(option, SO_ERROR);
    assert_int_equal(*size, sizeof(int));
    memcpy(value, &kernel.established, sizeof(int));
    return 0;
}

/* The names of both in glibc where long has 32 bits and time_t 64. */
__attribute__((used)) int __wrap___setsockopt64(int fd, int level, int option, const void *value,
                                                socklen_t size);
int __wrap___setsockopt64(int fd, int level, int option, const void *value, socklen_t size)
{
    return __wrap_setsockopt(fd, level, option, value, size);
}

__attribute__((used)) int __wrap___getsockopt64(int fd, int level, int option, void *value,
                                                socklen_t *size);
int __wrap___getsockopt64(int fd, int level, int option, void *value, socklen_t *size)
{
    return __wrap_getsockopt(fd, level, option, value, size);
}

__attribute__((used)) int __wrap_bind(int fd, const struct sockaddr *name, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *name, socklen_t size)
{
    (void)fd;
    assert_int_equal(size, sizeof(named));
    memcpy(&named, name, sizeof(named));
    return result(kernel.bind);
}

__attribute__((used)) int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
    (void)fd;
    assert_true(backlog > 0);
    return result(kernel.listen);
}

static int set_up(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof(kernel));
    memset(&named, 0, sizeof(named));
    memset(&connect_timeout, 0, sizeof(connect_timeout));
    return pipe2(pipe_ends, O_CLOEXEC);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(pipe_ends[0]);
    return close(pipe_ends[1]);
}

static const struct vsa_address enclave = {.kind = VSA_ADDRESS_VSOCK, .cid = 16, .port = 9000};

static void refuse_to_connect(enum vsa_status status, const char *words)
{
    struct vsa_error error;
    int fd = -2;
    assert_int_equal(vsa_connect(&enclave, vsa_deadline(TIMEOUT_MS), &fd, &error), status);
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.detail, words));
    assert_int_equal(fd, -2);
}

static void refuse_to_listen(enum vsa_status status, const char *words)
{
    struct vsa_error error;
    struct vsa_listener listener = {.fd = -2};
    assert_int_equal(vsa_listen(&enclave, &listener, &error), status);
    assert_non_null(strstr(error.detail, words));
    assert_int_equal(listener.fd, -2);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void test_connects(void **state)
{
    (void)state;
    struct vsa_error error;
    int fd = -1;
    const int at[] = {0, EINPROGRESS, EINTR};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        kernel.connect = at[i];
        assert_int_equal(vsa_connect(&enclave, vsa_deadline(60000), &fd, &error), VSA_OK);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert_int_equal(close(fd), 0);
    }
    assert_int_equal(named.svm_family, AF_VSOCK);
    assert_int_equal(named.svm_cid, 16);
    assert_int_equal(named.svm_port, 9000);
    /* The kernel's own limit would be 2 s. */
    assert_in_range(connect_timeout.tv_sec, 50, 60);
}

/* Each errno means the same from connect(2) and as the result of connecting in the background. */
static void refuse_either_way(int number, enum vsa_status status, const char *words)
{
    kernel.connect = number;
    refuse_to_connect(status, words);
    kernel.connect = EINPROGRESS;
    kernel.established = number;
    refuse_to_connect(status, words);
}

static void test_connect_errors(void **state)
{
    (void)state;
    refuse_either_way(ECONNRESET, VSA_ERR_REFUSED, "no server listens on port 9000 of CID 16");
    refuse_either_way(ECONNREFUSED, VSA_ERR_REFUSED, "no server listens on port 9000 of CID 16");
    refuse_either_way(ENODEV, VSA_ERR_NO_SUCH_CID, "no enclave with CID 16");
    refuse_either_way(ENETUNREACH, VSA_ERR_NO_SUCH_CID, "no enclave with CID 16");
    refuse_either_way(EADDRNOTAVAIL, VSA_ERR_NO_SUCH_CID, "no enclave with CID 16");
    refuse_either_way(ETIMEDOUT, VSA_ERR_TIMEOUT, "no answer from CID 16, port 9000");
    refuse_either_way(ENOMEM, VSA_ERR_IO, "connecting to CID 16, port 9000: ");
}

static void test_no_answer(void **state)
{
    (void)state;
    kernel.connect = EINPROGRESS;
    kernel.hangs = true;
    refuse_to_connect(VSA_ERR_TIMEOUT, "is the enclave running?");
}

static void test_no_socket(void **state)
{
    (void)state;
    kernel.socket = EAFNOSUPPORT;
    refuse_to_connect(VSA_ERR_IO, "this kernel has no vsock support");
    refuse_to_listen(VSA_ERR_IO, "this kernel has no vsock support");
    kernel.socket = EMFILE;
    refuse_to_connect(VSA_ERR_IO, strerror(EMFILE));
    refuse_to_listen(VSA_ERR_IO, strerror(EMFILE));
    kernel.socket = 0;
    kernel.timeout = EINVAL;
    refuse_to_connect(VSA_ERR_IO, "connect timeout: ");
}

/* --- listening -------------------------------------------------------------------------------- */

static void test_listens(void **state)
{
    (void)state;
    struct vsa_error error;
    struct vsa_listener listener;
    struct vsa_address any = {.kind = VSA_ADDRESS_VSOCK, .cid = VSA_CID_ANY, .port = 9000};
    assert_int_equal(vsa_listen(&any, &listener, &error), VSA_OK);
    assert_int_equal(named.svm_cid, VMADDR_CID_ANY);
    assert_int_equal(named.svm_port, 9000);
    assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(listener.address.kind, VSA_ADDRESS_VSOCK);
    vsa_listener_close(&listener);
    assert_int_equal(listener.fd, -1);
}

static void test_listen_errors(void **state)
{
    (void)state;
    kernel.bind = EADDRINUSE;
    refuse_to_listen(VSA_ERR_ADDRESS_IN_USE, "vsock:16:9000 is in use");
    kernel.bind = EACCES;
    refuse_to_listen(VSA_ERR_IO, "no permission to listen on vsock:16:9000");
    kernel.bind = EADDRNOTAVAIL;
    refuse_to_listen(VSA_ERR_IO, "does not have that CID");
    kernel.bind = ENOMEM;
    refuse_to_listen(VSA_ERR_IO, strerror(ENOMEM));
    kernel.bind = 0;
    kernel.listen = EADDRINUSE;
    refuse_to_listen(VSA_ERR_ADDRESS_IN_USE, "vsock:16:9000 is in use");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connects),  TEST(test_connect_errors), TEST(test_no_answer),
        TEST(test_no_socket), TEST(test_listens),        TEST(test_listen_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
