/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket a software NSM listens on. */
#ifndef VSA_SOFTWARE_NSM_LISTENER_H
#define VSA_SOFTWARE_NSM_LISTENER_H

#include <vsattest/base.h>

/* sun_path of sockaddr_un with its NUL (unix(7)), less the suffix while it is being made. */
#define VSA_SOFTWARE_NSM_MAX_PATH 104

struct vsa_software_listener {
    int fd; /* SOCK_SEQPACKET, close-on-exec, non-blocking; -1 when closed */
    char path[VSA_SOFTWARE_NSM_MAX_PATH];
    uint64_t device; /* of the socket file, to remove no other */
    uint64_t inode;
};

/*
 * Listens on "unix:PATH". The file appears when connecting works already, so whoever waits for it
 * may connect at once. The socket file's mode follows the process's umask; one left over by a
 * dead process is replaced, one that somebody answers on is not, nor is any other file.
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_ADDRESS_IN_USE, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_software_listener_open(const char *address,
                                                        struct vsa_software_listener *listener,
                                                        struct vsa_error *error);

/* Closes it and removes the socket file, if that is still the one that was made. */
void vsa_software_listener_close(struct vsa_software_listener *listener);

#endif
