/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image build: an image of ready-made ramdisks, or of a program. */
#include "base/error.h"
#include "base/time_text.h"
#include "crypto/key.h"
#include "programs/enclave_image/command.h"
#include "programs/enclave_image/metadata.h"
#include "programs/enclave_image/ramdisks.h"

/* A kernel's .config has some 150 KB. */
#define MAX_KERNEL_CONFIG (4 * 1024 * 1024)

enum {
    KEY_APP = OPTION_KEY_PROGRAM,
    KEY_ARG,
    KEY_ENV,
    KEY_FILE,
    KEY_INIT,
    KEY_NSM_MODULE,
    KEY_RAMDISK,
    KEY_KERNEL,
    KEY_KERNEL_CONFIG,
    KEY_CMDLINE,
    KEY_OUTPUT,
    KEY_NAME,
    KEY_IMAGE_VERSION,
    KEY_METADATA,
    KEY_ARCH,
    KEY_CERTIFICATE,
    KEY_PRIVATE_KEY,
    KEY_AT,
};

static const struct program_option options[] = {
    {"kernel", KEY_KERNEL, "FILE", "bzImage (x86_64) or Image (aarch64)", false},
    {"kernel-config", KEY_KERNEL_CONFIG, "FILE", "its .config: names its version in the metadata",
     false},
    {"cmdline", KEY_CMDLINE, "TEXT|@FILE", "kernel command line; default: that of nitro-cli",
     false},
    {"output", KEY_OUTPUT, "FILE", "the image to write", false},
    {"app", KEY_APP, "PROGRAM", "put this program into the image, and start it", false},
    {"arg", KEY_ARG, "WORD", "an argument for it (again for more)", true},
    {"env", KEY_ENV, "NAME=VALUE", "a variable of its environment (again for more)", true},
    {"file", KEY_FILE, "SOURCE:/DEST", "a file or folder beside it (again for more)", true},
    {"init", KEY_INIT, "FILE", "PID 1; default: the enclave_init of this installation", false},
    {"nsm-module", KEY_NSM_MODULE, "FILE", "nsm.ko, for kernels without the driver built in",
     false},
    {"ramdisk", KEY_RAMDISK, "FILE", "in the place of --app: ramdisks, the one that boots first",
     true},
    {"name", KEY_NAME, "NAME", "ImageName of the metadata; default: the program's name", false},
    {"version", KEY_IMAGE_VERSION, "TEXT", "ImageVersion of the metadata; default: 1.0", false},
    {"metadata", KEY_METADATA, "FILE", "metadata (a JSON object) to write as it is", false},
    {"arch", KEY_ARCH, "ARCH", "x86_64 (default) or aarch64", false},
    {"signing-certificate", KEY_CERTIFICATE, "PEM", "sign: certificate", false},
    {"private-key", KEY_PRIVATE_KEY, "PEM", "sign: its private key", false},
    {"at", KEY_AT, "TIME", "the certificate must be valid then; default: now", false},
    {"help", OPTION_KEY_HELP, NULL, "print this", false},
    {NULL, 0, NULL, NULL, false},
};

/* As in nitro-cli's blobs. */
static const char cmdline_x86_64[] =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp "
    "i8042.dumbkbd random.trust_cpu=on";
static const char cmdline_aarch64[] =
    "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on root=/dev/ram0";

/* What a repeatable option collects; room for every argument there is. */
struct list {
    const char **items;
    size_t count;
};

struct arguments {
    int argc; /* no option can be there more often */
    struct image_application application;
    struct list words, variables, files, ramdisks;
    struct file_bytes kernel, kernel_config, cmdline_file, metadata;
    const char *cmdline_text;
    const char *output;
    const char *name;
    const char *version;
    struct image_signer signer;
};

/* Everything that the sections of the image borrow. */
struct parts {
    struct file_bytes metadata;
    struct file_bytes signature;
    struct file_bytes ramdisks[VSA_MAX_IMAGE_SECTIONS];
    size_t ramdisk_count;
};

