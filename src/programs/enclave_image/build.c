/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image build: an image of ready-made ramdisks, or of a program. */
#include "base/error.h"
#include "base/time_text.h"
#include "command_line/beside.h"
#include "command_line/numbers.h"
#include "crypto/key.h"
#include "programs/enclave_image/command.h"
#include "programs/enclave_image/services.h"

#define INIT_NAME "enclave_init"
/* 9999-12-31T23:59:59Z, the last that RFC 3339 can write. */
#define LAST_SECOND UINT64_C(253402300799)

struct arguments {
    struct vsa_image_recipe recipe;
    struct list files, modules, ramdisks, file_trees;
    /* That of --app, then the services; the last one is what options are about. */
    struct program programs[1 + VSA_MAX_IMAGE_SERVICES];
    size_t service_count;
    struct vsa_image_service services[VSA_MAX_IMAGE_SERVICES];
    struct vsa_whole_file cmdline_file;
    char init[4096]; /* the one that was found */
    const char *output;
    struct image_signer signer;
};

enum {
    KEY_ARG = OPTION_KEY_PROGRAM,
    KEY_ENV,
    KEY_FILE,
    KEY_MODULE,
    KEY_RAMDISK,
    KEY_USER,
    KEY_ROOTFS,
    KEY_SERVICE,
    KEY_SOCKET,
    KEY_RESTART,
    KEY_CMDLINE,
    KEY_ARCH,
    KEY_CERTIFICATE,
    KEY_PRIVATE_KEY,
    KEY_AT,
};

static const struct program_option options[] = {
    OPTION_ROW_TEXT(arguments, recipe.kernel, "kernel", "FILE",
                    "bzImage (x86_64) or Image (aarch64)"),
    OPTION_ROW_TEXT(arguments, recipe.kernel_config, "kernel-config", "FILE",
                    "its .config: names its version in the metadata"),
    {"cmdline", KEY_CMDLINE, "TEXT|@FILE", "kernel command line; default: that of nitro-cli",
     false},
    OPTION_ROW_TEXT(arguments, output, "output", "FILE", "the image to write"),
    OPTION_ROW_TEXT(arguments, recipe.program, "app", "PROGRAM",
                    "put this program into the image, and start it"),
    {"arg", KEY_ARG, "WORD", "an argument for it (again for more)", true},
    {"env", KEY_ENV, "NAME=VALUE", "a variable of its environment (again for more)", true},
    {"file", KEY_FILE, "SOURCE:/DEST", "a file or directory beside it (again for more)", true},
    OPTION_ROW_TEXT(arguments, recipe.init, "init", "FILE",
                    "PID 1; default: the enclave_init of this installation"),
    OPTION_ROW_TEXT(arguments, recipe.nsm_module, "nsm-module", "FILE",
                    "nsm.ko, for kernels without the driver built in"),
    {"module", KEY_MODULE, "FILE", "another kernel module, loaded after it (again for more)", true},
    {"user", KEY_USER, "UID[:GID]", "user that the program runs as; default: 0, root", true},
    {"rootfs", KEY_ROOTFS, "DIR|TAR",
     "file tree of the enclave, or a layer above it (again for more)", true},
    {"service", KEY_SERVICE, "NAME=/PROGRAM",
     "run this program of the tree, too; --arg, --env, --user behind it are its own", true},
    {"socket", KEY_SOCKET, "/run/NAME/FILE", "where that service listens once it is ready", true},
    {"restart", KEY_RESTART, "POLICY", "on-failure (default), always or never", true},
    {"ramdisk", KEY_RAMDISK, "FILE", "in the place of --app: ramdisks, the one that boots first",
     true},
    OPTION_ROW_TEXT(arguments, recipe.name, "name", "NAME",
                    "ImageName of the metadata; default: the program's name"),
    OPTION_ROW_TEXT(arguments, recipe.version, "version", "TEXT",
                    "ImageVersion of the metadata; default: 1.0"),
    OPTION_ROW_TEXT(arguments, recipe.metadata, "metadata", "FILE",
                    "metadata (a JSON object) to write as it is"),
    {"arch", KEY_ARCH, "ARCH", "x86_64 (default) or aarch64", false},
    {"signing-certificate", KEY_CERTIFICATE, "PEM", "sign: certificate", false},
    {"private-key", KEY_PRIVATE_KEY, "PEM", "sign: its private key", false},
    {"at", KEY_AT, "TIME", "the certificate must be valid then; default: now", false},
    OPTION_ROW_HELP,
    OPTION_ROWS_END,
};

static void init(void *arguments)
{
    vsa_image_recipe_init(&((struct arguments *)arguments)->recipe);
}

