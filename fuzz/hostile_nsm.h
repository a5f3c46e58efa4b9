/* SPDX-License-Identifier: Apache-2.0 */
/* An NSM behind a Unix socket that answers as the input decides, from the loop's own thread. */
#ifndef VSA_FUZZ_HOSTILE_NSM_H
#define VSA_FUZZ_HOSTILE_NSM_H

#include <stdbool.h>

#include <vsattest/base.h>

enum hostile_answer {
    HOSTILE_HONEST,  /* what the software NSM answers */
    HOSTILE_ERROR,   /* an error; `argument`: its code */
    HOSTILE_BYTES,   /* `bytes` */
    HOSTILE_CUT,     /* an honest answer's first `argument` * 32 bytes */
    HOSTILE_CHANGED, /* one with byte `argument` * 16 changed */
    HOSTILE_OTHER,   /* the answer to another question; `argument`: its kind */
    HOSTILE_TWICE,   /* an honest one, twice */
    HOSTILE_EMPTY,   /* a message without a byte */
    HOSTILE_HANG_UP,
    HOSTILE_HOLD, /* none until hostile_nsm_release() */
    HOSTILE_HUGE, /* more than VSA_NSM_MAX_RESPONSE bytes */
    HOSTILE_ANSWERS
};

struct hostile_manner {
    enum hostile_answer answer;
    unsigned argument;
    struct vsa_slice bytes; /* borrowed */
};

/* The path that it listens on, below `directory`. */
void hostile_nsm_begin(const char *directory);
const char *hostile_nsm_address(void);
void hostile_nsm_end(void);

/* How it answers from now on. */
void hostile_nsm_behave(const struct hostile_manner *manner);
/* Stops listening and hangs up, or listens again. */
void hostile_nsm_listen(bool listen);
/* Answers honestly what it held back. */
void hostile_nsm_release(void);
/* Takes one connection or request; false: there was none. */
bool hostile_nsm_serve(void);

#endif
