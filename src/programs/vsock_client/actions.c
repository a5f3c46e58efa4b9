/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/actions.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/hex.h"
#include "command_line/claims_text.h"
#include "command_line/output.h"
#include "programs/vsock_client/result.h"
#include "programs/vsock_client/sealed.h"
#include "programs/vsock_client/service.h"
#include "programs/vsock_client/status_text.h"
#include "protocol/service.h"

#define PROGRAM "vsock_client"
/* Of a PCR in a table: enough to see that two differ, and that it is not the whole. */
#define PCR_SHOWN 8

/* --- ping ------------------------------------------------------------------------------------- */

static enum vsa_status ask_ping(const struct client_arguments *arguments, struct vsa_client *client,
                                struct client_outcome *outcome)
{
    (void)arguments;
    return vsa_client_ping(client, &outcome->error);
}

static enum vsa_status print_pong(const struct client_arguments *arguments,
                                  const struct client_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    (void)outcome;
    (void)puts("Pong!");
    return output_finish(error);
}

static json_t *json_pong(const struct client_outcome *outcome)
{
    (void)outcome;
    return json_pack("{s:b, s:s}", "success", 1, "message", "pong");
}

/* --- status and metrics ----------------------------------------------------------------------- */

static enum vsa_status ask_status(const struct client_arguments *arguments,
                                  struct vsa_client *client, struct client_outcome *outcome)
{
    (void)arguments;
    return vsa_client_status(client, &outcome->reply, &outcome->error);
}

static enum vsa_status print_status(const struct client_arguments *arguments,
                                    const struct client_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    VSA_TRY(client_status_text(outcome->reply, error));
    return output_finish(error);
}

static json_t *json_reply(const struct client_outcome *outcome)
{
    return json_copy(outcome->reply);
}

static enum vsa_status ask_metrics(const struct client_arguments *arguments,
                                   struct vsa_client *client, struct client_outcome *outcome)
{
    VSA_AUTO_JSON json_t *request = json_pack("{s:s}", "command", "metrics");
    VSA_AUTO_JSON json_t *received = NULL;
    struct vsa_slice metrics;
    (void)arguments;
    if (!request)
        return vsa_fail_memory(&outcome->error);
    VSA_TRY(vsa_client_request(client, request, &received, &outcome->error));
    VSA_TRY(vsa_metrics_reply_decode(received, &metrics, &outcome->error));
    outcome->reply = json_incref(received);
    return VSA_OK;
}

static enum vsa_status print_metrics(const struct client_arguments *arguments,
                                     const struct client_outcome *outcome, struct vsa_error *error)
{
    struct vsa_slice text;
    if (arguments->save)
        return VSA_OK;
    VSA_TRY(vsa_metrics_reply_decode(outcome->reply, &text, error));
    (void)fwrite(text.data, 1, text.size, stdout);
    return output_finish(error);
}

/* Writes a file that others may read: no secret, and its reader is another user, node_exporter. */
static enum vsa_status save_metrics(const char *path, const struct client_outcome *outcome,
                                    struct vsa_error *error)
{
    struct vsa_slice text;
    if (!outcome->reply)
        return VSA_OK;
    VSA_TRY(vsa_metrics_reply_decode(outcome->reply, &text, error));
    return vsa_whole_file_write(path, VSA_FILE_PUBLIC, &text, 1, error);
}

/* --- requests --------------------------------------------------------------------------------- */

static enum vsa_status ask_request(const struct client_arguments *arguments,
                                   struct vsa_client *client, struct client_outcome *outcome)
{
    if (arguments->sealed)
        return client_ask_sealed(arguments, client, outcome);
    return vsa_client_request(client, arguments->request, &outcome->reply, &outcome->error);
}

static enum vsa_status print_reply(const struct client_arguments *arguments,
                                   const struct client_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    return output_json(json_incref(outcome->reply), error);
}

/* --- documents -------------------------------------------------------------------------------- */

static enum vsa_status ask_attest(const struct client_arguments *arguments,
                                  struct vsa_client *client, struct client_outcome *outcome)
{
    struct vsa_attestation_request request = client_document_request(arguments);
    return vsa_client_attest(client, &request, &outcome->attestation, &outcome->error);
}

static int64_t now(const void *context)
{
    return policy_options_time(context);
}

static enum vsa_status ask_verify(const struct client_arguments *arguments,
                                  struct vsa_client *client, struct client_outcome *outcome)
{
    struct vsa_attestation_request request = client_document_request(arguments);
    const struct policy_options *policy = &arguments->policy;
    return vsa_client_attest_and_verify(client, &request, policy->verifier, &policy->policy, now,
                                        policy, &outcome->attestation, &outcome->claims,
                                        &outcome->error);
}

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

static enum vsa_status save_document(const char *path, const struct client_outcome *outcome,
                                     struct vsa_error *error)
{
    if (!outcome->attestation.document_size)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&outcome->attestation, error);
    if (!text)
        return error->status;
    struct vsa_slice line = vsa_slice_of_text(text);
    VSA_TRY(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &line, 1, error));
    (void)fprintf(stderr, "%s: document saved to %s\n", PROGRAM, path);
    return VSA_OK;
}

