/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_client: asks an enclave for attestation and verifies it. man/vsock_client.1.scd */
#include <inttypes.h>

#include "base/base64.h"
#include "base/error.h"
#include "programs/claims_text.h"
#include "programs/client_arguments.h"
#include "programs/client_hints.h"
#include "programs/client_result.h"
#include "programs/exit_code.h"
#include "programs/output.h"
#include "protocol/service.h"
#include <vsattest/transport.h>

#define PROGRAM "vsock_client"

/* One run of the program: what it was told, what it holds, what it found out. */
struct run {
    struct client_arguments arguments;
    int64_t deadline_ms;
    struct vsa_enclave_list running; /* what nitro-cli showed, if it was asked */
    struct vsa_client *client;
    struct vsa_attestation_reply reply; /* document_size 0: none */
    struct vsa_claims claims;
};

/* --- finding and connecting --------------------------------------------------------------------
 */

static enum vsa_status find_address(struct run *run, char *text, size_t capacity,
                                    struct vsa_error *error)
{
    const struct client_arguments *arguments = &run->arguments;
    struct vsa_enclave enclave = {.cid = arguments->cid};
    if (arguments->address) {
        (void)snprintf(text, capacity, "%s", arguments->address);
        return VSA_OK;
    }
    if (!arguments->has_cid) {
        VSA_TRY(vsa_find_enclave(&arguments->selector, arguments->timeout_ms, &run->running,
                                 &enclave, error));
        (void)fprintf(stderr, "%s: enclave %s (%s), CID %" PRIu32 "\n", PROGRAM,
                      enclave.name[0] ? enclave.name : "without a name", enclave.id, enclave.cid);
        if (enclave.debug_mode)
            (void)fprintf(stderr,
                          "%s: warning: it runs in debug mode: its console is open to this "
                          "instance, its PCRs are zeros, and verification refuses it\n",
                          PROGRAM);
    }
    (void)snprintf(text, capacity, "vsock:%" PRIu32 ":%" PRIu32, enclave.cid, arguments->port);
    return VSA_OK;
}

static enum vsa_status connect_to_enclave(struct run *run, struct vsa_error *error)
{
    char address[VSA_MAX_ADDRESS];
    run->deadline_ms = vsa_deadline(run->arguments.timeout_ms);
    VSA_TRY(find_address(run, address, sizeof(address), error));
    /* What nitro-cli took is gone from the time for the exchange. */
    return vsa_client_connect(address, run->deadline_ms - vsa_monotonic_ms(), &run->client, error);
}

/* --- ping and status ---------------------------------------------------------------------------
 */

static enum vsa_status ping(struct run *run, struct vsa_error *error)
{
    VSA_TRY(vsa_client_ping(run->client, error));
    if (run->arguments.json)
        return output_json(json_pack("{s:b, s:s}", "success", 1, "message", "pong"), error);
    (void)puts("Pong!");
    return output_finish(error);
}

static void print_status(const struct vsa_service_status *status)
{
    (void)printf("Status: running for %" PRIu64 " s\n", status->uptime_s);
    if (status->version) {
        (void)fputs("  version      ", stdout);
        output_text(stdout, vsa_slice_of_text(status->version));
        (void)fputc('\n', stdout);
    }
    if (status->port)
        (void)printf("  port         %" PRIu32 "\n", status->port);
    (void)printf("  requests     %" PRIu64 ", %" PRIu64 " of them failed\n"
                 "  connections  %" PRIu64 "\n"
                 "  NSM          %s",
                 status->requests, status->errors, status->connections,
                 status->nsm_reachable ? "reachable" : "not reachable");
    if (status->module_id) {
        (void)fputs(", module ID ", stdout);
        output_text(stdout, vsa_slice_of_text(status->module_id));
    }
    (void)fputc('\n', stdout);
}

static enum vsa_status status(struct run *run, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *reply = NULL;
    struct vsa_service_status decoded;
    VSA_TRY(vsa_client_status(run->client, &reply, error));
    if (run->arguments.json)
        return output_json(json_incref(reply), error);
    VSA_TRY(vsa_status_reply_decode(reply, &decoded, error));
    print_status(&decoded);
    return output_finish(error);
}

/* --- attestation -------------------------------------------------------------------------------
 */

static struct vsa_attestation_request request_of(const struct client_arguments *arguments)
{
    struct vsa_attestation_request request = {
        .user_data = arguments->policy.policy.user_data,
        .nonce = arguments->policy.policy.nonce,
        .generate_key = arguments->generate_key,
    };
    return request;
}

static char *document_text(const struct vsa_attestation_reply *reply, struct vsa_error *error)
{
    size_t capacity = vsa_base64_encoded_size(reply->document_size) + 2;
    char *text = malloc(capacity);
    if (!text || vsa_base64_encode(vsa_reply_document(reply), text, capacity, NULL) != VSA_OK) {
        (void)vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
        free(text);
        return NULL;
    }
    text[capacity - 2] = '\n';
    text[capacity - 1] = '\0';
    return text;
}

/* --save, if it was asked for and there is something to save. */
static enum vsa_status save(const struct run *run, struct vsa_error *error)
{
    const char *path = run->arguments.save;
    if (!path || !run->reply.document_size)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&run->reply, error);
    if (!text)
        return error->status;
    VSA_TRY(files_write_atomically(path, vsa_slice_of_text(text), error));
    (void)fprintf(stderr, "%s: document saved to %s\n", PROGRAM, path);
    return VSA_OK;
}

/* The JSON of a run that received a document. `saved`: what became of --save, NULL if all is well.
 */
