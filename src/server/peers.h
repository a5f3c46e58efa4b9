/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks, as far as limits go: a CID on vsock, however many connections it makes; else each
 * connection for itself, because a Unix socket names nobody.
 */
#ifndef VSA_SERVER_PEERS_H
#define VSA_SERVER_PEERS_H

#include <stddef.h>
#include <sys/socket.h>

#include "server/bucket.h"
#include <vsattest/limits.h>

/*
 * A number that tells peers apart: a CID is below 2^32, a connection above.
 *
 * address     in: of the peer, as accept(2) gave it
 * connection  in: the connection's number, which is used where the address names nobody
 */
uint64_t vsa_peer_of(const struct sockaddr *address, socklen_t size, uint64_t connection);

static inline bool vsa_peer_is_cid(uint64_t peer)
{
    return peer <= UINT32_MAX;
}

/* Buckets of CIDs, which outlive their connections: hanging up fills no bucket. Zeroed: empty. */
struct vsa_peers {
    struct {
        uint64_t peer;
        struct vsa_bucket bucket;
    } entries[VSA_MAX_LIMITED_PEERS];
    size_t count;
    struct vsa_bucket others; /* shared by those that find no room */
};

/*
 * The bucket of a CID; valid until the next call. A new one takes the place of one whose bucket is
 * full, which is as good as new.
 */
struct vsa_bucket *vsa_peers_bucket(struct vsa_peers *peers, uint64_t peer,
                                    const struct vsa_bucket_rule *rule, int64_t now_ms);

#endif
