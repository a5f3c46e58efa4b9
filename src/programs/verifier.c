/* SPDX-License-Identifier: Apache-2.0 */
/* verifier: verifies a saved attestation document. man/verifier.1.scd */
#include <unistd.h>

#include "base/error.h"
#include "programs/claims_text.h"
#include "programs/exit_code.h"
#include "programs/output.h"
#include "programs/policy_options.h"
#include <vsattest/report.h>

#define PROGRAM "verifier"

enum { KEY_JSON = OPTION_KEY_PROGRAM };

static const struct program_option own_options[] = {
    {"json", KEY_JSON, NULL, "print one JSON object, also on failure", false},
    {"help", OPTION_KEY_HELP, NULL, "print this", false},
    {"version", OPTION_KEY_VERSION, NULL, "print the version", false},
    {NULL, 0, NULL, NULL, false},
};

struct arguments {
    bool json;
    bool done; /* --help or --version was all */
    const char *path;
    struct policy_options policy;
};

static void print_help(void)
{
    (void)puts("Usage: verifier [OPTION]... [FILE]\n"
               "\n"
               "Verifies an attestation document of an AWS Nitro enclave: FILE, or standard input\n"
               "without FILE or when it is -; raw bytes or base64, told apart by themselves.\n");
    options_print_help(stdout, own_options);
    (void)puts("\nWhat the document must be:");
    options_print_help(stdout, policy_option_table);
    (void)fputs("\n" EXIT_CODE_HELP "\nSee verifier(1).\n", stdout);
}

static enum vsa_status take_operands(struct option_parser *parser, struct arguments *arguments,
                                     struct vsa_error *error)
{
    char **operands;
    int count = options_operands(parser, &operands);
    if (count > 1)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "one document at a time: '%.80s' is one argument too many", operands[1]);
    arguments->path = count ? operands[0] : "-";
    return VSA_OK;
}

static enum vsa_status read_arguments(int argc, char **argv, struct arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_parser parser;
    options_start(&parser, argc, argv, own_options, policy_option_table);
    VSA_TRY(policy_options_init(&arguments->policy, error));
    for (;;) {
        int key;
        const char *value;
        VSA_TRY(options_next(&parser, &key, &value, error));
        if (key == OPTION_KEY_END)
            return take_operands(&parser, arguments, error);
        if (policy_options_has(key)) {
            VSA_TRY(policy_options_take(&arguments->policy, key, value, error));
        } else if (key == KEY_JSON) {
            arguments->json = true;
        } else {
            arguments->done = true;
            if (key == OPTION_KEY_HELP)
                print_help();
            else
                (void)printf("%s %s\n", PROGRAM, vsa_version());
            return VSA_OK;
        }
    }
}

static enum vsa_status verify_file(const struct arguments *arguments, struct file_bytes *file,
                                   struct file_bytes *decoded, struct vsa_claims *claims,
                                   struct vsa_error *error)
{
    struct vsa_slice document;
    VSA_TRY(files_read(arguments->path, VSA_MAX_INPUT_FILE, file, error));
    decoded->data = malloc(file->size + 1);
    if (!decoded->data)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    VSA_TRY(vsa_document_decode(file_bytes_slice(file), decoded->data, file->size + 1, &document,
                                error));
    return vsa_verify(arguments->policy.verifier, document, &arguments->policy.policy,
                      policy_options_time(&arguments->policy), claims, error);
}

static enum vsa_status print_result(const struct arguments *arguments,
                                    const struct vsa_claims *claims, struct vsa_error *error)
{
    claims_warn(stderr, PROGRAM, claims);
    if (arguments->json)
        return output_json(vsa_claims_to_json(claims), error);
    claims_print(stdout, claims, arguments->policy.has_time);
    return output_finish(error);
}

/* Reads, verifies and prints the result; failures are for the caller to tell. */
static enum vsa_status run(const struct arguments *arguments, struct vsa_error *error)
{
    AUTO_FILE_BYTES struct file_bytes file = {NULL, 0};
    AUTO_FILE_BYTES struct file_bytes decoded = {NULL, 0};
    struct vsa_claims claims;
    if (strcmp(arguments->path, "-") == 0 && isatty(STDIN_FILENO))
        (void)fputs("verifier: reading a document from standard input\n", stderr);
    VSA_TRY(verify_file(arguments, &file, &decoded, &claims, error));
    return print_result(arguments, &claims, error);
}

static void tell(bool json, const struct vsa_error *error)
{
    output_error(PROGRAM, error);
    if (error->status == VSA_ERR_UNTRUSTED_ROOT)
        (void)fputs("AWS did not sign this. If it comes from a software_nsm, name its root: "
                    "--root FILE\n",
                    stderr);
    if (json && output_json(vsa_error_to_json(error), NULL) != VSA_OK)
        (void)fputs("verifier: cannot write the result to standard output\n", stderr);
}

static enum exit_code verifier(int argc, char **argv, struct arguments *arguments)
{
    struct vsa_error error = {0};
    /* Asked for JSON, a caller gets it for mistakes in the other options too. */
    bool json = options_mention(argc, argv, "--json");
    enum vsa_status status = read_arguments(argc, argv, arguments, &error);
    json = json || arguments->json; /* abbreviated: --js */
    if (status != VSA_OK) {
        tell(json, &error);
        return vsa_status_class(status) == VSA_CLASS_INTERNAL ? EXIT_CODE_INTERNAL
                                                              : EXIT_CODE_USAGE;
    }
    status = arguments->done ? output_finish(&error) : run(arguments, &error);
    if (status != VSA_OK)
        tell(json && !arguments->done, &error);
    return exit_code_of(status);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    output_start();
    enum exit_code code = verifier(argc, argv, &arguments);
    policy_options_free(&arguments.policy);
    return (int)code;
}
