/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries lines between clients elsewhere and the enclave, and understands none of them. Each
 * client has a connection to the enclave of its own, made with its first line; it gets one reply
 * for each line, in order. What is sealed stays sealed, and what is not can be read here.
 */
#ifndef VSA_RELAY_RELAY_H
#define VSA_RELAY_RELAY_H

#include <vsattest/transport.h>

struct vsa_relay;

enum vsa_relay_event {
    VSA_RELAY_UNREACHABLE, /* the enclave; reported once, until it is reachable */
    VSA_RELAY_REACHABLE,   /* again */
    VSA_RELAY_PAUSED,      /* accepting, for want of descriptors or memory */
};

struct vsa_relay_options {
    struct vsa_address enclave;
    size_t max_connections;
    size_t max_buffered;      /* bytes of lines of all clients, and as many of replies */
    uint32_t rate;            /* lines a second of all clients together, and at once; 0: no limit */
    int64_t idle_timeout_ms;  /* of a client without a complete line */
    int64_t timeout_ms;       /* until the enclave replies */
    int64_t drain_timeout_ms; /* for lines in flight after vsa_relay_stop() */
    /* In the relay's thread. `why` is NULL, or borrowed. */
    void (*on_event)(void *user, enum vsa_relay_event event, const struct vsa_error *why);
    void *user;
};

/*
 * Makes a relay.
 *
 * options   in: copied
 * listener  in: of vsa_listen(); the relay's from now on, if it succeeds
 * relay     out: set on success; vsa_relay_free()
 *
 * Errors: VSA_ERR_IO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_relay_new(const struct vsa_relay_options *options,
                                           const struct vsa_listener *listener,
                                           struct vsa_relay **relay, struct vsa_error *error);
/* Closes what is open. NULL is fine. */
void vsa_relay_free(struct vsa_relay *relay);

/*
 * Runs until vsa_relay_stop(): then no client is accepted, and lines in flight get their replies.
 * Errors: VSA_ERR_IO when it cannot begin.
 */
VSA_MUST_USE enum vsa_status vsa_relay_run(struct vsa_relay *relay, struct vsa_error *error);

/* Makes vsa_relay_run() return. From any thread or signal handler. */
void vsa_relay_stop(struct vsa_relay *relay);

#endif
