/* SPDX-License-Identifier: Apache-2.0 */
/* File systems, and the way into the application's root. All return 0, or -1 after a message. */
#ifndef VSA_ENCLAVE_INIT_MOUNTS_H
#define VSA_ENCLAVE_INIT_MOUNTS_H

#include "enclave_init/user.h"

/* Mounts /dev and /proc of the boot ramdisk. */
int mounts_early(void);

/* Makes /rootfs the root. */
int mounts_enter_root(void);

/* Mounts /dev, /proc, /sys, /run, /tmp and what else Linux programs expect, in the new root. */
int mounts_all(void);

/* Makes the directory of a service, /run/NAME, 0755, and gives it to its user. */
int mounts_make_directory(const char *name, const struct user *user);

#endif
