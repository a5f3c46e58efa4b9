/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is next: one job of each peer in turn, however many one peer has, and in order of arrival
 * within a turn.
 *
 * Each job gets a turn when it comes: that after the present one, or as many later as its peer
 * has jobs waiting already. The queue is kept in order of turns. So nothing has to be remembered of
 * peers, and a peer's hundredth job is behind everybody's first.
 */
#ifndef VSA_SERVER_FAIR_QUEUE_H
#define VSA_SERVER_FAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embed it. */
struct vsa_fair_entry {
    struct vsa_fair_entry *previous;
    struct vsa_fair_entry *next;
    uint64_t peer;
    uint64_t turn;
    bool queued;
};

struct vsa_fair_queue {
    struct vsa_fair_entry *first;
    struct vsa_fair_entry *last;
    size_t count;
    uint64_t turn; /* of the job that went last */
};

/* The turn that one more job of this peer would get. */
uint64_t vsa_fair_queue_turn_of(const struct vsa_fair_queue *queue, uint64_t peer);

/* Costs a look at each entry. */
void vsa_fair_queue_push(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry, uint64_t peer);
/* Before all others. */
void vsa_fair_queue_push_first(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry);
/* NULL when it is empty. */
struct vsa_fair_entry *vsa_fair_queue_pop(struct vsa_fair_queue *queue);
/* Harmless when it is not queued. */
void vsa_fair_queue_remove(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry);

/*
 * Of a full queue: takes out the last entry if one more job of this peer would be before it, since
 * it belongs to somebody who has more waiting; else NULL.
 */
struct vsa_fair_entry *vsa_fair_queue_displace(struct vsa_fair_queue *queue, uint64_t peer);

/* Another peer waits for a queued entry too: not longer than for one of its own. */
void vsa_fair_queue_join(struct vsa_fair_queue *queue, struct vsa_fair_entry *entry, uint64_t peer);

#endif
