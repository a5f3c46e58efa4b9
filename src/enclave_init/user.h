/* SPDX-License-Identifier: Apache-2.0 */
/* The user that the command runs as: the file /user of an image, "UID:GID". */
#ifndef VSA_ENCLAVE_INIT_USER_H
#define VSA_ENCLAVE_INIT_USER_H

#include <stddef.h>
#include <sys/types.h>

/* Two numbers of ten digits, a colon and a newline, and a byte that shows what is too long. */
#define USER_MAX_BYTES 23

struct user {
    uid_t uid; /* 0: root */
    gid_t gid;
};

/* Reads the contents of /user. Returns NULL, or what is wrong, static; root is not valid there. */
const char *user_parse(const char *text, size_t size, struct user *user);

#endif
