/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/service.h"

#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "client/client.h"
#include "clock/wall_clock.h"
#include "command_line/beside.h"
#include "command_line/output.h"
#include "service_client/appraisal.h"
#include "token/ear_result.h"
#include "json/writer.h"

/* Characters of a name in text output. */
#define NAME_WIDTH 17

/* What a document for the service is asked with. */
struct asking {
    const struct client_arguments *arguments;
    struct vsa_client *client;
    struct client_outcome *outcome;
};

static enum vsa_status attest(void *context, struct vsa_slice nonce, struct vsa_slice *document,
                              struct vsa_error *error)
{
    const struct asking *asking = context;
    struct client_outcome *outcome = asking->outcome;
    struct vsa_attestation_request request = client_document_request(asking->arguments);
    int64_t left_ms = outcome->deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(error, VSA_ERR_TIMEOUT, "no time is left for the document");
    vsa_client_set_timeout(asking->client, left_ms);
    request.nonce = nonce;
    VSA_TRY(vsa_client_attest(asking->client, &request, &outcome->attestation, error));
    *document = vsa_reply_document(&outcome->attestation);
    return VSA_OK;
}

static enum vsa_status start_helper(struct vsa_http_helper *helper, struct vsa_error *error)
{
    char path[2200];
    if (!beside_find(VSA_HTTP_HELPER, path, sizeof(path)))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--service: no " VSA_HTTP_HELPER " beside this program: it needs libcurl, "
                        "and is not in the Python wheel; scripts/build or a package installs it");
    return vsa_http_helper_start(helper, path, error);
}

enum vsa_status client_ask_service(const struct client_arguments *arguments,
                                   struct vsa_client *client, struct client_outcome *outcome)
{
    struct vsa_http_helper helper = {.fd = -1};
    struct asking asking = {arguments, client, outcome};
    const struct vsa_appraisal_request request = {
        .service = arguments->operand,
        .policy = arguments->service_policy,
        .audience = arguments->service_audience,
        .bearer = arguments->service_token[0] ? arguments->service_token : NULL,
        .cacert = arguments->cacert,
        .deadline_ms = outcome->deadline_ms,
        .now_ms = vsa_wall_clock_ms,
        .attest = attest,
        .context = &asking,
    };
    outcome->appraised.at_service = true;
    enum vsa_status status = start_helper(&helper, &outcome->error);
    if (status == VSA_OK)
        status = vsa_appraisal_get(&request, &helper, &outcome->appraised, &outcome->error);
    vsa_http_helper_close(&helper);
    return status;
}

/* --- printing --------------------------------------------------------------------------------- */

/* Prints a name in its column; of a vector or of PCRs it is the service's, as values are. */
static void print_name(const char *name)
{
    size_t size = strlen(name);
    (void)fputs("  ", stdout);
    output_text(stdout, vsa_slice_of_text(name));
    (void)printf("%*s", (int)(size < NAME_WIDTH ? NAME_WIDTH - size : 0) + 1, "");
}

static void print_line(const char *name, const json_t *value)
{
    print_name(name);
    if (json_is_string(value))
        output_text(stdout, vsa_json_string_slice(value));
    else if (json_is_integer(value))
        (void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        (void)fputc('-', stdout);
    (void)fputc('\n', stdout);
}

/*
 * Prints a line for each member of an object, its name behind `name`, or for each element of an
 * array under `name`.
 */
static void print_lines(const char *name, json_t *values)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(values)) {
        json_object_foreach(values, key, value)
        {
            char column[128];
            (void)snprintf(column, sizeof(column), "%s%s", name, key);
            print_line(column, value);
        }
    } else {
        json_array_foreach(values, i, value)
        {
            print_line(name, value);
        }
    }
}

static void print_time(const char *name, const json_t *seconds)
{
    char text[VSA_TIME_TEXT_SIZE];
    vsa_time_format(json_integer_value(seconds) * 1000, text, sizeof(text));
    print_name(name);
    (void)printf("%s\n", text);
}

enum vsa_status client_print_token(const struct client_arguments *arguments,
                                   const struct client_outcome *outcome, struct vsa_error *error)
{
    const json_t *claims = outcome->appraised.claims;
    const json_t *submodule = vsa_ear_submodule(claims);
    const json_t *verifier = json_object_get(submodule, "ear_verifier_claims");
    const json_t *attester = json_object_get(submodule, "ear_attester_claims");
    (void)fputs("Result of ", stdout);
    output_text(stdout, vsa_slice_of_text(arguments->operand));
    (void)fputs(": ", stdout);
    output_text(stdout, vsa_json_string_slice(json_object_get(claims, "ear_status")));
    (void)fputs("\n\n", stdout);
    print_lines("because of", json_object_get(verifier, "error_codes"));
    print_lines("policy", json_object_get(submodule, "ear_appraisal_policy_ids"));
    print_lines("", json_object_get(submodule, "ear_trustworthiness_vector"));
    if (json_object_get(verifier, "image"))
        print_line("image", json_object_get(verifier, "image"));
    if (attester) {
        print_line("module ID", json_object_get(attester, "module_id"));
        print_lines("PCR", json_object_get(attester, "pcrs"));
    }
    print_time("made at", json_object_get(claims, "iat"));
    print_time("valid until", json_object_get(claims, "exp"));
    (void)fputs("\nToken:\n", stdout);
    output_text(stdout, vsa_json_string_slice(outcome->appraised.token));
    (void)fputc('\n', stdout);
    return output_finish(error);
}

void client_print_token_columns(const struct client_outcome *outcome)
{
    const json_t *submodule = vsa_ear_submodule(outcome->appraised.claims);
    const json_t *attester = json_object_get(submodule, "ear_attester_claims");
    const char *module_id = json_string_value(json_object_get(attester, "module_id"));
    (void)fputs("  ", stdout);
    output_text(stdout,
                vsa_json_string_slice(json_object_get(outcome->appraised.claims, "ear_status")));
    (void)fputs("  ", stdout);
    output_text(stdout, vsa_slice_of_text(module_id ? module_id : "-"));
}
