/* SPDX-License-Identifier: Apache-2.0 */
#include "nsm/attest_with_key.h"

#include "base/error.h"

enum vsa_status vsa_nsm_attest_with_key(struct vsa_nsm *nsm, struct vsa_slice user_data,
                                        struct vsa_slice nonce, struct vsa_key_pair *pair,
                                        struct vsa_slice *document, struct vsa_error *error)
{
    VSA_TRY(vsa_key_pair_generate(pair, error));
    struct vsa_slice public_key = vsa_slice_of(pair->public_key, sizeof(pair->public_key));
    enum vsa_status status = vsa_nsm_attest(nsm, user_data, nonce, public_key, document, error);
    if (status != VSA_OK)
        vsa_key_pair_wipe(pair);
    return status;
}
