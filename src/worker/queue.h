/* SPDX-License-Identifier: Apache-2.0 */
/* A FIFO queue, intrusive. Not thread-safe. */
#ifndef VSA_WORKER_QUEUE_H
#define VSA_WORKER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/* A place in a queue. Embed it. Zeroed: in no queue. */
struct vsa_queue_entry {
    struct vsa_queue_entry *previous;
    struct vsa_queue_entry *next;
    bool queued;
};

/* A queue. Zeroed: empty. */
struct vsa_queue {
    struct vsa_queue_entry *first;
    struct vsa_queue_entry *last;
    size_t count;
};

/* Appends the entry. */
void vsa_queue_push(struct vsa_queue *queue, struct vsa_queue_entry *entry);
/* Inserts the entry before all others. */
void vsa_queue_push_first(struct vsa_queue *queue, struct vsa_queue_entry *entry);
/* Removes and returns the first entry; NULL when the queue is empty. */
struct vsa_queue_entry *vsa_queue_pop(struct vsa_queue *queue);
/* Removes the entry; returns false if it is in no queue. */
bool vsa_queue_remove(struct vsa_queue *queue, struct vsa_queue_entry *entry);

#endif
