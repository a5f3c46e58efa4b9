/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_DEVICES_H
#define VSA_ENCLAVE_INIT_DEVICES_H

/*
 * Loads and removes /nsm.ko where the image carries it, for kernels without the driver built in.
 * Returns 0, or -1 and said why.
 */
int devices_load_nsm(void);

/* Brings up the loopback interface; Linux gives it 127.0.0.1. Says so if it cannot. */
void devices_bring_up_loopback(void);

#endif
