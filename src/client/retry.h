/* SPDX-License-Identifier: Apache-2.0 */
/* When a client asks again, and after how long: docs/PROTOCOL.md, "Errors". */
#ifndef VSA_CLIENT_RETRY_H
#define VSA_CLIENT_RETRY_H

#include <stdbool.h>

#include <jansson.h>

#include <vsattest/base.h>

/* What an attempt left behind. */
struct vsa_attempt {
    enum vsa_status status;
    int64_t retry_after_ms; /* the enclave's wish, -1 for none */
    bool unanswered;        /* sent, and not a byte came back */
};

/* Whether asking twice does no more than asking once. */
bool vsa_retry_is_harmless(const json_t *request);

/* Whether asking again makes sense and, if the request is not `harmless`, cannot double it. */
bool vsa_retry_makes_sense(const struct vsa_attempt *attempt, bool harmless);

/*
 * How long to pause before retry number `retry` (the first is 0): the wish of the enclave, or half
 * of a span that doubles each time; and up to half a span more at random, so that clients who were
 * refused together do not come back together. Of what is left of `left_ms` after the least pause
 * the random part takes half at most; -1 when nothing would be left.
 */
int64_t vsa_retry_pause_ms(unsigned retry, int64_t retry_after_ms, int64_t left_ms,
                           uint32_t random);

/* For the random part. 0 when the kernel has none yet: then pauses are only less spread. */
uint32_t vsa_retry_random(void);

/* Returns after `pause_ms`, signals notwithstanding. */
void vsa_retry_sleep(int64_t pause_ms);

#endif
