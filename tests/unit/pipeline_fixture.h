/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's requests without a server: streams over socketpair(2), an NSM without a module, and
 * a worker whose thread starts when the test wants. Everything else runs in the test's thread.
 */
#ifndef VSA_TESTS_PIPELINE_FIXTURE_H
#define VSA_TESTS_PIPELINE_FIXTURE_H

#include "fake_nsm.h"
#include "server/builtin.h"
#include "server/call.h"

#define ATTEST "{\"command\":\"attest\"}\n"
#define NONCE  "{\"command\":\"attest\",\"nonce\":\"n\"}\n"
#define PING   "{\"command\":\"ping\"}\n"
#define PONG   "{\"success\":true,\"message\":\"pong\"}\n"

struct pipeline {
    struct fake_nsm fake;
    struct vsa_event_loop loop;
    struct vsa_streams *streams;
    struct vsa_worker *worker; /* with a queue of two */
    struct vsa_server_options options;
    struct vsa_nsm_health health; /* reachable, and no news is needed */
    struct vsa_requests requests; /* with the command "limited" besides the built-in ones */
    int events[VSA_EVENT_STOPPED + 1];
    int peers[16];
    size_t peer_count;
};

extern struct pipeline pipeline;

/* For each test: a new one. */
int pipeline_set_up(void **state);
int pipeline_tear_down(void **state);

/* Returns the peer's end of a new stream, which the tear-down closes. */
int connect_stream(void);
void iterate(void);
/* Before start_worker(), which starts both threads. */
void enable_sealing(const struct vsa_sealing_options *options);
void start_worker(void);

void send_text(int peer, const char *text);
/* Sends, and has it read: then one more request is in flight. */
void begin_request(int peer, const char *text);

/* Returns so many lines, with a NUL behind, however many iterations they take. */
const char *receive_lines(int peer, int count);
void assert_says(int peer, const char *part);
void assert_in_flight(uint64_t count);
/* Asserts that no stream and no request has memory of the budget. */
void assert_nothing_buffered(void);

#endif
