/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's sealing keys: generations of one key pair each, which is made here, never leaves,
 * and is wiped together with the key of what it accepted. All of it is a function of time, in
 * the loop's thread; other threads may use a generation's key while they hold it.
 *
 * A new generation begins after `lifetime_ms`, or when 7/8 of `max_uses` requests were accepted.
 * The one before it accepts requests for `overlap_ms` more, until it has accepted `max_uses`, or
 * until the next one begins: there are two at most.
 */
#ifndef VSA_SEAL_SEAL_KEYS_H
#define VSA_SEAL_SEAL_KEYS_H

#include "base/counter.h"
#include "seal/exchange.h"
#include "seal/replay_filter.h"

/* One key and what it accepted. */
struct vsa_seal_generation {
    struct vsa_key_config config;
    struct vsa_dh_key *key; /* owned */
    uint8_t filter_key[VSA_REPLAY_KEY_SIZE];
    struct vsa_replay_filter filter;
    int64_t begun_ms;
    int64_t ends_ms; /* accepts nothing from then on */
    size_t holders;  /* that may use it in another thread */
    bool ended;      /* accepts nothing more; freed with its last holder */
};

/* Zeroed, but for the first four members; then vsa_seal_keys_begin(). */
struct vsa_seal_keys {
    const struct vsa_hpke_suite *suite;
    int64_t lifetime_ms;
    int64_t overlap_ms;
    size_t max_uses; /* of one generation, at least 1 */

    uint8_t next_id;
    struct vsa_seal_generation *current;  /* NULL: it ended, and no new one could be made */
    struct vsa_seal_generation *previous; /* or NULL */

    /* To be read by any thread. */
    vsa_counter rotated_early; /* used up before their time */
    vsa_counter key_id;        /* of the current one, like the next two */
    vsa_counter begun_ms;
    vsa_counter uses;
};

/* Begins the first generation, whose ID is random. Errors: VSA_ERR_CRYPTO, VSA_ERR_MEMORY. */
VSA_MUST_USE enum vsa_status vsa_seal_keys_begin(struct vsa_seal_keys *keys, int64_t now_ms,
                                                 struct vsa_error *error);

/* Begins and ends what is due. To be called before the others, and when a timer says so. */
void vsa_seal_keys_update(struct vsa_seal_keys *keys, int64_t now_ms);

/* Returns when vsa_seal_keys_update() is due next; the past: it could not make a key. */
int64_t vsa_seal_keys_due_ms(const struct vsa_seal_keys *keys);

/*
 * Returns the generation that a sealed request names, or NULL: its header is of no key that accepts
 * requests.
 *
 * sealed  in: hostile, at least VSA_SEAL_HEADER_SIZE bytes
 */
struct vsa_seal_generation *vsa_seal_keys_find(const struct vsa_seal_keys *keys,
                                               struct vsa_slice sealed);

/* Takes a reference: while it is held, the key is not wiped. */
void vsa_seal_generation_hold(struct vsa_seal_generation *generation);
void vsa_seal_generation_release(struct vsa_seal_generation *generation);

/*
 * Accepts a request that has been opened: at most once, by a generation that has not ended.
 *
 * tag  in: of vsa_replay_tag()
 *
 * Errors: VSA_ERR_SEALED_KEY (it has ended meanwhile, or accepted all that it may),
 * VSA_ERR_REPLAYED, VSA_ERR_MEMORY. Nothing may be carried out then.
 */
VSA_MUST_USE enum vsa_status vsa_seal_keys_accept(struct vsa_seal_keys *keys,
                                                  struct vsa_seal_generation *generation,
                                                  const uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                                  int64_t now_ms, struct vsa_error *error);

/* Ends and frees all of them; none is held any more. */
void vsa_seal_keys_close(struct vsa_seal_keys *keys);

#endif
