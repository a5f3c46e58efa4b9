/* SPDX-License-Identifier: Apache-2.0 */
/* Resources that are released at the end of their scope. */
#ifndef VSA_BASE_CLEANUP_H
#define VSA_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define VSA_CLEANUP(function) __attribute__((cleanup(function)))

/* Defines `name`, a cleanup function for a variable of `type *` released by `function`. */
#define VSA_DEFINE_CLEANUP(type, function, name)                                                   \
    static inline void name(type **pointer) /* NOLINT(bugprone-macro-parentheses) */               \
    {                                                                                              \
        if (*pointer)                                                                              \
            function(*pointer);                                                                    \
    }                                                                                              \
    struct vsa_swallow_semicolon_

static inline void vsa_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void vsa_cleanup_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* Hands a descriptor over: the variable no longer owns it. */
static inline int vsa_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

#define VSA_AUTO_FREE VSA_CLEANUP(vsa_cleanup_free)
#define VSA_AUTO_FD   VSA_CLEANUP(vsa_cleanup_fd)

#endif
