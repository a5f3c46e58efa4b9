/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vsattest/transport.h>

/* Called before the next socket listens; its file has another name then. */
static void (*before_listening)(void);

/* In front of libc's, so that another process can be quicker at a chosen moment. */
int listen(int fd, int backlog)
{
    void (*hook)(void) = before_listening;
    before_listening = NULL;
    if (hook)
        hook();
    return (int)syscall(SYS_listen, fd, backlog);
}

static char directory[32];
static char path[64];
static struct vsa_address address;

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/vsa-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/s", directory);
    address = (struct vsa_address){.kind = VSA_ADDRESS_UNIX};
    (void)snprintf(address.path, sizeof(address.path), "%s", path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void assert_fails(enum vsa_status status, const char *words)
{
    struct vsa_listener listener = {.fd = -7};
    struct vsa_error error = {0};
    enum vsa_status got = vsa_listen(&address, &listener, &error);
    if (got != status)
        fail_msg("%s instead of %s", vsa_status_code(got), vsa_status_code(status));
    if (!strstr(error.detail, words))
        fail_msg("\"%s\" does not say \"%s\"", error.detail, words);
    assert_int_equal(listener.fd, -7);
}

static void assert_serves(const struct vsa_listener *listener)
{
    int fd = -1;
    assert_int_equal(vsa_connect(&address, vsa_deadline(20000), &fd, NULL), VSA_OK);
    int accepted = accept(listener->fd, NULL, NULL);
    assert_true(accepted >= 0);
    (void)close(accepted);
    (void)close(fd);
}

static void test_listen_and_close(void **state)
{
    (void)state;
    struct vsa_listener listener;
    struct stat file;
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
    assert_string_equal(listener.address.path, path);
    assert_serves(&listener);
    vsa_listener_close(&listener);
    assert_int_equal(listener.fd, -1);
    assert_int_equal(stat(path, &file), -1);
    vsa_listener_close(&listener);
}

/* A socket file that no program answers on is in no program's way. */
static void test_left_over(void **state)
{
    (void)state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&name, sizeof(name)), 0);
    (void)close(dead);
    struct vsa_listener listener;
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_serves(&listener);
    vsa_listener_close(&listener);
}

/* No process sees the file before it can be connected to, and nothing else stays behind. */
static void test_appears_ready(void **state)
{
    (void)state;
    char made[sizeof(path) + 8];
    struct vsa_listener listener;
    struct stat file;
    /* What a process left that was killed in between. */
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(made, sizeof(made), "%s.new", path);
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", made);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&name, sizeof(name)), 0);
    (void)close(dead);
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_int_equal(lstat(made, &file), -1);
    assert_serves(&listener);
    vsa_listener_close(&listener);
    /* Another user's file of that name stays, and is in no program's way. */
    int other = open(made, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(other >= 0);
    (void)close(other);
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_serves(&listener);
    vsa_listener_close(&listener);
    assert_int_equal(unlink(made), 0);
}

/* The longest path that the system allows has no room for another name beside it. */
static void test_longest_path(void **state)
{
    (void)state;
    struct vsa_listener listener;
    size_t size = strlen(directory);
    memset(address.path, 'x', 107);
    memcpy(address.path, directory, size);
    address.path[size] = '/';
    address.path[107] = '\0';
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_serves(&listener);
    vsa_listener_close(&listener);
}

static void test_in_use(void **state)
{
    (void)state;
    struct vsa_listener listener;
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_fails(VSA_ERR_ADDRESS_IN_USE, "is in use");
    assert_serves(&listener);
    vsa_listener_close(&listener);
}

/* A file under the name that ours has before it is published: it stays if a process answers. */
static void test_live_aside(void **state)
{
    (void)state;
    struct vsa_listener other;
    struct vsa_listener listener;
    struct vsa_address aside = address;
    (void)snprintf(aside.path, sizeof(aside.path), "%s.new", path);
    assert_int_equal(vsa_listen(&aside, &other, NULL), VSA_OK);
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_serves(&listener);
    vsa_listener_close(&listener);
    address = aside;
    assert_serves(&other);
    vsa_listener_close(&other);
}

static void make_file(void)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
}

/* What was put there between looking and publishing is not replaced. */
static void test_made_meanwhile(void **state)
{
    (void)state;
    struct stat file;
    char made[sizeof(path) + 8];
    (void)snprintf(made, sizeof(made), "%s.new", path);
    before_listening = make_file;
    assert_fails(VSA_ERR_ADDRESS_IN_USE, "is in use");
    assert_int_equal(lstat(path, &file), 0);
    assert_true(S_ISREG(file.st_mode));
    assert_int_equal(lstat(made, &file), -1);
}

