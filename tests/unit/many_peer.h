/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for tests of the pool: a thread for each connection, replies by a script, and on demand
 * it holds every request until it is let go. Not quick, but exactly known.
 */
#ifndef VSA_TESTS_MANY_PEER_H
#define VSA_TESTS_MANY_PEER_H

#include <pthread.h>
#include <stdbool.h>

#include <vsattest/transport.h>

#define PEER_PATIENCE_MS     20000
#define PEER_MAX_CONNECTIONS 256
#define PEER_MAX_SCRIPT      8
#define PEER_MAX_LOG         256

/* Instead of a reply: hang up; or half a line and then. */
#define PEER_HANG_UP      "hang up"
#define PEER_HALF_A_REPLY "half a reply"
/* A reply, and then hang up. */
#define PEER_LAST "last: "

struct many_peer {
    struct vsa_listener listener;
    char directory[32];
    char address[VSA_MAX_ADDRESS];
    pthread_t accepting;
    pthread_t serving[PEER_MAX_CONNECTIONS];
    int fds[PEER_MAX_CONNECTIONS];       /* -1: closed */
    char *buffers[PEER_MAX_CONNECTIONS]; /* here, so that a fork leaks none */
    pthread_mutex_t lock;                /* of everything below */
    pthread_cond_t changed;
    bool stopping;
    unsigned accepted;
    unsigned requests;
    bool holds; /* no request is answered until it does not */
    /* Replies to the next requests, in order of arrival; "$" is the id. Without one: what the
     * request's "say" is comes back as "said". */
    const char *script[PEER_MAX_SCRIPT];
    unsigned scripted;
    unsigned done;
    long long log[PEER_MAX_LOG]; /* "say" of each request */
};

/* Non-zero when it cannot be started. */
int many_peer_start(struct many_peer *peer);
/* Closes all, joins all. */
void many_peer_stop(struct many_peer *peer);

void many_peer_hold(struct many_peer *peer, bool holds);
/* For the next requests; the texts must live. */
void many_peer_script(struct many_peer *peer, const char *const *replies, unsigned count);
/* Hangs up on everybody who is connected. */
void many_peer_hang_up(struct many_peer *peer);
/* Sends a line that was not asked for on all connections. */
void many_peer_say(struct many_peer *peer, const char *line);
/* Waits until so many requests have come; fails the test when they do not. */
void many_peer_await_requests(struct many_peer *peer, unsigned count);
unsigned many_peer_accepted(struct many_peer *peer);
unsigned many_peer_requests(struct many_peer *peer);

#endif
