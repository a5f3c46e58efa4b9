/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image describe: what an image is, as `nitro-cli describe-eif` prints it. */
#include "base/error.h"
#include "base/time_text.h"
#include "command_line/output.h"
#include "image/description.h"
#include "programs/enclave_image/command.h"

enum { KEY_AT = OPTION_KEY_PROGRAM };

static const struct program_option options[] = {
    {"at", KEY_AT, "TIME", "check the signing certificate's validity then; default: now", false},
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static enum vsa_status take(void *arguments, int key, const char *value, struct vsa_error *error)
{
    struct image_signer *time = arguments;
    (void)key;
    time->has_time = true;
    return vsa_time_parse(value, &time->time_ms, error);
}

static enum vsa_status describe(const struct vsa_image *image, int64_t now_ms,
                                struct vsa_error *error)
{
    struct vsa_image_description description;
    VSA_TRY(vsa_image_describe(image, now_ms, &description, error));
    /* The hypervisor does not read it, and no register is over it. */
    if (description.metadata.status != VSA_OK)
        (void)fprintf(stderr, "%s: warning: %s: nitro-cli cannot run this image\n", IMAGE_PROGRAM,
                      description.metadata.detail);
    VSA_TRY(output_json(description.json, error));
    if (description.signature.status != VSA_OK)
        *error = description.signature;
    return description.signature.status;
}

static enum vsa_status run(struct image_call *call, void *arguments,
                           const struct option_operands *operands, struct vsa_error *error)
{
    const char *path = NULL;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    struct vsa_image image;
    VSA_TRY(image_take_file(call, operands, &path, error));
    VSA_TRY(image_load(path, &file, IMAGE_ANY_DEVIATION, &image, error));
    return describe(&image, image_signer_time(arguments), error);
}

const struct image_command image_describe_command = {
    .name = "describe",
    .summary = "print what an image holds, after checking it",
    .options =
        {
            .usage =
                "Usage: enclave_image describe [--at TIME] FILE\n"
                "\n"
                "Checks an enclave image (form, CRC, signature) and describes it as JSON, in the\n"
                "fields of `nitro-cli describe-eif`. Exits 1 if the signature does not hold.\n"
                "\n",
            .groups = {{NULL, options}},
            .take = take,
        },
    .size = sizeof(struct image_signer),
    .run = run,
};
