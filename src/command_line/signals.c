/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/error.h"

/* For the handler; `signalled` is NULL before there is a service, and after. */
static void (*stop_signalled)(void *user);
static void *volatile signalled;

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    if (signalled)
        stop_signalled(signalled);
    errno = saved;
}

void signals_catch(void (*stop)(void *user), void *user)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    stop_signalled = stop;
    signalled = user;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

void signals_block(bool block)
{
    sigset_t stopping;
    (void)sigemptyset(&stopping);
    (void)sigaddset(&stopping, SIGTERM);
    (void)sigaddset(&stopping, SIGINT);
    (void)sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &stopping, NULL);
}

enum vsa_status signals_open(int *fd, struct vsa_error *error)
{
    sigset_t stopping;
    (void)sigemptyset(&stopping);
    (void)sigaddset(&stopping, SIGTERM);
    (void)sigaddset(&stopping, SIGINT);
    (void)sigaddset(&stopping, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    int opened =
        sigprocmask(SIG_BLOCK, &stopping, NULL) == 0 ? signalfd(-1, &stopping, SFD_CLOEXEC) : -1;
    if (opened < 0)
        return vsa_fail(error, VSA_ERR_IO, "signals: %s", strerror(errno));
    *fd = opened;
    return VSA_OK;
}
