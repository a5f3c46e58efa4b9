/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_CONTAINER_OF_H
#define VSA_BASE_CONTAINER_OF_H

#include <stddef.h>

/* Returns the struct of type `type` whose `member` is at `pointer`, which is not NULL. */
#define VSA_CONTAINER_OF(pointer, type, member)                                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
