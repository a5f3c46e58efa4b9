/* SPDX-License-Identifier: Apache-2.0 */
/* src/nsm/device_transport.c over an ioctl of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsm/transport.h"
#include "unit_test.h"

static struct {
    int probe;    /* errno without an argument; 0: it succeeds */
    int failures; /* so many calls fail with `number` first */
    int number;
    int calls;
    size_t length; /* of the response, as the driver says */
    struct vsa_nsm_raw seen;
} kernel;

static int fake_ioctl(int fd, struct vsa_nsm_raw *raw)
{
    assert_true(fd >= 0);
    if (!raw) { /* the question whether this is an NSM */
        errno = kernel.probe;
        return errno ? -1 : 0;
    }
    kernel.calls++;
    kernel.seen = *raw;
    if (kernel.calls <= kernel.failures) {
        errno = kernel.number;
        return -1;
    }
    memset((void *)(uintptr_t)raw->response.address, 0x5a, (size_t)raw->response.length);
    raw->response.length = kernel.length;
    return 0;
}

struct context {
    int fd;
    struct vsa_nsm_transport *transport;
    uint8_t buffer[VSA_NSM_MAX_RESPONSE];
    struct vsa_slice response;
};

static int setup(void **state)
{
    static struct context context;
    memset(&context, 0, sizeof(context));
    memset(&kernel, 0, sizeof(kernel));
    kernel.probe = EFAULT;
    context.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(vsa_nsm_device_new(context.fd, fake_ioctl, &context.transport, NULL), VSA_OK);
    *state = &context;
    return 0;
}

static int teardown(void **state)
{
    struct context *context = *state;
    context->transport->close(context->transport);
    /* The descriptor was the transport's. */
    assert_int_equal(fcntl(context->fd, F_GETFD), -1);
    return 0;
}

static enum vsa_status exchange(struct context *context, struct vsa_error *error)
{
    return context->transport->exchange(context->transport, vsa_slice_of_text("request"),
                                        context->buffer, sizeof(context->buffer),
                                        &context->response, error);
}

static void test_what_the_driver_gets(void **state)
{
    struct context *context = *state;
    kernel.length = 100;
    assert_int_equal(exchange(context, NULL), VSA_OK);
    assert_int_equal(kernel.seen.request.length, 7);
    assert_memory_equal((const void *)(uintptr_t)kernel.seen.request.address, "request", 7);
    assert_int_equal(kernel.seen.response.length, 12288);
    assert_ptr_equal((void *)(uintptr_t)kernel.seen.response.address, context->buffer);
    assert_int_equal(context->response.size, 100);
    assert_ptr_equal(context->response.data, context->buffer);
}

static void test_response_lengths(void **state)
{
    struct context *context = *state;
    kernel.length = 1;
    assert_int_equal(exchange(context, NULL), VSA_OK);
    assert_int_equal(context->response.size, 1);
    kernel.length = VSA_NSM_MAX_RESPONSE;
    assert_int_equal(exchange(context, NULL), VSA_OK);
    assert_int_equal(context->response.size, VSA_NSM_MAX_RESPONSE);
    kernel.length = 0;
    assert_int_equal(exchange(context, NULL), VSA_ERR_REPLY);
    kernel.length = VSA_NSM_MAX_RESPONSE + 1;
    assert_int_equal(exchange(context, NULL), VSA_ERR_REPLY);
    kernel.length = SIZE_MAX;
    assert_int_equal(exchange(context, NULL), VSA_ERR_REPLY);
}

static void test_interrupted_calls_are_repeated(void **state)
{
    struct context *context = *state;
    kernel.failures = 3;
    kernel.number = EINTR;
    kernel.length = 10;
    assert_int_equal(exchange(context, NULL), VSA_OK);
    assert_int_equal(kernel.calls, 4);
    /* Each with the full room again, though the last one had changed it. */
    assert_int_equal(kernel.seen.response.length, VSA_NSM_MAX_RESPONSE);
}

