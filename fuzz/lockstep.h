/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a server's loop, its workers and the input's program in lockstep, with a clock of their
 * own, so that an input does the same each time and no time limit has to be waited for.
 *
 * The linker replaces the library's calls of epoll_wait(), poll(), clock_gettime(),
 * pthread_cond_wait(), pthread_cond_signal() and pthread_create() by those of lockstep.c
 * (-Wl,--wrap). When the loop waits for events, the program runs in its place, up to its next turn;
 * when nothing is left to run, the clock moves. Workers' threads run while the loop waits for them
 * to block again.
 */
#ifndef VSA_FUZZ_LOCKSTEP_H
#define VSA_FUZZ_LOCKSTEP_H

#include <stdbool.h>
#include <stdint.h>

enum lockstep_next {
    LOCKSTEP_TURN,   /* the loop gets the events that are there, then the program goes on */
    LOCKSTEP_SETTLE, /* the program goes on when the server has nothing left to do */
};

struct lockstep {
    /* Runs the program up to its next turn. `timeout_ms`: what the loop would wait; -1: for ever.
     */
    enum lockstep_next (*step)(void *user, int timeout_ms);
    /* Answers what the worker asked the NSM for; false: it asked for nothing. */
    bool (*serve)(void *user);
    void *user;
    unsigned tick_us; /* that each look at the clock by the loop's thread takes */
};

/* 2026-01-01T00:00:00Z, where CLOCK_REALTIME begins. */
#define LOCKSTEP_EPOCH_MS INT64_C(1767225600000)

/* In the thread that makes, runs and frees the server; before vsa_server_new(). */
void lockstep_begin(const struct lockstep *lockstep);
/* Before vsa_server_free(): calls of the worker that still wait run into their time limits. */
void lockstep_release(void);
/* After it. */
void lockstep_end(void);

/* Moves the clock; the loop and the worker take note. */
void lockstep_advance(int64_t ms);
/* Milliseconds since 1970 by that clock. */
int64_t lockstep_now_ms(void);

#endif
