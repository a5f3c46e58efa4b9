/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one poll(): clients of a software NSM, one message a request, one a response. */
#ifndef VSA_SOFTWARE_NSM_SERVE_H
#define VSA_SOFTWARE_NSM_SERVE_H

#include "software_nsm/software_nsm.h"
#include <vsattest/transport.h>

/* A client is an enclave's server, of which a machine runs a few. */
#define VSA_SOFTWARE_NSM_MAX_CLIENTS 64

/*
 * Listens on "unix:PATH" for whole messages (SOCK_SEQPACKET). The socket file's mode follows the
 * umask. Release with vsa_listener_close(). Errors: VSA_ERR_ARGUMENT; those of vsa_listen().
 */
VSA_MUST_USE enum vsa_status vsa_software_nsm_listen(const char *address,
                                                     struct vsa_listener *listener,
                                                     struct vsa_error *error);

struct vsa_software_service {
    struct vsa_software_nsm *nsm;
    int listener;                                    /* of struct vsa_listener */
    int stop;                                        /* readable or hung up: time to return */
    int64_t (*now_ms)(void);                         /* the clock: Unix milliseconds */
    void (*report)(const struct vsa_error *failure); /* an error of ours, or a client dropped */
};

/*
 * Serves until `stop`. A client that leaves its responses unread until the socket's buffer is full
 * is dropped, so that it cannot hold up others; one beyond VSA_SOFTWARE_NSM_MAX_CLIENTS is hung up
 * on at once. Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_software_nsm_serve(const struct vsa_software_service *service,
                                                    struct vsa_error *error);

#endif
