/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_HEARTBEAT_H
#define VSA_ENCLAVE_INIT_HEARTBEAT_H

/* nitro-cli listens before it starts the enclave, so this is long. */
#define HEARTBEAT_LIMIT_MS 10000

/*
 * Reports to nitro-cli that the enclave has booted (AWS enclave_init, nitro-cli eif_loader): one
 * byte 0xb7 to CID 3, port 9000, which must come back. Returns 0, or -1 after a message.
 */
int heartbeat_send(void);

#endif
