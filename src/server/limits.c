/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

static struct vsa_bucket *bucket_of(struct vsa_connection *connection)
{
    struct vsa_server *server = connection->server;
    if (!vsa_peer_is_cid(connection->peer))
        return &connection->bucket;
    return vsa_peers_bucket(&server->peers, connection->peer, &server->rate, server->loop.now_ms);
}

static bool applies(const struct vsa_dispatch *request)
{
    /* A handler before all commands does not lift the limits of those that it stands for. */
    return ((request->command->flags | request->named->flags) & VSA_COMMAND_RATE_LIMITED) &&
           request->connection->server->rate.rate > 0;
}

enum vsa_status vsa_limits_check(struct vsa_dispatch *request, struct vsa_error *error)
{
    struct vsa_server *server = request->connection->server;
    if (!applies(request))
        return VSA_OK;
    request->retry_after_ms =
        vsa_bucket_wait_ms(bucket_of(request->connection), &server->rate, server->loop.now_ms);
    if (request->retry_after_ms == 0)
        return VSA_OK;
    vsa_statistic_up(&server->statistics->rate_limited);
    return vsa_fail(error, VSA_ERR_RATE_LIMITED,
                    "more than %lld requests a second; try again in %lld ms",
                    (long long)server->rate.rate, (long long)request->retry_after_ms);
}

void vsa_limits_charge(const struct vsa_dispatch *request)
{
    const struct vsa_server *server = request->connection->server;
    if (applies(request))
        vsa_bucket_take(bucket_of(request->connection), &server->rate, server->loop.now_ms);
}
