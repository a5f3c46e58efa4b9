/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/store_memory.h"

#include <pthread.h>

#include "base/error.h"
#include "verifierd/limits.h"

/* Half full at most, so that probing is short. */
#define SLOTS (2 * (size_t)VSA_MEMORY_STORE_ENTRIES)

struct slot {
    bool used;
    uint8_t mac[VSA_CHALLENGE_MAC_SIZE];
};

struct generation {
    size_t count;
    struct slot *slots;
};

/*
 * Redemptions go into the first generation; once it is as old as a challenge can be, it becomes
 * the second, and the second is forgotten.
 */
struct memory_store {
    struct vsa_store base;
    int64_t begin_ms;  /* of the memory, wall clock */
    int64_t period_ms; /* of a generation */
    pthread_mutex_t mutex;
    int64_t turned_ms; /* when the first generation began, monotonic */
    struct generation generations[2];
};

/* Finds the slot: MACs are random to a client without the key, so their bytes are a hash. */
static struct slot *find_slot(const struct generation *generation,
                              const uint8_t mac[VSA_CHALLENGE_MAC_SIZE])
{
    uint32_t hash;
    memcpy(&hash, mac, sizeof(hash));
    for (size_t i = hash % SLOTS;; i = (i + 1) % SLOTS) {
        struct slot *slot = &generation->slots[i];
        if (!slot->used || memcmp(slot->mac, mac, VSA_CHALLENGE_MAC_SIZE) == 0)
            return slot;
    }
}

static void turn(struct memory_store *store)
{
    int64_t now_ms = vsa_monotonic_ms();
    while (now_ms - store->turned_ms >= store->period_ms) {
        struct generation oldest = store->generations[1];
        store->generations[1] = store->generations[0];
        memset(oldest.slots, 0, SLOTS * sizeof(*oldest.slots));
        store->generations[0] = (struct generation){.slots = oldest.slots};
        /* Two turns forget all; further ones change nothing. */
        store->turned_ms += store->period_ms;
        if (now_ms - store->turned_ms >= 2 * store->period_ms)
            store->turned_ms = now_ms - store->period_ms;
    }
}

static enum vsa_status insert(struct memory_store *store, const struct vsa_challenge *challenge,
                              enum vsa_redemption *redemption, struct vsa_error *error)
{
    turn(store);
    struct slot *slot = find_slot(&store->generations[0], challenge->mac);
    if (slot->used || find_slot(&store->generations[1], challenge->mac)->used) {
        *redemption = VSA_REDEMPTION_AGAIN;
        return VSA_OK;
    }
    if (store->generations[0].count == VSA_MEMORY_STORE_ENTRIES)
        return vsa_fail(error, VSA_ERR_BUSY, "%d challenges were redeemed in %lld s: no more fit",
                        VSA_MEMORY_STORE_ENTRIES, (long long)(store->period_ms / 1000));
    slot->used = true;
    memcpy(slot->mac, challenge->mac, sizeof(slot->mac));
    store->generations[0].count++;
    *redemption = VSA_REDEMPTION_FIRST;
    return VSA_OK;
}

static enum vsa_status redeem(struct vsa_store *base, const struct vsa_challenge *challenge,
                              int64_t now_ms, bool only_look, enum vsa_redemption *redemption,
                              struct vsa_error *error)
{
    struct memory_store *store = (struct memory_store *)base;
    (void)now_ms;
    *redemption = VSA_REDEMPTION_FIRST;
    if (challenge->issued_ms < store->begin_ms)
        *redemption = VSA_REDEMPTION_FORGOTTEN;
    if (only_look || *redemption != VSA_REDEMPTION_FIRST)
        return VSA_OK;
    (void)pthread_mutex_lock(&store->mutex);
    enum vsa_status status = insert(store, challenge, redemption, error);
    (void)pthread_mutex_unlock(&store->mutex);
    return status;
}

static enum vsa_status probe(struct vsa_store *base, int64_t now_ms, struct vsa_error *error)
{
    (void)base;
    (void)now_ms;
    (void)error;
    return VSA_OK;
}

static void memory_store_free(struct vsa_store *base)
{
    struct memory_store *store = (struct memory_store *)base;
    (void)pthread_mutex_destroy(&store->mutex);
    free(store->generations[0].slots);
    free(store->generations[1].slots);
    free(store);
}

enum vsa_status vsa_store_memory_new(int64_t skew_ms, int64_t now_ms, struct vsa_store **store,
                                     struct vsa_error *error)
{
    static const struct vsa_store_operations operations = {redeem, probe, memory_store_free};
    struct memory_store *made = calloc(1, sizeof(*made));
    if (!made)
        return vsa_fail_memory(error);
    made->base.operations = &operations;
    made->begin_ms = now_ms;
    made->period_ms = VSA_CHALLENGE_LIFETIME_MS + skew_ms + VSA_STORE_MARGIN_MS;
    made->turned_ms = vsa_monotonic_ms();
    (void)pthread_mutex_init(&made->mutex, NULL);
    for (size_t i = 0; i < 2; i++)
        made->generations[i].slots = calloc(SLOTS, sizeof(struct slot));
    if (!made->generations[0].slots || !made->generations[1].slots) {
        memory_store_free(&made->base);
        return vsa_fail_memory(error);
    }
    *store = &made->base;
    return VSA_OK;
}
