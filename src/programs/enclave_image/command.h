/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of enclave_image share. man/enclave_image.1.scd */
#ifndef VSA_PROGRAMS_ENCLAVE_IMAGE_COMMAND_H
#define VSA_PROGRAMS_ENCLAVE_IMAGE_COMMAND_H

#include <limits.h>

#include "command_line/options.h"
#include "file/whole_file.h"
#include <vsattest/image.h>

#define IMAGE_PROGRAM "enclave_image"
/* For image_load(). */
#define IMAGE_ANY_DEVIATION UINT_MAX

/* One call of a subcommand. */
struct image_call {
    bool arguments_read; /* set once what follows is no fault of the arguments */
};

struct image_command {
    const char *name;
    const char *summary; /* one line of `enclave_image --help` */
    struct option_set options;
    size_t size; /* bytes of its arguments, which begin as zeros */
    /* Called before options are read, unless NULL. */
    void (*init)(void *arguments);
    /* Called with what was read. */
    enum vsa_status (*run)(struct image_call *call, void *arguments,
                           const struct option_operands *operands, struct vsa_error *error);
    /* Called at the end, unless NULL. */
    void (*clear)(void *arguments);
};

extern const struct image_command image_build_command;
extern const struct image_command image_describe_command;
extern const struct image_command image_extract_command;
extern const struct image_command image_sign_command;
extern const struct image_command image_pcr_command;

/* Sets `*path` to the one operand that must follow the options: the last check of arguments. */
VSA_MUST_USE enum vsa_status image_take_file(struct image_call *call,
                                             const struct option_operands *operands,
                                             const char **path, struct vsa_error *error);

/* Reads a file named by option --`option`. */
VSA_MUST_USE enum vsa_status image_read_file(const char *option, const char *path, size_t limit,
                                             struct vsa_whole_file *bytes, struct vsa_error *error);

/*
 * Opens and parses an image; `image` borrows `file`. Warns of the deviations in `tolerated`, enum
 * vsa_image_deviation, and refuses others.
 */
VSA_MUST_USE enum vsa_status image_load(const char *path, struct vsa_whole_file *file,
                                        unsigned tolerated, struct vsa_image *image,
                                        struct vsa_error *error);

/* Writes an image to `path`, whole or not at all. */
VSA_MUST_USE enum vsa_status image_store(const struct vsa_image *image, const char *path,
                                         struct vsa_error *error);

/* What to sign with, from the options of that name, and --at. */
struct image_signer {
    struct vsa_whole_file certificate;
    struct vsa_whole_file private_key; /* or */
    struct vsa_whole_file signature;   /* made elsewhere */
    bool has_time;
    int64_t time_ms;
};

void image_signer_free(struct image_signer *signer);

/* Returns --at, or the clock's time. */
int64_t image_signer_time(const struct image_signer *signer);

/* Signs `image` and adds the signature, which borrows `section`. */
VSA_MUST_USE enum vsa_status image_sign_with(struct vsa_image *image,
                                             const struct image_signer *signer,
                                             struct vsa_whole_file *section,
                                             struct vsa_error *error);

/* Prints {"Measurements": ...} as nitro-cli build-enclave does. */
VSA_MUST_USE enum vsa_status image_print_measurements(const struct vsa_image *image,
                                                      struct vsa_error *error);

#endif
