/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/queue.h"

static void insert(struct vsa_queue *queue, struct vsa_queue_entry *entry,
                   struct vsa_queue_entry *previous, struct vsa_queue_entry *next)
{
    *entry = (struct vsa_queue_entry){previous, next, true};
    *(previous ? &previous->next : &queue->first) = entry;
    *(next ? &next->previous : &queue->last) = entry;
    queue->count++;
}

void vsa_queue_push(struct vsa_queue *queue, struct vsa_queue_entry *entry)
{
    insert(queue, entry, queue->last, NULL);
}

void vsa_queue_push_first(struct vsa_queue *queue, struct vsa_queue_entry *entry)
{
    insert(queue, entry, NULL, queue->first);
}

bool vsa_queue_remove(struct vsa_queue *queue, struct vsa_queue_entry *entry)
{
    if (!entry->queued)
        return false;
    *(entry->previous ? &entry->previous->next : &queue->first) = entry->next;
    *(entry->next ? &entry->next->previous : &queue->last) = entry->previous;
    queue->count--;
    *entry = (struct vsa_queue_entry){0};
    return true;
}

struct vsa_queue_entry *vsa_queue_pop(struct vsa_queue *queue)
{
    struct vsa_queue_entry *entry = queue->first;
    if (entry)
        (void)vsa_queue_remove(queue, entry);
    return entry;
}
