/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_DEVICES_H
#define VSA_ENCLAVE_INIT_DEVICES_H

#include "enclave_init/user.h"

/*
 * Loads and removes /nsm.ko where the image carries it, for kernels without the driver built in.
 * Returns 0, or -1 after a message.
 */
int devices_load_nsm(void);

/*
 * Loads and removes /modules/NAME. One that the kernel has built in, or that is loaded, is no
 * error. Returns 0, or -1 after a message.
 */
int devices_load_module(const char *name);

/*
 * Gives the console and the devices that need no privileges, /dev/nsm and /dev/vsock, to the user
 * unless it is root. Returns 0, or -1 after a message.
 */
int devices_give_to(const struct user *user);

/* Brings up the loopback interface; Linux gives it 127.0.0.1. Logs a failure. */
void devices_bring_up_loopback(void);

#endif
