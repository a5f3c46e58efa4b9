/* SPDX-License-Identifier: Apache-2.0 */
/* Streams over socketpair(2), all in the test's thread: the test is the peer, and the owner. */
#ifndef VSA_TESTS_STREAM_FIXTURE_H
#define VSA_TESTS_STREAM_FIXTURE_H

#include "stream/stream.h"
#include "stream/writing.h"

#define MAX_LINE 1024
#define LARGE    60000

struct stream_rig {
    struct vsa_event_loop loop;
    struct vsa_streams *streams;     /* NULL until the first stream */
    struct vsa_stream_limits limits; /* to be changed before */
    int send_buffer;                 /* of streams, in bytes; 0: as it comes */
    char seen[4096];                 /* the lines, each with '|' behind */
    char ended[4096];                /* why streams ended: "number:code " */
    int opened;
    int freed;
    int peers[8];
    size_t peer_count;
    struct vsa_stream *waiting; /* the one that is suspended */
    bool answering;             /* the owner's buffer holds a reply */
    char large[LARGE];          /* a line */
};

/*
 * The owner echoes lines; some have a meaning: "wait" suspends, "large" gets LARGE bytes, "slow"
 * takes a slice of time, "ignore" gets nothing.
 */
extern struct stream_rig rig;

int stream_set_up(void **state);
int stream_tear_down(void **state);
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, stream_set_up, stream_tear_down)

/* Returns the peer's end of a new stream. */
int connect_as(uint32_t cid, enum vsa_status expected);
int connect_one(void);
void iterate_streams(int times);
void put(int fd, const char *text);
void answer(struct vsa_stream *stream, const char *text);
void answer_much(struct vsa_stream *stream, size_t size);
/* Asserts what can be read now; "EOF" at the end of the stream. */
void assert_reads(int fd, const char *expected);
/* Returns the number of bytes that can be read in many iterations. */
size_t read_all(int fd);
void assert_states(uint64_t idle, uint64_t busy, uint64_t sending, uint64_t closing);

#endif
