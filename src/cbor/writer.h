/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR in shortest form, definite lengths (RFC 8949 section 4.1), into a bounded builder. Running
 * out of room shows at vsa_builder_finish().
 */
#ifndef VSA_CBOR_WRITER_H
#define VSA_CBOR_WRITER_H

#include "base/builder.h"

void vsa_cbor_write_unsigned(struct vsa_builder *builder, uint64_t value);
void vsa_cbor_write_integer(struct vsa_builder *builder, int64_t value);
void vsa_cbor_write_bytes(struct vsa_builder *builder, struct vsa_slice bytes);
/* Writes only the head of a byte string of `size` bytes that the caller puts after it. */
void vsa_cbor_write_bytes_head(struct vsa_builder *builder, size_t size);
/* Writes null for an absent slice (data NULL). */
void vsa_cbor_write_optional_bytes(struct vsa_builder *builder, struct vsa_slice bytes);
void vsa_cbor_write_text(struct vsa_builder *builder, const char *text);
void vsa_cbor_write_array(struct vsa_builder *builder, size_t count);
void vsa_cbor_write_map(struct vsa_builder *builder, size_t count);
/* Writes 0xbf, as AWS begins the payload map since 2025; end it with vsa_cbor_write_break(). */
void vsa_cbor_write_indefinite_map(struct vsa_builder *builder);
void vsa_cbor_write_break(struct vsa_builder *builder);
void vsa_cbor_write_tag(struct vsa_builder *builder, uint64_t tag);
void vsa_cbor_write_boolean(struct vsa_builder *builder, bool value);
void vsa_cbor_write_null(struct vsa_builder *builder);

#endif
