/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image pcr: one register of any file or of a signing certificate. */
#include "base/error.h"
#include "command_line/output.h"
#include "crypto/key.h"
#include "programs/enclave_image/command.h"
#include "json/writer.h"

struct arguments {
    const char *input;
    const char *certificate;
};

static const struct program_option options[] = {
    OPTION_ROW_TEXT(arguments, input, "input", "FILE",
                    "print {\"PCR\": ...}: the formula over the file's bytes"),
    OPTION_ROW_TEXT(arguments, certificate, "signing-certificate", "PEM",
                    "print {\"PCR8\": ...} of images signed with it"),
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static enum vsa_status measure_file(struct image_call *call, const char *path,
                                    uint8_t pcr[VSA_PCR_SIZE], struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    enum vsa_status status = vsa_whole_file_open(path, &file, error);
    if (status != VSA_OK) {
        vsa_error_wrap(error, "--input");
        return status;
    }
    call->arguments_read = true;
    return vsa_image_measure_bytes(vsa_whole_file_slice(&file), pcr, error);
}

static enum vsa_status measure_certificate(struct image_call *call, const char *path,
                                           uint8_t pcr[VSA_PCR_SIZE], struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file bytes = {NULL, 0, false};
    VSA_TRY(image_read_file("signing-certificate", path, VSA_MAX_KEY_FILE, &bytes, error));
    call->arguments_read = true;
    return vsa_image_measure_certificate(vsa_whole_file_slice(&bytes), pcr, error);
}

static enum vsa_status run(struct image_call *call, void *read,
                           const struct option_operands *operands, struct vsa_error *error)
{
    const struct arguments *arguments = read;
    uint8_t pcr[VSA_PCR_SIZE];
    if (operands->count || !arguments->input == !arguments->certificate)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "give either --input FILE or --signing-certificate PEM");
    VSA_TRY(arguments->input ? measure_file(call, arguments->input, pcr, error)
                             : measure_certificate(call, arguments->certificate, pcr, error));
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, arguments->input ? "PCR" : "PCR8",
                 vsa_json_hex(vsa_slice_of(pcr, sizeof(pcr))));
    return output_json(vsa_json_finish(&writer), error);
}

const struct image_command image_pcr_command = {
    .name = "pcr",
    .summary = "measure a file or a signing certificate",
    .options =
        {
            .usage = "Usage: enclave_image pcr --input FILE | --signing-certificate PEM\n"
                     "\n"
                     "Prints SHA384(48 zero bytes || SHA384(contents)) as `nitro-cli pcr` does.\n"
                     "\n",
            .groups = {{NULL, options}},
        },
    .size = sizeof(struct arguments),
    .run = run,
};
