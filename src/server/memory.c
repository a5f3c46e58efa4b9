/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include "base/container_of.h"

static void account(struct vsa_connection *connection)
{
    vsa_budget_set(&connection->server->budget, &connection->share,
                   connection->input.capacity + connection->output.capacity);
}

bool vsa_memory_keep(struct vsa_connection *connection, struct vsa_buffer *buffer, const char *data,
                     size_t size)
{
    struct vsa_budget *budget = &connection->server->budget;
    size_t wanted = connection->input.capacity + connection->output.capacity - buffer->capacity +
                    vsa_buffer_capacity_for(buffer, size);
    while (!vsa_budget_allows(budget, &connection->share, wanted)) {
        struct vsa_budget_share *largest = vsa_budget_largest(budget, wanted);
        struct vsa_connection *holder =
            largest ? VSA_CONTAINER_OF(largest, struct vsa_connection, share) : NULL;
        if (!holder || holder == connection)
            return false;
        vsa_connection_give_way(holder);
    }
    bool kept = vsa_buffer_add(buffer, data, size);
    account(connection);
    return kept;
}

void vsa_memory_drop(struct vsa_connection *connection, struct vsa_buffer *buffer, size_t size)
{
    vsa_buffer_drop(buffer, size);
    account(connection);
}
