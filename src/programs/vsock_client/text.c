/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/text.h"

#include <inttypes.h>

#include "command_line/output.h"
#include "query/outcome_json.h"

const char *client_text_name(const struct vsa_enclave *enclave)
{
    return enclave->name[0] ? enclave->name : enclave->id;
}

void client_text_announce(const struct vsa_enclave *enclave)
{
    (void)fprintf(stderr, "%s: enclave %s (%s), CID %" PRIu32 "\n", CLIENT_PROGRAM,
                  enclave->name[0] ? enclave->name : "without a name", enclave->id, enclave->cid);
    if (enclave->debug_mode)
        (void)fprintf(stderr,
                      "%s: warning: it runs in debug mode: its console is open to this instance, "
                      "its PCRs are zeros, and verification refuses it\n",
                      CLIENT_PROGRAM);
}

void client_text_exposed(const struct client_arguments *arguments)
{
    if (arguments->sealed && !strchr("@-", arguments->operand[0]))
        (void)fprintf(stderr,
                      "%s: warning: other users of this machine can read the request among the "
                      "arguments: --request @FILE or --request - (standard input) hides it\n",
                      CLIENT_PROGRAM);
}

void client_text_unreachable(const struct vsa_enclave_list *running)
{
    if (running->unreachable)
        (void)fprintf(
            stderr,
            "%s: warning: nitro-cli could not reach %zu enclave process%s, left out here: "
            "see nitro-cli describe-enclaves\n",
            CLIENT_PROGRAM, running->unreachable, running->unreachable == 1 ? "" : "es");
}

static void list(const struct vsa_enclave_list *running)
{
    for (size_t i = 0; i < running->count; i++) {
        const struct vsa_enclave *enclave = &running->enclaves[i];
        (void)fprintf(stderr, "  %-20s  %-42s  CID %" PRIu32 "%s\n",
                      enclave->name[0] ? enclave->name : "(no name)", enclave->id, enclave->cid,
                      enclave->debug_mode ? "  DEBUG MODE" : "");
    }
}

/* --- ways out of common troubles: the guide's troubleshooting section ------------------------- */

#define CONSOLE                                                                                    \
    "  nitro-cli console --enclave-name NAME       what its console says (debug mode only)\n"
#define DESCRIBE                                                                                   \
    "  sudo nitro-cli describe-enclaves            which enclaves run, with their CIDs\n"

struct hint {
    enum vsa_status status;
    const char *text;
};

#define NAME_IT                                                                                    \
    "To name the enclave yourself:\n" DESCRIBE                                                     \
    "  --cid CID                                   an enclave of this instance\n"

/* Of nitro-cli. */
static const struct hint finding_hints[] = {
    {VSA_ERR_TIMEOUT, NAME_IT},
    {VSA_ERR_JSON, NAME_IT},
    {VSA_ERR_EMPTY, NAME_IT},
    {VSA_ERR_NO_NITRO_CLI,
     NAME_IT "  --connect tcp:HOST:PORT                     from elsewhere: the relay of a parent\n"
             "  --connect unix:PATH | vsock-mux:PATH:PORT   an enclave on a developer's machine\n"},
    {VSA_ERR_NO_ENCLAVE,
     "To start one, and to see whether it ended again at once:\n"
     "  nitro-cli run-enclave --cpu-count 2 --memory 64 --eif-path app.eif\n" DESCRIBE},
    {VSA_ERR_AMBIGUOUS_ENCLAVE, "Choose one: --enclave-name NAME, --enclave-id ID or --cid CID\n"},
    {VSA_OK, NULL},
};

/* Of the enclave. */
static const struct hint asking_hints[] = {
    {VSA_ERR_REFUSED,
     "The enclave may have ended, its server may not have started, or it uses another port:\n" //
     DESCRIBE CONSOLE "  --port PORT                                 if it is not on 9000\n"},
    {VSA_ERR_TIMEOUT, "The enclave may be slow, or stuck:\n"
                      "  --timeout 60                                wait longer\n" CONSOLE},
    {VSA_ERR_NO_SUCH_CID, "The enclave may have ended, or been given another CID:\n" DESCRIBE},
    {VSA_ERR_BUSY,
     "The enclave has more requests than its NSM can serve; try again, or --retries 5.\n"},
    {VSA_ERR_RATE_LIMITED,
     "The enclave makes no more documents a second for one peer; try again, or --retries 5.\n"},
    {VSA_ERR_CONNECTIONS,
     "The enclave has as many clients as it takes; try again, or --retries 5.\n"},
    {VSA_ERR_SHUTTING_DOWN, "The enclave's server is stopping; try again once it is back.\n"},
    {VSA_ERR_SENDER,
     "The enclave does this for senders whose keys it knows (enclave_app --senders):\n"
     "  --sign-key FILE                             the private key of one of them\n"},
    {VSA_ERR_OUTCOME, "Look whether it was, or where to do it twice is harmless: --idempotent\n"},
    {VSA_OK, NULL},
};

