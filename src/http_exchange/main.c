/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exchange: carries HTTP requests for vsock_client, which starts it, over the socket that is
 * its standard input and output. A line is a request, the next one its answer:
 *
 *     {"url", "accept", "timeout_ms", "socket"?, "bearer"?, "cacert"?, "body"?}
 *     {"success": true, "status", "body"} or {"success": false, "error_code", "error"}
 *
 * It ends with the other side. ARCHITECTURE.md, "HTTP is another program's".
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/slice.h"
#include "http_exchange/exchange.h"
#include "protocol/json.h"
#include "protocol/reply.h"
#include "json/load.h"
#include "json/writer.h"
#include <vsattest/transport.h>

/* One socket, both ways. */
#define PEER STDIN_FILENO
/* Time of the other side between two lines, and to take one, in ms: a day. */
#define PATIENCE_MS VSA_HTTP_MAX_TIMEOUT_MS

static char line[VSA_HTTP_MAX_LINE];
static struct http_answer answer;

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(vsa_json_get(object, name));
}

/* Borrows from the object, and `body` from the caller. */
static enum vsa_status read_request(const json_t *object, const char *body,
                                    struct http_request *request, struct vsa_error *error)
{
    const json_t *timeout = vsa_json_get(object, "timeout_ms");
    *request = (struct http_request){
        .url = text_of(object, "url"),
        .socket = text_of(object, "socket"),
        .bearer = text_of(object, "bearer"),
        .cacert = text_of(object, "cacert"),
        .accept = text_of(object, "accept"),
        .body = body,
        .timeout_ms = json_integer_value(timeout),
    };
    if (!request->url || !request->accept || request->timeout_ms <= 0 ||
        request->timeout_ms > VSA_HTTP_MAX_TIMEOUT_MS)
        return vsa_fail(error, VSA_ERR_REQUEST, "needed: \"url\", \"accept\", \"timeout_ms\"");
    return VSA_OK;
}

static enum vsa_status run_request(CURL *curl, struct vsa_slice text, struct vsa_error *error)
{
    const struct vsa_json_limits limits = {
        .name = "the request", .max_size = VSA_HTTP_MAX_LINE, .max_depth = VSA_HTTP_MAX_DEPTH};
    VSA_AUTO_JSON json_t *object = NULL;
    VSA_AUTO_FREE char *body = NULL;
    struct http_request request;
    VSA_TRY(vsa_json_load_object(text, &limits, &object, error));
    if (vsa_json_get(object, "body")) {
        body = vsa_json_print(vsa_json_get(object, "body"), JSON_COMPACT);
        if (!body)
            return vsa_fail(error, VSA_ERR_REQUEST, "\"body\" cannot be written");
    }
    VSA_TRY(read_request(object, body, &request, error));
    return http_exchange(curl, &request, &answer, error);
}

static json_t *reply_of(enum vsa_status status, const struct vsa_error *failure)
{
    const struct vsa_slice body = vsa_slice_of(answer.body, answer.size);
    struct vsa_json_writer writer = vsa_json_object();
    if (status != VSA_OK) {
        json_t *reply = vsa_json_finish(&writer);
        if (reply && vsa_reply_set_error(reply, failure, NULL) != VSA_OK) {
            json_decref(reply);
            reply = NULL;
        }
        return reply;
    }
    vsa_json_put(&writer, "success", json_true());
    vsa_json_put(&writer, "status", json_integer(answer.status));
    vsa_json_put(&writer, "body", vsa_json_text_or_null(body));
    return vsa_json_finish(&writer);
}

static enum vsa_status serve_line(CURL *curl, struct vsa_slice text, struct vsa_error *error)
{
    static char out[VSA_HTTP_MAX_LINE];
    struct vsa_error failure = {0};
    size_t size;
    enum vsa_status status = run_request(curl, text, &failure);
    /* A token may be in it. */
    vsa_wipe(line, sizeof(line));
    VSA_AUTO_JSON json_t *reply = reply_of(status, &failure);
    if (!reply)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_json_write_line(reply, out, sizeof(out), &size, error));
    return vsa_send_all(PEER, vsa_slice_of(out, size), vsa_deadline(PATIENCE_MS), error);
}

int main(void)
{
    struct vsa_error error = {0};
    struct vsa_slice text;
    struct vsa_line_reader reader = {.fd = PEER, .buffer = line, .capacity = sizeof(line)};
    enum vsa_status status;
    CURL *curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (!curl)
        return 5;
    while ((status = vsa_read_line(&reader, vsa_deadline(PATIENCE_MS), &text, &error)) == VSA_OK &&
           (status = serve_line(curl, text, &error)) == VSA_OK)
        ;
    if (status == VSA_ERR_IO)
        (void)fprintf(stderr, "http_exchange: vsock_client starts it, on a socket: %s\n",
                      error.detail);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return status == VSA_ERR_CLOSED ? 0 : 5;
}
