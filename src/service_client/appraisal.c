/* SPDX-License-Identifier: Apache-2.0 */
#include "service_client/appraisal.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"
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
/* Genuine, and of a root that is not the maker's: draft-ietf-rats-ar4si, section 2.3.4. */
#define HARDWARE_UNRECOGNISED 97
/* Bytes of the service's words in an error. */
#define MAX_WORDS 150

/* One conversation with a service about one document. */
struct conversation {
    const struct vsa_appraisal_request *request;
    struct vsa_http_helper *helper;
    struct vsa_appraised *appraised;
    json_t *issued;             /* the service's answer that has the challenge; owned */
    struct vsa_slice challenge; /* borrows from it */
};

void vsa_appraised_free(struct vsa_appraised *appraised)
{
    json_decref(appraised->token);
    json_decref(appraised->claims);
    *appraised = (struct vsa_appraised){0};
}

/* --- requests --------------------------------------------------------------------------------- */

/* Makes a request of the path; `body` is taken over, NULL of it is no body. */
static json_t *request_of(const struct vsa_appraisal_request *request, const char *path,
                          const char *accept, json_t *body)
{
    const char *base = request->service;
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
    if (request->bearer)
        vsa_json_put(&writer, "bearer", json_string(request->bearer));
    if (request->cacert)
        vsa_json_put(&writer, "cacert", json_string(request->cacert));
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
static enum vsa_status ask(const struct conversation *conversation, json_t *request, json_t **body,
                           struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *owned = request;
    VSA_AUTO_JSON json_t *received = NULL;
    int http = 0;
    if (!owned)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_http_helper_ask(conversation->helper, owned, conversation->request->deadline_ms,
                                &http, &received, error));
    if (http != 200)
        return refuse(http, received, error);
    *body = json_incref(received);
    return VSA_OK;
}

static enum vsa_status get(const struct conversation *conversation, const char *path,
                           json_t **answer, struct vsa_error *error)
{
    return ask(conversation, request_of(conversation->request, path, "application/json", NULL),
               answer, error);
}

/* Posts `content`, which is taken over. */
static enum vsa_status post(const struct conversation *conversation, const char *path,
                            const char *accept, json_t *content, json_t **answer,
                            struct vsa_error *error)
{
    if (!content) /* without it this would be a GET */
        return vsa_fail_memory(error);
    return ask(conversation, request_of(conversation->request, path, accept, content), answer,
               error);
}

/* --- the steps -------------------------------------------------------------------------------- */

static enum vsa_status get_challenge(struct conversation *conversation, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *body = NULL;
    VSA_TRY(post(conversation, "/v1/challenges", "application/json",
                 json_pack("{s:s}", "policy", conversation->request->policy), &body, error));
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

static enum vsa_status get_document(const struct conversation *conversation,
                                    struct vsa_slice *document, struct vsa_error *error)
{
    const struct vsa_appraisal_request *request = conversation->request;
    conversation->appraised->at_service = false;
    VSA_TRY(request->attest(request->context, conversation->challenge, document, error));
    conversation->appraised->at_service = true;
    return VSA_OK;
}

static json_t *evidence_of(const struct conversation *conversation, struct vsa_slice document)
{
    const struct vsa_appraisal_request *request = conversation->request;
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "document", vsa_json_base64(document));
    vsa_json_put(&writer, "policy", json_string(request->policy));
    vsa_json_put(&writer, "challenge", vsa_json_text_or_null(conversation->challenge));
    if (request->audience)
        vsa_json_put(&writer, "audience", json_string(request->audience));
    return vsa_json_finish(&writer);
}

/* Posts the document; the answer is the token itself. */
static enum vsa_status get_token(const struct conversation *conversation, struct vsa_slice document,
                                 json_t **token, struct vsa_error *error)
{
    VSA_TRY(post(conversation, "/v1/verify", VSA_EAR_MEDIA_TYPE,
                 evidence_of(conversation, document), token, error));
    if (!json_is_string(*token))
        return vsa_fail(error, VSA_ERR_REPLY, "the service's answer is no token");
    return VSA_OK;
}

static enum vsa_status get_keys(const struct conversation *conversation, json_t **keys,
                                struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *body = NULL;
    VSA_TRY(get(conversation, "/.well-known/jwks.json", &body, error));
    return load_answer(body, keys, error);
}

/*
 * Returns the reason in words. A root that the policy trusts, and that is not AWS's, has the code
 * of one that it does not trust; the vector says which.
 */
static const char *reason_text(const json_t *claims, enum vsa_status reason)
{
    const json_t *vector = json_object_get(vsa_ear_submodule(claims), "ear_trustworthiness_vector");
    json_int_t hardware = json_integer_value(json_object_get(vector, "hardware"));
    if (reason == VSA_ERR_UNTRUSTED_ROOT && hardware == HARDWARE_UNRECOGNISED)
        return "the policy trusts the document's root, which is not one of AWS";
    return vsa_status_text(reason);
}

/* Checks all of the token, and keeps it: what it says stands, whether it is affirming or not. */
static enum vsa_status check_token(const struct conversation *conversation, json_t *token,
                                   const json_t *keys, struct vsa_error *error)
{
    const struct vsa_appraisal_request *request = conversation->request;
    VSA_AUTO_JSON json_t *claims = NULL;
    const struct vsa_ear_expected expected = {
        .challenge = conversation->challenge,
        .policy = request->policy,
        .audience = request->audience,
        .now_ms = request->now_ms(),
    };
    struct vsa_ear_result result;
    VSA_TRY(vsa_jws_verify(vsa_json_string_slice(token), VSA_EAR_TYPE, keys, &claims, error));
    VSA_TRY(vsa_ear_read(claims, &expected, &result, error));
    conversation->appraised->token = json_incref(token);
    conversation->appraised->claims = json_incref(claims);
    if (result.status == VSA_TIER_AFFIRMING)
        return VSA_OK;
    return vsa_fail(error, result.reason, "the service's result is %s: %s",
                    vsa_trust_tier_name(result.status), reason_text(claims, result.reason));
}

static enum vsa_status converse(struct conversation *conversation, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *token = NULL;
    VSA_AUTO_JSON json_t *keys = NULL;
    struct vsa_slice document;
    VSA_TRY(get_challenge(conversation, error));
    VSA_TRY(get_document(conversation, &document, error));
    VSA_TRY(get_token(conversation, document, &token, error));
    VSA_TRY(get_keys(conversation, &keys, error));
    return check_token(conversation, token, keys, error);
}

enum vsa_status vsa_appraisal_get(const struct vsa_appraisal_request *request,
                                  struct vsa_http_helper *helper, struct vsa_appraised *appraised,
                                  struct vsa_error *error)
{
    struct conversation conversation = {
        .request = request, .helper = helper, .appraised = appraised};
    appraised->at_service = true;
    enum vsa_status status = converse(&conversation, error);
    json_decref(conversation.issued);
    return status;
}
