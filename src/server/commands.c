/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in commands: rows of the same table as anybody's. */
#include "server/internal.h"

#include <time.h>

#include "base/slice.h"
#include "crypto/key.h"
#include "protocol/attest.h"
#include "protocol/request.h"
#include "protocol/service.h"

/* PKCS#8 of a P-384 key has 185 bytes. */
#define MAX_PRIVATE_KEY 512

static enum vsa_status ping(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    (void)context;
    (void)request;
    return vsa_ping_reply_encode(reply, error);
}

static enum vsa_status status(const struct vsa_command_context *context, const json_t *request,
                              json_t *reply, struct vsa_error *error)
{
    const struct vsa_server *server = context->user;
    struct vsa_server_statistics statistics;
    vsa_server_get_statistics(server, &statistics);
    struct vsa_service_status now = {
        .version = vsa_version(),
        .module_id = statistics.module_id[0] ? statistics.module_id : NULL,
        .uptime_s = (uint64_t)statistics.uptime_ms / 1000,
        .requests = statistics.requests,
        .errors = statistics.errors,
        .connections = statistics.connections,
        .port = server->listener.address.port,
        .nsm_reachable = statistics.nsm_reachable,
    };
    (void)request;
    return vsa_status_reply_encode(&now, reply, error);
}

/* --- attest ----------------------------------------------------------------------------------- */

/* Only for the reply's "timestamp", on which nothing rests. */
static uint64_t wall_clock_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum vsa_status hand_over(const struct vsa_server_options *options,
                                 const struct vsa_key *key, struct vsa_slice public_key,
                                 const struct vsa_attest_request *request,
                                 struct vsa_slice document, struct vsa_error *error)
{
    uint8_t buffer[MAX_PRIVATE_KEY];
    struct vsa_slice private_key;
    if (!options->on_key)
        return VSA_OK;
    enum vsa_status result =
        vsa_key_write_private(key, buffer, sizeof(buffer), &private_key, error);
    if (result == VSA_OK) {
        struct vsa_server_key made = {.private_key = private_key,
                                      .public_key = public_key,
                                      .document = document,
                                      .user_data = request->user_data,
                                      .nonce = request->nonce};
        result = options->on_key(options->user, &made);
        if (result != VSA_OK)
            vsa_error_set(error, result, VSA_NO_OFFSET, NULL, "the application refused the key");
    }
    vsa_wipe(buffer, sizeof(buffer));
    return result;
}

static enum vsa_status attest(const struct vsa_command_context *context, const json_t *object,
                              json_t *reply, struct vsa_error *error)
{
    const struct vsa_server *server = context->user;
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request request;
    struct vsa_attest_reply answer = {0};
    VSA_CLEANUP(vsa_cleanup_key) struct vsa_key *key = NULL;
    uint8_t spki_buffer[VSA_P384_SPKI_SIZE];
    struct vsa_slice spki = {0};
    VSA_TRY(vsa_attest_request_decode(object, &buffers, &request, error));
    if (request.generate_key) {
        VSA_TRY(vsa_key_generate(VSA_CURVE_P384, &key, error));
        VSA_TRY(vsa_key_write_public(key, spki_buffer, sizeof(spki_buffer), &spki, error));
    }
    VSA_TRY(vsa_nsm_attest(context->nsm, request.user_data, request.nonce, spki, &answer.document,
                           error));
    if (key)
        VSA_TRY(hand_over(&server->options, key, spki, &request, answer.document, error));
    answer.user_data = request.user_data;
    answer.nonce = request.nonce;
    answer.has_public_key = key != NULL;
    answer.timestamp_ms = wall_clock_ms();
    return vsa_attest_reply_encode(&answer, reply, error);
}

enum vsa_status vsa_commands_register(struct vsa_server *server, struct vsa_error *error)
{
    const struct vsa_command table[] = {
        {VSA_COMMAND_NAME_PING, ping, server, VSA_COMMAND_CONSTANT},
        {VSA_COMMAND_NAME_STATUS, status, server, VSA_COMMAND_NSM_STATE},
        {VSA_COMMAND_NAME_ATTEST, attest, server, VSA_COMMAND_NSM},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        VSA_TRY(vsa_server_register(server, &table[i], error));
    return VSA_OK;
}
