/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A software NSM as a character device, by the kernel's CUSE (character devices in user space,
 * linux/fuse.h): programs use it as they use a real /dev/nsm, through the same ioctl.
 *
 * What happens between kernel and device is messages, so all but moving them is a pure function.
 */
#ifndef VSA_SOFTWARE_NSM_CUSE_H
#define VSA_SOFTWARE_NSM_CUSE_H

#include "software_nsm/software_nsm.h"

#define VSA_CUSE_DEVICE "/dev/cuse"
/* A name below /dev with its NUL. */
#define VSA_CUSE_MAX_NAME 33

/*
 * FUSE_MIN_READ_BUFFER, and more than the largest message: an ioctl with struct nsm_raw and a
 * request of VSA_NSM_MAX_REQUEST bytes.
 */
#define VSA_CUSE_MAX_MESSAGE 8192
/* struct nsm_raw, a whole response, and the headers around them. */
#define VSA_CUSE_MAX_REPLY (VSA_NSM_MAX_RESPONSE + 128)

struct vsa_cuse {
    struct vsa_software_nsm *nsm; /* borrowed */
    char name[VSA_CUSE_MAX_NAME]; /* of the device: "nsm" is /dev/nsm */
    uint8_t reply[VSA_CUSE_MAX_REPLY];
};

/* Initializes a device. Errors: VSA_ERR_ARGUMENT when `name` cannot be the name of a device. */
VSA_MUST_USE enum vsa_status vsa_cuse_init(struct vsa_cuse *cuse, struct vsa_software_nsm *nsm,
                                           const char *name, struct vsa_error *error);

/*
 * Answers one message of the kernel, whatever it is; never fails.
 *
 * message  in: as read from /dev/cuse
 * now_ms   in: Unix milliseconds
 * reply    out: to be written to /dev/cuse, borrowed until the next message; absent when there is
 *          nothing to say
 * failure  out: as of vsa_software_nsm_respond()
 *
 * A program that uses the device gets the errors of the real driver (linux drivers/misc/nsm.c):
 * EMSGSIZE for a request above VSA_NSM_MAX_REQUEST, EINVAL for any other ioctl, for read and for
 * write, EFAULT for bad addresses (that one by the kernel itself). A response longer than the
 * program's buffer is cut without an error.
 */
void vsa_cuse_answer(struct vsa_cuse *cuse, struct vsa_slice message, int64_t now_ms,
                     struct vsa_slice *reply, struct vsa_error *failure);

struct vsa_cuse_service {
    struct vsa_cuse *cuse;
    int device;              /* of vsa_cuse_open() */
    int stop;                /* readable or hung up: time to return */
    int64_t (*now_ms)(void); /* the clock: Unix milliseconds */
    void (*report)(const struct vsa_error *failure);
};

/*
 * Makes /dev/NAME, mode 0666 as the real one; closing `*device` removes it.
 * Errors: VSA_ERR_IO (the detail says what to do),
 * VSA_ERR_ADDRESS_IN_USE when there is one already.
 */
VSA_MUST_USE enum vsa_status vsa_cuse_open(struct vsa_cuse *cuse, int *device,
                                           struct vsa_error *error);

/* Serves until `stop`, one request at a time as the real driver. Errors: VSA_ERR_IO. */
VSA_MUST_USE enum vsa_status vsa_cuse_serve(const struct vsa_cuse_service *service,
                                            struct vsa_error *error);

#endif
