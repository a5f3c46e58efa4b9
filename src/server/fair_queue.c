/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fair_queue.h"

/* What goes first whoever waits is nobody's: no CID, and no connection gets so far. */
#define NOBODY UINT64_MAX

uint64_t vsa_fair_queue_turn_of(const struct vsa_fair_queue *queue, uint64_t peer)
{
    uint64_t turn = queue->turn + 1;
    for (const struct vsa_fair_entry *entry = queue->first; entry; entry = entry->next)
        if (entry->peer == peer)
            turn++;
    return turn;
}

/* Behind `after`, or at the front if that is NULL. */
static void insert(struct vsa_fair_queue *queue, struct vsa_fair_entry *after,
                   struct vsa_fair_entry *entry)
{
    struct vsa_fair_entry *before = after ? after->next : queue->first;
    entry->previous = after;
    entry->next = before;
    *(after ? &after->next : &queue->first) = entry;
    *(before ? &before->previous : &queue->last) = entry;
    entry->queued = true;
    queue->count++;
}

void vsa_fair_queue_push(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry, uint64_t peer)
{
    struct vsa_fair_entry *after = queue->last;
    entry->peer = peer;
    entry->turn = vsa_fair_queue_turn_of(queue, peer);
    while (after && after->turn > entry->turn)
        after = after->previous;
    insert(queue, after, entry);
}

void vsa_fair_queue_push_first(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry)
{
    entry->peer = NOBODY;
    entry->turn = queue->turn;
    insert(queue, NULL, entry);
}

void vsa_fair_queue_remove(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry)
{
    if (!entry->queued)
        return;
    *(entry->previous ? &entry->previous->next : &queue->first) = entry->next;
    *(entry->next ? &entry->next->previous : &queue->last) = entry->previous;
    entry->previous = NULL;
    entry->next = NULL;
    entry->queued = false;
    queue->count--;
}

struct vsa_fair_entry *vsa_fair_queue_pop(struct vsa_fair_queue *queue)
{
    struct vsa_fair_entry *entry = queue->first;
    if (!entry)
        return NULL;
    vsa_fair_queue_remove(queue, entry);
    queue->turn = entry->turn;
    return entry;
}

struct vsa_fair_entry *vsa_fair_queue_displace(struct vsa_fair_queue *queue, uint64_t peer)
{
    struct vsa_fair_entry *last = queue->last;
    if (!last || last->turn <= vsa_fair_queue_turn_of(queue, peer))
        return NULL;
    vsa_fair_queue_remove(queue, last);
    return last;
}

void vsa_fair_queue_join(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry, uint64_t peer)
{
    if (entry->peer == peer || entry->turn <= vsa_fair_queue_turn_of(queue, peer))
        return;
    vsa_fair_queue_remove(queue, entry);
    vsa_fair_queue_push(queue, entry, peer);
}
