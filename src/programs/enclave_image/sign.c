/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image sign: puts a signature into an image, in the place of one that is there. */
#include "base/error.h"
#include "base/time_text.h"
#include "crypto/key.h"
#include "programs/enclave_image/command.h"

struct arguments {
    const char *output;
    bool print;
    struct image_signer signer;
};

enum { KEY_CERTIFICATE = OPTION_KEY_PROGRAM, KEY_PRIVATE_KEY, KEY_SIGNATURE, KEY_AT };

static const struct program_option options[] = {
    {"signing-certificate", KEY_CERTIFICATE, "PEM", "certificate, key on P-256, P-384 or P-521",
     false},
    {"private-key", KEY_PRIVATE_KEY, "PEM", "its private key, not encrypted", false},
    OPTION_ROW_FLAG(arguments, print, "print-to-be-signed",
                    "print the bytes to sign, for a key in an HSM or KMS"),
    {"signature", KEY_SIGNATURE, "FILE", "the signature of those bytes: DER, or r and s", false},
    OPTION_ROW_TEXT(arguments, output, "output", "FILE",
                    "write the signed image there, not over FILE"),
    {"at", KEY_AT, "TIME", "the certificate must be valid then; default: now", false},
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct image_signer *signer = &((struct arguments *)context)->signer;
    switch (key) {
    case KEY_CERTIFICATE:
        return image_read_file("signing-certificate", value, VSA_MAX_KEY_FILE, &signer->certificate,
                               error);
    case KEY_PRIVATE_KEY:
        return image_read_file("private-key", value, VSA_MAX_KEY_FILE, &signer->private_key, error);
    case KEY_SIGNATURE:
        return image_read_file("signature", value, VSA_MAX_KEY_FILE, &signer->signature, error);
    case KEY_AT:
    default:
        signer->has_time = true;
        return vsa_time_parse(value, &signer->time_ms, error);
    }
}

static enum vsa_status check_arguments(const struct arguments *arguments, struct vsa_error *error)
{
    const struct image_signer *signer = &arguments->signer;
    int ways =
        (signer->private_key.data != NULL) + (signer->signature.data != NULL) + arguments->print;
    if (!signer->certificate.data || ways == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "signing needs --signing-certificate and --private-key (or "
                        "--print-to-be-signed, then --signature)");
    if (ways > 1 || (arguments->print && arguments->output))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--private-key, --print-to-be-signed and --signature are three ways: "
                        "choose one; the second writes no --output");
    return VSA_OK;
}

/*
 * Removes an older signature: it is over the same PCR0 but by another certificate, perhaps an
 * expired one.
 */
static void remove_signature(struct vsa_image *image)
{
    size_t kept = 0;
    for (size_t i = 0; i < image->section_count; i++)
        if (image->sections[i].type != VSA_IMAGE_SIGNATURE)
            image->sections[kept++] = image->sections[i];
    image->section_count = kept;
}

/* Writes raw bytes: they go into a file or a pipe. */
static enum vsa_status print_to_be_signed(const struct vsa_image *image,
                                          const struct image_signer *signer,
                                          struct vsa_error *error)
{
    uint8_t buffer[VSA_MAX_IMAGE_TO_BE_SIGNED];
    struct vsa_slice bytes;
    VSA_TRY(vsa_image_to_be_signed(image, vsa_whole_file_slice(&signer->certificate),
                                   image_signer_time(signer), buffer, sizeof(buffer), &bytes,
                                   error));
    (void)fwrite(bytes.data, 1, bytes.size, stdout); /* output_finish() sees failures */
    return VSA_OK;
}

static enum vsa_status run(struct image_call *call, void *read,
                           const struct option_operands *operands, struct vsa_error *error)
{
    const struct arguments *arguments = read;
    const char *path = NULL;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file section = {NULL, 0, false};
    struct vsa_image image;
    VSA_TRY(check_arguments(arguments, error));
    VSA_TRY(image_take_file(call, operands, &path, error));
    VSA_TRY(image_load(path, &file, VSA_IMAGE_DEVIATES_STALE_SIZE, &image, error));
    remove_signature(&image);
    if (arguments->print)
        return print_to_be_signed(&image, &arguments->signer, error);
    VSA_TRY(image_sign_with(&image, &arguments->signer, &section, error));
    VSA_TRY(image_store(&image, arguments->output ? arguments->output : path, error));
    return image_print_measurements(&image, error);
}

static void clear(void *arguments)
{
    image_signer_free(&((struct arguments *)arguments)->signer);
}

const struct image_command image_sign_command = {
    .name = "sign",
    .summary = "sign an image, or sign it anew",
    .options =
        {
            .usage =
                "Usage: enclave_image sign --signing-certificate PEM --private-key PEM [OPTION]... "
                "FILE\n"
                "\n"
                "Signs PCR0 of an enclave image and prints its measurements, PCR8 among them.\n"
                "Where the key is in an HSM or KMS, --print-to-be-signed prints what to sign "
                "there,\n"
                "and --signature FILE takes the signature back.\n"
                "\n",
            .groups = {{NULL, options}},
            .take = take,
        },
    .size = sizeof(struct arguments),
    .run = run,
    .clear = clear,
};
