/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed requests that one key has accepted, so that none is accepted twice: 16 bytes of a
 * keyed hash of each, in tables with open addressing. It forgets nothing: a key accepts a bounded
 * number of requests instead.
 *
 * A table that is half full is followed by one with as many places as all before it. No tag is ever
 * moved: that would be a pause of the server, of a second with the most requests that a key may
 * accept.
 */
#ifndef VSA_SEAL_REPLAY_FILTER_H
#define VSA_SEAL_REPLAY_FILTER_H

#include <stdbool.h>

#include <vsattest/base.h>

#define VSA_REPLAY_KEY_SIZE 32
#define VSA_REPLAY_TAG_SIZE 16

/* Places of the first two tables: 64 KiB each. */
#define VSA_REPLAY_FIRST_PLACES ((size_t)4096)
#define VSA_REPLAY_MAX_TABLES   14

/* Zeroed: empty, without memory. */
struct vsa_replay_filter {
    uint8_t (*tables[VSA_REPLAY_MAX_TABLES])[VSA_REPLAY_TAG_SIZE]; /* owned; zeros: a free place */
    size_t table_count;
    size_t count; /* of tags */
};

/*
 * Writes the tag of a message: HMAC-SHA-256 of `enc` (RFC 9180), which no two have in common.
 * Errors: VSA_ERR_CRYPTO.
 */
VSA_MUST_USE enum vsa_status vsa_replay_tag(const uint8_t key[VSA_REPLAY_KEY_SIZE],
                                            struct vsa_slice enc, uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                            struct vsa_error *error);

/*
 * Adds a tag. Errors, with which nothing is added: VSA_ERR_REPLAYED (it is in the filter),
 * VSA_ERR_TOO_MANY, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_replay_filter_add(struct vsa_replay_filter *filter,
                                                   const uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                                   struct vsa_error *error);

/* Empties it. */
void vsa_replay_filter_clear(struct vsa_replay_filter *filter);

#endif
