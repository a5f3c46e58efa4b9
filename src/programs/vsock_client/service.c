/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/service.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "client/client.h"
#include "clock/wall_clock.h"
#include "command_line/output.h"
#include "programs/vsock_client/http.h"
#include "token/ear_names.h"
#include "token/ear_result.h"
#include "token/jws.h"
#include "json/load.h"
#include "json/writer.h"

#define UNIX "unix:"
/* Of a service's JSON: keys are three levels below the top. */
#define MAX_DEPTH 8
/* Characters of a challenge: RFC 9711 section 4.1 has 8 to 88 in JSON, and a nonce takes more. */
#define MIN_CHALLENGE 8
#define MAX_CHALLENGE 256
/* Bytes of the service's words in an error. */
#define MAX_WORDS 150
/* Characters of a name in text output. */
#define NAME_WIDTH 17

/* One conversation with a service about one document. */
struct conversation {
    const struct client_arguments *arguments;
    struct client_outcome *outcome;
    struct http_connection http;
    json_t *issued;             /* the service's answer that has the challenge; owned */
    struct vsa_slice challenge; /* borrows from it */
};

static void end_conversation(struct conversation *conversation)
{
    http_close(&conversation->http);
    json_decref(conversation->issued);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Makes a request of the path; `body` is taken over, NULL of it is no body. */
static json_t *request_of(const struct client_arguments *arguments, const char *path,
                          const char *accept, json_t *body)
{
    const char *base = arguments->operand;
    bool is_unix = strncmp(base, UNIX, strlen(UNIX)) == 0;
    struct vsa_json_writer writer = vsa_json_object();
    size_t size = strlen(base);
    while (size && base[size - 1] == '/')
        size--;
    if (is_unix) {
        vsa_json_put(&writer, "socket", json_string(base + strlen(UNIX)));
        vsa_json_put(&writer, "url", json_sprintf("http://localhost%s", path));
    } else {
        vsa_json_put(&writer, "url", json_sprintf("%.*s%s", (int)size, base, path));
    }
    vsa_json_put(&writer, "accept", json_string(accept));
    if (body)
        vsa_json_put(&writer, "body", body);
    if (arguments->service_token[0])
        vsa_json_put(&writer, "bearer", json_string(arguments->service_token));
    if (arguments->cacert)
        vsa_json_put(&writer, "cacert", json_string(arguments->cacert));
    return vsa_json_finish(&writer);
}

static enum vsa_status load_answer(const json_t *body, json_t **object, struct vsa_error *error)
{
    const struct vsa_json_limits limits = {
        .name = "the service's answer", .max_size = VSA_MAX_INPUT_FILE, .max_depth = MAX_DEPTH};
    enum vsa_status status = VSA_ERR_REPLY;
    if (json_is_string(body))
        status = vsa_json_load_object(vsa_json_string_slice(body), &limits, object, error);
    if (status == VSA_OK || status == VSA_ERR_MEMORY)
        return status;
    return vsa_fail(error, VSA_ERR_REPLY, "the service's answer is no JSON object: is it one?");
}

/* Returns what a client does about the HTTP status of a refusal. */
static enum vsa_status status_of(int http)
{
    if (http == 413)
        return VSA_ERR_TOO_LARGE;
    if (http == 429)
        return VSA_ERR_RATE_LIMITED;
    if (http >= 500)
        return VSA_ERR_BACKEND;
    return http >= 400 ? VSA_ERR_REFUSED_BY_PEER : VSA_ERR_REPLY;
}

/* Fails with the service's words: {"error", "message"}. */
static enum vsa_status refuse(int http, const json_t *body, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *problem = NULL;
    char words[MAX_WORDS] = "";
    if (http >= 300 && http < 400)
        return vsa_fail(error, VSA_ERR_REPLY,
                        "the service redirects (HTTP %d), which is not followed: name the URL that "
                        "it leads to",
                        http);
    if (load_answer(body, &problem, NULL) == VSA_OK) {
        const char *code = json_string_value(json_object_get(problem, "error"));
        const char *message = json_string_value(json_object_get(problem, "message"));
        (void)snprintf(words, sizeof(words), ": %s: %s", code ? code : "-",
                       message ? message : "-");
        vsa_printable_make(words, strlen(words));
    }
    return vsa_fail(error, status_of(http), "the service refuses (HTTP %d)%s", http, words);
}

/* Sends a request, which is taken over, and expects HTTP status 200. */
static enum vsa_status ask(struct conversation *conversation, json_t *request, json_t **body,
                           struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *owned = request;
    VSA_AUTO_JSON json_t *received = NULL;
    int http = 0;
    if (!owned)
        return vsa_fail_memory(error);
    conversation->outcome->at_service = true;
    VSA_TRY(http_ask(&conversation->http, owned, conversation->outcome->deadline_ms, &http,
                     &received, error));
    if (http != 200)
        return refuse(http, received, error);
    *body = json_incref(received);
    conversation->outcome->at_service = false;
    return VSA_OK;
}

/* --- the steps -------------------------------------------------------------------------------- */

static enum vsa_status get_challenge(struct conversation *conversation, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *body = NULL;
    const struct client_arguments *arguments = conversation->arguments;
    VSA_TRY(ask(conversation,
                request_of(arguments, "/v1/challenges", "application/json",
                           json_pack("{s:s}", "policy", arguments->service_policy)),
                &body, error));
    VSA_TRY(load_answer(body, &conversation->issued, error));
    const json_t *challenge = vsa_json_get(conversation->issued, "challenge");
    conversation->challenge = vsa_slice_of(NULL, 0);
    if (json_is_string(challenge))
        conversation->challenge = vsa_json_string_slice(challenge);
    if (conversation->challenge.size < MIN_CHALLENGE ||
        conversation->challenge.size > MAX_CHALLENGE || !vsa_printable_all(conversation->challenge))
        return vsa_fail(error, VSA_ERR_REPLY, "the service's answer has no challenge");
    return VSA_OK;
}

static enum vsa_status get_document(struct conversation *conversation, struct vsa_client *client,
                                    struct vsa_error *error)
{
    struct client_outcome *outcome = conversation->outcome;
    struct vsa_attestation_request request = client_document_request(conversation->arguments);
    int64_t left_ms = outcome->deadline_ms - vsa_monotonic_ms();
    if (left_ms <= 0)
        return vsa_fail(error, VSA_ERR_TIMEOUT, "no time is left for the document");
    vsa_client_set_timeout(client, left_ms);
    request.nonce = conversation->challenge;
    return vsa_client_attest(client, &request, &outcome->attestation, error);
}

static json_t *evidence_of(const struct conversation *conversation)
{
    const struct client_arguments *arguments = conversation->arguments;
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "document",
                 vsa_json_base64(vsa_reply_document(&conversation->outcome->attestation)));
    vsa_json_put(&writer, "policy", json_string(arguments->service_policy));
    vsa_json_put(&writer, "challenge", vsa_json_text_or_null(conversation->challenge));
    if (arguments->service_audience)
        vsa_json_put(&writer, "audience", json_string(arguments->service_audience));
    return vsa_json_finish(&writer);
}

