/* SPDX-License-Identifier: Apache-2.0 */
/* verifier: verifies a saved attestation document. man/verifier.1.scd */
#include <unistd.h>

#include "base/error.h"
#include "command_line/claims_text.h"
#include "command_line/exit_code.h"
#include "command_line/output.h"
#include "command_line/policy_options.h"
#include "programs/verifier_archive.h"
#include "json/writer.h"
#include <vsattest/report.h>

#define PROGRAM "verifier"

struct arguments {
    bool json;
    bool done; /* --help or --version was all */
    const char *path;
    struct archive_arguments archive;
    struct policy_options policy;
};

static const struct program_option own_options[] = {
    OPTION_ROW_FLAG(arguments, json, "json", "print one JSON object, also on failure"),
    OPTION_ROW_TEXT(arguments, archive.path, "archive", "FILE",
                    "verify many saved documents: a file of JSON lines\n"
                    "(- is standard input), a directory, a tar archive"),
    OPTION_ROW_TEXT(arguments, archive.resume, "resume", "FILE",
                    "put the archive's results there, and go on where\n"
                    "they end"),
    OPTION_ROW_TEXT(arguments, archive.jobs, "jobs", "N",
                    "threads that verify the archive (default: one for\n"
                    "each CPU)"),
    OPTION_ROW_HELP,
    OPTION_ROW_VERSION,
    OPTION_ROWS_END,
};

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct arguments *arguments = context;
    return policy_options_take(&arguments->policy, key, value, error);
}

static const struct option_set option_set = {
    .usage =
        "Usage: verifier [OPTION]... [FILE]\n"
        "       verifier --archive PATH [OPTION]...\n"
        "\n"
        "Verifies an attestation document of an AWS Nitro enclave: FILE, or standard input\n"
        "without FILE or when it is -; raw bytes, base64, hexadecimal, or JSON that holds it.\n\n",
    .groups = {{NULL, own_options}, {"What the document must be:", policy_option_table}},
    .program = PROGRAM,
    .take = take,
};

static enum vsa_status read_arguments(int argc, char **argv, struct arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_operands operands;
    policy_options_init(&arguments->policy);
    VSA_TRY(options_read(&option_set, argc, argv, arguments, &operands, error));
    arguments->done = operands.done;
    if (operands.count > 1)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "one document at a time: '%.80s' is one argument too many",
                        operands.words[1]);
    if (operands.count && arguments->archive.path)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--archive, and a document besides: '%.80s' is one argument too many",
                        operands.words[0]);
    VSA_TRY(archive_arguments_check(&arguments->archive, error));
    arguments->path = operands.count ? operands.words[0] : "-";
    return operands.done ? VSA_OK : policy_options_finish(&arguments->policy, true, error);
}

/* What is read and found out; `document` borrows from one of the others. */
struct verification {
    struct vsa_whole_file file;
    struct vsa_whole_file decoded;
    struct vsa_slice document;
    int64_t now_ms;
    struct vsa_claims claims;
};

static enum vsa_status read_document(const char *path, struct verification *run,
                                     struct vsa_error *error)
{
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
        (void)fputs("verifier: reading a document from standard input\n", stderr);
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_INPUT_FILE, &run->file, error));
    run->decoded.data = malloc(run->file.size + 1);
    if (!run->decoded.data)
        return vsa_fail_memory(error);
    return vsa_document_decode(vsa_whole_file_slice(&run->file), run->decoded.data,
                               run->file.size + 1, &run->document, error);
}

static enum vsa_status verify(const struct policy_options *policy, struct verification *run,
                              struct vsa_error *error)
{
    if (policy->document_time) {
        /* Not authenticated yet; it is once the signature has been verified. */
        struct vsa_unverified_document parsed;
        VSA_TRY(vsa_document_parse(run->document, &parsed, error));
        run->now_ms = (int64_t)parsed.timestamp_ms;
    } else {
        run->now_ms = policy_options_time(policy);
    }
    return vsa_verify(policy->verifier, run->document, &policy->policy, run->now_ms, &run->claims,
                      error);
}

/*
 * Returns the result as JSON; NULL when memory is short. What was verified at its own time says so.
 */
static json_t *result_of(const struct arguments *arguments, const struct vsa_claims *claims)
{
    VSA_AUTO_JSON json_t *result = vsa_claims_to_json(claims);
    struct vsa_json_writer writer = vsa_json_extend(result);
    if (arguments->policy.document_time)
        vsa_json_put(&writer, "at_document_time", json_true());
    return vsa_json_finish(&writer);
}

static enum vsa_status print_result(const struct arguments *arguments,
                                    const struct vsa_claims *claims, struct vsa_error *error)
{
    claims_warn(stderr, PROGRAM, claims);
    if (arguments->json)
        return output_json(result_of(arguments, claims), error);
    claims_print(stdout, claims, policy_options_time_choice(&arguments->policy));
    return output_finish(error);
}

/* Reads, verifies and prints the result; failures are for the caller to print. */
static enum vsa_status perform(const struct arguments *arguments, struct verification *run,
                               struct vsa_error *error)
{
    VSA_TRY(read_document(arguments->path, run, error));
    VSA_TRY(verify(&arguments->policy, run, error));
    return print_result(arguments, &run->claims, error);
}

static void verification_free(struct verification *run)
{
    vsa_whole_file_close(&run->file);
    vsa_whole_file_close(&run->decoded);
}

static void tell(bool json, const struct vsa_error *error)
{
    struct vsa_error why = {0};
    output_error(PROGRAM, error);
    if (json && output_json(vsa_error_to_json(error), &why) != VSA_OK)
        output_error(PROGRAM, &why);
}

/* Prints what to do about an input whose bytes are no document; the error says where it breaks. */
static void explain_malformed(enum vsa_status status)
{
    enum vsa_status_class class = vsa_status_class(status);
    if (class == VSA_CLASS_SYNTAX || class == VSA_CLASS_FORMAT)
        (void)fputs("The input is not an attestation document, or is damaged. To save one: "
                    "vsock_client --attest --save FILE. Many in one file or directory: "
                    "--archive FILE\n",
                    stderr);
}

static enum exit_code verify_and_print(const struct arguments *arguments)
{
    struct verification run = {0};
    struct vsa_error error = {0};
    enum vsa_status status = perform(arguments, &run, &error);
    if (status != VSA_OK)
        tell(arguments->json, &error);
    explain_malformed(status);
    if (status != VSA_OK && run.document.data)
        claims_explain(stderr, &arguments->policy, status, run.document, run.now_ms, false);
    verification_free(&run);
    return exit_code_of(status);
}

static enum exit_code verify_archive(const struct arguments *arguments)
{
    struct vsa_error error = {0};
    enum exit_code worst = EXIT_CODE_OK;
    enum vsa_status status =
        archive_verify(&arguments->archive, &arguments->policy, &worst, &error);
    if (status == VSA_OK)
        return worst;
    /* Standard output has results, and nothing else. */
    output_error(PROGRAM, &error);
    return exit_code_of(status);
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
        return exit_code_of_arguments(status);
    }
    if (!arguments->done)
        return arguments->archive.path ? verify_archive(arguments) : verify_and_print(arguments);
    status = output_finish(&error);
    if (status != VSA_OK)
        tell(false, &error);
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
