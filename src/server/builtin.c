/* SPDX-License-Identifier: Apache-2.0 */
#include "server/builtin.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "clock/wall_clock.h"
#include "nsm/attest_with_key.h"
#include "protocol/request.h"
#include "protocol/service.h"
#include "server/metrics.h"

static enum vsa_status ping(const struct vsa_command_context *context, const json_t *request,
                            json_t *reply, struct vsa_error *error)
{
    (void)context;
    (void)request;
    return vsa_ping_reply_encode(reply, error);
}

/*
 * Probes in the NSM's own thread, where the loop cannot do it first. An NSM that refuses is there
 * all the same.
 */
static void ask_nsm(struct vsa_nsm *nsm, struct vsa_server_statistics *statistics)
{
    struct vsa_nsm_description description;
    enum vsa_status status = vsa_nsm_describe(nsm, &description, NULL);
    statistics->nsm_reachable = status == VSA_OK || status == VSA_ERR_NSM;
    statistics->nsm_age_ms = 0;
    if (status == VSA_OK)
        memcpy(statistics->module_id, description.module_id, sizeof(statistics->module_id));
}

static void take_snapshot(const struct vsa_command_context *context, struct vsa_snapshot *snapshot)
{
    vsa_snapshot_take(context->user, snapshot);
    if (context->nsm)
        ask_nsm(context->nsm, &snapshot->statistics);
}

static enum vsa_status status(const struct vsa_command_context *context, const json_t *request,
                              json_t *reply, struct vsa_error *error)
{
    struct vsa_snapshot snapshot;
    const struct vsa_server_statistics *statistics = &snapshot.statistics;
    take_snapshot(context, &snapshot);
    struct vsa_service_status now = {
        .version = vsa_version(),
        .module_id = statistics->module_id[0] ? statistics->module_id : NULL,
        .uptime_s = (uint64_t)statistics->uptime_ms / 1000,
        .requests = statistics->requests,
        .errors = statistics->errors,
        .connections = statistics->connections,
        .port = ((const struct vsa_requests *)context->user)->port,
        .nsm_reachable = statistics->nsm_reachable,
        .nsm_age_ms = statistics->nsm_age_ms,
    };
    (void)request;
    VSA_TRY(vsa_service_status_encode(&now, reply, error));
    return vsa_service_add_statistics(&snapshot, reply, error);
}

static enum vsa_status metrics(const struct vsa_command_context *context, const json_t *request,
                               json_t *reply, struct vsa_error *error)
{
    struct vsa_snapshot snapshot;
    size_t size = 0;
    VSA_AUTO_FREE char *text = malloc(VSA_MAX_METRICS);
    (void)request;
    if (!text)
        return vsa_fail_memory(error);
    take_snapshot(context, &snapshot);
    VSA_TRY(vsa_metrics_write(&snapshot, text, &size, error));
    return vsa_json_set(reply, "metrics", json_stringn(text, size), error);
}

/* --- attest ----------------------------------------------------------------------------------- */

static enum vsa_status deliver_private_key(const struct vsa_server_options *options,
                                           const struct vsa_key_pair *pair,
                                           const struct vsa_attest_request *request,
                                           struct vsa_slice document, struct vsa_error *error)
{
    if (!options->on_key)
        return VSA_OK;
    struct vsa_server_key made = {
        .private_key = vsa_slice_of(pair->private_key, pair->private_key_size),
        .public_key = vsa_slice_of(pair->public_key, sizeof(pair->public_key)),
        .document = document,
        .user_data = request->user_data,
        .nonce = request->nonce,
    };
    enum vsa_status result = options->on_key(options->user, &made);
    if (result != VSA_OK)
        vsa_error_set(error, result, VSA_NO_OFFSET, NULL, "the application refused the key");
    return result;
}

enum vsa_status vsa_builtin_attest(const struct vsa_server_options *options, struct vsa_nsm *nsm,
                                   const struct vsa_attest_request *asked, json_t *reply,
                                   int64_t *life_ms, struct vsa_error *error)
{
    struct vsa_attest_reply answer = {.user_data = asked->user_data, .nonce = asked->nonce};
    VSA_CLEANUP(vsa_key_pair_wipe) struct vsa_key_pair pair = {0};
    struct vsa_slice none = {0};
    VSA_TRY(asked->generate_key ? vsa_nsm_attest_with_key(nsm, asked->user_data, asked->nonce,
                                                          &pair, &answer.document, error)
                                : vsa_nsm_attest(nsm, asked->user_data, asked->nonce, none,
                                                 &answer.document, error));
    if (asked->generate_key)
        VSA_TRY(deliver_private_key(options, &pair, asked, answer.document, error));
    if (life_ms)
        *life_ms = vsa_share_life_ms(answer.document);
    answer.has_public_key = asked->generate_key;
    answer.timestamp_ms = (uint64_t)vsa_wall_clock_ms(); /* nothing rests on it */
    return vsa_attest_reply_encode(&answer, reply, error);
}

