/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/all.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/hex.h"
#include "programs/claims_text.h"
#include "programs/output.h"
#include "programs/vsock_client/parallel.h"
#include "programs/vsock_client/result.h"
#include "programs/vsock_client/text.h"
#include "protocol/service.h"

#define PROGRAM "vsock_client"
/* Of a PCR in a table: enough to see that two differ, and that it is not the whole. */
#define PCR_SHOWN 8

struct asked {
    const struct client_arguments *arguments;
    int64_t deadline_ms;
    struct client_target target;
    struct client_outcome outcome;
};

struct every {
    struct vsa_enclave_list running;
    struct asked asked[VSA_MAX_ENCLAVES];
};

static void ask(void *item)
{
    struct asked *asked = item;
    client_perform(asked->arguments, asked->arguments->action, asked->target.address,
                   asked->deadline_ms, &asked->outcome);
}

static enum vsa_status ask_every(const struct client_arguments *arguments, struct every *every,
                                 struct vsa_error *error)
{
    int64_t deadline_ms = vsa_deadline(arguments->timeout_ms);
    VSA_TRY(vsa_list_enclaves(arguments->timeout_ms, &every->running, error));
    client_text_unreachable(&every->running);
    for (size_t i = 0; i < every->running.count; i++) {
        every->asked[i].arguments = arguments;
        every->asked[i].deadline_ms = deadline_ms;
        client_target_of(arguments, &every->running.enclaves[i], &every->asked[i].target);
    }
    client_parallel(every->asked, every->running.count, sizeof(every->asked[0]), ask);
    return VSA_OK;
}

/* --- JSON --------------------------------------------------------------------------------------
 */

static json_t *entry_of(const struct asked *asked)
{
    static const struct vsa_enclave_list none;
    VSA_AUTO_JSON json_t *enclave = client_result_enclave(&asked->target.enclave);
    struct vsa_json_writer entry = vsa_json_extend(enclave);
    vsa_json_put(&entry, "ok", json_boolean(asked->outcome.status == VSA_OK));
    vsa_json_put(&entry, "latency_ms", json_real((double)asked->outcome.microseconds / 1000.0));
    vsa_json_put(&entry, "result",
                 client_result_of(asked->arguments, &asked->outcome, &none, NULL));
    return vsa_json_finish(&entry);
}

static json_t *result_of(const struct every *every)
{
    bool success = true;
    struct vsa_json_writer entries = vsa_json_array();
    for (size_t i = 0; i < every->running.count; i++) {
        success = success && every->asked[i].outcome.status == VSA_OK;
        vsa_json_append(&entries, entry_of(&every->asked[i]));
    }
    struct vsa_json_writer result = vsa_json_object();
    vsa_json_put(&result, "success", json_boolean(success));
    vsa_json_put(&result, "enclaves", vsa_json_finish(&entries));
    return vsa_json_finish(&result);
}

/* --- a table -----------------------------------------------------------------------------------
 */

static void print_head(enum client_action action)
{
    const char *more = "";
    if (action == CLIENT_ACTION_STATUS)
        more = "     UPTIME  REQUESTS  ERRORS  CONNECTIONS  NSM  VERSION";
    else if (action == CLIENT_ACTION_VERIFY)
        more = "  PCR0      PCR1      PCR2      CHECKED  MODULE ID";
    (void)printf("%-20s  %10s  %-20s  %11s%s\n", "NAME", "CID", "STATE", "LATENCY", more);
}

static void print_status(const json_t *reply)
{
    struct vsa_service_status status;
    if (vsa_service_status_decode(reply, &status, NULL) != VSA_OK)
        return;
    (void)printf("  %7" PRIu64 " s  %8" PRIu64 "  %6" PRIu64 "  %11" PRIu64 "  %-3s  ",
                 status.uptime_s, status.requests, status.errors, status.connections,
                 status.nsm_reachable ? "yes" : "no");
    output_text(stdout, vsa_slice_of_text(status.version ? status.version : "-"));
}

static void print_pcr(const struct vsa_pcrs *pcrs, unsigned index)
{
    char hex[2 * VSA_PCR_SIZE + 1] = "-";
    if (pcrs->present & (UINT32_C(1) << index))
        vsa_hex_encode(vsa_slice_of(pcrs->value[index], VSA_PCR_SIZE), hex, sizeof(hex));
    (void)printf("  %-*.*s", PCR_SHOWN, PCR_SHOWN, hex);
}

static void print_claims(const struct vsa_claims *claims)
{
    for (unsigned i = 0; i < 3; i++)
        print_pcr(&claims->pcrs, i);
    int checked = __builtin_popcount(claims->pcrs_checked);
    (void)printf("  %2d PCR%c  ", checked, checked == 1 ? ' ' : 's');
    output_text(stdout, claims->module_id);
}

static void print_row(const struct asked *asked)
{
    const struct client_outcome *outcome = &asked->outcome;
    bool ok = outcome->status == VSA_OK;
    (void)printf("%-20s  %10" PRIu32 "  %-20s  %8.1f ms", client_text_name(&asked->target.enclave),
                 asked->target.enclave.cid, ok ? "ok" : vsa_status_code(outcome->status),
                 (double)outcome->microseconds / 1000.0);
    if (ok && asked->arguments->action == CLIENT_ACTION_STATUS)
        print_status(outcome->reply);
    if (ok && asked->arguments->action == CLIENT_ACTION_VERIFY)
        print_claims(&outcome->claims);
    (void)fputc('\n', stdout);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

/* On stderr, which enclave something is said of. */
static void remark(const struct asked *asked)
{
    char who[VSA_MAX_ENCLAVE_NAME + sizeof(PROGRAM) + 2];
    (void)snprintf(who, sizeof(who), "%s: %s", PROGRAM, client_text_name(&asked->target.enclave));
    if (asked->outcome.status != VSA_OK)
        output_error(who, &asked->outcome.error);
    else if (asked->arguments->action == CLIENT_ACTION_VERIFY)
        claims_warn(stderr, who, &asked->outcome.claims);
}

static enum vsa_status print(const struct client_arguments *arguments, const struct every *every,
                             struct vsa_error *error)
{
    if (arguments->json)
        return output_json(result_of(every), error);
    print_head(arguments->action);
    for (size_t i = 0; i < every->running.count; i++)
        print_row(&every->asked[i]);
    return output_finish(error);
}

static enum exit_code nothing_to_ask(const struct client_arguments *arguments,
                                     const struct vsa_error *error)
{
    static const struct vsa_enclave_list none;
    bool verifying = arguments->action == CLIENT_ACTION_VERIFY;
    client_text_failure(error, CLIENT_PLACE_NITRO_CLI, &none);
    if (arguments->json &&
        output_json(client_result_failed(error, verifying, &none), NULL) != VSA_OK)
        (void)fprintf(stderr, "%s: cannot write to standard output\n", PROGRAM);
    return exit_code_of(error->status);
}

enum exit_code client_all(const struct client_arguments *arguments)
{
    static struct every every;
    struct vsa_error error = {0};
    enum exit_code code = EXIT_CODE_OK;
    if (ask_every(arguments, &every, &error) != VSA_OK)
        return nothing_to_ask(arguments, &error);
    enum vsa_status printed = print(arguments, &every, &error);
    for (size_t i = 0; i < every.running.count; i++) {
        remark(&every.asked[i]);
        code = exit_code_worse(code, exit_code_of(every.asked[i].outcome.status));
        client_outcome_free(&every.asked[i].outcome);
    }
    if (printed == VSA_OK)
        return code;
    output_error(PROGRAM, &error);
    return exit_code_of(printed);
}
