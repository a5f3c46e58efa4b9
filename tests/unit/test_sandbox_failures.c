/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of dropping privileges that fails ends it. The linker puts prctl(2) and syscall(2) here
 * (--wrap), so this process keeps its privileges.
 */
#include "unit_test.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "sandbox/sandbox.h"

/* What fails: an option of prctl(2), or a number of syscall(2); -1: nothing. */
static long failing;

__attribute__((used)) int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
    /* No capability to drop from the bounding set. */
    errno = option == failing ? EPERM : EINVAL;
    return option == failing || option == PR_CAPBSET_READ ? -1 : 0;
}

/* What prctl() is called where long has 32 bits and times have 64. */
__attribute__((used)) int __wrap___prctl_time64(int option, ...);
int __wrap___prctl_time64(int option, ...)
{
    return __wrap_prctl(option);
}

__attribute__((used)) long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    errno = EPERM;
    return number == failing ? -1 : 0;
}

static void prepare_fails(long what, const char *name)
{
    struct vsa_error error;
    failing = what;
    assert_int_equal(vsa_sandbox_prepare(&error), VSA_ERR_IO);
    assert_non_null(strstr(error.detail, name));
    assert_non_null(strstr(error.detail, strerror(EPERM)));
}

static void enter_fails(long what, const char *name)
{
    struct vsa_error error;
    bool filtered = true;
    failing = what;
    assert_int_equal(vsa_sandbox_enter(&filtered, &error), VSA_ERR_IO);
    assert_non_null(strstr(error.detail, name));
    assert_true(filtered);
}

static void before_listening(void **state)
{
    struct vsa_error error;
    (void)state;
    prepare_fails(PR_SET_NO_NEW_PRIVS, "no new privileges");
    prepare_fails(SYS_capget, "capget");
    prepare_fails(SYS_capset, "capset");
    failing = -1;
    assert_int_equal(vsa_sandbox_prepare(&error), VSA_OK);
}

static void while_listening(void **state)
{
    (void)state;
    enter_fails(SYS_capget, "capget");
    enter_fails(SYS_capset, "capset");
    enter_fails(PR_SET_DUMPABLE, "core dumps");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_listening),
        cmocka_unit_test(while_listening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
