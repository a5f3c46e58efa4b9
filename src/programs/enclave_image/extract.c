/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image extract: the sections of an image as files. */
#include <errno.h>
#include <sys/stat.h>

#include "base/error.h"
#include "image/signature.h"
#include "programs/enclave_image/command.h"

struct arguments {
    const char *directory;
};

static const struct program_option options[] = {
    OPTION_ROW_TEXT(arguments, directory, "output", "DIR",
                    "directory to write to; made if missing"),
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static enum vsa_status write_part(const char *directory, const char *name, struct vsa_slice bytes,
                                  struct vsa_error *error)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_IO, "%.100s: the name is too long", directory);
    VSA_TRY(vsa_whole_file_write(path, VSA_FILE_PUBLIC, &bytes, 1, error));
    (void)puts(path);
    return VSA_OK;
}

static enum vsa_status write_signature(const char *directory, struct vsa_slice section,
                                       struct vsa_error *error)
{
    struct vsa_image_signature signature;
    VSA_TRY(vsa_image_signature_read(section, &signature, error));
    VSA_TRY(write_part(directory, "signature.cbor", section, error));
    return write_part(directory, "signing-certificate.pem",
                      vsa_slice_of(signature.certificate, signature.certificate_size), error);
}

static enum vsa_status write_section(const char *directory, const struct vsa_image_section *section,
                                     size_t *ramdisks, struct vsa_error *error)
{
    char name[32];
    switch (section->type) {
    case VSA_IMAGE_KERNEL:
        return write_part(directory, "kernel", section->data, error);
    case VSA_IMAGE_CMDLINE:
        return write_part(directory, "cmdline", section->data, error);
    case VSA_IMAGE_METADATA:
        return write_part(directory, "metadata.json", section->data, error);
    case VSA_IMAGE_SIGNATURE:
        return write_signature(directory, section->data, error);
    case VSA_IMAGE_RAMDISK:
    default:
        (void)snprintf(name, sizeof(name), "ramdisk-%zu.cpio", (*ramdisks)++);
        return write_part(directory, name, section->data, error);
    }
}

static enum vsa_status run(struct image_call *call, void *read,
                           const struct option_operands *operands, struct vsa_error *error)
{
    const char *directory = ((const struct arguments *)read)->directory;
    const char *path = NULL;
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    struct vsa_image image;
    size_t ramdisks = 0;
    if (!directory)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no output directory: give --output DIR");
    VSA_TRY(image_take_file(call, operands, &path, error));
    VSA_TRY(image_load(path, &file, IMAGE_ANY_DEVIATION, &image, error));
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return vsa_fail(error, VSA_ERR_IO, "cannot make %.160s: %s", directory, strerror(errno));
    for (size_t i = 0; i < image.section_count; i++)
        VSA_TRY(write_section(directory, &image.sections[i], &ramdisks, error));
    return VSA_OK;
}

const struct image_command image_extract_command = {
    .name = "extract",
    .summary = "write the sections of an image into files",
    .options =
        {
            .usage =
                "Usage: enclave_image extract --output DIR FILE\n"
                "\n"
                "Writes kernel, cmdline, metadata.json, ramdisk-N.cpio and, of a signed image,\n"
                "signature.cbor and signing-certificate.pem. Prints their names.\n"
                "\n",
            .groups = {{NULL, options}},
        },
    .size = sizeof(struct arguments),
    .run = run,
};
