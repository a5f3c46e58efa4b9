/* SPDX-License-Identifier: Apache-2.0 */
#include "server/peers.h"

#include <linux/vm_sockets.h>
#include <string.h>

#define FIRST_CONNECTION (UINT64_C(1) << 32)

uint64_t vsa_peer_of(const struct sockaddr *address, socklen_t size, uint64_t connection)
{
    struct sockaddr_vm vsock;
    if (size < sizeof(vsock) || address->sa_family != AF_VSOCK)
        return FIRST_CONNECTION + connection;
    memcpy(&vsock, address, sizeof(vsock));
    return vsock.svm_cid;
}

struct vsa_bucket *vsa_peers_bucket(struct vsa_peers *peers, uint64_t peer,
                                    const struct vsa_bucket_rule *rule, int64_t now_ms)
{
    size_t place = peers->count;
    for (size_t i = 0; i < peers->count; i++)
        if (peers->entries[i].peer == peer)
            return &peers->entries[i].bucket;
    for (size_t i = 0; i < peers->count && place == peers->count; i++)
        if (vsa_bucket_is_full(&peers->entries[i].bucket, rule, now_ms))
            place = i;
    if (place == VSA_MAX_LIMITED_PEERS)
        return &peers->others;
    if (place == peers->count)
        peers->count++;
    peers->entries[place].peer = peer;
    peers->entries[place].bucket = (struct vsa_bucket){0};
    return &peers->entries[place].bucket;
}
