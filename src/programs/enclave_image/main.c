/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_image: builds, describes, signs and measures enclave images. man/enclave_image.1.scd */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "command_line/exit_code.h"
#include "command_line/output.h"
#include "programs/enclave_image/command.h"

static const struct image_command *const commands[] = {
    &image_build_command, &image_describe_command, &image_extract_command,
    &image_sign_command,  &image_pcr_command,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
    (void)puts("Usage: enclave_image COMMAND [OPTION]...\n"
               "\n"
               "Enclave images (EIF) without Docker: the same input gives the same bytes.\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)fputs("  --help     print this; `enclave_image COMMAND --help` lists its options\n"
                "  --version  print the version\n"
                "\n" EXIT_CODE_HELP "\nSee enclave_image(1).\n",
                stdout);
}

static const struct image_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static enum vsa_status run_command(const struct image_command *command, int argc, char **argv,
                                   void *arguments, struct image_call *call,
                                   struct vsa_error *error)
{
    struct option_operands operands;
    if (command->init)
        command->init(arguments);
    VSA_TRY(options_read(&command->options, argc, argv, arguments, &operands, error));
    return operands.done ? VSA_OK : command->run(call, arguments, &operands, error);
}

static enum vsa_status run(int argc, char **argv, struct image_call *call, struct vsa_error *error)
{
    const char *name = argc > 0 ? argv[0] : "";
    if (strcmp(name, "--help") == 0) {
        print_help();
        return VSA_OK;
    }
    if (strcmp(name, "--version") == 0) {
        (void)printf("%s %s\n", IMAGE_PROGRAM, vsa_version());
        return VSA_OK;
    }
    const struct image_command *command = find_command(name);
    if (!command)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s%.40s%s: say build, describe, extract, sign or pcr (see --help)",
                        *name ? "unknown command '" : "no command", name, *name ? "'" : "");
    void *arguments = calloc(1, command->size);
    if (!arguments)
        return vsa_fail_memory(error);
    enum vsa_status status = run_command(command, argc, argv, arguments, call, error);
    if (command->clear)
        command->clear(arguments);
    free(arguments);
    return status;
}

int main(int argc, char **argv)
{
    struct image_call call = {.arguments_read = false};
    struct vsa_error error = {0};
    output_start();
    if (argc < 1)
        return EXIT_CODE_USAGE;
    enum vsa_status status = run(argc - 1, argv + 1, &call, &error);
    if (status == VSA_OK) {
        call.arguments_read = true;
        status = output_finish(&error);
    }
    if (status == VSA_OK)
        return EXIT_CODE_OK;
    output_error(IMAGE_PROGRAM, &error);
    if (!call.arguments_read && vsa_status_class(status) != VSA_CLASS_INTERNAL)
        return EXIT_CODE_USAGE;
    return (int)exit_code_of(status);
}
