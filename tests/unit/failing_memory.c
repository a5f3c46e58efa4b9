/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_memory.h"

#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

static int left;

static void *allocate(size_t size)
{
    if (left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    left -= left > 0;
    return malloc(size);
}

void failing_memory_after(int count)
{
    left = count;
    json_set_alloc_funcs(allocate, free);
}
