/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_app's sealed requests: the key, and files of senders. */
#ifndef VSA_PROGRAMS_ENCLAVE_APP_SEALING_H
#define VSA_PROGRAMS_ENCLAVE_APP_SEALING_H

#include "programs/enclave_app/enclave_app.h"

/*
 * Has the server take sealed requests, unless they are off.
 * Errors: those of reading the files of --senders, too.
 */
VSA_MUST_USE enum vsa_status sealing_enable(struct vsa_server *server,
                                            const struct enclave_app_arguments *arguments,
                                            struct vsa_error *error);

#endif
