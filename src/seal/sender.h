/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sends a sealed request: any process can seal, so a request may be signed, inside, by a key
 * that the enclave knows or learns. The plaintext is a COSE_Sign1 then (docs/PROTOCOL.md), whose
 * payload is the request; what is signed also names `enc` and the associated data, so that it
 * counts in no other message.
 */
#ifndef VSA_SEAL_SENDER_H
#define VSA_SEAL_SENDER_H

#include "crypto/key.h"
#include <vsattest/seal.h>

/* The terminating zero byte is part of it. */
#define VSA_SENDER_PURPOSE "vsattest-sender-v1"

/* Array, protected header, empty map, three bytes of the payload's head, signature. */
#define VSA_SENDER_MAX_OVERHEAD 232

struct vsa_sender {
    struct vsa_key *key; /* P-384, with its private half */
    uint8_t public_key[VSA_P384_SPKI_SIZE];
    char thumbprint[VSA_SENDER_THUMBPRINT + 1];
};

/* What a signature is bound to, besides the request. Borrowed. */
struct vsa_sender_binding {
    struct vsa_slice enc; /* of the HPKE exchange */
    struct vsa_slice aad; /* at most VSA_SEAL_MAX_AAD bytes; absent is the same as empty */
};

/* Writes the thumbprint of a key: SHA-384 of its SPKI, lower-case hex. Errors: VSA_ERR_CRYPTO. */
VSA_MUST_USE enum vsa_status vsa_sender_thumbprint_of(struct vsa_slice public_key,
                                                      char thumbprint[VSA_SENDER_THUMBPRINT + 1],
                                                      struct vsa_error *error);

/* Returns the bytes of a signed request around a payload of `size` bytes. */
size_t vsa_sender_signed_size(size_t size);

/* Signs; `*signed_request` borrows `buffer`, which has vsa_sender_signed_size() bytes. */
VSA_MUST_USE enum vsa_status vsa_sender_sign(const struct vsa_sender *sender,
                                             const struct vsa_sender_binding *binding,
                                             struct vsa_slice request, uint8_t *buffer,
                                             size_t capacity, struct vsa_slice *signed_request,
                                             struct vsa_error *error);

/* Returns whether an opened plaintext is a signed request: no JSON begins like one. */
bool vsa_sender_is_signed(struct vsa_slice plaintext);

/*
 * Verifies a signed request.
 *
 * plaintext   in: hostile
 * request     out: in `plaintext`
 * thumbprint  out: of the key that signed it
 *
 * Errors: VSA_ERR_SENDER for everything that is not a valid signature of a P-384 key;
 * VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_sender_verify(struct vsa_slice plaintext,
                                               const struct vsa_sender_binding *binding,
                                               struct vsa_slice *request,
                                               char thumbprint[VSA_SENDER_THUMBPRINT + 1],
                                               struct vsa_error *error);

#endif
