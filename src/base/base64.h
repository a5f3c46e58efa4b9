/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as in RFC 4648 section 4: standard alphabet, padding, no stray bits; readers may relax. */
#ifndef VSA_BASE_BASE64_H
#define VSA_BASE_BASE64_H

#include <stdbool.h>

#include <vsattest/base.h>

/* Returns the number of characters for `size` bytes, without a NUL. */
static inline size_t vsa_base64_encoded_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* Returns the number of characters in base64url without padding, without a NUL. */
static inline size_t vsa_base64url_encoded_size(size_t size)
{
    return size / 3 * 4 + (size % 3 ? size % 3 + 1 : 0);
}

/* Returns the largest number of bytes that `size` characters can decode to. */
static inline size_t vsa_base64_decoded_size(size_t size)
{
    return size / 4 * 3;
}

/*
 * Writes the NUL-terminated base64 text of `bytes`. `capacity` must be at least
 * vsa_base64_encoded_size(bytes.size) + 1, else VSA_ERR_BUFFER and an empty string.
 */
VSA_MUST_USE enum vsa_status vsa_base64_encode(struct vsa_slice bytes, char *text, size_t capacity,
                                               struct vsa_error *error);

/* What a reader accepts beside the strict form. */
enum vsa_base64_form {
    VSA_BASE64_STRICT = 0,
    VSA_BASE64_WHITESPACE = 1 << 0, /* spaces, tabs and line breaks anywhere (RFC 2045) */
    VSA_BASE64_URL = 1 << 1,        /* '-' and '_' as well as '+' and '/' (RFC 4648 section 5) */
    VSA_BASE64_UNPADDED = 1 << 2,   /* the '=' at the end may be missing */
};

/*
 * Decodes into `buffer`; `*out` borrows it. `text` may lie in `buffer`, from its start. `forms`: of
 * enum vsa_base64_form. Errors: VSA_ERR_BASE64 with the offset
 * of the offending character, VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_base64_decode(struct vsa_slice text, unsigned forms, void *buffer,
                                               size_t capacity, struct vsa_slice *out,
                                               struct vsa_error *error);

/*
 * Writes the NUL-terminated base64url text of `bytes` without padding (RFC 7515 section 2).
 * `capacity` must be at least vsa_base64url_encoded_size(bytes.size) + 1, else VSA_ERR_BUFFER and
 * an empty string.
 */
VSA_MUST_USE enum vsa_status vsa_base64url_encode(struct vsa_slice bytes, char *text,
                                                  size_t capacity, struct vsa_error *error);

/*
 * Decodes what vsa_base64url_encode() writes and nothing else: no padding, no other alphabet.
 * Errors as for vsa_base64_decode().
 */
VSA_MUST_USE enum vsa_status vsa_base64url_decode(struct vsa_slice text, void *buffer,
                                                  size_t capacity, struct vsa_slice *out,
                                                  struct vsa_error *error);

#endif
