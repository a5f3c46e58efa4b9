/* SPDX-License-Identifier: Apache-2.0 */
#include "server/statistics.h"

#include "base/monotonic.h"

void vsa_statistics_read(const void *requests, struct vsa_server_statistics *statistics)
{
    const struct vsa_requests *all = requests;
    const vsa_counter *states = all->streams->states;
    int64_t now_ms = vsa_monotonic_ms();
    vsa_counters_read(&all->counters, now_ms, statistics);
    vsa_nsm_health_read(all->health, now_ms, statistics);
    statistics->connections_idle = vsa_counter_get(&states[VSA_STATE_READING]) +
                                   vsa_counter_get(&states[VSA_STATE_RUNNABLE]);
    statistics->connections_busy = vsa_counter_get(&states[VSA_STATE_SUSPENDED]);
    statistics->connections_sending = vsa_counter_get(&states[VSA_STATE_SENDING]);
    statistics->connections_closing = vsa_counter_get(&states[VSA_STATE_LINGERING]);
    statistics->connections = statistics->connections_idle + statistics->connections_busy +
                              statistics->connections_sending + statistics->connections_closing;
    statistics->buffered_bytes = vsa_counter_get(&all->streams->budget.used);
    statistics->sealing_age_ms = -1;
    if (all->sealing) {
        const struct vsa_seal_keys *keys = &all->sealing->keys;
        statistics->sealing_kem = keys->suite->kem;
        statistics->sealing_key_id = vsa_counter_get(&keys->key_id);
        statistics->sealing_age_ms = now_ms - (int64_t)vsa_counter_get(&keys->begun_ms);
        statistics->sealing_uses = vsa_counter_get(&keys->uses);
        statistics->sealed_rotated_early = vsa_counter_get(&keys->rotated_early);
    }
    statistics->command_count = all->table.count;
    for (size_t i = 0; i < all->table.count; i++)
        statistics->commands[i].name = all->table.rows[i].name;
}
