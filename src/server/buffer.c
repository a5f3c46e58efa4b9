/* SPDX-License-Identifier: Apache-2.0 */
#include "server/buffer.h"

#include <stdlib.h>
#include <string.h>

/* Most requests fit; malloc has little overhead from here on. */
#define SMALLEST 512

static bool resize(struct vsa_buffer *buffer, struct vsa_buffer_budget *budget, size_t capacity)
{
    size_t others = budget->used - buffer->capacity;
    if (capacity > buffer->capacity && capacity > budget->limit - others)
        return false;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    budget->used = others + capacity;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool vsa_buffer_append(struct vsa_buffer *buffer, struct vsa_buffer_budget *budget,
                       const char *data, size_t size)
{
    size_t needed = buffer->size + size;
    size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
    if (size == 0)
        return true;
    while (capacity < needed)
        capacity *= 2;
    if (capacity != buffer->capacity && !resize(buffer, budget, capacity))
        return false;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size = needed;
    return true;
}

void vsa_buffer_consume(struct vsa_buffer *buffer, struct vsa_buffer_budget *budget, size_t size)
{
    buffer->size -= size;
    if (buffer->size == 0) {
        free(buffer->data);
        budget->used -= buffer->capacity;
        *buffer = (struct vsa_buffer){0};
        return;
    }
    if (size == 0)
        return;
    memmove(buffer->data, buffer->data + size, buffer->size);
    /* Shrinking in place; that it fails costs only the memory. */
    if (buffer->capacity > SMALLEST && buffer->size <= buffer->capacity / 4)
        (void)resize(buffer, budget, buffer->size > SMALLEST ? buffer->size : SMALLEST);
}
