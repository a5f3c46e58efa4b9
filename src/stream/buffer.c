/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/buffer.h"

#include <stdlib.h>
#include <string.h>

/*
 * Allows what is exact at first, since most lines and replies come in one piece; then an eighth
 * more, so that a line in small pieces is not copied once for each of them. Doubling would take
 * twice the memory that is budgeted for.
 */
size_t vsa_buffer_capacity_for(const struct vsa_buffer *buffer, size_t size)
{
    size_t needed = (size_t)buffer->size + size;
    if (needed <= buffer->capacity)
        return buffer->capacity;
    return buffer->size == 0 ? needed : needed + needed / 8;
}

static bool resize(struct vsa_buffer *buffer, size_t capacity)
{
    char *data = capacity <= UINT32_MAX ? realloc(buffer->data, capacity) : NULL;
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = (uint32_t)capacity;
    return true;
}

bool vsa_buffer_add(struct vsa_buffer *buffer, const char *data, size_t size)
{
    size_t capacity = vsa_buffer_capacity_for(buffer, size);
    if (size == 0)
        return true;
    if (capacity != buffer->capacity && !resize(buffer, capacity))
        return false;
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += (uint32_t)size;
    return true;
}

void vsa_buffer_drop(struct vsa_buffer *buffer, size_t size)
{
    buffer->size -= (uint32_t)size;
    if (buffer->size == 0) {
        free(buffer->data);
        *buffer = (struct vsa_buffer){0};
        return;
    }
    if (size == 0)
        return;
    memmove(buffer->data, buffer->data + size, buffer->size);
    /* Shrinking: that it fails costs only the memory. */
    if (buffer->size <= buffer->capacity / 4)
        (void)resize(buffer, buffer->size);
}