static void clear(void *read)
{
    struct arguments *arguments = read;
    for (size_t i = 0; i <= arguments->service_count; i++)
        program_free(&arguments->programs[i]);
    free(arguments->file_trees.items);
    free(arguments->files.items);
    free(arguments->modules.items);
    free(arguments->ramdisks.items);
    vsa_whole_file_close(&arguments->cmdline_file);
    image_signer_free(&arguments->signer);
}

static enum vsa_status take_cmdline(struct arguments *arguments, const char *value,
                                    struct vsa_error *error)
{
    struct vsa_whole_file *file = &arguments->cmdline_file;
    arguments->recipe.cmdline = value;
    if (value[0] != '@')
        return VSA_OK;
    VSA_TRY(image_read_file("cmdline", value + 1, VSA_MAX_INPUT_FILE, file, error));
    if (memchr(file->data, '\0', file->size))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--cmdline: %.160s holds a NUL character",
                        value + 1);
    uint8_t *text = realloc(file->data, file->size + 1);
    if (!text)
        return vsa_fail_memory(error);
    text[file->size] = '\0';
    file->data = text;
    arguments->recipe.cmdline = (const char *)text;
    return VSA_OK;
}

static enum vsa_status take_arch(struct arguments *arguments, const char *value,
                                 struct vsa_error *error)
{
    bool aarch64 = strcmp(value, "aarch64") == 0;
    if (!aarch64 && strcmp(value, "x86_64") != 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--arch '%.40s' is neither x86_64 nor aarch64",
                        value);
    arguments->recipe.architecture = aarch64 ? VSA_IMAGE_AARCH64 : VSA_IMAGE_X86_64;
    return VSA_OK;
}

static enum vsa_status take_service(struct arguments *arguments, const char *value,
                                    struct vsa_error *error)
{
    if (arguments->service_count == VSA_MAX_IMAGE_SERVICES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "more than %d services", VSA_MAX_IMAGE_SERVICES);
    VSA_TRY(program_take_service(&arguments->programs[arguments->service_count + 1], value, error));
    arguments->service_count++;
    return VSA_OK;
}

/* Takes an option about one program. */
static enum vsa_status take_of_program(struct arguments *arguments, int key, const char *value,
                                       struct vsa_error *error)
{
    struct program *program = &arguments->programs[arguments->service_count];
    switch (key) {
    case KEY_ARG:
        return list_append(&program->words, value, error);
    case KEY_ENV:
        return list_append(&program->variables, value, error);
    case KEY_USER:
        return program_take_user(program, value, error);
    case KEY_SOCKET:
        return program_take_socket(program, value, error);
    case KEY_RESTART:
    default:
        return program_take_restart(program, value, error);
    }
}

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct arguments *arguments = context;
    switch (key) {
    case KEY_ARG:
    case KEY_ENV:
    case KEY_USER:
    case KEY_SOCKET:
    case KEY_RESTART:
        return take_of_program(arguments, key, value, error);
    case KEY_SERVICE:
        return take_service(arguments, value, error);
    case KEY_ROOTFS:
        return list_append(&arguments->file_trees, value, error);
    case KEY_FILE:
        return list_append(&arguments->files, value, error);
    case KEY_MODULE:
        return list_append(&arguments->modules, value, error);
    case KEY_RAMDISK:
        return list_append(&arguments->ramdisks, value, error);
    case KEY_CMDLINE:
        return take_cmdline(arguments, value, error);
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

/* Checks what belongs together. */
static enum vsa_status check_arguments(const struct option_operands *operands,
                                       const struct arguments *arguments, struct vsa_error *error)
{
    const struct vsa_image_recipe *recipe = &arguments->recipe;
    const struct program *app = &arguments->programs[0];
    bool app_options = app->words.count || app->variables.count || app->has_user ||
                       arguments->files.count || arguments->modules.count || recipe->init ||
                       recipe->nsm_module || arguments->file_trees.count ||
                       arguments->service_count;
    const char *problem = NULL;
    if (operands->count)
        problem = "every input has its option; what stands alone?";
    else if (!recipe->kernel)
        problem = "which kernel? Give --kernel FILE";
    else if (!arguments->output)
        problem = "where to? Give --output FILE";
    else if (!recipe->program && !arguments->ramdisks.count)
        problem = "what is in the image? Give --app PROGRAM, or --ramdisk FILE for each ramdisk";
    else if (recipe->program && arguments->ramdisks.count)
        problem = "--app makes the ramdisks: leave out --ramdisk, or --app";
    else if (!recipe->program && app_options)
        problem = "--arg, --env, --file, --init, --nsm-module, --module, --user, --rootfs and "
                  "--service belong to --app";
    else if (!arguments->signer.certificate.data != !arguments->signer.private_key.data)
        problem = "signing needs both --signing-certificate and --private-key";
    else if (recipe->metadata && (recipe->name || recipe->version))
        problem = "--metadata is written as it is: leave out --name and --version";
    if (problem)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s", problem);
    return VSA_OK;
}

static enum vsa_status find_init(struct arguments *arguments, struct vsa_error *error)
{
    arguments->recipe.init = arguments->init;
    if (beside_find(INIT_NAME, arguments->init, sizeof(arguments->init)))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "no " INIT_NAME " beside this program: name it with --init FILE");
}

