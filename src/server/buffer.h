/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that had to be kept: half a line of a client, the rest of a reply it did not take yet. */
#ifndef VSA_SERVER_BUFFER_H
#define VSA_SERVER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* What all buffers of a server may hold together. */
struct vsa_buffer_budget {
    size_t used;  /* bytes allocated */
    size_t limit; /* bytes */
};

/* Zeroed: empty, without memory. An empty buffer never has memory. */
struct vsa_buffer {
    char *data;
    size_t size;
    size_t capacity;
};

/* False when the budget or the memory does not allow it; nothing has changed then. */
bool vsa_buffer_append(struct vsa_buffer *buffer, struct vsa_buffer_budget *budget,
                       const char *data, size_t size);

/* Drops bytes from the front and gives back memory that is no longer needed. */
void vsa_buffer_consume(struct vsa_buffer *buffer, struct vsa_buffer_budget *budget, size_t size);

#endif
