/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of system calls: filter_seccomp.c, or filter_none.c in a build without libseccomp. */
#ifndef VSA_SANDBOX_FILTER_H
#define VSA_SANDBOX_FILTER_H

#include <stdbool.h>

#include <vsattest/base.h>

/* Does the filter's part of vsa_sandbox_enter(): in every thread, only system calls of a server. */
VSA_MUST_USE enum vsa_status vsa_sandbox_filter(bool *filtered, struct vsa_error *error);

#endif
