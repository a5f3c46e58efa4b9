/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/watch_list.h"

#include "base/error.h"

/* Asking nitro-cli may take half of a round: the enclaves we know already get the other half. */
#define LISTING_SHARE 2

void client_watch_list_start(struct client_watch_list *list,
                             const struct client_arguments *arguments)
{
    *list = (struct client_watch_list){.arguments = arguments, .count = arguments->all ? 0 : 1};
}

/* --- one enclave -------------------------------------------------------------------------------
 */

static bool is_lost(const struct client_watched *watched)
{
    const struct client_round *round = &watched->round;
    return !watched->target.address[0] || (round->state == CLIENT_ROUND_FAILED &&
                                           vsa_status_class(round->error.status) == VSA_CLASS_IO);
}

static void find_one(struct client_watch_list *list, int64_t deadline_ms)
{
    struct client_watched *watched = &list->watched[1];
    struct vsa_enclave_list ignored;
    if (!is_lost(watched))
        return;
    watched->unfindable = (struct vsa_error){0};
    if (client_find_target(list->arguments, deadline_ms, &watched->target, &ignored,
                           &watched->unfindable) != VSA_OK)
        watched->target.address[0] = '\0';
}

/* --- every enclave -----------------------------------------------------------------------------
 */

static bool same_id(const struct vsa_enclave *one, const struct vsa_enclave *other)
{
    return strcmp(one->id, other->id) == 0;
}

/* Started again, an enclave has another ID and often another CID; its name stays. */
static bool same_name(const struct vsa_enclave *one, const struct vsa_enclave *other)
{
    return one->name[0] && strcmp(one->name, other->name) == 0;
}

/* Gives each that was not given one yet an enclave that runs and was not given away. */
static void match(struct client_watch_list *list, const struct vsa_enclave_list *running,
                  bool (*same)(const struct vsa_enclave *, const struct vsa_enclave *), bool *found,
                  bool *given)
{
    for (size_t i = 1; i <= list->count; i++)
        for (size_t k = 0; k < running->count && !found[i]; k++) {
            struct client_watched *watched = &list->watched[i];
            if (given[k] || !same(&watched->target.enclave, &running->enclaves[k]))
                continue;
            client_target_of(list->arguments, &running->enclaves[k], &watched->target);
            found[i] = given[k] = true;
        }
}

/* A free place, or that of an enclave that has ended: more cannot run at once. */
static struct client_watched *place_for_new(struct client_watch_list *list, bool *found)
{
    size_t i = list->count + 1;
    if (i < CLIENT_MAX_TARGETS)
        list->count++;
    else
        for (i = 1; i + 1 < CLIENT_MAX_TARGETS && found[i]; i++)
            ;
    found[i] = true;
    client_outcome_free(&list->watched[i].outcome);
    list->watched[i] = (struct client_watched){0};
    return &list->watched[i];
}

static void follow(struct client_watch_list *list, const struct vsa_enclave_list *running)
{
    bool found[CLIENT_MAX_TARGETS] = {false};
    bool given[VSA_MAX_ENCLAVES] = {false};
    match(list, running, same_id, found, given);
    match(list, running, same_name, found, given);
    for (size_t k = 0; k < running->count; k++)
        if (!given[k])
            client_target_of(list->arguments, &running->enclaves[k],
                             &place_for_new(list, found)->target);
    for (size_t i = 1; i <= list->count; i++) {
        list->watched[i].unfindable = (struct vsa_error){0};
        if (!found[i])
            (void)vsa_fail(&list->watched[i].unfindable, VSA_ERR_NO_ENCLAVE, VSA_NO_OFFSET, NULL,
                           "nitro-cli does not show it any more: it has ended%s",
                           running->unreachable ? ", or its process does not answer" : "");
    }
}

static void find_every(struct client_watch_list *list, int64_t deadline_ms)
{
    struct vsa_enclave_list running = {0};
    struct client_watched *listing = &list->watched[0];
    int64_t left = deadline_ms - vsa_monotonic_ms();
    enum vsa_status status =
        vsa_list_enclaves(left / LISTING_SHARE, &running, &listing->unfindable);
    /* That nothing runs is an answer, and bad news only for those that did. */
    bool answered = status == VSA_OK || (status == VSA_ERR_NO_ENCLAVE && list->count > 0);
    list->listing_failed = !answered;
    if (!answered)
        return;
    listing->told = VSA_OK;
    follow(list, &running);
}

void client_watch_list_refresh(struct client_watch_list *list, int64_t deadline_ms)
{
    if (list->arguments->all)
        find_every(list, deadline_ms);
    else
        find_one(list, deadline_ms);
    for (size_t i = 0; i <= list->count; i++) {
        list->watched[i].arguments = list->arguments;
        list->watched[i].deadline_ms = deadline_ms;
    }
}
