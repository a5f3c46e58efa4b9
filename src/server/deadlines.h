/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time limits for thousands of things at the price of one timer. All entries of a list have the
 * same duration, so appending keeps the list in order and the first entry is due first.
 */
#ifndef VSA_SERVER_DEADLINES_H
#define VSA_SERVER_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

/* An entry; embed it. Zeroed: in no list. */
struct vsa_deadline {
    struct vsa_deadline *previous;
    struct vsa_deadline *next;
    int64_t at_ms;
};

struct vsa_deadline_list {
    struct vsa_deadline head; /* of a ring */
    int64_t duration_ms;
    /* The entry is out of the list already, and may be put into any. */
    void (*expired)(void *user, struct vsa_deadline *entry);
};

/* For the duration of lists that only keep their entries together. */
#define VSA_DEADLINE_NEVER INT64_MAX

void vsa_deadlines_init(struct vsa_deadline_list *list, int64_t duration_ms,
                        void (*expired)(void *user, struct vsa_deadline *entry));

/* Moves the entry from the list it may be in to the end of this one. */
void vsa_deadlines_append(struct vsa_deadline_list *list, struct vsa_deadline *entry,
                          int64_t now_ms);

/* Harmless when it is in no list. */
void vsa_deadlines_remove(struct vsa_deadline *entry);

static inline bool vsa_deadlines_empty(const struct vsa_deadline_list *list)
{
    return list->head.next == &list->head;
}

/* When the first entry is due, or VSA_DEADLINE_NEVER. */
int64_t vsa_deadlines_next(const struct vsa_deadline_list *list);

/* Calls `expired` for the entries that are due now, not for ones that it appends. */
void vsa_deadlines_expire(struct vsa_deadline_list *list, int64_t now_ms, void *user);

/* The first entry, taken out of the list; NULL when there is none. */
struct vsa_deadline *vsa_deadlines_pop(struct vsa_deadline_list *list);

#endif