/* Where these differ from those of the enclave: nitro-cli knows nothing of a socket. */
static const struct hint socket_hints[] = {
    {VSA_ERR_REFUSED, "Its server may not have started. On a developer's machine:\n"
                      "  software_nsm --listen unix:NSM\n"
                      "  enclave_app --listen unix:PATH --nsm unix:NSM\n"},
    {VSA_ERR_TIMEOUT, "The server may be slow, or stuck:\n"
                      "  --timeout 60                                wait longer\n"},
    {VSA_OK, NULL},
};

static const struct hint relay_hints[] = {
    {VSA_ERR_REFUSED, "The relay may not run, or listen elsewhere. On the parent:\n"
                      "  vsock_client --relay --listen tcp:HOST:PORT\n"},
    {VSA_ERR_TIMEOUT, "The relay or the enclave may be slow, or stuck:\n"
                      "  --timeout 60                                wait longer\n"},
    {VSA_OK, NULL},
};

/* Of the service: what it refuses, it explains itself. */
static const struct hint service_hints[] = {
    {VSA_ERR_REFUSED, "The service may not run, or listen elsewhere. To see whether it is ready:\n"
                      "  curl URL/readyz\n"},
    {VSA_ERR_TIMEOUT, "The service may be slow, or not be reachable from here:\n"
                      "  --timeout 60                                wait longer\n"},
    {VSA_ERR_IO, "Where its certificate is not one that this machine trusts:\n"
                 "  --cacert FILE                               its issuer's\n"},
    {VSA_ERR_RATE_LIMITED, "The service takes no more requests a second from here; try again.\n"},
    {VSA_ERR_BACKEND, "The service or its store is overloaded or away; try again.\n"},
    {VSA_OK, NULL},
};

static const char *look_up(const struct hint *hint, enum vsa_status status)
{
    while (hint->text && hint->status != status)
        hint++;
    return hint->text;
}

/* Returns the status that a hint is about: of a refusal the peer's, which ends the sentence. */
static enum vsa_status hinted_status(const struct vsa_error *error)
{
    static const char sender[] = " [sender_unknown]";
    size_t size = strlen(error->detail);
    bool is_sender = error->status == VSA_ERR_REFUSED_BY_PEER && size >= sizeof(sender) - 1 &&
                     strcmp(error->detail + size - (sizeof(sender) - 1), sender) == 0;
    return is_sender ? VSA_ERR_SENDER : error->status;
}

static const char *hint_for(enum vsa_status status, enum client_place place)
{
    if (place == CLIENT_PLACE_NITRO_CLI)
        return look_up(finding_hints, status);
    if (place == CLIENT_PLACE_SERVICE)
        return look_up(service_hints, status);
    const char *text = NULL;
    if (place != CLIENT_PLACE_ENCLAVE)
        text = look_up(place == CLIENT_PLACE_RELAY ? relay_hints : socket_hints, status);
    return text ? text : look_up(asking_hints, status);
}

void client_text_failure(const struct vsa_error *error, enum client_place place,
                         const struct vsa_enclave_list *running)
{
    const char *hint = hint_for(hinted_status(error), place);
    output_error(CLIENT_PROGRAM, error);
    if (error->status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        list(running);
    if (hint)
        (void)fputs(hint, stderr);
}

void client_text_json(const struct vsa_error *error, bool verifying,
                      const struct vsa_enclave_list *running)
{
    struct vsa_error why = {0};
    if (output_json(vsa_failure_json(error, verifying, running), &why) != VSA_OK)
        output_error(CLIENT_PROGRAM, &why);
}

void client_text_unprinted(const struct client_arguments *arguments, const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    output_error(CLIENT_PROGRAM, error);
    if (arguments->json && error->status == VSA_ERR_MEMORY)
        client_text_json(error, vsa_query_is_verifying(arguments->action->kind), &none);
}
