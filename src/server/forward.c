/* SPDX-License-Identifier: Apache-2.0 */
#include "server/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/container_of.h"
#include "base/error.h"
#include "base/slice.h"

/* The member that is the server's: docs/PROTOCOL.md, "Backends". */
#define OWN_MEMBER "vsattest"
/* Exchanges of one backend that wait for a connection: those in flight are bounded, too. */
#define MAX_QUEUE 256
/* Bytes for lines and replies of backends: a part of what clients have, and a few long lines. */
#define BUFFERED_PART     4
#define SMALLEST_BUFFERED ((size_t)4 * VSA_MAX_REPLY_LINE)

struct forward {
    struct vsa_awaited awaited;
    struct vsa_exchange exchange;
    struct vsa_requests *all;
    struct vsa_link place; /* among all that are not done */
    size_t charged;        /* bytes, to the streams' budget */
};

static struct forward *of_awaited(struct vsa_awaited *awaited)
{
    return VSA_CONTAINER_OF(awaited, struct forward, awaited);
}

static void free_awaited(struct vsa_awaited *awaited)
{
    struct forward *forward = of_awaited(awaited);
    vsa_list_remove(&forward->place);
    vsa_budget_refund(&forward->all->streams->budget, forward->charged);
    free(forward);
}

static bool withdraw(struct vsa_awaited *awaited)
{
    vsa_exchange_cancel(&of_awaited(awaited)->exchange);
    return true;
}

static bool has_begun(struct vsa_awaited *awaited)
{
    return vsa_exchange_is_sent(&of_awaited(awaited)->exchange);
}

static const struct vsa_awaited_kind kind = {
    .withdraw = withdraw,
    .has_begun = has_begun,
    .late = "the backend did not reply in time; it may have carried this out",
};

/* --- replies ---------------------------------------------------------------------------------- */

/* Checks that a reply is one of the protocol. Errors: VSA_ERR_BACKEND. */
static enum vsa_status read_reply(struct vsa_slice line, json_t **reply, struct vsa_error *error)
{
    struct vsa_error why;
    if (vsa_json_parse(line, reply, &why) != VSA_OK)
        return vsa_fail(error, VSA_ERR_BACKEND, "the backend's reply: %s", why.detail);
    if (!json_is_boolean(json_object_get(*reply, "success")))
        return vsa_fail(error, VSA_ERR_BACKEND,
                        "the backend's reply has no member \"success\", true or false");
    return VSA_OK;
}

/* Returns the status that a reply is counted and logged as. */
static enum vsa_status status_of(const json_t *reply)
{
    const char *code = json_string_value(json_object_get(reply, "error_code"));
    if (json_is_true(json_object_get(reply, "success")))
        return VSA_OK;
    enum vsa_status status = code ? vsa_status_from_code(code) : VSA_ERR_INTERNAL;
    /* A code of the application's own is no fault of the server's. */
    return status == VSA_ERR_INTERNAL ? VSA_ERR_REQUEST : status;
}

static void answer(struct vsa_waiter *waiter, struct vsa_slice line, const struct vsa_error *why)
{
    struct vsa_requests *all = waiter->all;
    VSA_AUTO_JSON json_t *object = NULL;
    struct vsa_error error;
    if (why || read_reply(line, &object, &error) != VSA_OK) {
        vsa_request_fail(all, &waiter->request, why ? why : &error);
        return;
    }
    /* The request's own is added to the text. */
    (void)json_object_del(object, "id");
    struct vsa_reply reply =
        vsa_reply_of_json(object, waiter->request.id, status_of(object), all->buffer);
    vsa_request_finish(all, &waiter->request, &reply);
}

