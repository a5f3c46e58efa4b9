/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reader for DER (X.690 sections 8, 10, 11): a value has one encoding, and no other is
 * taken. Borrows its input, allocates nothing, does not recurse.
 *
 * Lengths are definite and in the shortest form, strings are in one piece, tag numbers are below
 * 31. The content of a universal type is checked wherever one is read or skipped: BOOLEAN is 00 or
 * ff, INTEGER and OBJECT IDENTIFIER are in the shortest form, the latter of at most 20 numbers
 * below 2^28 (RFC 5280 appendix B), the unused bits of a BIT STRING are zero, text has the
 * characters of its type, elements of a SET ascend. An explicit FALSE is left to the caller, who
 * knows the default.
 *
 * All functions fail with VSA_ERR_CERTIFICATE_SYNTAX, the rule, and the element's offset in the
 * outermost input. A failed read does not move the reader.
 */
#ifndef VSA_DER_READER_H
#define VSA_DER_READER_H

#include <stdbool.h>

#include <vsattest/base.h>

/* First byte of an element: class, "constructed" and number of its tag (X.690 section 8.1.2). */
enum vsa_der_tag {
    VSA_DER_BOOLEAN = 0x01,
    VSA_DER_INTEGER = 0x02,
    VSA_DER_BIT_STRING = 0x03,
    VSA_DER_OCTET_STRING = 0x04,
    VSA_DER_NULL = 0x05,
    VSA_DER_OID = 0x06,
    VSA_DER_ENUMERATED = 0x0a,
    VSA_DER_UTF8_STRING = 0x0c,
    VSA_DER_PRINTABLE_STRING = 0x13,
    VSA_DER_IA5_STRING = 0x16,
    VSA_DER_UTC_TIME = 0x17,
    VSA_DER_GENERALIZED_TIME = 0x18,
    VSA_DER_BMP_STRING = 0x1e,
    VSA_DER_SEQUENCE = 0x30,
    VSA_DER_SET = 0x31,
};

#define VSA_DER_CONTEXT(number)             (0x80u | (number)) /* primitive */
#define VSA_DER_CONTEXT_CONSTRUCTED(number) (0xa0u | (number))

/* Elements that follow each other: those of the input, or those inside one of them. */
struct vsa_der_reader {
    struct vsa_slice input; /* the outermost; borrowed */
    size_t offset;          /* of the next element in it */
    size_t end;             /* of the last one */
};

static inline struct vsa_der_reader vsa_der_reader_of(struct vsa_slice input)
{
    struct vsa_der_reader reader = {input, 0, input.size};
    return reader;
}

static inline bool vsa_der_at_end(const struct vsa_der_reader *reader)
{
    return reader->offset == reader->end;
}

/* Returns whether an element with this tag begins here. */
static inline bool vsa_der_next_is(const struct vsa_der_reader *reader, unsigned tag)
{
    return reader->offset < reader->end && reader->input.data[reader->offset] == tag;
}

/* Reads a primitive element; of a universal type, its content is checked. */
VSA_MUST_USE enum vsa_status vsa_der_read(struct vsa_der_reader *reader, unsigned tag,
                                          struct vsa_slice *content, struct vsa_error *error);
/*
 * Does the same for an implicit tag (X.690 section 8.14.3) in place of that of a universal `type`.
 */
VSA_MUST_USE enum vsa_status vsa_der_read_as(struct vsa_der_reader *reader, unsigned tag,
                                             enum vsa_der_tag type, struct vsa_slice *content,
                                             struct vsa_error *error);
/*
 * Passes over a constructed element, or an OCTET STRING that holds elements, and sets `content` to
 * a reader of what is inside.
 */
VSA_MUST_USE enum vsa_status vsa_der_enter(struct vsa_der_reader *reader, unsigned tag,
                                           struct vsa_der_reader *content, struct vsa_error *error);
/* Fails unless all elements have been read. */
VSA_MUST_USE enum vsa_status vsa_der_finish(const struct vsa_der_reader *reader, const char *what,
                                            struct vsa_error *error);
/*
 * Passes over one element of any type; what is inside of it is checked, too, except in OCTET
 * STRINGs and under implicit primitive tags. A constructed one may hold
 * VSA_MAX_DER_DEPTH levels.
 */
VSA_MUST_USE enum vsa_status vsa_der_skip(struct vsa_der_reader *reader, struct vsa_error *error);

VSA_MUST_USE enum vsa_status vsa_der_read_boolean(struct vsa_der_reader *reader, bool *value,
                                                  struct vsa_error *error);
/* Reads an INTEGER from 0 to `most`. */
VSA_MUST_USE enum vsa_status vsa_der_read_unsigned(struct vsa_der_reader *reader, uint32_t most,
                                                   uint32_t *value, struct vsa_error *error);
/*
 * Reads a BIT STRING (or one under an implicit tag) with named bits: bit 0 of the type is bit 0 of
 * `bits`. Zero bits at the end are left out (X.690 section 11.2.2); no more than `most` (<= 32)
 * bits are there.
 */
VSA_MUST_USE enum vsa_status vsa_der_read_named_bits(struct vsa_der_reader *reader, unsigned tag,
                                                     unsigned most, uint32_t *bits,
                                                     struct vsa_error *error);
/* Reads a BIT STRING. `*unused` of the last byte's bits do not count: 0 to 7. */
VSA_MUST_USE enum vsa_status vsa_der_read_bits(struct vsa_der_reader *reader,
                                               struct vsa_slice *bytes, unsigned *unused,
                                               struct vsa_error *error);
/*
 * Reads a Time (RFC 5280 section 4.1.2.5): UTCTime up to the year 2049, GeneralizedTime from 2050,
 * both with seconds, without a fraction, in UTC. In ms since 1970; the day and the time exist.
 */
VSA_MUST_USE enum vsa_status vsa_der_read_time(struct vsa_der_reader *reader, int64_t *unix_ms,
                                               struct vsa_error *error);

#endif
