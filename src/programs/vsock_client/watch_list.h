/* SPDX-License-Identifier: Apache-2.0 */
/* Which enclaves --watch looks at: found anew as they come, go and start again. */
#ifndef VSA_PROGRAMS_VSOCK_CLIENT_WATCH_LIST_H
#define VSA_PROGRAMS_VSOCK_CLIENT_WATCH_LIST_H

#include <stdbool.h>

#include "programs/vsock_client/parallel.h"
#include "programs/vsock_client/round.h"

struct client_watch_list {
    const struct client_arguments *arguments;
    bool listing_failed;
    size_t count; /* enclaves */
    /* [0] stands for nitro-cli itself (--all), while that fails; the enclaves follow. */
    struct client_watched watched[CLIENT_MAX_TARGETS];
};

/* What is looked at in this round. */
static inline struct client_watched *client_watch_list_items(struct client_watch_list *list,
                                                             size_t *count)
{
    *count = list->count + list->listing_failed;
    return &list->watched[list->listing_failed ? 0 : 1];
}

void client_watch_list_start(struct client_watch_list *list,
                             const struct client_arguments *arguments);

/*
 * Asks nitro-cli where that is needed: with --all always, else at first and after a round in which
 * the enclave could not be reached. What cannot be found will fail in its round.
 */
void client_watch_list_refresh(struct client_watch_list *list, int64_t deadline_ms);

#endif
