/* SPDX-License-Identifier: Apache-2.0 */
#include "server/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"
#include "protocol/forwarded.h"

/* Exchanges of one backend that wait for a connection: those in flight are bounded, too. */
#define MAX_QUEUE 256
/* Bytes for lines and replies of backends: a part of what clients have, and a few long lines. */
#define BUFFERED_PART     4
#define SMALLEST_BUFFERED ((size_t)4 * VSA_MAX_REPLY_LINE)

struct forward {
    struct vsa_awaited awaited;
    struct vsa_exchange exchange;
    struct vsa_budget *budget;
    size_t charged; /* bytes, to the streams' budget */
};

static void free_forward(struct forward *forward)
{
    vsa_budget_refund(forward->budget, forward->charged);
    free(forward);
}

static void abandon(struct vsa_awaited *awaited)
{
    struct forward *forward = VSA_CONTAINER_OF(awaited, struct forward, awaited);
    vsa_exchange_cancel(&forward->exchange);
    free_forward(forward);
}

static bool has_begun(struct vsa_awaited *awaited)
{
    return vsa_exchange_is_sent(&VSA_CONTAINER_OF(awaited, struct forward, awaited)->exchange);
}

static const struct vsa_awaited_kind kind = {
    .abandon = abandon,
    .has_begun = has_begun,
    .late = "the backend did not reply in time; it may have carried this out",
};

/* --- replies ---------------------------------------------------------------------------------- */

static void answer(struct vsa_waiter *waiter, struct vsa_slice line, const struct vsa_error *why)
{
    struct vsa_requests *all = waiter->all;
    VSA_AUTO_JSON json_t *object = NULL;
    enum vsa_status said;
    struct vsa_error error;
    if (why || vsa_forwarded_reply_decode(line, &object, &said, &error) != VSA_OK) {
        vsa_request_fail(all, &waiter->request, why ? why : &error);
        return;
    }
    /* The request's own is added to the text. */
    (void)json_object_del(object, "id");
    struct vsa_reply reply = vsa_reply_of_json(object, waiter->request.id, said, all->buffer);
    vsa_request_finish(all, &waiter->request, &reply);
}

static void on_done(struct vsa_exchange *exchange, struct vsa_slice line,
                    const struct vsa_error *why)
{
    struct forward *forward = VSA_CONTAINER_OF(exchange, struct forward, exchange);
    struct vsa_waiter *waiter = vsa_waiter_first(&forward->awaited);
    answer(waiter, line, why);
    vsa_waiter_free(waiter);
    free_forward(forward);
}

/* --- requests --------------------------------------------------------------------------------- */

static struct vsa_forwarded_facts facts_of(const struct vsa_request *request)
{
    static const struct vsa_origin in_clear;
    const struct vsa_origin *origin = request->sealed ? &request->sealed->origin : &in_clear;
    return (struct vsa_forwarded_facts){
        .sealed = request->sealed != NULL,
        .aad = vsa_slice_of(origin->aad, origin->aad_size),
        .cid = request->stream->cid,
        .sender = origin->sender,
    };
}

static enum vsa_status begin(struct forward *forward, const struct vsa_request *request,
                             struct vsa_backend *backend, struct vsa_slice line,
                             struct vsa_error *error)
{
    VSA_TRY(
        vsa_sealed_charge(request->sealed, forward->budget, line.size, &forward->charged, error));
    return vsa_exchange_begin(backend, &forward->exchange, line, error);
}

enum vsa_status vsa_forward(struct vsa_requests *all, const struct vsa_request *request,
                            const struct vsa_command_row *row, json_t *object,
                            struct vsa_awaited **awaited, struct vsa_error *error)
{
    struct vsa_slice line = {0};
    const struct vsa_forwarded_facts facts = facts_of(request);
    struct forward *forward = calloc(1, sizeof(*forward));
    if (!forward)
        return vsa_fail_memory(error);
    forward->awaited.kind = &kind;
    forward->exchange.done = on_done;
    forward->budget = &all->streams->budget;
    enum vsa_status status = vsa_forwarded_encode(object, &facts, all->buffer, &line, error);
    bool is_whole = status == VSA_OK;
    if (is_whole)
        status = begin(forward, request, row->command.user, line, error);
    if (request->sealed)
        vsa_wipe(all->buffer, is_whole ? line.size : sizeof(all->buffer));
    if (status != VSA_OK) {
        free_forward(forward);
        return status;
    }
    *awaited = &forward->awaited;
    return VSA_OK;
}

/* --- begin and end ---------------------------------------------------------------------------- */

/* Adds each of the names that commas separate. */
static enum vsa_status add_commands(struct vsa_command_table *table, const char *names,
                                    const struct vsa_command *command, struct vsa_error *error)
{
    char name[VSA_MAX_COMMAND_NAME + 2];
    struct vsa_command named = *command;
    named.name = name;
    for (;;) {
        size_t size = strcspn(names, ",");
        /* A longer one is cut, and still too long. */
        (void)snprintf(name, sizeof(name), "%.*s", (int)size, names);
        if (strcmp(name, VSA_COMMAND_ANY) == 0)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "\"*\" is the name of no command");
        VSA_TRY(vsa_command_table_add(table, &named, VSA_ROLE_BACKEND, error));
        if (!names[size])
            return VSA_OK;
        names += size + 1;
    }
}

enum vsa_status vsa_forward_add(struct vsa_requests *all, const char *commands, const char *address,
                                size_t max_connections, unsigned flags, struct vsa_error *error)
{
    struct vsa_address parsed;
    struct vsa_backend *backend = NULL;
    size_t buffered = all->options->max_buffered / BUFFERED_PART;
    const struct vsa_backend_limits limits = {
        .max_queue = MAX_QUEUE,
        .max_buffered = buffered > SMALLEST_BUFFERED ? buffered : SMALLEST_BUFFERED,
        .idle_timeout_ms = all->options->request_timeout_ms + VSA_BACKEND_IDLE_MS,
    };
    if (flags & ~(VSA_COMMAND_RATE_LIMITED | VSA_COMMAND_SEALED_ONLY))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a backend's flags are VSA_COMMAND_RATE_LIMITED and _SEALED_ONLY");
    VSA_TRY(vsa_address_parse(address, &parsed, error));
    if (!all->backends)
        VSA_TRY(vsa_backends_new(all->loop, &limits, &all->backends, error));
    VSA_TRY(vsa_backend_add(all->backends, &parsed, max_connections, &backend, error));
    struct vsa_command command = {.user = backend, .flags = flags};
    if (commands)
        return add_commands(&all->table, commands, &command, error);
    command.name = VSA_COMMAND_ANY;
    return vsa_command_table_add(&all->table, &command, VSA_ROLE_BACKEND, error);
}
