/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed requests that one key has accepted, so that none is accepted twice: 16 bytes of a
 * keyed hash of each, in a table with open addressing that is at most half full. It forgets
 * nothing: a key accepts a bounded number of requests instead.
 */
#ifndef VSA_SEAL_REPLAY_FILTER_H
#define VSA_SEAL_REPLAY_FILTER_H

#include <stdbool.h>

#include <vsattest/base.h>

#define VSA_REPLAY_KEY_SIZE 32
#define VSA_REPLAY_TAG_SIZE 16

/* Places of the first table: 64 KiB. Each further one has twice as many. */
#define VSA_REPLAY_FIRST_CAPACITY 4096

/* Zeroed: empty, without memory. */
struct vsa_replay_filter {
    uint8_t (*places)[VSA_REPLAY_TAG_SIZE]; /* owned; zeros: a free place */
    size_t capacity;                        /* of `places`, a power of two, or 0 */
    size_t count;
};

/*
 * Writes the tag of a message: HMAC-SHA-256 of `enc` (RFC 9180), which no two have in common.
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_replay_tag(const uint8_t key[VSA_REPLAY_KEY_SIZE],
                                            struct vsa_slice enc, uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                            struct vsa_error *error);

/*
 * Adds a tag. Errors: VSA_ERR_REPLAYED: it is in the filter; VSA_ERR_MEMORY: nothing was added.
 */
VSA_MUST_USE enum vsa_status vsa_replay_filter_add(struct vsa_replay_filter *filter,
                                                   const uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                                   struct vsa_error *error);

/* Wipes and empties it. */
void vsa_replay_filter_clear(struct vsa_replay_filter *filter);

#endif