static void free_arguments(struct arguments *arguments)
{
    free(arguments->words.items);
    free(arguments->variables.items);
    free(arguments->files.items);
    free(arguments->ramdisks.items);
    file_bytes_free(&arguments->kernel);
    file_bytes_free(&arguments->kernel_config);
    file_bytes_free(&arguments->cmdline_file);
    file_bytes_free(&arguments->metadata);
    image_signer_free(&arguments->signer);
}

static void free_parts(struct parts *parts)
{
    file_bytes_free(&parts->metadata);
    file_bytes_free(&parts->signature);
    for (size_t i = 0; i < parts->ramdisk_count; i++)
        file_bytes_free(&parts->ramdisks[i]);
}

static enum vsa_status append(struct list *list, int argc, const char *value,
                              struct vsa_error *error)
{
    if (!list->items)
        list->items = calloc((size_t)argc, sizeof(*list->items));
    if (!list->items)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    list->items[list->count++] = value;
    return VSA_OK;
}

static enum vsa_status take_cmdline(struct arguments *arguments, const char *value,
                                    struct vsa_error *error)
{
    arguments->cmdline_text = value;
    if (value[0] != '@')
        return VSA_OK;
    return image_read_file("cmdline", value + 1, VSA_MAX_INPUT_FILE, &arguments->cmdline_file,
                           error);
}

static enum vsa_status take_arch(struct arguments *arguments, const char *value,
                                 struct vsa_error *error)
{
    bool aarch64 = strcmp(value, "aarch64") == 0;
    if (!aarch64 && strcmp(value, "x86_64") != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--arch '%.40s' is neither x86_64 nor aarch64", value);
    arguments->application.architecture = aarch64 ? VSA_IMAGE_AARCH64 : VSA_IMAGE_X86_64;
    return VSA_OK;
}

static enum vsa_status take_metadata(struct arguments *arguments, const char *value,
                                     struct vsa_error *error)
{
    json_t *object = NULL;
    VSA_TRY(
        image_read_file("metadata", value, VSA_MAX_IMAGE_METADATA, &arguments->metadata, error));
    VSA_TRY(image_metadata_read(file_bytes_slice(&arguments->metadata), &object, error));
    json_decref(object);
    return VSA_OK;
}

/* The options that only keep a text. */
static const char **text_of(struct arguments *arguments, int key)
{
    switch (key) {
    case KEY_APP:
        return &arguments->application.program;
    case KEY_INIT:
        return &arguments->application.init;
    case KEY_NSM_MODULE:
        return &arguments->application.nsm_module;
    case KEY_OUTPUT:
        return &arguments->output;
    case KEY_NAME:
        return &arguments->name;
    case KEY_IMAGE_VERSION:
        return &arguments->version;
    default:
        return NULL;
    }
}

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct arguments *arguments = context;
    int argc = arguments->argc;
    const char **text = text_of(arguments, key);
    if (text) {
        *text = value;
        return VSA_OK;
    }
    switch (key) {
    case KEY_ARG:
        return append(&arguments->words, argc, value, error);
    case KEY_ENV:
        return append(&arguments->variables, argc, value, error);
    case KEY_FILE:
        return append(&arguments->files, argc, value, error);
    case KEY_RAMDISK:
        return append(&arguments->ramdisks, argc, value, error);
    case KEY_KERNEL:
        return image_read_file("kernel", value, VSA_MAX_IMAGE, &arguments->kernel, error);
    case KEY_KERNEL_CONFIG:
        return image_read_file("kernel-config", value, MAX_KERNEL_CONFIG, &arguments->kernel_config,
                               error);
    case KEY_CMDLINE:
        return take_cmdline(arguments, value, error);
    case KEY_METADATA:
        return take_metadata(arguments, value, error);
    case KEY_ARCH:
        return take_arch(arguments, value, error);
    case KEY_CERTIFICATE:
        return image_read_file("signing-certificate", value, VSA_MAX_KEY_FILE,
                               &arguments->signer.certificate, error);
    case KEY_PRIVATE_KEY:
        return image_read_file("private-key", value, VSA_MAX_KEY_FILE,
                               &arguments->signer.private_key, error);
    case KEY_AT:
    default:
        arguments->signer.has_time = true;
        return vsa_time_parse(value, &arguments->signer.time_ms, error);
    }
}