static void test_errors_of_the_driver(void **state)
{
    static const struct {
        int number;
        enum vsa_status status;
    } rows[] = {
        {EMSGSIZE, VSA_ERR_TOO_LARGE},      {ETIMEDOUT, VSA_ERR_TIMEOUT},
        {ENOTTY, VSA_ERR_NSM_UNREACHABLE},  {EIO, VSA_ERR_NSM_UNREACHABLE},
        {ENODATA, VSA_ERR_NSM_UNREACHABLE}, {EFAULT, VSA_ERR_NSM_UNREACHABLE},
        {EINVAL, VSA_ERR_NSM_UNREACHABLE},  {ENXIO, VSA_ERR_NSM_UNREACHABLE},
    };
    struct context *context = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_error error = {0};
        kernel.calls = 0;
        kernel.failures = 1;
        kernel.number = rows[i].number;
        kernel.length = 10;
        assert_int_equal(exchange(context, &error), rows[i].status);
        assert_int_equal(error.status, rows[i].status);
        /* The next one works. */
        assert_int_equal(exchange(context, NULL), VSA_OK);
    }
}

/* The real ioctl of what is a device, but not an NSM. */
static void test_other_devices(void **state)
{
    static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct vsa_nsm *nsm = NULL;
        struct vsa_error error = {0};
        assert_int_equal(vsa_nsm_open(paths[i], 1000, &nsm, &error), VSA_ERR_NSM_UNREACHABLE);
        assert_null(nsm);
        assert_non_null(strstr(error.detail, "not a Nitro Secure Module; that is /dev/nsm"));
        assert_non_null(strstr(error.detail, "unix:PATH for a software NSM"));
    }
}

/* Only what a driver answers that does not know the call: an NSM with a bad day is one. */
static void test_probe(void **state)
{
    static const struct {
        int number;
        enum vsa_status status;
    } rows[] = {
        {0, VSA_ERR_NSM_UNREACHABLE},
        {ENOTTY, VSA_ERR_NSM_UNREACHABLE},
        {EINVAL, VSA_ERR_NSM_UNREACHABLE},
        {ENOSYS, VSA_ERR_NSM_UNREACHABLE},
        {EBADFD, VSA_ERR_NSM_UNREACHABLE},
        {EFAULT, VSA_OK},
        {ETIMEDOUT, VSA_OK},
        {EIO, VSA_OK},
    };
    (void)state;
    memset(&kernel, 0, sizeof(kernel));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_nsm_transport *transport = NULL;
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        kernel.probe = rows[i].number;
        assert_int_equal(vsa_nsm_device_new(fd, fake_ioctl, &transport, NULL), rows[i].status);
        if (transport)
            transport->close(transport);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
    assert_int_equal(kernel.calls, 0);
}

static void test_descriptor_is_close_on_exec(void **state)
{
    (void)state;
    struct vsa_nsm_transport *transport = NULL;
    /* The lowest free descriptor is the next one opened. */
    int next = dup(0);
    assert_true(next >= 0);
    (void)close(next);
    kernel.probe = EFAULT;
    assert_int_equal(vsa_nsm_device_open("/dev/null", fake_ioctl, &transport, NULL), VSA_OK);
    assert_int_equal(fcntl(next, F_GETFD), FD_CLOEXEC);
    transport->close(transport);
}

/* Without the device there is no falling back: the error says what a developer can do. */
static void test_missing_device(void **state)
{
    (void)state;
    struct vsa_nsm *nsm = NULL;
    struct vsa_error error = {0};
    assert_int_equal(vsa_nsm_open("/dev/no-such-nsm", 1000, &nsm, &error), VSA_ERR_NSM_UNREACHABLE);
    assert_non_null(strstr(error.detail, "/dev/no-such-nsm"));
    assert_non_null(strstr(error.detail, "inside a Nitro Enclave"));
    assert_non_null(strstr(error.detail, "software_nsm --listen unix:PATH"));
    assert_non_null(strstr(error.detail, "the address unix:PATH"));
    assert_null(nsm);
}

static void test_no_device(void **state)
{
    (void)state;
    struct vsa_nsm *nsm = NULL;
    struct vsa_error error = {0};
    assert_int_equal(vsa_nsm_open("/", 1000, &nsm, &error), VSA_ERR_NSM_UNREACHABLE);
    assert_non_null(strstr(error.detail, "unix:PATH"));
    assert_int_equal(vsa_nsm_open("/etc/passwd", 1000, &nsm, &error), VSA_ERR_NSM_UNREACHABLE);
    assert_null(nsm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_the_driver_gets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_response_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupted_calls_are_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_the_driver, setup, teardown),
        cmocka_unit_test(test_other_devices),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_descriptor_is_close_on_exec),
        cmocka_unit_test(test_missing_device),
        cmocka_unit_test(test_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