static void on_done(struct vsa_exchange *exchange, struct vsa_slice line,
                    const struct vsa_error *why)
{
    struct forward *forward = VSA_CONTAINER_OF(exchange, struct forward, exchange);
    struct vsa_link *place = vsa_list_first(&forward->awaited.waiters);
    if (place) {
        struct vsa_waiter *waiter = VSA_CONTAINER_OF(place, struct vsa_waiter, place);
        answer(waiter, line, why);
        vsa_waiter_free(waiter);
    }
    free_awaited(&forward->awaited);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Makes what the server says of a request. Returns NULL when memory is short. */
static json_t *describe(const struct vsa_request *request)
{
    const struct vsa_sealed *sealed = request->sealed;
    const struct vsa_origin *origin = sealed ? &sealed->origin : NULL;
    uint32_t cid = request->stream->cid;
    struct vsa_slice aad =
        origin ? vsa_slice_of(origin->aad, origin->aad_size) : vsa_slice_of(NULL, 0);
    bool is_signed = origin && origin->sender[0];
    return json_pack("{s:b, s:o, s:o, s:o}", "sealed", sealed != NULL, "aad",
                     aad.size ? vsa_json_base64(aad) : json_null(), "peer",
                     cid ? json_integer(cid) : json_null(), "sender",
                     is_signed ? json_string(origin->sender) : json_null());
}

/*
 * Returns whether an application may take the member for another one, of small letters. JSON
 * libraries that fill structs often ignore case, and Go's takes U+017F for an s: what the server
 * knows of the request, and whom it lets send it, would be another one's.
 */
static bool may_be_taken_for(const char *member, const char *name)
{
    for (; *name; name++) {
        if ((*member | 0x20) == *name)
            member++;
        else if (*name == 's' && strncmp(member, "\xc5\xbf", 2) == 0)
            member += 2;
        else
            return false;
    }
    return *member == '\0';
}

static enum vsa_status check_members(json_t *object, struct vsa_error *error)
{
    const char *member;
    json_t *value;
    json_object_foreach(object, member, value)
    {
        if (may_be_taken_for(member, OWN_MEMBER))
            return vsa_fail(error, VSA_ERR_FIELD,
                            "\"" OWN_MEMBER
                            "\" is what the server says of a request: leave it out");
        if (strcmp(member, "command") != 0 && may_be_taken_for(member, "command"))
            return vsa_fail(error, VSA_ERR_FIELD,
                            "a member may be taken for \"command\" where case is ignored: leave "
                            "it out");
    }
    return VSA_OK;
}

/* Writes the line to the server's buffer. */
static enum vsa_status write_request(struct vsa_requests *all, const struct vsa_request *request,
                                     json_t *object, struct vsa_slice *line,
                                     struct vsa_error *error)
{
    size_t size = 0;
    VSA_TRY(check_members(object, error));
    if (json_object_set_new(object, OWN_MEMBER, describe(request)) != 0)
        return vsa_fail_memory(error);
    enum vsa_status status =
        vsa_json_write_line(object, all->buffer, sizeof(all->buffer), &size, error);
    if (status == VSA_ERR_BUFFER)
        return vsa_fail(error, VSA_ERR_TOO_LARGE,
                        "with \"" OWN_MEMBER "\" the request has more than %d bytes",
                        VSA_MAX_REPLY_LINE);
    *line = vsa_slice_of(all->buffer, size);
    return status;
}

static enum vsa_status begin(struct forward *forward, const struct vsa_request *request,
                             struct vsa_backend *backend, struct vsa_slice line,
                             struct vsa_error *error)
{
    VSA_TRY(vsa_sealed_charge(request->sealed, forward->all->streams, line.size, &forward->charged,
                              error));
    return vsa_exchange_begin(backend, &forward->exchange, line, error);
}

enum vsa_status vsa_forward(struct vsa_requests *all, const struct vsa_request *request,
                            const struct vsa_command_row *row, json_t *object,
                            struct vsa_awaited **awaited, struct vsa_error *error)
{
    struct vsa_slice line;
    VSA_TRY(write_request(all, request, object, &line, error));
    struct forward *forward = calloc(1, sizeof(*forward));
    if (!forward)
        return vsa_fail_memory(error);
    forward->awaited.kind = &kind;
    forward->awaited.free = free_awaited;
    forward->exchange.done = on_done;
    forward->all = all;
    vsa_list_append(&all->forwards, &forward->place);
    enum vsa_status status = begin(forward, request, row->command.user, line, error);
    if (request->sealed)
        vsa_wipe(all->buffer, line.size);
    if (status != VSA_OK) {
        free_awaited(&forward->awaited);
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
        VSA_TRY(vsa_command_table_add_backend(table, &named, error));
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
    return vsa_command_table_add_backend(&all->table, &command, error);
}

void vsa_forward_close(struct vsa_requests *all)
{
    struct vsa_link *place;
    while ((place = vsa_list_first(&all->forwards))) {
        struct forward *forward = VSA_CONTAINER_OF(place, struct forward, place);
        (void)withdraw(&forward->awaited);
        free_awaited(&forward->awaited);
    }
    vsa_backends_free(all->backends);
    all->backends = NULL;
}
