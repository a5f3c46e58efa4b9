/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges that any replica makes and any other one recognises, without a store:
 *
 *     01 || key id (1) || issued, ms (6) || random (16) || first 24 bytes of
 *     HMAC-SHA-384(key, "vsattest-challenge-v1" || policy || 00 || the 24 bytes before)
 *
 * As text 64 characters of base64url, which are also the document's nonce. That each is redeemed
 * once is the store's part (store.h).
 */
#ifndef VSA_VERIFIERD_CHALLENGE_H
#define VSA_VERIFIERD_CHALLENGE_H

#include <stdbool.h>

#include <vsattest/base.h>

#define VSA_CHALLENGE_SIZE     48
#define VSA_CHALLENGE_MAC_SIZE 24
#define VSA_CHALLENGE_TEXT     64

#define VSA_MIN_CHALLENGE_SECRET 32
#define VSA_MAX_CHALLENGE_SECRET 64

struct vsa_challenge_key {
    uint8_t id; /* follows from the secret, so that it is the same in every replica */
    size_t size;
    uint8_t secret[VSA_MAX_CHALLENGE_SECRET];
};

/* The first one makes challenges; the other one, while keys change, is still recognised. */
struct vsa_challenge_keys {
    size_t count; /* 1 or 2 */
    struct vsa_challenge_key keys[2];
};

/*
 * Reads one or two lines of base64 or base64url, each a secret of 32 to 64 bytes. The caller wipes
 * the keys. Errors: VSA_ERR_ARGUMENT.
 */
VSA_MUST_USE enum vsa_status vsa_challenge_keys_parse(struct vsa_slice file,
                                                      struct vsa_challenge_keys *keys,
                                                      struct vsa_error *error);

/* Makes a fresh one, for a service of one process. Errors: VSA_ERR_CRYPTO. */
VSA_MUST_USE enum vsa_status vsa_challenge_keys_generate(struct vsa_challenge_keys *keys,
                                                         struct vsa_error *error);

/* Writes a challenge for documents that are to be appraised by `policy`. */
VSA_MUST_USE enum vsa_status vsa_challenge_make(const struct vsa_challenge_keys *keys,
                                                struct vsa_slice policy, int64_t now_ms,
                                                char text[VSA_CHALLENGE_TEXT + 1],
                                                struct vsa_error *error);

enum vsa_challenge_verdict {
    VSA_CHALLENGE_VALID,
    VSA_CHALLENGE_MALFORMED,
    VSA_CHALLENGE_UNKNOWN, /* another key, another policy, or made up */
    VSA_CHALLENGE_EXPIRED,
    VSA_CHALLENGE_FROM_FUTURE, /* clocks of two replicas differ too much */
};

struct vsa_challenge {
    int64_t issued_ms;
    uint8_t mac[VSA_CHALLENGE_MAC_SIZE]; /* what the store remembers of it */
};

/*
 * Checks form, MAC and age of a challenge.
 *
 * text       in: hostile
 * skew_ms    in: how far ahead the clock of the replica that made it may be
 * verdict    out
 * challenge  out: set when the verdict is VSA_CHALLENGE_VALID
 *
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_challenge_check(const struct vsa_challenge_keys *keys,
                                                 struct vsa_slice policy, struct vsa_slice text,
                                                 int64_t now_ms, int64_t skew_ms,
                                                 enum vsa_challenge_verdict *verdict,
                                                 struct vsa_challenge *challenge,
                                                 struct vsa_error *error);

#endif
