/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/restart.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum restart_verdict restart_decide(struct restart_state *state, bool stopping,
                                    enum restart_policy policy, int wait_status, int64_t ran_ms,
                                    int *delay_ms)
{
    bool finished = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    *delay_ms = 0;
    if (stopping || (finished && policy != RESTART_ALWAYS))
        return RESTART_DONE;
    if (ran_ms >= RESTART_STABLE_MS)
        state->failures = 0;
    if (policy == RESTART_NEVER || state->failures == RESTART_MAX)
        return RESTART_GIVE_UP;
    *delay_ms = RESTART_FIRST_DELAY_MS << state->failures;
    state->failures++;
    return RESTART_AGAIN;
}

const char *restart_describe(int wait_status, char *text, size_t capacity)
{
    if (WIFSIGNALED(wait_status))
        (void)snprintf(text, capacity, "was killed by signal %d (%s)", WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
    else
        (void)snprintf(text, capacity, "exited with status %d", WEXITSTATUS(wait_status));
    return text;
}
