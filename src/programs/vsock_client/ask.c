/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/ask.h"

#include "base/error.h"
#include "base/slice.h"
#include "clock/wall_clock.h"
#include "command_line/beside.h"
#include "programs/vsock_client/text.h"

static int64_t now(const void *policy)
{
    return policy_options_time(policy);
}

static enum vsa_status start_http(struct vsa_http_helper *helper, struct vsa_error *error)
{
    char path[2200];
    if (!beside_find(VSA_HTTP_HELPER, path, sizeof(path)))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--service: no " VSA_HTTP_HELPER " beside this program: it needs libcurl, "
                        "and is not in the Python wheel; scripts/build or a package installs it");
    return vsa_http_helper_start(helper, path, error);
}

struct vsa_query client_query(const struct client_arguments *arguments)
{
    const struct policy_options *policy = &arguments->policy;
    struct vsa_query query = {
        .kind = arguments->sealed ? VSA_QUERY_SEALED : arguments->action->kind,
        .retries = arguments->retries,
        .verifier = policy->verifier,
        .policy = &policy->policy,
        .now = now,
        .context = policy,
        .request = arguments->request,
        .sender = arguments->sender,
        .idempotent = arguments->idempotent,
        .start_http = start_http,
        .service =
            {
                .service = arguments->operand,
                .policy = arguments->service_policy,
                .audience = arguments->service_audience,
                .bearer = arguments->service_token[0] ? arguments->service_token : NULL,
                .cacert = arguments->cacert,
                .now_ms = vsa_wall_clock_ms,
            },
    };
    vsa_attestation_request_init(&query.document);
    query.document.user_data = policy->policy.user_data;
    query.document.nonce = policy->policy.nonce;
    query.document.generate_key = arguments->generate_key;
    if (arguments->aad)
        query.aad = vsa_slice_of_text(arguments->aad);
    return query;
}

enum vsa_status client_find(const struct client_arguments *arguments, int64_t deadline_ms,
                            struct vsa_target *target, struct vsa_enclave_list *running,
                            struct vsa_error *error)
{
    enum vsa_status status =
        vsa_target_find(&arguments->place, deadline_ms, target, running, error);
    client_text_unreachable(running);
    if (status == VSA_OK && target->enclave.id[0])
        client_text_announce(&target->enclave);
    return status;
}