/* Reads the one environment variable with a part in an image, in what no register measures. */
static enum vsa_status read_build_time(int64_t *seconds, struct vsa_error *error)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t value = 0;
    if (epoch && *epoch)
        VSA_TRY(numbers_parse("SOURCE_DATE_EPOCH", epoch, 0, LAST_SECOND, &value, error));
    *seconds = (int64_t)value;
    return VSA_OK;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Puts the program of --app and the services into the recipe. */
static void fill_programs(struct arguments *arguments)
{
    struct vsa_image_recipe *recipe = &arguments->recipe;
    const struct vsa_image_service app = program_service(&arguments->programs[0]);
    recipe->arguments = app.arguments;
    recipe->argument_count = app.argument_count;
    recipe->environment = app.environment;
    recipe->environment_count = app.environment_count;
    recipe->user = app.user;
    recipe->group = app.group;
    for (size_t i = 0; i < arguments->service_count; i++)
        arguments->services[i] = program_service(&arguments->programs[i + 1]);
    recipe->services = arguments->services;
    recipe->service_count = arguments->service_count;
}

/* Checks what was read, and completes the recipe. */
static enum vsa_status finish_arguments(struct arguments *arguments,
                                        const struct option_operands *operands,
                                        struct vsa_error *error)
{
    VSA_TRY(check_arguments(operands, arguments, error));
    fill_programs(arguments);
    struct vsa_image_recipe *recipe = &arguments->recipe;
    recipe->rootfs = arguments->file_trees.items;
    recipe->rootfs_count = arguments->file_trees.count;
    recipe->files = arguments->files.items;
    recipe->file_count = arguments->files.count;
    recipe->modules = arguments->modules.items;
    recipe->module_count = arguments->modules.count;
    recipe->ramdisks = arguments->ramdisks.items;
    recipe->ramdisk_count = arguments->ramdisks.count;
    if (recipe->program && !recipe->init)
        VSA_TRY(find_init(arguments, error));
    if (!recipe->program && !recipe->name)
        recipe->name = last_part(arguments->output);
    return read_build_time(&recipe->build_time, error);
}

static enum vsa_status sign_and_store(const struct arguments *arguments, struct vsa_image *image,
                                      struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file signature = {NULL, 0, false};
    if (arguments->signer.certificate.data)
        VSA_TRY(image_sign_with(image, &arguments->signer, &signature, error));
    VSA_TRY(image_store(image, arguments->output, error));
    (void)fprintf(stderr, "%s: wrote %s, %zu bytes\n", IMAGE_PROGRAM, arguments->output,
                  vsa_image_size(image));
    return image_print_measurements(image, error);
}

static enum vsa_status run(struct image_call *call, void *arguments,
                           const struct option_operands *operands, struct vsa_error *error)
{
    struct vsa_built_image *built = NULL;
    VSA_TRY(finish_arguments(arguments, operands, error));
    VSA_TRY(vsa_image_build(&((struct arguments *)arguments)->recipe, &built, error));
    call->arguments_read = true;
    enum vsa_status status = sign_and_store(arguments, vsa_built_image_get(built), error);
    vsa_built_image_free(built);
    return status;
}

const struct image_command image_build_command = {
    .name = "build",
    .summary = "build an image of a program, or of ready-made ramdisks",
    .options =
        {
            .usage =
                "Usage: enclave_image build --kernel FILE --app PROGRAM [OPTION]... --output FILE\n"
                "       enclave_image build --kernel FILE --ramdisk FILE... [OPTION]... --output "
                "FILE\n"
                "\n"
                "Builds an enclave image and prints its measurements, as `nitro-cli build-enclave` "
                "does.\n"
                "The same input gives the same bytes, wherever and whenever (signatures apart).\n"
                "\n",
            .groups = {{NULL, options}},
            .take = take,
        },
    .size = sizeof(struct arguments),
    .init = init,
    .run = run,
    .clear = clear,
};
