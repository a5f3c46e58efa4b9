/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that had to be kept: half a line of a peer, the rest of a reply it did not take yet. */
#ifndef VSA_STREAM_BUFFER_H
#define VSA_STREAM_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty, without memory. An empty buffer never has memory. */
struct vsa_buffer {
    char *data;
    uint32_t size;
    uint32_t capacity; /* bytes allocated */
};

/* Returns what the buffer would have allocated after an append of `size` bytes. */
size_t vsa_buffer_capacity_for(const struct vsa_buffer *buffer, size_t size);

/* Appends a copy. Returns false when memory is short; nothing has changed then. */
bool vsa_buffer_add(struct vsa_buffer *buffer, const char *data, size_t size);

/* Drops bytes from the front and gives back memory that is no longer needed. */
void vsa_buffer_drop(struct vsa_buffer *buffer, size_t size);

#endif
