/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a reply that is dear to print and the same for all who ask: of those who ask too
 * often some get the one before. Times are the caller's, monotonic.
 */
#ifndef VSA_SERVER_SUMMARY_H
#define VSA_SERVER_SUMMARY_H

#include <stdbool.h>

#include <vsattest/base.h>

/* Texts made anew within one period, and how long that is: none that is given is older. */
#define VSA_SUMMARIES_NEW     10
#define VSA_SUMMARY_PERIOD_MS 100

/* Zeroed: there is none. */
struct vsa_summary {
    char *text; /* owned, or NULL */
    size_t size;
    int64_t begun_ms; /* when the period began */
    unsigned made;    /* within it */
};

/* Returns whether the text is to be given again; else a new one is to be made. */
bool vsa_summary_is_enough(struct vsa_summary *summary, int64_t now_ms);

/* Keeps a copy of the text, if memory allows. */
void vsa_summary_keep(struct vsa_summary *summary, struct vsa_slice text);
/* Frees it. */
void vsa_summary_drop(struct vsa_summary *summary);

#endif
