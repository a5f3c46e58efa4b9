/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <jansson.h>

static int left;
static bool once;

static void *allocate(size_t size)
{
    if (left == 0) {
        left -= once;
        errno = ENOMEM;
        return NULL;
    }
    left -= left > 0;
    return malloc(size);
}

void failing_memory_after(int count)
{
    left = count;
    once = false;
    json_set_alloc_funcs(allocate, free);
}

void failing_memory_once_after(int count)
{
    failing_memory_after(count);
    once = true;
}
