/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_WAIT_H
#define VSA_BASE_WAIT_H

#include <vsattest/base.h>

/*
 * Waits until `fd` is ready for poll(2) `events`, or has an error that the next call on it returns.
 *
 * deadline_ms  in: absolute, as vsa_deadline() makes it
 * awaited      in: a noun phrase for the error's sentence
 *
 * Errors: VSA_ERR_TIMEOUT at the deadline; VSA_ERR_IO, with errno set.
 */
VSA_MUST_USE enum vsa_status vsa_wait_for(int fd, short events, int64_t deadline_ms,
                                          const char *awaited, struct vsa_error *error);

#endif
