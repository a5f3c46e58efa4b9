/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client: asks an enclave for attestation and verifies it. man/vsock_client.1.scd */
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "programs/claims_text.h"
#include "programs/exit_code.h"
#include "programs/output.h"
#include "programs/vsock_client/all.h"
#include "programs/vsock_client/result.h"
#include "programs/vsock_client/text.h"
#include "programs/vsock_client/watch.h"
#include "programs/wall_clock.h"
#include "protocol/json.h"

#define PROGRAM "vsock_client"

/* One run of the program on one enclave: its options and results. */
struct run {
    struct client_arguments arguments;
    struct vsa_enclave_list running; /* what nitro-cli showed, if it was asked */
    bool found;                      /* the enclave: there is an address to ask */
    struct client_outcome outcome;
};

/* --- saving ------------------------------------------------------------------------------------
 */

static char *document_text(const struct vsa_attestation_reply *reply, struct vsa_error *error)
{
    size_t capacity = vsa_base64_encoded_size(reply->document_size) + 2;
    char *text = malloc(capacity);
    if (!text || vsa_base64_encode(vsa_reply_document(reply), text, capacity, NULL) != VSA_OK) {
        (void)vsa_fail_memory(error);
        free(text);
        return NULL;
    }
    text[capacity - 2] = '\n';
    text[capacity - 1] = '\0';
    return text;
}

static enum vsa_status save_document(const struct run *run, struct vsa_error *error)
{
    const char *path = run->arguments.save;
    VSA_AUTO_FREE char *text = document_text(&run->outcome.attestation, error);
    if (!text)
        return error->status;
    VSA_TRY(files_write_atomically(path, vsa_slice_of_text(text), error));
    (void)fprintf(stderr, "%s: document saved to %s\n", PROGRAM, path);
    return VSA_OK;
}

static struct vsa_slice metrics_of(const struct run *run)
{
    return vsa_json_string_slice(json_object_get(run->outcome.reply, "metrics"));
}

/* --save, if it was asked for and there is something to save. */
static enum vsa_status save(const struct run *run, struct vsa_error *error)
{
    const struct client_arguments *arguments = &run->arguments;
    if (!arguments->save)
        return VSA_OK;
    if (run->outcome.attestation.document_size)
        return save_document(run, error);
    /* No secret, and its reader is another user: node_exporter. */
    if (run->outcome.reply)
        return files_publish_atomically(arguments->save, metrics_of(run), error);
    return VSA_OK;
}

/* --- results for people ------------------------------------------------------------------------
 */

static enum vsa_status print_metrics(const struct run *run, struct vsa_error *error)
{
    struct vsa_slice text = metrics_of(run);
    if (run->arguments.save)
        return VSA_OK;
    (void)fwrite(text.data, 1, text.size, stdout);
    return output_finish(error);
}

static enum vsa_status print_document(const struct run *run, struct vsa_error *error)
{
    if (run->arguments.save)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&run->outcome.attestation, error);
    if (!text)
        return error->status;
    (void)fputs(text, stdout);
    return output_finish(error);
}

static enum vsa_status print(const struct run *run, struct vsa_error *error)
{
    switch (run->arguments.action) {
    case CLIENT_ACTION_PING:
        (void)puts("Pong!");
        break;
    case CLIENT_ACTION_STATUS:
        VSA_TRY(client_text_status(run->outcome.reply, error));
        break;
    case CLIENT_ACTION_METRICS:
        return print_metrics(run, error);
    case CLIENT_ACTION_ATTEST:
        return print_document(run, error);
    case CLIENT_ACTION_VERIFY:
        claims_print(stdout, &run->outcome.claims,
                     policy_options_time_choice(&run->arguments.policy));
        break;
    case CLIENT_ACTION_WATCH:
    case CLIENT_ACTION_NONE:
        break;
    }
    return output_finish(error);
}

/* --- one enclave -------------------------------------------------------------------------------
 */

/* Finds, connects, asks: what is left to do is to save and to print. */
static void ask(struct run *run)
{
    struct client_target target;
    struct client_outcome *outcome = &run->outcome;
    int64_t deadline_ms = vsa_deadline(run->arguments.timeout_ms);
    outcome->status =
        client_find_target(&run->arguments, deadline_ms, &target, &run->running, &outcome->error);
    client_text_unreachable(&run->running);
    run->found = outcome->status == VSA_OK;
    if (!run->found)
        return;
    if (target.enclave.id[0])
        client_text_announce(&target.enclave);
    /* What nitro-cli took is gone from the time for the exchange. */
    client_perform(&run->arguments, run->arguments.action, target.address, deadline_ms, outcome);
}