static enum vsa_status print_document(const struct client_arguments *arguments,
                                      const struct client_outcome *outcome, struct vsa_error *error)
{
    if (arguments->save)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&outcome->attestation, error);
    if (!text)
        return error->status;
    (void)fputs(text, stdout);
    return output_finish(error);
}

static void remark_unverified(const char *who, const struct client_outcome *outcome)
{
    (void)fprintf(stderr,
                  "%s: received a document of %zu bytes; nothing in it was verified (use "
                  "--verify or verifier)\n",
                  who, outcome->attestation.document_size);
}

static enum vsa_status print_verified(const struct client_arguments *arguments,
                                      const struct client_outcome *outcome, struct vsa_error *error)
{
    claims_print(stdout, &outcome->claims, policy_options_time_choice(&arguments->policy));
    return output_finish(error);
}

static void remark_verified(const char *who, const struct client_outcome *outcome)
{
    claims_warn(stderr, who, &outcome->claims);
}

/* --- columns of --all ------------------------------------------------------------------------- */

static void print_status_columns(const struct client_outcome *outcome)
{
    struct vsa_service_status status;
    if (vsa_service_status_decode(outcome->reply, &status, NULL) != VSA_OK)
        return;
    (void)printf("  %7" PRIu64 " s  %8" PRIu64 "  %6" PRIu64 "  %11" PRIu64 "  %-3s  ",
                 status.uptime_s, status.requests, status.errors, status.connections,
                 status.nsm_reachable ? "yes" : "no");
    output_text(stdout, vsa_slice_of_text(status.version ? status.version : "-"));
}

static void print_pcr(const struct vsa_pcrs *pcrs, unsigned index)
{
    char hex[2 * VSA_PCR_SIZE + 1] = "-";
    if (pcrs->present & (UINT32_C(1) << index))
        vsa_hex_encode(vsa_slice_of(pcrs->value[index], VSA_PCR_SIZE), hex, sizeof(hex));
    (void)printf("  %-*.*s", PCR_SHOWN, PCR_SHOWN, hex);
}

static void print_claims_columns(const struct client_outcome *outcome)
{
    const struct vsa_claims *claims = &outcome->claims;
    for (unsigned i = 0; i < 3; i++)
        print_pcr(&claims->pcrs, i);
    int checked = __builtin_popcount(claims->pcrs_checked);
    (void)printf("  %2d PCR%c  ", checked, checked == 1 ? ' ' : 's');
    output_text(stdout, claims->module_id);
}

/* --- the table -------------------------------------------------------------------------------- */

const struct client_action client_actions[] = {
    {"ping", NULL, "see whether the enclave answers", CLIENT_MAY_ALL, ask_ping, print_pong,
     json_pong, NULL, NULL, "", NULL},
    {"status", NULL, "show the server's status", CLIENT_MAY_ALL, ask_status, print_status,
     json_reply, NULL, NULL, "     UPTIME  REQUESTS  ERRORS  CONNECTIONS  NSM  VERSION",
     print_status_columns},
    {"metrics", NULL, "print the server's metrics in Prometheus's text format", CLIENT_SAVES,
     ask_metrics, print_metrics, json_reply, NULL, save_metrics, NULL, NULL},
    {"attest", NULL, "request a document, verify nothing; print it in base64",
     CLIENT_TAKES_DOCUMENT | CLIENT_SAVES, ask_attest, print_document, client_result_received,
     remark_unverified, save_document, NULL, NULL},
    {"verify", NULL, "request a document and verify it",
     CLIENT_TAKES_DOCUMENT | CLIENT_VERIFIES | CLIENT_MAY_ALL | CLIENT_SAVES, ask_verify,
     print_verified, client_result_verified, remark_verified, save_document,
     "  PCR0      PCR1      PCR2      CHECKED  MODULE ID", print_claims_columns},
    {"service", "URL", "have a verification service verify it: https://HOST or\nunix:PATH",
     CLIENT_TAKES_DOCUMENT | CLIENT_VERIFIES | CLIENT_BY_SERVICE | CLIENT_MAY_ALL | CLIENT_SAVES,
     client_ask_service, client_print_token, client_result_appraised, NULL, save_document,
     "  RESULT     MODULE ID", client_print_token_columns},
    {"request", "JSON|@FILE|-",
     "send any request, print the reply: the JSON itself,\n"
     "a file or standard input (/dev/fd/N: a descriptor)",
     0, ask_request, print_reply, json_reply, NULL, NULL, NULL, NULL},
    {"relay", NULL, "carry lines between clients elsewhere and the enclave", CLIENT_RELAYS, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL},
    {NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
_Static_assert(sizeof(client_actions) / sizeof(client_actions[0]) <= CLIENT_MAX_ACTIONS + 1,
               "room for the options of all actions");
