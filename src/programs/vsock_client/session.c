/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/session.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/monotonic.h"
#include "base/printable.h"
#include "protocol/request.h"

VSA_DEFINE_CLEANUP(struct vsa_client, vsa_client_free, cleanup_client);

void client_outcome_free(struct client_outcome *outcome)
{
    json_decref(outcome->reply);
    outcome->reply = NULL;
}

void client_target_of(const struct client_arguments *arguments, const struct vsa_enclave *enclave,
                      struct client_target *target)
{
    target->enclave = *enclave;
    (void)snprintf(target->address, sizeof(target->address), "vsock:%" PRIu32 ":%" PRIu32,
                   enclave->cid, arguments->port);
}

enum vsa_status client_find_target(const struct client_arguments *arguments, int64_t deadline_ms,
                                   struct client_target *target, struct vsa_enclave_list *running,
                                   struct vsa_error *error)
{
    struct vsa_enclave enclave = {.cid = arguments->cid};
    if (arguments->address) {
        *target = (struct client_target){0};
        (void)snprintf(target->address, sizeof(target->address), "%s", arguments->address);
        return VSA_OK;
    }
    if (!arguments->has_cid)
        VSA_TRY(vsa_find_enclave(&arguments->selector, deadline_ms - vsa_monotonic_ms(), running,
                                 &enclave, error));
    client_target_of(arguments, &enclave, target);
    return VSA_OK;
}

static struct vsa_attestation_request request_of(const struct client_arguments *arguments)
{
    struct vsa_attestation_request request = {
        .user_data = arguments->policy.policy.user_data,
        .nonce = arguments->policy.policy.nonce,
        .generate_key = arguments->generate_key,
    };
    return request;
}

static int64_t now(const void *context)
{
    return policy_options_time(context);
}

static bool is_metric_line(struct vsa_slice line)
{
    static const char *const begins[] = {"vsattest_", "# HELP vsattest_", "# TYPE vsattest_"};
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (line.size > strlen(begins[i]) && memcmp(line.data, begins[i], strlen(begins[i])) == 0)
            return vsa_printable_all(line);
    return false;
}

/*
 * What a textfile collector or a terminal is to read. Metrics of other names would be taken for
 * those of the machine that collects; the rest of the syntax is the reader's business.
 */
static enum vsa_status check_metrics(const json_t *reply, struct vsa_error *error)
{
    const json_t *text = json_object_get(reply, "metrics");
    if (!json_is_string(text))
        return vsa_fail(error, VSA_ERR_REPLY, "the reply to metrics has no \"metrics\"");
    struct vsa_slice left = vsa_json_string_slice(text);
    bool good = left.size > 0;
    while (good && left.size > 0) {
        const uint8_t *end = memchr(left.data, '\n', left.size);
        size_t size = end ? (size_t)(end - left.data) : 0;
        good = is_metric_line(vsa_slice_of(left.data, size));
        if (good)
            left = vsa_slice_of(left.data + size + 1, left.size - size - 1);
    }
    if (!good)
        return vsa_fail(error, VSA_ERR_REPLY,
                        "\"metrics\" of the reply is not lines about vsattest_... metrics");
    return VSA_OK;
}

static enum vsa_status ask_metrics(struct vsa_client *client, json_t **reply,
                                   struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *request = vsa_request_new(VSA_COMMAND_NAME_METRICS);
    VSA_AUTO_JSON json_t *received = NULL;
    if (!request)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_client_request(client, request, &received, error));
    VSA_TRY(check_metrics(received, error));
    *reply = json_incref(received);
    return VSA_OK;
}

static enum vsa_status exchange(const struct client_arguments *arguments, enum client_action action,
                                struct vsa_client *client, struct client_outcome *outcome)
{
    struct vsa_attestation_request request = request_of(arguments);
    const struct policy_options *policy = &arguments->policy;
    struct vsa_error *error = &outcome->error;
    switch (action) {
    case CLIENT_ACTION_PING:
        return vsa_client_ping(client, error);
    case CLIENT_ACTION_STATUS:
        return vsa_client_status(client, &outcome->reply, error);
    case CLIENT_ACTION_METRICS:
        return ask_metrics(client, &outcome->reply, error);
    case CLIENT_ACTION_ATTEST:
        return vsa_client_attest(client, &request, &outcome->attestation, error);
    case CLIENT_ACTION_VERIFY:
        return vsa_client_attest_and_verify(client, &request, policy->verifier, &policy->policy,
                                            now, policy, &outcome->attestation, &outcome->claims,
                                            error);
    case CLIENT_ACTION_WATCH: /* is made of the others */
    case CLIENT_ACTION_NONE:
        break;
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, "no action");
}

static enum vsa_status connect_and_exchange(const struct client_arguments *arguments,
                                            enum client_action action, const char *address,
                                            int64_t deadline_ms, struct client_outcome *outcome)
{
    VSA_CLEANUP(cleanup_client) struct vsa_client *client = NULL;
    struct vsa_client_options options;
    int64_t left = deadline_ms - vsa_monotonic_ms();
    if (left <= 0)
        return vsa_fail(&outcome->error, VSA_ERR_TIMEOUT, "no time is left to ask %s", address);
    /* One exchange needs one connection; what we are after is that it asks again. */
    vsa_client_options_init(&options);
    options.max_connections = 1;
    options.timeout_ms = left;
    options.retries = arguments->retries;
    VSA_TRY(vsa_client_new(address, &options, &client, &outcome->error));
    return exchange(arguments, action, client, outcome);
}

void client_perform(const struct client_arguments *arguments, enum client_action action,
                    const char *address, int64_t deadline_ms, struct client_outcome *outcome)
{
    int64_t started = vsa_monotonic_us();
    outcome->status = connect_and_exchange(arguments, action, address, deadline_ms, outcome);
    outcome->microseconds = vsa_monotonic_us() - started;
}
