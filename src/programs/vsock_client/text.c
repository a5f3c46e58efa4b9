/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/text.h"

#include <inttypes.h>

#include "programs/output.h"
#include "programs/vsock_client/hints.h"

#define PROGRAM "vsock_client"

const char *client_text_name(const struct vsa_enclave *enclave)
{
    return enclave->name[0] ? enclave->name : enclave->id;
}

void client_text_announce(const struct vsa_enclave *enclave)
{
    (void)fprintf(stderr, "%s: enclave %s (%s), CID %" PRIu32 "\n", PROGRAM,
                  enclave->name[0] ? enclave->name : "without a name", enclave->id, enclave->cid);
    if (enclave->debug_mode)
        (void)fprintf(stderr,
                      "%s: warning: it runs in debug mode: its console is open to this instance, "
                      "its PCRs are zeros, and verification refuses it\n",
                      PROGRAM);
}

void client_text_unreachable(const struct vsa_enclave_list *running)
{
    if (running->unreachable)
        (void)fprintf(
            stderr,
            "%s: warning: nitro-cli could not reach %zu enclave process%s, left out here: "
            "see nitro-cli describe-enclaves\n",
            PROGRAM, running->unreachable, running->unreachable == 1 ? "" : "es");
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

void client_text_failure(const struct vsa_error *error, enum client_place place,
                         const struct vsa_enclave_list *running)
{
    const char *hint = client_hint(error->status, place);
    output_error(PROGRAM, error);
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        client_text_list(running);
    if (hint)
        (void)fputs(hint, stderr);
}