/* Posts the document; the answer is the token itself. */
static enum vsa_status get_token(struct conversation *conversation, json_t **token,
                                 struct vsa_error *error)
{
    json_t *evidence = evidence_of(conversation);
    if (!evidence)
        return vsa_fail_memory(error);
    VSA_TRY(ask(conversation,
                request_of(conversation->arguments, "/v1/verify", VSA_EAR_MEDIA_TYPE, evidence),
                token, error));
    if (!json_is_string(*token))
        return vsa_fail(error, VSA_ERR_REPLY, "the service's answer is no token");
    return VSA_OK;
}

static enum vsa_status get_keys(struct conversation *conversation, json_t **keys,
                                struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *body = NULL;
    VSA_TRY(
        ask(conversation,
            request_of(conversation->arguments, "/.well-known/jwks.json", "application/json", NULL),
            &body, error));
    return load_answer(body, keys, error);
}

/* Checks all of the token, and keeps it: what it says stands, whether it is affirming or not. */
static enum vsa_status check_token(struct conversation *conversation, json_t *token,
                                   const json_t *keys, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *claims = NULL;
    const struct vsa_ear_expected expected = {
        .challenge = conversation->challenge,
        .policy = conversation->arguments->service_policy,
        .audience = conversation->arguments->service_audience,
        .now_ms = vsa_wall_clock_ms(),
    };
    struct vsa_ear_result result;
    VSA_TRY(vsa_jws_verify(vsa_json_string_slice(token), VSA_EAR_TYPE, keys, &claims, error));
    VSA_TRY(vsa_ear_read(claims, &expected, &result, error));
    conversation->outcome->token = json_incref(token);
    conversation->outcome->token_claims = json_incref(claims);
    if (result.status == VSA_TIER_AFFIRMING)
        return VSA_OK;
    return vsa_fail(error, result.reason, "the service's result is %s: %s",
                    vsa_trust_tier_name(result.status), vsa_status_text(result.reason));
}

static enum vsa_status converse(struct conversation *conversation, struct vsa_client *client,
                                struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *token = NULL;
    VSA_AUTO_JSON json_t *keys = NULL;
    conversation->outcome->at_service = true;
    VSA_TRY(http_open(&conversation->http, error));
    VSA_TRY(get_challenge(conversation, error));
    VSA_TRY(get_document(conversation, client, error));
    VSA_TRY(get_token(conversation, &token, error));
    VSA_TRY(get_keys(conversation, &keys, error));
    return check_token(conversation, token, keys, error);
}

enum vsa_status client_ask_service(const struct client_arguments *arguments,
                                   struct vsa_client *client, struct client_outcome *outcome)
{
    struct conversation conversation = {
        .arguments = arguments, .outcome = outcome, .http = {.fd = -1}};
    enum vsa_status status = converse(&conversation, client, &outcome->error);
    end_conversation(&conversation);
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
    const json_t *claims = outcome->token_claims;
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
    output_text(stdout, vsa_json_string_slice(outcome->token));
    (void)fputc('\n', stdout);
    return output_finish(error);
}

void client_print_token_columns(const struct client_outcome *outcome)
{
    const json_t *submodule = vsa_ear_submodule(outcome->token_claims);
    const json_t *attester = json_object_get(submodule, "ear_attester_claims");
    const char *module_id = json_string_value(json_object_get(attester, "module_id"));
    (void)fputs("  ", stdout);
    output_text(stdout,
                vsa_json_string_slice(json_object_get(outcome->token_claims, "ear_status")));
    (void)fputs("  ", stdout);
    output_text(stdout, vsa_slice_of_text(module_id ? module_id : "-"));
}
