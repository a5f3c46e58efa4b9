/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/replay_filter.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/hkdf.h"

enum vsa_status vsa_replay_tag(const uint8_t key[VSA_REPLAY_KEY_SIZE], struct vsa_slice enc,
                               uint8_t tag[VSA_REPLAY_TAG_SIZE], struct vsa_error *error)
{
    uint8_t digest[VSA_MAX_HASH_SIZE];
    /* HKDF-Extract is HMAC (RFC 5869 section 2.2). */
    VSA_TRY(vsa_hkdf_extract(VSA_HASH_SHA256, vsa_slice_of(key, VSA_REPLAY_KEY_SIZE), &enc, 1,
                             digest, error));
    memcpy(tag, digest, VSA_REPLAY_TAG_SIZE);
    tag[VSA_REPLAY_TAG_SIZE - 1] |= 1; /* never zeros, which are a free place */
    return VSA_OK;
}

static bool is_free(const uint8_t tag[VSA_REPLAY_TAG_SIZE])
{
    static const uint8_t zeros[VSA_REPLAY_TAG_SIZE];
    return memcmp(tag, zeros, sizeof(zeros)) == 0;
}

/* Returns the place of the tag, or the free one where it belongs: there always is one. */
static uint8_t *find(uint8_t (*places)[VSA_REPLAY_TAG_SIZE], size_t capacity,
                     const uint8_t tag[VSA_REPLAY_TAG_SIZE])
{
    uint64_t start = 0;
    memcpy(&start, tag, sizeof(start)); /* the hash is keyed: no sender chooses where it lands */
    size_t i = (size_t)start & (capacity - 1);
    while (!is_free(places[i]) && memcmp(places[i], tag, VSA_REPLAY_TAG_SIZE) != 0)
        i = (i + 1) & (capacity - 1);
    return places[i];
}

static enum vsa_status grow(struct vsa_replay_filter *filter, struct vsa_error *error)
{
    size_t capacity = filter->capacity ? 2 * filter->capacity : VSA_REPLAY_FIRST_CAPACITY;
    uint8_t(*places)[VSA_REPLAY_TAG_SIZE] = calloc(capacity, sizeof(*places));
    size_t count = filter->count;
    if (!places)
        return vsa_fail_memory(error);
    for (size_t i = 0; i < filter->capacity; i++)
        if (!is_free(filter->places[i]))
            memcpy(find(places, capacity, filter->places[i]), filter->places[i], sizeof(*places));
    vsa_replay_filter_clear(filter);
    *filter = (struct vsa_replay_filter){places, capacity, count};
    return VSA_OK;
}

enum vsa_status vsa_replay_filter_add(struct vsa_replay_filter *filter,
                                      const uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                      struct vsa_error *error)
{
    if (2 * (filter->count + 1) > filter->capacity)
        VSA_TRY(grow(filter, error));
    uint8_t *place = find(filter->places, filter->capacity, tag);
    if (!is_free(place))
        return vsa_fail(error, VSA_ERR_REPLAYED, "this sealed request came before");
    memcpy(place, tag, VSA_REPLAY_TAG_SIZE);
    filter->count++;
    return VSA_OK;
}

void vsa_replay_filter_clear(struct vsa_replay_filter *filter)
{
    if (filter->places)
        vsa_wipe(filter->places, filter->capacity * sizeof(*filter->places));
    free(filter->places);
    *filter = (struct vsa_replay_filter){0};
}