/* What belongs together. */
static enum vsa_status check_arguments(const struct option_parser *parser,
                                       const struct arguments *arguments, struct vsa_error *error)
{
    const struct image_application *application = &arguments->application;
    bool app_options = arguments->words.count || arguments->variables.count ||
                       arguments->files.count || application->init || application->nsm_module;
    const char *problem = NULL;
    char **operands;
    if (options_operands(parser, &operands))
        problem = "every input has its option; what stands alone?";
    else if (!arguments->kernel.data)
        problem = "which kernel? Give --kernel FILE";
    else if (!arguments->output)
        problem = "where to? Give --output FILE";
    else if (!application->program && !arguments->ramdisks.count)
        problem = "what is in the image? Give --app PROGRAM, or --ramdisk FILE for each ramdisk";
    else if (application->program && arguments->ramdisks.count)
        problem = "--app makes the ramdisks: leave out --ramdisk, or --app";
    else if (!application->program && app_options)
        problem = "--arg, --env, --file, --init and --nsm-module belong to --app";
    else if (!arguments->signer.certificate.data != !arguments->signer.private_key.data)
        problem = "signing needs both --signing-certificate and --private-key";
    else if (arguments->metadata.data && (arguments->name || arguments->version))
        problem = "--metadata is written as it is: leave out --name and --version";
    if (problem)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL, "%s", problem);
    return VSA_OK;
}

static enum vsa_status read_arguments(struct image_call *call, struct arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_parser parser;
    VSA_TRY(image_read_options(call, &image_build_command, &parser, arguments, error));
    if (call->done)
        return VSA_OK;
    VSA_TRY(check_arguments(&parser, arguments, error));
    struct image_application *application = &arguments->application;
    application->arguments = arguments->words.items;
    application->argument_count = arguments->words.count;
    application->environment = arguments->variables.items;
    application->environment_count = arguments->variables.count;
    application->files = arguments->files.items;
    application->file_count = arguments->files.count;
    return VSA_OK;
}

static bool is_space(uint8_t byte)
{
    return byte && strchr(" \t\r\n", byte) != NULL;
}