static void test_other_file(void **state)
{
    (void)state;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    assert_fails(VSA_ERR_ADDRESS_IN_USE, "not a socket");
    assert_int_equal(access(path, F_OK), 0);
}

static void test_no_directory(void **state)
{
    (void)state;
    (void)snprintf(address.path, sizeof(address.path), "%s/none/s", directory);
    assert_fails(VSA_ERR_IO, "No such file");
}

static void test_no_permission(void **state)
{
    (void)state;
    uid_t user = geteuid();
    assert_int_equal(chmod(directory, 0555), 0);
    /* Root may write everywhere: be another user for a moment. */
    if (user == 0)
        assert_int_equal(seteuid(65534), 0);
    struct vsa_listener listener = {.fd = -7};
    struct vsa_error error = {0};
    enum vsa_status status = vsa_listen(&address, &listener, &error);
    if (user == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(directory, 0700), 0);
    assert_int_equal(status, VSA_ERR_IO);
    assert_non_null(strstr(error.detail, "write access to its directory"));
}

/* Closing leaves a file alone that another process put there meanwhile. */
static void test_replaced_file_stays(void **state)
{
    (void)state;
    struct vsa_listener old;
    struct vsa_listener new;
    assert_int_equal(vsa_listen(&address, &old, NULL), VSA_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vsa_listen(&address, &new, NULL), VSA_OK);
    vsa_listener_close(&old);
    assert_serves(&new);
    vsa_listener_close(&new);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_vsock_mux(void **state)
{
    (void)state;
    struct vsa_listener listener;
    char expected[96];
    address.kind = VSA_ADDRESS_VSOCK_MUX;
    address.port = 9000;
    (void)snprintf(expected, sizeof(expected), "%s_9000", path);
    assert_int_equal(vsa_listen(&address, &listener, NULL), VSA_OK);
    assert_int_equal(access(expected, F_OK), 0);
    assert_int_equal(access(path, F_OK), -1);
    vsa_listener_close(&listener);
    assert_int_equal(access(expected, F_OK), -1);
}

static void test_vsock_mux_too_long(void **state)
{
    (void)state;
    address.kind = VSA_ADDRESS_VSOCK_MUX;
    address.port = 9000;
    memset(address.path, 'p', sizeof(address.path) - 1);
    address.path[sizeof(address.path) - 5] = '\0'; /* with "_9000" one byte too many */
    assert_fails(VSA_ERR_ARGUMENT, "longer than 107 bytes");
}

#define CONTENDERS 8

static void leave_socket_file(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof(name)), 0);
    (void)close(fd);
}

/* Returns when the other side of the pipe is closed everywhere. */
static void wait_for_close(int fd)
{
    char byte;
    while (read(fd, &byte, 1) > 0)
        continue;
}

/* Exit status: 0 has the address, and keeps it until `end`; 1 found it taken. */
static void contend(const int go[2], const int end[2])
{
    struct vsa_listener listener;
    (void)close(go[1]);
    (void)close(end[1]);
    wait_for_close(go[0]);
    enum vsa_status status = vsa_listen(&address, &listener, NULL);
    if (status == VSA_OK)
        wait_for_close(end[0]);
    _exit(status == VSA_OK ? 0 : status == VSA_ERR_ADDRESS_IN_USE ? 1 : 2);
}

/* Waits for `count` children; true if all of them exited with `code`. */
static bool all_exit(int count, int code)
{
    int64_t deadline = vsa_deadline(20000);
    bool as_expected = true;
    while (count > 0 && vsa_monotonic_ms() < deadline) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0)
            (void)usleep(2000);
        if (pid > 0) {
            as_expected = as_expected && WIFEXITED(status) && WEXITSTATUS(status) == code;
            count--;
        }
    }
    return as_expected && count == 0;
}

/* Of many that start at once, exactly one gets the address of a dead process. */
static void test_race(void **state)
{
    (void)state;
    int go[2];
    int end[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(end), 0);
    leave_socket_file();
    for (int i = 0; i < CONTENDERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            contend(go, end);
    }
    (void)close(go[0]);
    (void)close(go[1]);
    bool losers = all_exit(CONTENDERS - 1, 1);
    (void)close(end[0]);
    (void)close(end[1]);
    assert_true(all_exit(1, 0));
    assert_true(losers);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_listen_and_close),
        TEST(test_left_over),
        TEST(test_appears_ready),
        TEST(test_longest_path),
        TEST(test_in_use),
        TEST(test_live_aside),
        TEST(test_made_meanwhile),
        TEST(test_other_file),
        TEST(test_no_directory),
        TEST(test_no_permission),
        TEST(test_replaced_file_stays),
        TEST(test_vsock_mux),
        TEST(test_vsock_mux_too_long),
        TEST(test_race),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
