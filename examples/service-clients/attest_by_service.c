/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has a verification service (vsattest-verifierd) appraise an enclave's document:
 *
 *     attest_by_service ADDRESS URL POLICY
 *
 * ADDRESS is where the enclave listens (vsock:16:9000, unix:PATH), URL the service's root, POLICY
 * the name of one of its policies. Prints the service's token, for relying parties that check it by
 * themselves (go/, node/); exits with 0 if the result is affirming, 1 if not, 3 if there is none.
 *
 * The result is believed because TLS says who sent it: use https, but for a service on this
 * machine.
 *
 *     cc attest_by_service.c $(pkg-config --cflags --libs libvsattest libcurl jansson)
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <jansson.h>

#include <vsattest/client.h>

#define TIMEOUT_MS 30000L

/* A body on its way in; more than this is none of the service's. */
struct body {
    size_t size;
    char text[65536];
};

static size_t take(char *data, size_t one, size_t size, void *context)
{
    struct body *body = context;
    (void)one;
    if (size > sizeof(body->text) - body->size)
        return 0;
    memcpy(body->text + body->size, data, size);
    body->size += size;
    return size;
}

/* Base64 of a document; the caller frees it. */
static char *base64_of(struct vsa_slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((bytes.size + 2) / 3 * 4 + 1);
    char *at = text;
    for (size_t i = 0; text && i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        unsigned three = (unsigned)bytes.data[i] << 16;
        three |= left > 1 ? (unsigned)bytes.data[i + 1] << 8 : 0;
        three |= left > 2 ? bytes.data[i + 2] : 0;
        *at++ = digits[three >> 18];
        *at++ = digits[three >> 12 & 63];
        *at++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[three & 63] : '=';
    }
    if (at)
        *at = '\0';
    return text;
}

/* Posts a JSON object and returns the one that comes back, or NULL; takes `request`. */
static json_t *post(CURL *curl, const char *url, const char *path, json_t *request)
{
    static struct body body;
    char whole[1024];
    long status = 0;
    json_t *answer = NULL;
    /* Into a buffer that is large enough: json_dumps() may lose a key where memory is short. */
    size_t size = json_dumpb(request, NULL, 0, JSON_COMPACT);
    char *text = size > 0 ? calloc(1, size + 1) : NULL;
    bool printed = text && json_dumpb(request, text, size, JSON_COMPACT) == size;
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *all = fields ? curl_slist_append(fields, "Accept: application/json") : NULL;
    snprintf(whole, sizeof(whole), "%s%s", url, path);
    body.size = 0;
    /* Certificates are checked and redirects not followed: libcurl's defaults. */
    curl_easy_setopt(curl, CURLOPT_URL, whole);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, all);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode code = all && printed ? curl_easy_perform(curl) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        fprintf(stderr, "attest_by_service: %s: %s\n", whole, curl_easy_strerror(code));
    else if (status != 200)
        fprintf(stderr, "attest_by_service: %s: HTTP %ld\n", whole, status);
    else
        answer = json_loadb(body.text, body.size, JSON_REJECT_DUPLICATES, NULL);
    curl_slist_free_all(fields);
    free(text);
    json_decref(request);
    return answer;
}

static bool get_document(const char *address, const char *nonce,
                         struct vsa_attestation_reply *reply)
{
    struct vsa_error error = {0};
    struct vsa_client *client = NULL;
    struct vsa_attestation_request request;
    char sentence[512];
    vsa_attestation_request_init(&request);
    request.nonce = vsa_slice_of_text(nonce);
    enum vsa_status status = vsa_client_new(address, NULL, &client, &error);
    if (status == VSA_OK)
        status = vsa_client_attest(client, &request, reply, &error);
    vsa_client_free(client);
    if (status != VSA_OK)
        fprintf(stderr, "attest_by_service: %s\n",
                vsa_error_sentence(&error, sentence, sizeof(sentence)));
    return status == VSA_OK;
}

/* Returns the exit status: what the service found, of the document that has its challenge. */
static int judge(const json_t *answer, const char *challenge)
{
    const char *token = json_string_value(json_object_get(answer, "token"));
    const char *nonce =
        json_string_value(json_object_get(json_object_get(answer, "result"), "eat_nonce"));
    if (!token || !nonce || strcmp(nonce, challenge) != 0) {
        fprintf(stderr, "attest_by_service: the result is not about this challenge\n");
        return 3;
    }
    puts(token);
    return json_is_true(json_object_get(answer, "affirming")) ? 0 : 1;
}

static int attest(CURL *curl, const char *address, const char *url, const char *policy)
{
    static struct vsa_attestation_reply reply;
    int result = 3;
    json_t *answer = NULL;
    json_t *issued = post(curl, url, "/v1/challenges", json_pack("{s:s}", "policy", policy));
    const char *challenge = json_string_value(json_object_get(issued, "challenge"));
    if (challenge && get_document(address, challenge, &reply)) {
        char *document = base64_of(vsa_reply_document(&reply));
        if (document)
            answer = post(curl, url, "/v1/verify",
                          json_pack("{s:s, s:s, s:s}", "document", document, "policy", policy,
                                    "challenge", challenge));
        free(document);
    }
    if (answer)
        result = judge(answer, challenge);
    json_decref(answer);
    json_decref(issued);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: attest_by_service ADDRESS URL POLICY\n");
        return 2;
    }
    CURL *curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (!curl)
        return 5;
    int result = attest(curl, argv[1], argv[2], argv[3]);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return result;
}
