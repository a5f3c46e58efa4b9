/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_BASE_BUILDER_H
#define VSA_BASE_BUILDER_H

#include <stdbool.h>

#include <vsattest/base.h>

/*
 * Writes into the caller's buffer and never past it. An overflow is sticky, so that a sequence of
 * appends is checked once, at vsa_builder_finish.
 */
struct vsa_builder {
    uint8_t *data;
    size_t capacity; /* bytes */
    size_t size;     /* bytes written */
    bool overflow;
};

static inline struct vsa_builder vsa_builder_of(void *data, size_t capacity)
{
    struct vsa_builder builder = {(uint8_t *)data, capacity, 0, false};
    return builder;
}

void vsa_builder_append(struct vsa_builder *builder, struct vsa_slice bytes);
void vsa_builder_append_byte(struct vsa_builder *builder, uint8_t byte);
/* Appends the lowest `width` (1..8) bytes of `value`, most significant first. */
void vsa_builder_append_big_endian(struct vsa_builder *builder, uint64_t value, size_t width);

/* Sets `*out`, which borrows the bytes written. Errors: VSA_ERR_BUFFER if anything did not fit. */
VSA_MUST_USE enum vsa_status vsa_builder_finish(const struct vsa_builder *builder,
                                                struct vsa_slice *out, struct vsa_error *error);

#endif
