/* SPDX-License-Identifier: Apache-2.0 */
/* New sockets of a listener become streams; it pauses while descriptors or memory are short. */
#ifndef VSA_STREAM_ACCEPTOR_H
#define VSA_STREAM_ACCEPTOR_H

#include <sys/socket.h>

#include "stream/stream.h"
#include <vsattest/transport.h>

/* Set the first five members; the rest is its own. */
struct vsa_acceptor {
    struct vsa_event_loop *loop;
    struct vsa_streams *streams;
    struct vsa_listener *listener;
    /* Writes why to `fd`, which is closed afterwards; or, fd -1: accepting pauses,
     * which is reported once in 100 ms at most. */
    void (*refused)(void *user, int fd, const struct vsa_error *why);
    void *user;

    struct vsa_event_watch watch;
    struct vsa_timer_list pauses;
    struct vsa_timer pause;
    bool accepting;
    bool reported; /* a pause; not again at once */
    int64_t reported_ms;
};

/* Starts accepting. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_acceptor_start(struct vsa_acceptor *acceptor,
                                                struct vsa_error *error);
/* Takes who is waiting already, then closes the listener. */
void vsa_acceptor_stop(struct vsa_acceptor *acceptor);

/*
 * Returns the CID of a vsock address as accept(2) gave it, else 0: no peer has CID 0, the
 * hypervisor's.
 */
uint32_t vsa_acceptor_cid_of(const struct sockaddr *address, socklen_t size);

#endif
