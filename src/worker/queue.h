/* SPDX-License-Identifier: Apache-2.0 */
/* First in, first out, in a list that its entries are part of. Not for several threads. */
#ifndef VSA_WORKER_QUEUE_H
#define VSA_WORKER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/* Embed it. Zeroed: in no queue. */
struct vsa_queue_entry {
    struct vsa_queue_entry *previous;
    struct vsa_queue_entry *next;
    bool queued;
};

/* Zeroed: empty. */
struct vsa_queue {
    struct vsa_queue_entry *first;
    struct vsa_queue_entry *last;
    size_t count;
};

void vsa_queue_push(struct vsa_queue *queue, struct vsa_queue_entry *entry);
/* Goes before all others. */
void vsa_queue_push_first(struct vsa_queue *queue, struct vsa_queue_entry *entry);
/* NULL when the queue is empty. */
struct vsa_queue_entry *vsa_queue_pop(struct vsa_queue *queue);
/* False when the entry is in no queue. */
bool vsa_queue_remove(struct vsa_queue *queue, struct vsa_queue_entry *entry);

#endif