/* White space around it is cut off, as nitro-cli does: files end with a line break. */
static struct vsa_slice cmdline_of(const struct arguments *arguments)
{
    struct vsa_slice text = vsa_slice_of_text(
        arguments->application.architecture == VSA_IMAGE_AARCH64 ? cmdline_aarch64
                                                                 : cmdline_x86_64);
    if (arguments->cmdline_file.data)
        text = file_bytes_slice(&arguments->cmdline_file);
    else if (arguments->cmdline_text)
        text = vsa_slice_of_text(arguments->cmdline_text);
    while (text.size && is_space(text.data[0]))
        text = vsa_slice_of(text.data + 1, text.size - 1);
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

static const char *name_of(const struct arguments *arguments)
{
    const char *path =
        arguments->application.program ? arguments->application.program : arguments->output;
    const char *slash = strrchr(path, '/');
    return arguments->name ? arguments->name : slash ? slash + 1 : path;
}

static enum vsa_status make_metadata(const struct arguments *arguments, struct parts *parts,
                                     struct vsa_slice *metadata, struct vsa_error *error)
{
    const struct image_identity identity = {
        .name = name_of(arguments),
        .version = arguments->version ? arguments->version : "1.0",
        .kernel_config = file_bytes_slice(&arguments->kernel_config),
    };
    if (arguments->metadata.data) {
        *metadata = file_bytes_slice(&arguments->metadata);
        return VSA_OK;
    }
    VSA_TRY(image_metadata_make(&identity, &parts->metadata, error));
    *metadata = file_bytes_slice(&parts->metadata);
    return VSA_OK;
}

static enum vsa_status make_ramdisks(const struct arguments *arguments, struct parts *parts,
                                     struct vsa_error *error)
{
    const struct list *ramdisks = &arguments->ramdisks;
    if (arguments->application.program) {
        parts->ramdisk_count = 2;
        VSA_TRY(image_make_boot_ramdisk(&arguments->application, &parts->ramdisks[0], error));
        return image_make_app_ramdisk(&arguments->application, &parts->ramdisks[1], error);
    }
    if (ramdisks->count > VSA_MAX_IMAGE_SECTIONS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%zu ramdisks: an image has at most %d sections", ramdisks->count,
                        VSA_MAX_IMAGE_SECTIONS);
    for (size_t i = 0; i < ramdisks->count; i++) {
        parts->ramdisk_count = i + 1;
        VSA_TRY(image_read_file("ramdisk", ramdisks->items[i], VSA_MAX_IMAGE, &parts->ramdisks[i],
                                error));
    }
    return VSA_OK;
}

/* In the order of AWS's builder. */
static enum vsa_status assemble(const struct arguments *arguments, struct parts *parts,
                                struct vsa_image *image, struct vsa_error *error)
{
    struct vsa_slice metadata;
    VSA_TRY(make_metadata(arguments, parts, &metadata, error));
    VSA_TRY(make_ramdisks(arguments, parts, error));
    vsa_image_init(image);
    image->architecture = arguments->application.architecture;
    VSA_TRY(vsa_image_add(image, VSA_IMAGE_KERNEL, file_bytes_slice(&arguments->kernel), error));
    VSA_TRY(vsa_image_add(image, VSA_IMAGE_CMDLINE, cmdline_of(arguments), error));
    VSA_TRY(vsa_image_add(image, VSA_IMAGE_METADATA, metadata, error));
    for (size_t i = 0; i < parts->ramdisk_count; i++)
        VSA_TRY(
            vsa_image_add(image, VSA_IMAGE_RAMDISK, file_bytes_slice(&parts->ramdisks[i]), error));
    return VSA_OK;
}

static enum vsa_status build(struct image_call *call, const struct arguments *arguments,
                             struct parts *parts, struct vsa_error *error)
{
    struct vsa_image image;
    VSA_TRY(assemble(arguments, parts, &image, error));
    call->arguments_read = true;
    if (arguments->signer.certificate.data)
        VSA_TRY(image_sign_with(&image, &arguments->signer, &parts->signature, error));
    VSA_TRY(image_store(&image, arguments->output, error));
    (void)fprintf(stderr, "%s: wrote %s, %zu bytes\n", IMAGE_PROGRAM, arguments->output,
                  vsa_image_size(&image));
    return image_print_measurements(&image, error);
}

static enum vsa_status run(struct image_call *call, struct vsa_error *error)
{
    struct arguments arguments = {.argc = call->argc};
    struct parts parts = {.ramdisk_count = 0};
    enum vsa_status status = read_arguments(call, &arguments, error);
    if (status == VSA_OK && !call->done)
        status = build(call, &arguments, &parts, error);
    free_parts(&parts);
    free_arguments(&arguments);
    return status;
}

const struct image_command image_build_command = {
    .name = "build",
    .summary = "build an image of a program, or of ready-made ramdisks",
    .usage =
        "Usage: enclave_image build --kernel FILE --app PROGRAM [OPTION]... --output FILE\n"
        "       enclave_image build --kernel FILE --ramdisk FILE... [OPTION]... --output FILE\n"
        "\n"
        "Builds an enclave image and prints its measurements, as `nitro-cli build-enclave` does.\n"
        "The same input gives the same bytes, wherever and whenever (signatures apart).\n"
        "\n",
    .options = options,
    .take = take,
    .run = run,
};
