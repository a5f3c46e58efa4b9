/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_app without a server: one document, or documents by command. */
#include "programs/enclave_app/enclave_app.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "command_line/output.h"
#include "command_line/words.h"
#include "nsm/attest_with_key.h"
#include "protocol/attest.h"

/* Two values of VSA_MAX_FIELD bytes and a command's name. */
#define MAX_COMMAND_LINE 4096
#define MAX_WORDS        4

VSA_DEFINE_CLEANUP(struct vsa_nsm, vsa_nsm_free, cleanup_nsm);

static enum vsa_status open_nsm(const struct enclave_app_arguments *arguments, struct vsa_nsm **nsm,
                                struct vsa_error *error)
{
    int64_t timeout_ms = arguments->server.request_timeout_ms;
    return vsa_nsm_open(arguments->server.nsm, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms,
                        nsm, error);
}

static enum vsa_status print_base64(struct vsa_slice document, struct vsa_error *error)
{
    size_t capacity = vsa_base64_encoded_size(document.size) + 1;
    VSA_AUTO_FREE char *text = malloc(capacity);
    if (!text)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_base64_encode(document, text, capacity, error));
    (void)puts(text);
    return output_finish(error);
}

/* Prints the document on stdout, talk on stderr. */
static enum vsa_status attest(struct vsa_nsm *nsm, const char *user_data, const char *nonce,
                              bool generate_key, struct vsa_error *error)
{
    VSA_CLEANUP(vsa_key_pair_wipe) struct vsa_key_pair pair = {0};
    struct vsa_slice absent = {0};
    struct vsa_slice data = vsa_slice_of_text(user_data);
    struct vsa_slice asked = nonce ? vsa_slice_of_text(nonce) : absent;
    struct vsa_slice document;
    VSA_TRY(generate_key ? vsa_nsm_attest_with_key(nsm, data, asked, &pair, &document, error)
                         : vsa_nsm_attest(nsm, data, asked, absent, &document, error));
    (void)fprintf(stderr, ENCLAVE_APP ": attestation document of %zu bytes%s\n", document.size,
                  generate_key ? ", with a fresh public key; its private half is wiped" : "");
    return print_base64(document, error);
}

enum vsa_status enclave_app_one_shot(const struct enclave_app_arguments *arguments,
                                     struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_nsm) struct vsa_nsm *nsm = NULL;
    VSA_TRY(open_nsm(arguments, &nsm, error));
    return attest(nsm, arguments->user_data, arguments->nonce, arguments->generate_key, error);
}

/* --- commands on standard input --------------------------------------------------------------- */

static void print_commands(void)
{
    (void)fputs("Commands:\n"
                "  attest                         document with user data \"" VSA_DEFAULT_USER_DATA
                "\"\n"
                "  attest-key                     the same, with a fresh public key\n"
                "  attest-custom USER_DATA NONCE  document with these; quote values with spaces\n"
                "  help                           print this\n"
                "  exit                           end\n",
                stderr);
}

static enum vsa_status run_command(struct vsa_nsm *nsm, char *words[MAX_WORDS], size_t count,
                                   struct vsa_error *error)
{
    if (strcmp(words[0], "attest") == 0 && count == 1)
        return attest(nsm, VSA_DEFAULT_USER_DATA, NULL, false, error);
    if (strcmp(words[0], "attest-key") == 0 && count == 1)
        return attest(nsm, VSA_DEFAULT_USER_DATA, NULL, true, error);
    if (strcmp(words[0], "attest-custom") == 0 && count == 3)
        return attest(nsm, words[1], words[2], false, error);
    if (strcmp(words[0], "attest-custom") == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "attest-custom takes USER_DATA and NONCE");
    if (strcmp(words[0], "help") != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "unknown command '%.40s'; \"help\" lists the commands", words[0]);
    print_commands();
    return VSA_OK;
}

/* Returns false at the end of the input. A line that is too long is passed over and becomes "". */
static bool read_line(char line[MAX_COMMAND_LINE])
{
    if (isatty(STDIN_FILENO))
        (void)fputs("> ", stderr);
    if (!fgets(line, MAX_COMMAND_LINE, stdin))
        return false;
    if (strchr(line, '\n') || feof(stdin))
        return true;
    for (int c = getchar(); c != EOF && c != '\n'; c = getchar())
        continue;
    (void)fprintf(stderr, ENCLAVE_APP ": line longer than %d bytes\n", MAX_COMMAND_LINE - 2);
    line[0] = '\0';
    return true;
}

enum vsa_status enclave_app_daemon(const struct enclave_app_arguments *arguments,
                                   struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_nsm) struct vsa_nsm *nsm = NULL;
    char line[MAX_COMMAND_LINE];
    char *words[MAX_WORDS];
    VSA_TRY(open_nsm(arguments, &nsm, error));
    print_commands();
    while (read_line(line)) {
        size_t count = words_split(line, words, MAX_WORDS);
        if (count == 0)
            continue;
        if (strcmp(words[0], "exit") == 0 && count == 1)
            return VSA_OK;
        /* A command that fails is no reason to end; standard output that is gone is. */
        if (run_command(nsm, words, count, error) != VSA_OK)
            output_error(ENCLAVE_APP, error);
        VSA_TRY(output_finish(error));
    }
    return VSA_OK;
}
