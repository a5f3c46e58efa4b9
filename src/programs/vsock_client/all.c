/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/all.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/error.h"
#include "command_line/output.h"
#include "programs/vsock_client/result.h"
#include "programs/vsock_client/text.h"

#define PROGRAM "vsock_client"

struct asked {
    const struct client_arguments *arguments;
    int64_t deadline_ms;
    struct client_target target;
    struct client_outcome outcome;
};

struct every {
    struct vsa_enclave_list running;
    struct asked asked[VSA_MAX_ENCLAVES];
};

static void *ask(void *item)
{
    struct asked *asked = item;
    client_perform(asked->arguments, asked->target.address, asked->deadline_ms, &asked->outcome);
    return NULL;
}

/*
 * Runs a thread for each as far as there are threads, so that one that hangs costs the others
 * nothing.
 */
static void ask_in_parallel(struct asked *asked, size_t count)
{
    pthread_t threads[VSA_MAX_ENCLAVES];
    bool started[VSA_MAX_ENCLAVES];
    for (size_t i = 0; i < count; i++)
        started[i] = pthread_create(&threads[i], NULL, ask, &asked[i]) == 0;
    for (size_t i = 0; i < count; i++)
        if (!started[i])
            (void)ask(&asked[i]);
    for (size_t i = 0; i < count; i++)
        if (started[i])
            (void)pthread_join(threads[i], NULL);
}

static enum vsa_status ask_every(const struct client_arguments *arguments, struct every *every,
                                 struct vsa_error *error)
{
    int64_t deadline_ms = vsa_deadline(arguments->timeout_ms);
    VSA_TRY(vsa_list_enclaves(arguments->timeout_ms, &every->running, error));
    client_text_unreachable(&every->running);
    for (size_t i = 0; i < every->running.count; i++) {
        every->asked[i].arguments = arguments;
        every->asked[i].deadline_ms = deadline_ms;
        client_target_of(arguments, &every->running.enclaves[i], &every->asked[i].target);
    }
    ask_in_parallel(every->asked, every->running.count);
    return VSA_OK;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *entry_of(const struct asked *asked)
{
    static const struct vsa_enclave_list none;
    VSA_AUTO_JSON json_t *enclave = client_result_enclave(&asked->target.enclave);
    struct vsa_json_writer entry = vsa_json_extend(enclave);
    vsa_json_put(&entry, "ok", json_boolean(asked->outcome.status == VSA_OK));
    vsa_json_put(&entry, "latency_ms", json_real((double)asked->outcome.microseconds / 1000.0));
    vsa_json_put(&entry, "result",
                 client_result_of(asked->arguments, &asked->outcome, &none, NULL));
    return vsa_json_finish(&entry);
}

static json_t *result_of(const struct every *every)
{
    bool success = true;
    struct vsa_json_writer entries = vsa_json_array();
    for (size_t i = 0; i < every->running.count; i++) {
        success = success && every->asked[i].outcome.status == VSA_OK;
        vsa_json_append(&entries, entry_of(&every->asked[i]));
    }
    struct vsa_json_writer result = vsa_json_object();
    vsa_json_put(&result, "success", json_boolean(success));
    vsa_json_put(&result, "enclaves", vsa_json_finish(&entries));
    return vsa_json_finish(&result);
}

/* --- a table ---------------------------------------------------------------------------------- */

static void print_row(const struct asked *asked)
{
    const struct client_outcome *outcome = &asked->outcome;
    const struct client_action *action = asked->arguments->action;
    bool ok = outcome->status == VSA_OK;
    (void)printf("%-20s  %10" PRIu32 "  %-20s  %8.1f ms", client_text_name(&asked->target.enclave),
                 asked->target.enclave.cid, ok ? "ok" : vsa_status_code(outcome->status),
                 (double)outcome->microseconds / 1000.0);
    if (ok && action->print_columns)
        action->print_columns(outcome);
    (void)fputc('\n', stdout);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* Prints on stderr, with the enclave that it is about. */
static void print_remark(const struct asked *asked)
{
    char who[VSA_MAX_ENCLAVE_NAME + sizeof(PROGRAM) + 2];
    (void)snprintf(who, sizeof(who), "%s: %s", PROGRAM, client_text_name(&asked->target.enclave));
    if (asked->outcome.status != VSA_OK)
        output_error(who, &asked->outcome.error);
    else if (asked->arguments->action->remark)
        asked->arguments->action->remark(who, &asked->outcome);
}

static enum vsa_status print(const struct client_arguments *arguments, const struct every *every,
                             struct vsa_error *error)
{
    if (arguments->json)
        return output_json(result_of(every), error);
    (void)printf("%-20s  %10s  %-20s  %11s%s\n", "NAME", "CID", "STATE", "LATENCY",
                 arguments->action->columns);
    for (size_t i = 0; i < every->running.count; i++)
        print_row(&every->asked[i]);
    return output_finish(error);
}

static enum exit_code nothing_to_ask(const struct client_arguments *arguments,
                                     const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    bool verifying = arguments->action->flags & CLIENT_VERIFIES;
    client_text_failure(error, CLIENT_PLACE_NITRO_CLI, &none);
    if (arguments->json)
        client_result_print_failed(error, verifying, &none);
    return exit_code_of(error->status);
}

enum exit_code client_all(const struct client_arguments *arguments)
{
    static struct every every;
    struct vsa_error error = {0};
    enum exit_code code = EXIT_CODE_OK;
    if (ask_every(arguments, &every, &error) != VSA_OK)
        return nothing_to_ask(arguments, &error);
    enum vsa_status printed = print(arguments, &every, &error);
    for (size_t i = 0; i < every.running.count; i++) {
        print_remark(&every.asked[i]);
        code = exit_code_worse(code, exit_code_of(every.asked[i].outcome.status));
        client_outcome_free(&every.asked[i].outcome);
    }
    if (printed == VSA_OK)
        return code;
    client_result_unprinted(arguments, &error);
    return exit_code_of(printed);
}
