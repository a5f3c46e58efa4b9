/* SPDX-License-Identifier: Apache-2.0 */
#include "client/retry.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "protocol/json.h"
#include "protocol/request.h"

/* First span: time in which a full queue has processed a few dozen documents. */
#define FIRST_SPAN_MS 100
/* Longest span: a service that is back is noticed within this time. */
#define LONGEST_SPAN_MS 10000

bool vsa_retry_is_idempotent(const json_t *request)
{
    static const char *const idempotent[] = {VSA_COMMAND_NAME_PING, VSA_COMMAND_NAME_STATUS,
                                             VSA_COMMAND_NAME_METRICS, VSA_COMMAND_NAME_SEAL_KEY};
    const char *command;
    if (vsa_request_command(request, &command, NULL) != VSA_OK)
        return false;
    for (size_t i = 0; i < sizeof(idempotent) / sizeof(idempotent[0]); i++)
        if (strcmp(command, idempotent[i]) == 0)
            return true;
    /* A program in the enclave may do anything with a key that was made for the first request. */
    return strcmp(command, VSA_COMMAND_NAME_ATTEST) == 0 &&
           !json_is_true(vsa_json_get(request, "generate_key"));
}

bool vsa_retry_is_allowed(const struct vsa_attempt *attempt, bool idempotent)
{
    /* clang-format off */
    switch ((int)attempt->status) {
    case VSA_ERR_REFUSED: /* failure to connect only */
    case VSA_ERR_BUSY:
    case VSA_ERR_RATE_LIMITED:
    case VSA_ERR_CONNECTIONS:
    case VSA_ERR_SHUTTING_DOWN:
    case VSA_ERR_IDLE_TIMEOUT:
        return true; /* by the protocol nothing was carried out */
    case VSA_ERR_NSM_UNREACHABLE:
        return idempotent;
    case VSA_ERR_CLOSED:
        return idempotent && attempt->unanswered;
    default:
        return false;
    }
    /* clang-format on */
}

static int64_t span_ms(unsigned retry)
{
    int64_t span = FIRST_SPAN_MS;
    for (unsigned i = 0; i < retry && span < LONGEST_SPAN_MS; i++)
        span *= 2;
    return span < LONGEST_SPAN_MS ? span : LONGEST_SPAN_MS;
}

int64_t vsa_retry_pause_ms(unsigned retry, int64_t retry_after_ms, int64_t left_ms, uint32_t random)
{
    int64_t half = span_ms(retry) / 2;
    int64_t least = retry_after_ms >= 0 ? retry_after_ms : half;
    if (least >= left_ms)
        return -1;
    int64_t room = (left_ms - least) / 2;
    return least + (int64_t)(random % (uint64_t)((room < half ? room : half) + 1));
}

uint32_t vsa_retry_random(void)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
        return 0;
    return random;
}

void vsa_retry_sleep(int64_t pause_ms)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t nanoseconds = end.tv_nsec + pause_ms % 1000 * 1000000;
    end.tv_sec += (time_t)(pause_ms / 1000 + nanoseconds / 1000000000);
    end.tv_nsec = (long)(nanoseconds % 1000000000);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        continue;
}
