/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/actions.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/hex.h"
#include "command_line/claims_text.h"
#include "command_line/output.h"
#include "programs/vsock_client/status_text.h"
#include "programs/vsock_client/token_text.h"
#include "protocol/service.h"
#include "json/value.h"

/* Of a PCR in a table: enough to see that two differ, and that it is not the whole. */
#define PCR_SHOWN 8

/* --- ping ------------------------------------------------------------------------------------- */

static enum vsa_status print_pong(const struct client_arguments *arguments,
                                  const struct vsa_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    (void)outcome;
    (void)puts("Pong!");
    return output_finish(error);
}

/* --- status and metrics ----------------------------------------------------------------------- */

static enum vsa_status print_status(const struct client_arguments *arguments,
                                    const struct vsa_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    VSA_TRY(client_status_text(outcome->reply, error));
    return output_finish(error);
}

static enum vsa_status print_metrics(const struct client_arguments *arguments,
                                     const struct vsa_outcome *outcome, struct vsa_error *error)
{
    struct vsa_slice text;
    if (arguments->save)
        return VSA_OK;
    VSA_TRY(vsa_metrics_reply_decode(outcome->reply, &text, error));
    (void)fwrite(text.data, 1, text.size, stdout);
    return output_finish(error);
}

/* Writes a file that others may read: no secret, and its reader is another user, node_exporter. */
static enum vsa_status save_metrics(const char *path, const struct vsa_outcome *outcome,
                                    struct vsa_error *error)
{
    struct vsa_slice text;
    if (!outcome->reply)
        return VSA_OK;
    VSA_TRY(vsa_metrics_reply_decode(outcome->reply, &text, error));
    return vsa_whole_file_write(path, VSA_FILE_PUBLIC, &text, 1, error);
}

/* --- requests --------------------------------------------------------------------------------- */

static enum vsa_status print_reply(const struct client_arguments *arguments,
                                   const struct vsa_outcome *outcome, struct vsa_error *error)
{
    (void)arguments;
    return output_json(json_incref(outcome->reply), error);
}

/* --- documents -------------------------------------------------------------------------------- */

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

static enum vsa_status save_document(const char *path, const struct vsa_outcome *outcome,
                                     struct vsa_error *error)
{
    if (!outcome->attestation.document_size)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&outcome->attestation, error);
    if (!text)
        return error->status;
    struct vsa_slice line = vsa_slice_of_text(text);
    VSA_TRY(vsa_whole_file_write(path, VSA_FILE_PRIVATE, &line, 1, error));
    (void)fprintf(stderr, "%s: document saved to %s\n", CLIENT_PROGRAM, path);
    return VSA_OK;
}

static enum vsa_status print_document(const struct client_arguments *arguments,
                                      const struct vsa_outcome *outcome, struct vsa_error *error)
{
    if (arguments->save)
        return VSA_OK;
    VSA_AUTO_FREE char *text = document_text(&outcome->attestation, error);
    if (!text)
        return error->status;
    (void)fputs(text, stdout);
    return output_finish(error);
}

static void remark_unverified(const char *who, const struct vsa_outcome *outcome)
{
    (void)fprintf(stderr,
                  "%s: received a document of %zu bytes; nothing in it was verified (use "
                  "--verify or verifier)\n",
                  who, outcome->attestation.document_size);
}

static enum vsa_status print_verified(const struct client_arguments *arguments,
                                      const struct vsa_outcome *outcome, struct vsa_error *error)
{
    claims_print(stdout, &outcome->claims, policy_options_time_choice(&arguments->policy));
    return output_finish(error);
}

static void remark_verified(const char *who, const struct vsa_outcome *outcome)
{
    claims_warn(stderr, who, &outcome->claims);
}

/* --- columns of --all ------------------------------------------------------------------------- */

static void print_status_columns(const struct vsa_outcome *outcome)
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

static void print_claims_columns(const struct vsa_outcome *outcome)
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
    {"ping", NULL, "see whether the enclave answers", VSA_QUERY_PING, print_pong, NULL, NULL, "",
     NULL},
    {"status", NULL, "show the server's status", VSA_QUERY_STATUS, print_status, NULL, NULL,
     "     UPTIME  REQUESTS  ERRORS  CONNECTIONS  NSM  VERSION", print_status_columns},
    {"metrics", NULL, "print the server's metrics in Prometheus's text format", VSA_QUERY_METRICS,
     print_metrics, NULL, save_metrics, NULL, NULL},
    {"attest", NULL, "request a document, verify nothing; print it in base64", VSA_QUERY_ATTEST,
     print_document, remark_unverified, save_document, NULL, NULL},
    {"verify", NULL, "request a document and verify it", VSA_QUERY_VERIFY, print_verified,
     remark_verified, save_document, "  PCR0      PCR1      PCR2      CHECKED  MODULE ID",
     print_claims_columns},
    {"service", "URL", "have a verification service verify it: https://HOST or\nunix:PATH",
     VSA_QUERY_SERVICE, client_print_token, NULL, save_document, "  RESULT     MODULE ID",
     client_print_token_columns},
    {"request", "JSON|@FILE|-",
     "send any request, print the reply: the JSON itself,\n"
     "a file or standard input (/dev/fd/N: a descriptor)",
     VSA_QUERY_REQUEST, print_reply, NULL, NULL, NULL, NULL},
    {"relay", NULL, "carry lines between clients elsewhere and the enclave", VSA_QUERY_NONE, NULL,
     NULL, NULL, NULL, NULL},
    {NULL, NULL, NULL, VSA_QUERY_NONE, NULL, NULL, NULL, NULL, NULL},
};
_Static_assert(sizeof(client_actions) / sizeof(client_actions[0]) <= CLIENT_MAX_ACTIONS + 1,
               "room for the options of all actions");
