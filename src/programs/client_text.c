/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/client_text.h"

#include <inttypes.h>

#include "base/error.h"
#include "programs/client_hints.h"
#include "programs/output.h"
#include "protocol/service.h"

#define PROGRAM "vsock_client"

static void print_status(const struct vsa_service_status *status)
{
    (void)printf("Status: running for %" PRIu64 " s\n", status->uptime_s);
    if (status->version) {
        (void)fputs("  version      ", stdout);
        output_text(stdout, vsa_slice_of_text(status->version));
        (void)fputc('\n', stdout);
    }
    if (status->port)
        (void)printf("  port         %" PRIu32 "\n", status->port);
    (void)printf("  requests     %" PRIu64 ", %" PRIu64 " of them failed\n"
                 "  connections  %" PRIu64 "\n"
                 "  NSM          %s",
                 status->requests, status->errors, status->connections,
                 status->nsm_reachable ? "reachable" : "not reachable");
    if (status->module_id) {
        (void)fputs(", module ID ", stdout);
        output_text(stdout, vsa_slice_of_text(status->module_id));
    }
    (void)fputc('\n', stdout);
}

enum vsa_status client_text_status(const json_t *reply, struct vsa_error *error)
{
    struct vsa_service_status decoded;
    VSA_TRY(vsa_status_reply_decode(reply, &decoded, error));
    print_status(&decoded);
    return VSA_OK;
}

const char *client_text_name(const struct vsa_enclave *enclave)
{
    return enclave->name[0] ? enclave->name : enclave->id;
}

void client_text_list(const struct vsa_enclave_list *running)
{
    for (size_t i = 0; i < running->count; i++) {
        const struct vsa_enclave *enclave = &running->enclaves[i];
        (void)fprintf(stderr, "  %-20s  %-42s  CID %" PRIu32 "%s\n",
                      enclave->name[0] ? enclave->name : "(no name)", enclave->id, enclave->cid,
                      enclave->debug_mode ? "  DEBUG MODE" : "");
    }
}

void client_text_failure(const struct vsa_error *error, bool finding,
                         const struct vsa_enclave_list *running)
{
    const char *hint = client_hint(error->status, finding);
    output_error(PROGRAM, error);
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        client_text_list(running);
    if (hint)
        (void)fputs(hint, stderr);
}
