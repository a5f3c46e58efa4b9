/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/all.h"

#include <inttypes.h>

#include "command_line/output.h"
#include "programs/vsock_client/ask.h"
#include "programs/vsock_client/text.h"
#include "query/several.h"

static void print_row(const struct client_action *action, const struct vsa_several_entry *entry)
{
    const struct vsa_outcome *outcome = &entry->outcome;
    const struct vsa_enclave *enclave = &entry->target.enclave;
    bool ok = outcome->status == VSA_OK;
    (void)printf("%-20s  %10" PRIu32 "  %-20s  %8.1f ms", client_text_name(enclave), enclave->cid,
                 ok ? "ok" : vsa_status_code(outcome->status),
                 (double)outcome->microseconds / 1000.0);
    if (ok && action->print_columns)
        action->print_columns(outcome);
    (void)fputc('\n', stdout);
}

static enum vsa_status print(const struct client_arguments *arguments,
                             const struct vsa_several *several, struct vsa_error *error)
{
    const struct client_action *action = arguments->action;
    if (arguments->json)
        return output_json(vsa_several_json(several, action->kind), error);
    (void)printf("%-20s  %10s  %-20s  %11s%s\n", "NAME", "CID", "STATE", "LATENCY",
                 action->columns);
    for (size_t i = 0; i < several->count; i++)
        print_row(action, &several->entries[i]);
    return output_finish(error);
}

/* Prints on stderr, with the enclave that it is about. */
static void print_remark(const struct client_action *action, const struct vsa_several_entry *entry)
{
    char who[VSA_MAX_ENCLAVE_NAME + sizeof(CLIENT_PROGRAM) + 2];
    (void)snprintf(who, sizeof(who), "%s: %s", CLIENT_PROGRAM,
                   client_text_name(&entry->target.enclave));
    if (entry->outcome.status != VSA_OK)
        output_error(who, &entry->outcome.error);
    else if (action->remark)
        action->remark(who, &entry->outcome);
}

static enum exit_code nothing_to_ask(const struct client_arguments *arguments,
                                     const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    client_text_failure(error, CLIENT_PLACE_NITRO_CLI, &none);
    if (arguments->json)
        client_text_json(error, vsa_query_is_verifying(arguments->action->kind), &none);
    return exit_code_of(error->status);
}

enum exit_code client_all(const struct client_arguments *arguments)
{
    static struct vsa_enclave_list running;
    static struct vsa_several several;
    struct vsa_error error = {0};
    enum exit_code code = EXIT_CODE_OK;
    const struct vsa_query query = client_query(arguments);
    int64_t deadline_ms = vsa_deadline(arguments->timeout_ms);
    if (vsa_list_enclaves(arguments->timeout_ms, &running, &error) != VSA_OK)
        return nothing_to_ask(arguments, &error);
    client_text_unreachable(&running);
    vsa_several_set(&several, &running, arguments->place.port);
    vsa_several_ask(&several, &query, deadline_ms);
    enum vsa_status printed = print(arguments, &several, &error);
    for (size_t i = 0; i < several.count; i++) {
        print_remark(arguments->action, &several.entries[i]);
        code = exit_code_worse(code, exit_code_of(several.entries[i].outcome.status));
    }
    vsa_several_free(&several);
    if (printed == VSA_OK)
        return code;
    client_text_unprinted(arguments, &error);
    return exit_code_of(printed);
}
