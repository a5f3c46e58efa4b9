/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list whose links are members of what it lists: a ring, whose head is a link of its own. Not
 * thread-safe. A head must not be moved while the list has entries.
 */
#ifndef VSA_BASE_LIST_H
#define VSA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* A place in a list, or the head of one. Zeroed: in no list, or an empty list. */
struct vsa_link {
    struct vsa_link *previous;
    struct vsa_link *next;
};

/* Returns the first link of the list, or NULL. */
static inline struct vsa_link *vsa_list_first(const struct vsa_link *head)
{
    return head->next == head ? NULL : head->next;
}

/* Returns whether the link, which is no head, is in a list. */
static inline bool vsa_link_is_listed(const struct vsa_link *link)
{
    return link->next != NULL;
}

/* Removes the link from its list. No-op if it is in none. */
static inline void vsa_list_remove(struct vsa_link *link)
{
    if (!link->next)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = NULL;
    link->next = NULL;
}

/* Inserts a link that is in no list behind `place`, which is a head or in one. */
static inline void vsa_list_insert(struct vsa_link *place, struct vsa_link *link)
{
    if (!place->next)
        place->next = place->previous = place;
    link->previous = place;
    link->next = place->next;
    link->previous->next = link;
    link->next->previous = link;
}

/* Returns the place behind which to insert what shall be the last. */
static inline struct vsa_link *vsa_list_end(struct vsa_link *head)
{
    return head->next ? head->previous : head;
}

/* Appends a link that is in no list. */
static inline void vsa_list_append(struct vsa_link *head, struct vsa_link *link)
{
    vsa_list_insert(vsa_list_end(head), link);
}

/* Removes and returns the first link; NULL when the list is empty. */
static inline struct vsa_link *vsa_list_pop(struct vsa_link *head)
{
    struct vsa_link *link = vsa_list_first(head);
    if (link)
        vsa_list_remove(link);
    return link;
}

#endif
