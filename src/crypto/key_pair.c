/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/key.h>

#include "base/error.h"
#include "base/slice.h"
#include "crypto/key.h"

void vsa_key_pair_wipe(struct vsa_key_pair *pair)
{
    if (pair)
        vsa_wipe(pair, sizeof(*pair));
}

static enum vsa_status generate(struct vsa_key_pair *pair, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    struct vsa_slice der;
    VSA_TRY(vsa_key_generate(VSA_CURVE_P384, &key, error));
    VSA_TRY(vsa_key_write_private(key, pair->private_key, sizeof(pair->private_key), &der, error));
    pair->private_key_size = der.size;
    VSA_TRY(vsa_key_write_public(key, pair->public_key, sizeof(pair->public_key), &der, error));
    if (der.size != sizeof(pair->public_key))
        return vsa_fail(error, VSA_ERR_CRYPTO, "a P-384 public key of %zu bytes", der.size);
    return VSA_OK;
}

enum vsa_status vsa_key_pair_generate(struct vsa_key_pair *pair, struct vsa_error *error)
{
    vsa_key_pair_wipe(pair);
    enum vsa_status status = generate(pair, error);
    if (status != VSA_OK)
        vsa_key_pair_wipe(pair);
    return status;
}
