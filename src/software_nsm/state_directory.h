/* SPDX-License-Identifier: Apache-2.0 */
/* Where a user's software NSM keeps its root if no directory is named. */
#ifndef VSA_SOFTWARE_NSM_STATE_DIRECTORY_H
#define VSA_SOFTWARE_NSM_STATE_DIRECTORY_H

#include <limits.h>

#include <vsattest/base.h>

#define VSA_SOFTWARE_STATE_DIRECTORY "vsattest/software_nsm"

/*
 * Finds the directory below $XDG_STATE_HOME, by default ~/.local/state (XDG Base Directory
 * Specification), and moves one there that has the project's old name.
 *
 * Errors: VSA_ERR_ARGUMENT without a home directory, VSA_ERR_IO.
 */
VSA_MUST_USE enum vsa_status vsa_software_state_find(char path[PATH_MAX], struct vsa_error *error);

#endif
