/* SPDX-License-Identifier: Apache-2.0 */
#include "server/events.h"

const char *vsa_server_event_name(enum vsa_server_event_kind kind)
{
    static const char *const names[] = {
        [VSA_EVENT_LISTENING] = "listening",
        [VSA_EVENT_NSM_REACHABLE] = "nsm_reachable",
        [VSA_EVENT_NSM_UNREACHABLE] = "nsm_unreachable",
        [VSA_EVENT_CONNECTION_OPENED] = "connection_opened",
        [VSA_EVENT_CONNECTION_CLOSED] = "connection_closed",
        [VSA_EVENT_CONNECTION_REFUSED] = "connection_refused",
        [VSA_EVENT_REQUEST] = "request",
        [VSA_EVENT_ACCEPT_PAUSED] = "accept_paused",
        [VSA_EVENT_STOPPING] = "stopping",
        [VSA_EVENT_STOPPED] = "stopped",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

uint64_t vsa_observer_connections(const struct vsa_observer *observer)
{
    uint64_t connections = 0;
    for (size_t i = 0; i < VSA_STREAM_PHASES; i++)
        connections += vsa_counter_get(&observer->phases[i]);
    return connections;
}

void vsa_observe(const struct vsa_observer *observer, struct vsa_server_event event)
{
    if (!observer->on_event)
        return;
    event.connections = (size_t)vsa_observer_connections(observer);
    observer->on_event(observer->user, &event);
}
