/* SPDX-License-Identifier: Apache-2.0 */
/* When a client repeats a request, and after which pause: docs/PROTOCOL.md, "Errors". */
#ifndef VSA_CLIENT_RETRY_H
#define VSA_CLIENT_RETRY_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/base.h>

/* The outcome of one attempt. */
struct vsa_attempt {
    enum vsa_status status;
    int64_t retry_after_ms; /* pause that the enclave asked for; -1: none */
    bool unanswered;        /* sent, and no byte of a reply received */
    bool sent;              /* some of the request, perhaps */
};

/* Returns whether the request is idempotent: sent twice it has no further effect. */
bool vsa_retry_is_idempotent(const json_t *request);

/* Returns whether a retry may succeed and, if not `idempotent`, cannot execute it twice. */
bool vsa_retry_is_allowed(const struct vsa_attempt *attempt, bool idempotent);

/*
 * Returns the pause in milliseconds before retry number `retry` (the first is 0): what the enclave
 * asked for, or half of a span that doubles each time; plus up to half a span at random, so that
 * clients refused together do not return together. The random part takes at most half of what
 * remains of `left_ms` after the shortest pause. -1: no time would remain.
 */
int64_t vsa_retry_pause_ms(unsigned retry, int64_t retry_after_ms, int64_t left_ms,
                           uint32_t random);

/* Returns a number for the random part; 0 while the kernel has no random bytes yet. */
uint32_t vsa_retry_random(void);

/* Sleeps for `pause_ms`, also when signals interrupt it. */
void vsa_retry_sleep(int64_t pause_ms);

#endif
