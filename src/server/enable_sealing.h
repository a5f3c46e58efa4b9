/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and limits of the options of sealing, and what is made of them. */
#ifndef VSA_SERVER_ENABLE_SEALING_H
#define VSA_SERVER_ENABLE_SEALING_H

#include "server/builtin.h"
#include "server/request.h"

/*
 * Turns sealing on: makes the keys, and adds the commands.
 *
 * options  in: an application's, whose struct may be shorter than this library's; NULL: defaults
 * done     in: called with `user` in the thread when vsa_dispatch_opened() has something to do
 *
 * Errors: VSA_ERR_ARGUMENT, VSA_ERR_CRYPTO, VSA_ERR_MEMORY, VSA_ERR_TOO_MANY (commands).
 */
VSA_MUST_USE enum vsa_status vsa_enable_sealing(struct vsa_requests *requests,
                                                const struct vsa_sealing_options *options,
                                                void (*done)(void *user), void *user,
                                                struct vsa_error *error);

/*
 * Checks that senders are named for commands that there are: a name with a letter wrong would leave
 * the one that is meant open to everybody. Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_check_senders(const struct vsa_requests *requests,
                                               struct vsa_error *error);

#endif
