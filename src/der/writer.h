/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writer for DER (X.690) into a builder:
 *
 *     size_t sequence = vsa_der_open(&builder, VSA_DER_SEQUENCE);
 *     vsa_der_write(&builder, VSA_DER_OID, oid);
 *     vsa_der_close(&builder, sequence);
 */
#ifndef VSA_DER_WRITER_H
#define VSA_DER_WRITER_H

#include "base/builder.h"
#include "der/reader.h"

/* Begins an element; returns what vsa_der_close() needs. */
size_t vsa_der_open(struct vsa_builder *builder, unsigned tag);
/* Ends the element: all that was written since is its content. */
void vsa_der_close(struct vsa_builder *builder, size_t opened);

/* Writes an element with its content. */
void vsa_der_write(struct vsa_builder *builder, unsigned tag, struct vsa_slice content);
/* Writes an INTEGER of a big-endian number, 0 or above, of any width. */
void vsa_der_write_unsigned(struct vsa_builder *builder, struct vsa_slice number);
/* Writes a BIT STRING of whole bytes. */
void vsa_der_write_bits(struct vsa_builder *builder, struct vsa_slice bytes);
/* Writes a BIT STRING of named bits: bit 0 of the type is bit 0 of `bits`. */
void vsa_der_write_named_bits(struct vsa_builder *builder, uint32_t bits);
/*
 * Writes a Time (RFC 5280 section 4.1.2.5) in whole seconds: UTCTime up to 2049, GeneralizedTime
 * from 2050. Outside the years 1950 to 9999 the builder overflows.
 */
void vsa_der_write_time(struct vsa_builder *builder, int64_t unix_ms);

#endif