static enum vsa_status print_json(const struct run *run, json_t *result,
                                  const struct vsa_error *save_error, struct vsa_error *error)
{
    if (result && run->arguments.save)
        client_result_add_save(result, run->arguments.save, save_error);
    return output_json(result, error);
}

static enum vsa_status attest(struct run *run, struct vsa_error *error)
{
    struct vsa_attestation_request request = request_of(&run->arguments);
    VSA_TRY(vsa_client_attest(run->client, &request, &run->reply, error));
    (void)fprintf(stderr,
                  "%s: received a document of %zu bytes; nothing in it was verified (use --verify "
                  "or verifier)\n",
                  PROGRAM, run->reply.document_size);
    VSA_TRY(save(run, error));
    if (run->arguments.json)
        return print_json(run, client_result_received(&run->reply), NULL, error);
    if (run->arguments.save)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&run->reply, error);
    if (!text)
        return error->status;
    (void)fputs(text, stdout);
    return output_finish(error);
}

static int64_t now(const void *context)
{
    return policy_options_time(context);
}

static enum vsa_status print_verified(struct run *run, const struct vsa_error *save_error,
                                      struct vsa_error *error)
{
    claims_warn(stderr, PROGRAM, &run->claims);
    if (run->arguments.json)
        return print_json(run, client_result_verified(&run->reply, &run->claims), save_error,
                          error);
    claims_print(stdout, &run->claims, run->arguments.policy.has_time);
    return output_finish(error);
}

static enum vsa_status verify(struct run *run, struct vsa_error *error)
{
    struct vsa_attestation_request request = request_of(&run->arguments);
    const struct policy_options *policy = &run->arguments.policy;
    struct vsa_error save_error = {0};
    enum vsa_status verified =
        vsa_client_attest_and_verify(run->client, &request, policy->verifier, &policy->policy, now,
                                     policy, &run->reply, &run->claims, error);
    enum vsa_status saved = save(run, &save_error);
    const struct vsa_error *told = saved == VSA_OK ? NULL : &save_error;
    if (told)
        output_error(PROGRAM, told);
    if (verified == VSA_OK) {
        VSA_TRY(print_verified(run, told, error));
        return saved;
    }
    if (run->reply.document_size && run->arguments.json)
        VSA_TRY(print_json(run, client_result_refused(&run->reply, error), told, NULL));
    return verified;
}

/* --- the program -------------------------------------------------------------------------------
 */

static enum vsa_status act(struct run *run, struct vsa_error *error)
{
    VSA_TRY(connect_to_enclave(run, error));
    switch (run->arguments.action) {
    case CLIENT_ACTION_PING:
        return ping(run, error);
    case CLIENT_ACTION_STATUS:
        return status(run, error);
    case CLIENT_ACTION_ATTEST:
        return attest(run, error);
    case CLIENT_ACTION_VERIFY:
        return verify(run, error);
    case CLIENT_ACTION_NONE:
        break;
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, VSA_NO_OFFSET, NULL, "no action");
}

static void list_enclaves(const struct vsa_enclave_list *running)
{
    for (size_t i = 0; i < running->count; i++) {
        const struct vsa_enclave *enclave = &running->enclaves[i];
        (void)fprintf(stderr, "  %-20s  %-42s  CID %" PRIu32 "%s\n",
                      enclave->name[0] ? enclave->name : "(no name)", enclave->id, enclave->cid,
                      enclave->debug_mode ? "  DEBUG MODE" : "");
    }
}

/* A failure, on stderr for people and, if asked for, on stdout as the one JSON object. */
static void tell(const struct run *run, bool json, bool verifying, const struct vsa_error *error)
{
    const char *hint = client_hint(error->status);
    output_error(PROGRAM, error);
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        list_enclaves(&run->running);
    if (hint)
        (void)fputs(hint, stderr);
    if (json && output_json(client_result_failed(error, verifying, &run->running), NULL) != VSA_OK)
        (void)fprintf(stderr, "%s: cannot write to standard output\n", PROGRAM);
}

static enum exit_code vsock_client(int argc, char **argv, struct run *run)
{
    struct vsa_error error = {0};
    enum vsa_status status = client_arguments_read(argc, argv, &run->arguments, &error);
    if (status != VSA_OK) {
        /* Asked for JSON, a caller gets it for mistakes in the other options too. */
        bool json = run->arguments.json || options_mention(argc, argv, "--json");
        bool verifying = run->arguments.action == CLIENT_ACTION_VERIFY ||
                         options_mention(argc, argv, "--verify");
        tell(run, json, verifying, &error);
        return vsa_status_class(status) == VSA_CLASS_INTERNAL ? EXIT_CODE_INTERNAL
                                                              : EXIT_CODE_USAGE;
    }
    if (run->arguments.action == CLIENT_ACTION_NONE)
        return exit_code_of(output_finish(&error));
    status = act(run, &error);
    if (status != VSA_OK && error.status != VSA_OK) {
        /* With a document in hand verify() has printed the JSON already. */
        bool printed =
            run->reply.document_size > 0 && run->arguments.action == CLIENT_ACTION_VERIFY;
        tell(run, run->arguments.json && !printed, run->arguments.action == CLIENT_ACTION_VERIFY,
             &error);
    }
    return exit_code_of(status);
}

int main(int argc, char **argv)
{
    static struct run run;
    output_start();
    enum exit_code code = vsock_client(argc, argv, &run);
    vsa_client_free(run.client);
    policy_options_free(&run.arguments.policy);
    return (int)code;
}
