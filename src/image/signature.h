/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature section: CBOR [{"signing_certificate": [..], "signature": [..]}]. AWS's builder
 * writes both as arrays of integers, one a byte, and so do all other builders.
 */
#ifndef VSA_IMAGE_SIGNATURE_H
#define VSA_IMAGE_SIGNATURE_H

#include <vsattest/image.h>

/* Most bytes of a certificate take two bytes each in the section. */
#define VSA_MAX_IMAGE_CERTIFICATE (VSA_MAX_IMAGE_SIGNATURE / 2)
/* A COSE_Sign1 of P-521 over the payload below has 290 bytes. */
#define VSA_MAX_IMAGE_SIGN1 1024
/* {"register_index": 0, "register_value": [48 integers]}: 131 bytes at most. */
#define VSA_MAX_IMAGE_PAYLOAD 256

struct vsa_image_signature {
    uint8_t certificate[VSA_MAX_IMAGE_CERTIFICATE]; /* PEM */
    size_t certificate_size;
    uint8_t sign1[VSA_MAX_IMAGE_SIGN1]; /* COSE_Sign1, untagged */
    size_t sign1_size;
};

/* Takes the section apart; nothing is verified. Errors: class syntax, format or limit. */
VSA_MUST_USE enum vsa_status vsa_image_signature_read(struct vsa_slice section,
                                                      struct vsa_image_signature *signature,
                                                      struct vsa_error *error);

/* Puts it together. Errors: VSA_ERR_BUFFER. */
VSA_MUST_USE enum vsa_status vsa_image_signature_write(struct vsa_slice certificate,
                                                       struct vsa_slice sign1, void *buffer,
                                                       size_t capacity, struct vsa_slice *section,
                                                       struct vsa_error *error);

/* Writes what is signed: {"register_index": 0, "register_value": [..]}, the value being PCR0. */
VSA_MUST_USE enum vsa_status vsa_image_payload_write(const uint8_t pcr0[VSA_PCR_SIZE], void *buffer,
                                                     size_t capacity, struct vsa_slice *payload,
                                                     struct vsa_error *error);

/*
 * Checks that the payload is of register 0 with this value, in exactly the bytes that are written
 * above: nitro-cli compares those. Errors: VSA_ERR_SIGNATURE.
 */
VSA_MUST_USE enum vsa_status vsa_image_payload_check(struct vsa_slice payload,
                                                     const uint8_t pcr0[VSA_PCR_SIZE],
                                                     struct vsa_error *error);

/*
 * Decodes the first PEM certificate, the one that AWS's code uses; ignores what follows.
 * Errors: VSA_ERR_CERTIFICATE_SYNTAX, VSA_ERR_BUFFER.
 */
VSA_MUST_USE enum vsa_status vsa_image_certificate_from_pem(struct vsa_slice pem, uint8_t *buffer,
                                                            size_t capacity, struct vsa_slice *der,
                                                            struct vsa_error *error);

/* Returns whether another certificate follows the first one. */
bool vsa_image_pem_has_chain(struct vsa_slice pem);

#endif
