/* SPDX-License-Identifier: Apache-2.0 */
/* One query to several enclaves at once. */
#ifndef VSA_QUERY_SEVERAL_H
#define VSA_QUERY_SEVERAL_H

#include "query/query.h"
#include "query/target.h"

struct vsa_several {
    size_t count;
    struct vsa_several_entry {
        struct vsa_target target;
        struct vsa_outcome outcome; /* zeroed before */
    } entries[VSA_MAX_ENCLAVES];
};

/* Sets the targets: the enclaves that nitro-cli listed. */
void vsa_several_set(struct vsa_several *several, const struct vsa_enclave_list *running,
                     uint32_t port);

/*
 * Asks each target in a thread of its own, as far as there are threads, so that one that hangs
 * costs the others nothing. All have the same deadline.
 */
void vsa_several_ask(struct vsa_several *several, const struct vsa_query *query,
                     int64_t deadline_ms);

/*
 * Returns {"success", "enclaves": [...]}: each enclave with "ok", "latency_ms" and "result"; a new
 * reference, or NULL when memory is short.
 */
json_t *vsa_several_json(const struct vsa_several *several, enum vsa_query_kind kind);

void vsa_several_free(struct vsa_several *several);

#endif
