/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults and limits of the server's options. */
#ifndef VSA_SERVER_OPTIONS_H
#define VSA_SERVER_OPTIONS_H

#include <vsattest/server.h>

/*
 * Reads an application's options, whose struct may be shorter than this library's.
 *
 * known  out: every member, borrowing from `options`
 *
 * Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_server_options_read(const struct vsa_server_options *options,
                                                     struct vsa_server_options *known,
                                                     struct vsa_error *error);

#endif
