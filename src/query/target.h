/* SPDX-License-Identifier: Apache-2.0 */
/* Which enclave to ask, and its address. */
#ifndef VSA_QUERY_TARGET_H
#define VSA_QUERY_TARGET_H

#include <vsattest/client.h>
#include <vsattest/transport.h>

/* What says which enclave: the address, else the CID, else what nitro-cli finds. */
struct vsa_place {
    const char *address; /* or NULL */
    uint32_t cid;        /* 0: not given */
    uint32_t port;
    struct vsa_enclave_selector selector;
};

struct vsa_target {
    struct vsa_enclave enclave; /* nitro-cli's description; `id` is empty if it was not run */
    char address[VSA_MAX_ADDRESS];
};

/* Sets the target of an enclave that nitro-cli described. */
void vsa_target_set(struct vsa_target *target, const struct vsa_enclave *enclave, uint32_t port);

/*
 * Finds the enclave of a place; runs nitro-cli if it has neither an address nor a CID.
 *
 * running  out: nitro-cli's list, if it was run
 *
 * Errors: those of vsa_find_enclave().
 */
VSA_MUST_USE enum vsa_status vsa_target_find(const struct vsa_place *place, int64_t deadline_ms,
                                             struct vsa_target *target,
                                             struct vsa_enclave_list *running,
                                             struct vsa_error *error);

#endif
