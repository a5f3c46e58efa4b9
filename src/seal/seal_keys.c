/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/seal_keys.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/digest.h"

/* --- one generation --------------------------------------------------------------------------- */

static void free_generation(struct vsa_seal_generation *generation)
{
    vsa_dh_key_free(generation->key); /* wipes it */
    vsa_replay_filter_clear(&generation->filter);
    vsa_wipe(generation, sizeof(*generation));
    free(generation);
}

static enum vsa_status fill(struct vsa_seal_generation *generation, struct vsa_error *error)
{
    VSA_TRY(vsa_dh_key_generate(generation->config.suite->group, &generation->key, error));
    vsa_dh_public(generation->key, generation->config.public_key);
    return vsa_random(generation->filter_key, sizeof(generation->filter_key), error);
}

static enum vsa_status make_generation(const struct vsa_seal_keys *keys, int64_t now_ms,
                                       struct vsa_seal_generation **generation,
                                       struct vsa_error *error)
{
    struct vsa_seal_generation *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->config.key_id = keys->next_id;
    made->config.suite = keys->suite;
    made->begun_ms = now_ms;
    made->ends_ms = now_ms + keys->lifetime_ms + keys->overlap_ms;
    enum vsa_status status = fill(made, error);
    if (status != VSA_OK) {
        free_generation(made);
        return status;
    }
    *generation = made;
    return VSA_OK;
}

void vsa_seal_generation_hold(struct vsa_seal_generation *generation)
{
    generation->holders++;
}

void vsa_seal_generation_release(struct vsa_seal_generation *generation)
{
    generation->holders--;
    if (generation->ended && generation->holders == 0)
        free_generation(generation);
}

static void end(struct vsa_seal_generation **generation)
{
    struct vsa_seal_generation *ended = *generation;
    *generation = NULL;
    if (!ended)
        return;
    ended->ended = true;
    if (ended->holders == 0)
        free_generation(ended);
}

/* --- all of them ------------------------------------------------------------------------------ */

static enum vsa_status rotate(struct vsa_seal_keys *keys, int64_t now_ms, struct vsa_error *error)
{
    struct vsa_seal_generation *next = NULL;
    VSA_TRY(make_generation(keys, now_ms, &next, error));
    keys->next_id++;
    end(&keys->previous);
    keys->previous = keys->current;
    keys->current = next;
    if (keys->previous && keys->previous->ends_ms > now_ms + keys->overlap_ms)
        keys->previous->ends_ms = now_ms + keys->overlap_ms;
    vsa_counter_set(&keys->key_id, next->config.key_id);
    vsa_counter_set(&keys->begun_ms, (uint64_t)now_ms);
    vsa_counter_set(&keys->uses, 0);
    return VSA_OK;
}

enum vsa_status vsa_seal_keys_begin(struct vsa_seal_keys *keys, int64_t now_ms,
                                    struct vsa_error *error)
{
    VSA_TRY(vsa_random(&keys->next_id, sizeof(keys->next_id), error));
    return rotate(keys, now_ms, error);
}

/*
 * Begins a new key in time. A failure to make one is tried again; meanwhile the present one goes on
 * to its very end.
 */
static void rotate_if_due(struct vsa_seal_keys *keys, int64_t now_ms)
{
    const struct vsa_seal_generation *current = keys->current;
    bool is_old = !current || now_ms - current->begun_ms >= keys->lifetime_ms;
    bool is_used_up = current && current->filter.count >= keys->max_uses - keys->max_uses / 8;
    if ((is_old || is_used_up) && rotate(keys, now_ms, NULL) == VSA_OK && !is_old)
        vsa_counter_add(&keys->rotated_early, 1);
}

void vsa_seal_keys_update(struct vsa_seal_keys *keys, int64_t now_ms)
{
    rotate_if_due(keys, now_ms);
    if (keys->previous && now_ms >= keys->previous->ends_ms)
        end(&keys->previous);
    if (keys->current && now_ms >= keys->current->ends_ms)
        end(&keys->current);
}

int64_t vsa_seal_keys_due_ms(const struct vsa_seal_keys *keys)
{
    int64_t due_ms = INT64_MAX;
    if (keys->previous)
        due_ms = keys->previous->ends_ms;
    if (keys->current && keys->current->begun_ms + keys->lifetime_ms < due_ms)
        due_ms = keys->current->begun_ms + keys->lifetime_ms;
    return due_ms;
}

static bool is_named(const struct vsa_seal_generation *generation, struct vsa_slice sealed)
{
    uint8_t header[VSA_SEAL_HEADER_SIZE];
    if (!generation)
        return false;
    vsa_seal_write_header(&generation->config, header);
    return memcmp(sealed.data, header, sizeof(header)) == 0;
}

struct vsa_seal_generation *vsa_seal_keys_find(const struct vsa_seal_keys *keys,
                                               struct vsa_slice sealed)
{
    if (is_named(keys->current, sealed))
        return keys->current;
    return is_named(keys->previous, sealed) ? keys->previous : NULL;
}

enum vsa_status vsa_seal_keys_accept(struct vsa_seal_keys *keys,
                                     struct vsa_seal_generation *generation,
                                     const uint8_t tag[VSA_REPLAY_TAG_SIZE], int64_t now_ms,
                                     struct vsa_error *error)
{
    /* It may have ended while it was used in another thread. */
    if (generation->ended || now_ms >= generation->ends_ms)
        return vsa_fail(error, VSA_ERR_SEALED_KEY,
                        "the sealing key has ended; ask for the new one");
    if (generation->filter.count >= keys->max_uses)
        return vsa_fail(error, VSA_ERR_SEALED_KEY,
                        "the sealing key is used up; ask for the new one");
    VSA_TRY(vsa_replay_filter_add(&generation->filter, tag, error));
    if (generation == keys->current)
        vsa_counter_set(&keys->uses, generation->filter.count);
    rotate_if_due(keys, now_ms);
    if (generation == keys->previous && generation->filter.count >= keys->max_uses)
        end(&keys->previous);
    return VSA_OK;
}

void vsa_seal_keys_close(struct vsa_seal_keys *keys)
{
    end(&keys->previous);
    end(&keys->current);
}
