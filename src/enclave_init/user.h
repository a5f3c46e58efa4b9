/* SPDX-License-Identifier: Apache-2.0 */
/* The user that a command runs as, "UID:GID": the file /user of an image, a line of /services. */
#ifndef VSA_ENCLAVE_INIT_USER_H
#define VSA_ENCLAVE_INIT_USER_H

#include <sys/types.h>

struct user {
    uid_t uid; /* 0: root */
    gid_t gid;
};

/* Reads a user. Returns NULL, or what is wrong, static; root is not valid there. */
const char *user_parse(const char *text, struct user *user);

#endif
