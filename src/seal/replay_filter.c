/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/replay_filter.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/hkdf.h"
#include <vsattest/limits.h>

_Static_assert((VSA_REPLAY_FIRST_PLACES << (VSA_REPLAY_MAX_TABLES - 1)) / 2 ==
                   VSA_MAX_SEAL_MAX_USES,
               "as many requests as a key may accept");

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

static size_t places_of(size_t table)
{
    return VSA_REPLAY_FIRST_PLACES << (table > 0 ? table - 1 : 0);
}

/* Returns the place of the tag, or the free one where it belongs: there always is one. */
static uint8_t *find(const struct vsa_replay_filter *filter, size_t table,
                     const uint8_t tag[VSA_REPLAY_TAG_SIZE])
{
    uint8_t(*places)[VSA_REPLAY_TAG_SIZE] = filter->tables[table];
    size_t mask = places_of(table) - 1;
    uint64_t start = 0;
    memcpy(&start, tag, sizeof(start)); /* the hash is keyed: no sender chooses where it lands */
    size_t i = (size_t)start & mask;
    while (!is_free(places[i]) && memcmp(places[i], tag, VSA_REPLAY_TAG_SIZE) != 0)
        i = (i + 1) & mask;
    return places[i];
}

static enum vsa_status add_table(struct vsa_replay_filter *filter, struct vsa_error *error)
{
    if (filter->table_count == VSA_REPLAY_MAX_TABLES)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more sealed requests than one key may accept");
    void *table = calloc(places_of(filter->table_count), sizeof(*filter->tables[0]));
    if (!table)
        return vsa_fail_memory(error);
    filter->tables[filter->table_count++] = table;
    return VSA_OK;
}

/* Returns whether the last table is half full, as those before it are. */
static bool is_full(const struct vsa_replay_filter *filter)
{
    /* The next table has as many places as all so far. */
    return filter->table_count == 0 || 2 * filter->count >= places_of(filter->table_count);
}

enum vsa_status vsa_replay_filter_add(struct vsa_replay_filter *filter,
                                      const uint8_t tag[VSA_REPLAY_TAG_SIZE],
                                      struct vsa_error *error)
{
    if (is_full(filter))
        VSA_TRY(add_table(filter, error));
    uint8_t *place;
    size_t table = 0;
    do {
        place = find(filter, table, tag);
        if (!is_free(place))
            return vsa_fail(error, VSA_ERR_REPLAYED, "this sealed request came before");
    } while (++table < filter->table_count);
    memcpy(place, tag, VSA_REPLAY_TAG_SIZE); /* in the last table */
    filter->count++;
    return VSA_OK;
}

/* Wipes nothing: to those who do not have the key, which is wiped, tags are random. */
void vsa_replay_filter_clear(struct vsa_replay_filter *filter)
{
    for (size_t table = 0; table < filter->table_count; table++)
        free(filter->tables[table]);
    *filter = (struct vsa_replay_filter){0};
}
