/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that stop a service. */
#ifndef VSA_COMMAND_LINE_SIGNALS_H
#define VSA_COMMAND_LINE_SIGNALS_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Has SIGTERM and SIGINT call `stop`, which must be safe in a signal handler, and ignores SIGPIPE:
 * a reader of stderr that goes away is no reason to end. `user` NULL: they do nothing any more.
 */
void signals_catch(void (*stop)(void *user), void *user);

/* Blocks or unblocks the signals that stop. */
void signals_block(bool block);

/*
 * Opens a descriptor that is readable when SIGTERM, SIGINT or SIGHUP came, which do nothing else
 * any more; ignores SIGPIPE. Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status signals_open(int *fd, struct vsa_error *error);

#endif
