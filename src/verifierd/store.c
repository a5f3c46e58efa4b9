/* SPDX-License-Identifier: Apache-2.0 */
#include "verifierd/store.h"

void vsa_store_free(struct vsa_store *store)
{
    if (store)
        store->operations->free(store);
}

enum vsa_status vsa_store_redeem(struct vsa_store *store, const struct vsa_challenge *challenge,
                                 int64_t now_ms, enum vsa_redemption *redemption,
                                 struct vsa_error *error)
{
    return store->operations->redeem(store, challenge, now_ms, false, redemption, error);
}

enum vsa_status vsa_store_look(struct vsa_store *store, const struct vsa_challenge *challenge,
                               int64_t now_ms, enum vsa_redemption *redemption,
                               struct vsa_error *error)
{
    return store->operations->redeem(store, challenge, now_ms, true, redemption, error);
}

enum vsa_status vsa_store_probe(struct vsa_store *store, int64_t now_ms, struct vsa_error *error)
{
    return store->operations->probe(store, now_ms, error);
}
