/* SPDX-License-Identifier: Apache-2.0 */
/* Stores by their URL. */
#ifndef VSA_VERIFIERD_STORE_KINDS_H
#define VSA_VERIFIERD_STORE_KINDS_H

#include "verifierd/store.h"

/*
 * Makes a store; a shared one need not be there yet. All borrowed until vsa_store_free().
 * Errors: VSA_ERR_ARGUMENT (the URL), VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status vsa_store_new(const struct vsa_store_options *options, int64_t now_ms,
                                           struct vsa_store **store, struct vsa_error *error);

#endif
