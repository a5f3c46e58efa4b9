/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/error.h"

enum vsa_status vsa_wait_for(int fd, short events, int64_t deadline_ms, const char *awaited,
                             struct vsa_error *error)
{
    struct pollfd entry = {.fd = fd, .events = events};
    for (;;) {
        int64_t left = deadline_ms - vsa_monotonic_ms();
        if (left <= 0)
            return vsa_fail(error, VSA_ERR_TIMEOUT, "timed out while waiting for %s", awaited);
        int ready = poll(&entry, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0)
            return VSA_OK;
        if (ready < 0 && errno != EINTR)
            return vsa_fail_at(error, VSA_ERR_IO, VSA_NO_OFFSET, "poll(2)", "%s", strerror(errno));
    }
}
