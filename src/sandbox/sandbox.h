/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server gives up: privileges that it needs no longer once it listens, so that a fault in it
 * is worth less. Linux man-pages: capabilities(7), prctl(2), seccomp(2).
 */
#ifndef VSA_SANDBOX_SANDBOX_H
#define VSA_SANDBOX_SANDBOX_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Prepares, before anything is opened and any thread started: no new privileges, and of all
 * capabilities only those that listening may need (ports below 1024, directories of other users).
 *
 * Errors: VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_sandbox_prepare(struct vsa_error *error);

/*
 * Confines the process, once NSM and listener are open: no capabilities, no core dumps, no
 * debugger, and in every thread only the system calls of a server that runs; others fail with
 * EPERM.
 *
 * filtered  out: false in a build without libseccomp, which filters no system calls
 *
 * Errors: VSA_ERR_IO, also where the kernel has no filters; VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_sandbox_enter(bool *filtered, struct vsa_error *error);

#endif
