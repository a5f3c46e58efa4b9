/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client: asks an enclave for attestation and verifies it. man/vsock_client.1.scd */
#include <string.h>

#include "clock/wall_clock.h"
#include "command_line/claims_text.h"
#include "command_line/exit_code.h"
#include "command_line/output.h"
#include "programs/vsock_client/actions.h"
#include "programs/vsock_client/all.h"
#include "programs/vsock_client/ask.h"
#include "programs/vsock_client/relay.h"
#include "programs/vsock_client/text.h"
#include "programs/vsock_client/watch.h"
#include "query/outcome_json.h"
#include "query/run.h"

/* One run of the program on one enclave: its options and results. */
struct run {
    struct client_arguments arguments;
    struct vsa_enclave_list running; /* what nitro-cli showed, if it was asked */
    bool found;                      /* the enclave: there is an address to ask */
    struct vsa_outcome outcome;
};

/* --- one enclave ------------------------------------------------------------------------------ */

/* Finds, connects, asks: what is left to do is to save and to print. */
static void ask(struct run *run)
{
    struct vsa_target target;
    struct vsa_outcome *outcome = &run->outcome;
    const struct vsa_query query = client_query(&run->arguments);
    int64_t deadline_ms = vsa_deadline(run->arguments.timeout_ms);
    outcome->status =
        client_find(&run->arguments, deadline_ms, &target, &run->running, &outcome->error);
    run->found = outcome->status == VSA_OK;
    /* What nitro-cli took is gone from the time for the exchange. */
    if (run->found)
        vsa_query_run(&query, target.address, deadline_ms, outcome);
}

/* Prints errors that nothing on stdout speaks of: of saving, and of writing there itself. */
static enum exit_code report_error(const struct vsa_error *error)
{
    output_error(CLIENT_PROGRAM, error);
    return exit_code_of(error->status);
}

static enum client_place place_of(const struct run *run)
{
    const char *address = run->arguments.place.address;
    if (!run->found)
        return CLIENT_PLACE_NITRO_CLI;
    if (run->outcome.appraised.at_service)
        return CLIENT_PLACE_SERVICE;
    if (!address || strncmp(address, "vsock:", strlen("vsock:")) == 0)
        return CLIENT_PLACE_ENCLAVE;
    return strncmp(address, "tcp:", strlen("tcp:")) == 0 ? CLIENT_PLACE_RELAY : CLIENT_PLACE_SOCKET;
}

static json_t *json_of(const struct run *run, const struct vsa_error *saving)
{
    const struct client_arguments *arguments = &run->arguments;
    const struct vsa_outcome_file file = {arguments->save, saving};
    return vsa_outcome_json(arguments->action->kind, &run->outcome, &run->running,
                            arguments->save ? &file : NULL);
}

static enum exit_code one_enclave(struct run *run)
{
    struct vsa_outcome *outcome = &run->outcome;
    const struct client_arguments *arguments = &run->arguments;
    const struct client_action *action = arguments->action;
    bool verifies = vsa_query_is_verifying(action->kind);
    struct vsa_error error = {0};
    ask(run);
    if (outcome->status == VSA_OK && action->remark)
        action->remark(CLIENT_PROGRAM, outcome);
    enum vsa_status saved =
        arguments->save ? action->save(arguments->save, outcome, &error) : VSA_OK;
    struct vsa_error saving = error;
    /* A verification stands, whatever becomes of the file; else the file was the purpose. */
    if (saved != VSA_OK && !verifies) {
        outcome->status = saved;
        outcome->error = saving;
    } else if (saved != VSA_OK) {
        output_error(CLIENT_PROGRAM, &saving);
    }
    if (outcome->status != VSA_OK)
        client_text_failure(&outcome->error, place_of(run), &run->running);
    if (action->kind == VSA_QUERY_VERIFY)
        claims_explain(stderr, &arguments->policy, outcome->status,
                       vsa_reply_document(&outcome->attestation), vsa_wall_clock_ms(), true);
    enum exit_code code = exit_code_of(outcome->status == VSA_OK ? saved : outcome->status);
    enum vsa_status printed = VSA_OK;
    if (arguments->json)
        printed = output_json(json_of(run, saved == VSA_OK ? NULL : &saving), &error);
    else if (outcome->status == VSA_OK || outcome->appraised.token)
        printed = action->print(arguments, outcome, &error);
    if (printed == VSA_OK)
        return code;
    client_text_unprinted(arguments, &error);
    return exit_code_of(printed);
}

/* --- the program ------------------------------------------------------------------------------ */

/* Prints the mistake, as JSON too where that was requested. */
static enum exit_code wrong_arguments(int argc, char **argv, const struct client_arguments *read,
                                      const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    bool json = read->json || options_mention(argc, argv, "--json");
    bool verifying = (read->action && vsa_query_is_verifying(read->action->kind)) ||
                     options_mention(argc, argv, "--verify");
    client_text_failure(error, CLIENT_PLACE_ENCLAVE, &none);
    if (json)
        client_text_json(error, verifying, &none);
    return exit_code_of_arguments(error->status);
}

static enum exit_code vsock_client(int argc, char **argv, struct run *run)
{
    struct vsa_error error = {0};
    const struct client_arguments *arguments = &run->arguments;
    if (client_arguments_read(argc, argv, client_actions, &run->arguments, &error) != VSA_OK)
        return wrong_arguments(argc, argv, arguments, &error);
    if (!arguments->action)
        return output_finish(&error) == VSA_OK ? EXIT_CODE_OK : report_error(&error);
    client_text_exposed(arguments);
    if (arguments->watch)
        return client_watch(arguments);
    if (arguments->all)
        return client_all(arguments);
    if (arguments->action->kind == VSA_QUERY_NONE)
        return client_relay(arguments);
    return one_enclave(run);
}

int main(int argc, char **argv)
{
    static struct run run;
    output_start();
    enum exit_code code = vsock_client(argc, argv, &run);
    vsa_outcome_free(&run.outcome);
    client_arguments_free(&run.arguments);
    return (int)code;
}