/* Serves handlers; requests that come to the command itself are decoded by the pipeline. */
static enum vsa_status attest(const struct vsa_command_context *context, const json_t *object,
                              json_t *reply, struct vsa_error *error)
{
    const struct vsa_requests *all = context->user;
    struct vsa_attest_buffers buffers;
    struct vsa_attest_request asked;
    VSA_TRY(vsa_attest_request_decode(object, &buffers, &asked, error));
    return vsa_builtin_attest(all->options, context->nsm, &asked, reply, NULL, error);
}

/* --- seal_key --------------------------------------------------------------------------------- */

static enum vsa_status put_offer(const struct vsa_seal_offer *offer, json_t *reply,
                                 struct vsa_error *error)
{
    const struct vsa_key_config *config = &offer->config;
    struct vsa_json_writer writer = vsa_json_extend(reply);
    vsa_json_put(&writer, "key_id", json_integer(config->key_id));
    vsa_json_put(&writer, "kem_id", json_integer(config->suite->kem));
    vsa_json_put(&writer, "kdf_id", json_integer(config->suite->kdf));
    vsa_json_put(&writer, "aead_id", json_integer(config->suite->aead));
    vsa_json_put(&writer, "expires_in_ms", json_integer(offer->expires_in_ms));
    vsa_json_put(&writer, "max_plaintext", json_integer(VSA_SEAL_MAX_PLAINTEXT));
    return vsa_json_close(&writer, error);
}

enum vsa_status vsa_builtin_seal_key(struct vsa_nsm *nsm, struct vsa_slice nonce,
                                     const struct vsa_seal_offer *offer, json_t *reply,
                                     struct vsa_error *error)
{
    const struct vsa_key_config *config = &offer->config;
    uint8_t user_data[VSA_SEAL_PURPOSE_SIZE + VSA_MAX_KEY_CONFIG];
    uint8_t spki[VSA_MAX_DH_SPKI];
    size_t spki_size = vsa_dh_write_spki(config->suite->group, config->public_key, spki);
    struct vsa_attest_reply answer = {
        .user_data = vsa_slice_of(user_data, vsa_key_config_write(config, user_data)),
        .nonce = nonce,
        .has_public_key = true,
    };
    VSA_TRY(vsa_nsm_attest(nsm, answer.user_data, nonce, vsa_slice_of(spki, spki_size),
                           &answer.document, error));
    answer.timestamp_ms = (uint64_t)vsa_wall_clock_ms();
    VSA_TRY(vsa_attest_reply_encode(&answer, reply, error));
    return put_offer(offer, reply, error);
}

/* Adds commands without handlers: dispatch.c carries them out itself. */
enum vsa_status vsa_builtin_add_sealing(struct vsa_command_table *table, struct vsa_error *error)
{
    const struct vsa_command seal_key = {VSA_COMMAND_NAME_SEAL_KEY, NULL, NULL,
                                         VSA_COMMAND_NSM | VSA_COMMAND_RATE_LIMITED};
    const struct vsa_command sealed = {VSA_COMMAND_NAME_SEALED, NULL, NULL, 0};
    VSA_TRY(vsa_command_table_add(table, &seal_key, VSA_ROLE_SEAL_KEY, error));
    return vsa_command_table_add(table, &sealed, VSA_ROLE_SEALED, error);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct {
    struct vsa_command command;
    enum vsa_command_role role;
} rows[] = {
    {{VSA_COMMAND_NAME_PING, ping, NULL, 0}, VSA_ROLE_PING},
    {{VSA_COMMAND_NAME_STATUS, status, NULL, 0}, VSA_ROLE_SUMMARY},
    {{VSA_COMMAND_NAME_ATTEST, attest, NULL, VSA_COMMAND_NSM | VSA_COMMAND_RATE_LIMITED},
     VSA_ROLE_ATTEST},
    {{VSA_COMMAND_NAME_METRICS, metrics, NULL, 0}, VSA_ROLE_SUMMARY},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

enum vsa_status vsa_builtin_add(struct vsa_requests *all, struct vsa_error *error)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct vsa_command command = rows[i].command;
        command.user = all;
        VSA_TRY(vsa_command_table_add(&all->table, &command, rows[i].role, error));
    }
    return VSA_OK;
}

enum vsa_status vsa_builtin_run(struct vsa_requests *all, struct vsa_nsm *nsm,
                                const json_t *request, json_t *reply, struct vsa_error *error)
{
    const struct vsa_command_context context = {.user = all, .nsm = nsm};
    const char *name = NULL;
    size_t i = 0;
    VSA_TRY(vsa_request_command(request, &name, error));
    while (i < ROW_COUNT && strcmp(rows[i].command.name, name) != 0)
        i++;
    if (i == ROW_COUNT)
        return vsa_fail(error, VSA_ERR_UNKNOWN_COMMAND, "Unknown command");
    if ((rows[i].command.flags & VSA_COMMAND_NSM) && !nsm)
        return vsa_fail(error, VSA_ERR_NSM_UNREACHABLE, "there is no NSM to carry out \"%s\"",
                        name);
    return rows[i].command.handler(&context, request, reply, error);
}