static void remark(const struct run *run)
{
    if (run->outcome.status != VSA_OK)
        return;
    if (run->arguments.action == CLIENT_ACTION_ATTEST)
        (void)fprintf(stderr,
                      "%s: received a document of %zu bytes; nothing in it was verified (use "
                      "--verify or verifier)\n",
                      PROGRAM, run->outcome.attestation.document_size);
    if (run->arguments.action == CLIENT_ACTION_VERIFY)
        claims_warn(stderr, PROGRAM, &run->outcome.claims);
}

/* Errors that nothing on stdout speaks of: of saving, and of writing there itself. */
static enum exit_code report_error(const struct vsa_error *error)
{
    output_error(PROGRAM, error);
    return exit_code_of(error->status);
}

static enum client_place place_of(const struct run *run)
{
    const char *address = run->arguments.address;
    if (!run->found)
        return CLIENT_PLACE_NITRO_CLI;
    return address && strncmp(address, "vsock:", strlen("vsock:")) != 0 ? CLIENT_PLACE_SOCKET
                                                                        : CLIENT_PLACE_ENCLAVE;
}

static enum exit_code one_enclave(struct run *run)
{
    struct client_outcome *outcome = &run->outcome;
    struct vsa_error error = {0};
    enum exit_code code;
    ask(run);
    remark(run);
    enum vsa_status saved = save(run, &error);
    struct vsa_error saving = error;
    /* A verification stands, whatever becomes of the file; else the file was the purpose. */
    if (saved != VSA_OK && run->arguments.action != CLIENT_ACTION_VERIFY) {
        outcome->status = saved;
        outcome->error = saving;
    } else if (saved != VSA_OK) {
        output_error(PROGRAM, &saving);
    }
    if (outcome->status != VSA_OK)
        client_text_failure(&outcome->error, place_of(run), &run->running);
    if (run->arguments.action == CLIENT_ACTION_VERIFY)
        claims_explain(stderr, &run->arguments.policy, outcome->status,
                       vsa_reply_document(&outcome->attestation), wall_clock_ms(), true);
    code = exit_code_of(outcome->status == VSA_OK ? saved : outcome->status);
    enum vsa_status printed = VSA_OK;
    if (run->arguments.json)
        printed = output_json(client_result_of(&run->arguments, outcome, &run->running,
                                               saved == VSA_OK ? NULL : &saving),
                              &error);
    else if (outcome->status == VSA_OK)
        printed = print(run, &error);
    return printed == VSA_OK ? code : report_error(&error);
}

/* --- the program -------------------------------------------------------------------------------
 */

/* Asked for JSON, a caller gets it for mistakes in the options too. */
static enum exit_code wrong_arguments(int argc, char **argv, const struct client_arguments *read,
                                      const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    bool json = read->json || options_mention(argc, argv, "--json");
    bool verifying =
        read->action == CLIENT_ACTION_VERIFY || options_mention(argc, argv, "--verify");
    client_text_failure(error, CLIENT_PLACE_ENCLAVE, &none);
    if (json && output_json(client_result_failed(error, verifying, &none), NULL) != VSA_OK)
        (void)fprintf(stderr, "%s: cannot write to standard output\n", PROGRAM);
    return vsa_status_class(error->status) == VSA_CLASS_INTERNAL ? EXIT_CODE_INTERNAL
                                                                 : EXIT_CODE_USAGE;
}

static enum exit_code vsock_client(int argc, char **argv, struct run *run)
{
    struct vsa_error error = {0};
    const struct client_arguments *arguments = &run->arguments;
    if (client_arguments_read(argc, argv, &run->arguments, &error) != VSA_OK)
        return wrong_arguments(argc, argv, arguments, &error);
    if (arguments->action == CLIENT_ACTION_NONE)
        return output_finish(&error) == VSA_OK ? EXIT_CODE_OK : report_error(&error);
    if (arguments->action == CLIENT_ACTION_WATCH)
        return client_watch(arguments);
    if (arguments->all)
        return client_all(arguments);
    return one_enclave(run);
}

int main(int argc, char **argv)
{
    static struct run run;
    output_start();
    enum exit_code code = vsock_client(argc, argv, &run);
    client_outcome_free(&run.outcome);
    policy_options_free(&run.arguments.policy);
    return (int)code;
}
