/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed requests: what is said to an enclave, and its reply, so that its parent can read neither.
 *
 * An enclave's document for `seal_key` holds a public key that only that enclave has the private
 * half of. A recipient can be made of *verified* claims only; what is sealed to it opens nowhere
 * else. Any process can seal, the parent's too: an enclave that must know who asks has requests
 * signed by a sender's key, inside the seal (struct vsa_sender). The parent can still delay or drop
 * a request, and sees its length (in steps of 256 bytes), its time, and that it was made.
 *
 * Source: RFC 9180 (base mode) in the encapsulation of RFC 9458 sections 4.3 and 4.4;
 * docs/PROTOCOL.md has the bytes. Most programs use vsa_client_seal() (client.h) instead.
 * Example: examples/sealed_request.c
 */
#ifndef VSATTEST_SEAL_H
#define VSATTEST_SEAL_H

#include <vsattest/attestation.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a request or reply before it is sealed; 187 times the 256 that lengths are padded to. */
#define VSA_SEAL_MAX_PLAINTEXT 47872
/* The same of a signed request: without the signature and what belongs to it. */
#define VSA_SEAL_MAX_SIGNED_PLAINTEXT (VSA_SEAL_MAX_PLAINTEXT - 232)
/* Bytes of associated data: authenticated, but not encrypted. */
#define VSA_SEAL_MAX_AAD 256
/* Bytes of a sealed request or reply. */
#define VSA_SEAL_MAX_SEALED 47992

/* An enclave's sealing key. Threads may share it. */
struct vsa_seal_recipient;

/*
 * Makes a recipient of what vsa_verify() proved about a `seal_key` document.
 *
 * claims     in: with nonce_checked, so that the key is not an old one
 * recipient  out: owned by the caller, vsa_seal_recipient_free()
 *
 * Errors: VSA_ERR_NONCE (the policy named no nonce), VSA_ERR_FIELD (a document about something
 * else, or another suite), VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_seal_recipient_new(const struct vsa_claims *claims, struct vsa_seal_recipient **recipient,
                       struct vsa_error *error);
/* Frees the recipient. NULL is fine. */
VSA_PUBLIC void vsa_seal_recipient_free(struct vsa_seal_recipient *recipient);

/* The keys that open the reply to one request, once. Not for several threads at a time. */
struct vsa_seal_pending;

/*
 * Seals one request.
 *
 * aad        in: at most VSA_SEAL_MAX_AAD bytes that the enclave gets as they are, or absent;
 *            readable for the parent
 * plaintext  in: a JSON object, at most VSA_SEAL_MAX_PLAINTEXT bytes; padded with spaces
 * buffer     out: for the sealed request; VSA_SEAL_MAX_SEALED bytes always suffice
 * sealed     out: in `buffer`; to be sent once
 * pending    out: owned by the caller, vsa_seal_pending_free()
 *
 * Errors: VSA_ERR_TOO_LARGE, VSA_ERR_BUFFER, VSA_ERR_SEALED (the enclave's key is none),
 * VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_seal_request(const struct vsa_seal_recipient *recipient, struct vsa_slice aad,
                 struct vsa_slice plaintext, uint8_t *buffer, size_t capacity,
                 struct vsa_slice *sealed, struct vsa_seal_pending **pending,
                 struct vsa_error *error);

/* --- senders ---------------------------------------------------------------------------------- */

/* Characters of a sender's thumbprint: SHA-384 of the key's DER SubjectPublicKeyInfo, in hex. */
#define VSA_SENDER_THUMBPRINT 96

/* A sender's private key, on P-384. Threads may share it. */
struct vsa_sender;

/*
 * Reads a private key, P-384.
 *
 * private_key  in: PEM or DER, PKCS#8 or SEC 1, not encrypted; the caller wipes it
 * sender       out: owned by the caller, vsa_sender_free()
 *
 * Errors: VSA_ERR_CERTIFICATE_SYNTAX (no such key), VSA_ERR_ARGUMENT (another curve),
 * VSA_ERR_CRYPTO, VSA_ERR_MEMORY.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_sender_new(struct vsa_slice private_key, struct vsa_sender **sender, struct vsa_error *error);
/* Returns what the enclave's handlers know it by: lower-case hex, valid as long as `sender` is. */
VSA_PUBLIC const char *vsa_sender_thumbprint(const struct vsa_sender *sender);
/* Wipes the key. NULL is fine. */
VSA_PUBLIC void vsa_sender_free(struct vsa_sender *sender);

/*
 * Seals one request, as vsa_seal_request() does, signed by `sender`; with NULL not signed. A signed
 * request has at most VSA_SEAL_MAX_SIGNED_PLAINTEXT bytes.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_seal_signed_request(const struct vsa_seal_recipient *recipient, const struct vsa_sender *sender,
                        struct vsa_slice aad, struct vsa_slice plaintext, uint8_t *buffer,
                        size_t capacity, struct vsa_slice *sealed,
                        struct vsa_seal_pending **pending, struct vsa_error *error);

/* --- replies ---------------------------------------------------------------------------------- */

/*
 * Opens the reply. That it opens shows that the enclave opened the request.
 *
 * sealed     in: hostile
 * buffer     out: at least as large as `sealed`; wiped on failure. The caller wipes it after use
 * plaintext  out: in `buffer`, with the spaces that pad it
 *
 * Errors: VSA_ERR_SEALED: `pending` may be used again, for a reply that is the right one;
 * VSA_ERR_ARGUMENT (the reply was opened before), VSA_ERR_TOO_LARGE, VSA_ERR_BUFFER.
 */
VSA_PUBLIC VSA_MUST_USE enum vsa_status
vsa_seal_open_reply(struct vsa_seal_pending *pending, struct vsa_slice sealed, uint8_t *buffer,
                    size_t capacity, struct vsa_slice *plaintext, struct vsa_error *error);
/* Wipes its keys and frees it. NULL is fine. */
VSA_PUBLIC void vsa_seal_pending_free(struct vsa_seal_pending *pending);

#ifdef __cplusplus
}
#endif

#endif
