/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/ramdisks.h"

#include <stdio.h>

#include "base/error.h"
#include "programs/enclave_image/executable.h"
#include "programs/enclave_image/tree.h"

#define INIT_NAME "enclave_init"
/* Everything of the application is below it: enclave_init makes it the root. */
#define ROOT       "rootfs"
#define APP_FOLDER "/app/"

#define AUTO_TREE VSA_CLEANUP(image_tree_free)

/* Beside this program's own file: installed, or in the build tree. */
static enum vsa_status find_init(char *path, size_t capacity, struct vsa_error *error)
{
    static const char *const places[] = {
        "/../libexec/vsattest/" INIT_NAME,
        "/../enclave_init/" INIT_NAME,
        "/" INIT_NAME,
    };
    char folder[2048];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    folder[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (snprintf(path, capacity, "%s%s", folder, places[i]) < (int)capacity &&
            access(path, R_OK) == 0)
            return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                    "no " INIT_NAME " beside this program: name it with --init FILE");
}

enum vsa_status image_make_boot_ramdisk(const struct image_application *application,
                                        struct file_bytes *archive, struct vsa_error *error)
{
    char found[4096];
    char interpreter[EXECUTABLE_MAX_INTERPRETER];
    const char *init = application->init;
    AUTO_TREE struct image_tree tree = {.entries = NULL};
    AUTO_FILE_BYTES struct file_bytes bytes = {NULL, 0};
    if (!init) {
        VSA_TRY(find_init(found, sizeof(found), error));
        init = found;
    }
    VSA_TRY(files_read(init, UINT32_MAX, &bytes, error));
    VSA_TRY(executable_check(init, file_bytes_slice(&bytes), application->architecture, interpreter,
                             error));
    if (interpreter[0])
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "%.160s needs %.60s: the init of an enclave is statically linked", init,
                        interpreter);
    VSA_TRY(image_tree_add_folder(&tree, "dev", error));
    VSA_TRY(image_tree_add_bytes(&tree, "init", 0755, file_bytes_slice(&bytes), error));
    if (application->nsm_module) {
        file_bytes_free(&bytes);
        VSA_TRY(files_read(application->nsm_module, UINT32_MAX, &bytes, error));
        VSA_TRY(image_tree_add_bytes(&tree, "nsm.ko", 0755, file_bytes_slice(&bytes), error));
    }
    return image_tree_archive(&tree, archive, error);
}

static char *append_line(char *end, const char *line)
{
    end = stpcpy(end, line);
    *end++ = '\n';
    return end;
}

/* Adds a file of `items`, a line each; `first`, if there is one, comes before them. */
static enum vsa_status add_lines(struct image_tree *tree, const char *path, const char *first,
                                 const char *const *items, size_t count, struct vsa_error *error)
{
    size_t size = first ? strlen(first) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(items[i]) + 1;
    char *text = malloc(size + 1);
    if (!text)
        return vsa_fail(error, VSA_ERR_MEMORY, VSA_NO_OFFSET, NULL, "out of memory");
    char *end = first ? append_line(text, first) : text;
    for (size_t i = 0; i < count; i++)
        end = append_line(end, items[i]);
    enum vsa_status status =
        image_tree_add_bytes(tree, path, 0644, vsa_slice_of(text, (size_t)(end - text)), error);
    free(text);
    return status;
}

/* The files cmd and env have a line an item. */
static enum vsa_status check_lines(const char *option, const char *const *items, size_t count,
                                   struct vsa_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (strchr(items[i], '\n'))
            return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                            "%s '%.60s' holds a line break, which an image cannot carry", option,
                            items[i]);
    return VSA_OK;
}

static enum vsa_status check_environment(const struct image_application *application,
                                         struct vsa_error *error)
{
    for (size_t i = 0; i < application->environment_count; i++) {
        const char *item = application->environment[i];
        if (item[0] == '=' || !strchr(item, '='))
            return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                            "--env '%.80s' is not NAME=VALUE", item);
    }
    return VSA_OK;
}

/* "SOURCE:/DESTINATION"; the last colon parts them, so that a source may hold one. */
static enum vsa_status add_file(struct image_tree *tree, const char *pair, struct vsa_error *error)
{
    const char *colon = strrchr(pair, ':');
    if (!colon || colon == pair || colon[1] != '/' || !colon[2])
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--file '%.120s' is not SOURCE:/DESTINATION", pair);
    char source[VSA_MAX_ARCHIVE_PATH];
    char path[VSA_MAX_ARCHIVE_PATH];
    if (snprintf(source, sizeof(source), "%.*s", (int)(colon - pair), pair) >=
            (int)sizeof(source) ||
        snprintf(path, sizeof(path), ROOT "%s", colon + 1) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--file '%.80s...': the path is too long", pair);
    size_t length = strlen(path);
    while (path[length - 1] == '/')
        path[--length] = '\0';
    return image_tree_add_copy(tree, path, source, error);
}

/* A dynamic program without its linker would be restarted a few times, and then give up. */
static enum vsa_status check_interpreter(const struct image_tree *tree, const char *program,
                                         const char *interpreter, struct vsa_error *error)
{
    char path[EXECUTABLE_MAX_INTERPRETER + sizeof(ROOT)];
    if (!interpreter[0])
        return VSA_OK;
    (void)snprintf(path, sizeof(path), ROOT "%s", interpreter);
    if (interpreter[0] == '/' && image_tree_may_have(tree, path))
        return VSA_OK;
    return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                    "%.100s needs %.60s, which is not in the image: link it statically, or add "
                    "that and the libraries with --file SOURCE:/DESTINATION",
                    program, interpreter);
}

static enum vsa_status add_program(struct image_tree *tree,
                                   const struct image_application *application,
                                   struct vsa_error *error)
{
    AUTO_FILE_BYTES struct file_bytes bytes = {NULL, 0};
    char interpreter[EXECUTABLE_MAX_INTERPRETER];
    char path[VSA_MAX_ARCHIVE_PATH];
    const char *slash = strrchr(application->program, '/');
    const char *name = slash ? slash + 1 : application->program;
    if (!*name || snprintf(path, sizeof(path), ROOT APP_FOLDER "%s", name) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "--app '%.120s' is not a file name", application->program);
    VSA_TRY(files_read(application->program, UINT32_MAX, &bytes, error));
    VSA_TRY(executable_check(application->program, file_bytes_slice(&bytes),
                             application->architecture, interpreter, error));
    VSA_TRY(check_interpreter(tree, application->program, interpreter, error));
    VSA_TRY(image_tree_add_bytes(tree, path, 0755, file_bytes_slice(&bytes), error));
    return add_lines(tree, "cmd", path + strlen(ROOT), application->arguments,
                     application->argument_count, error);
}

enum vsa_status image_make_app_ramdisk(const struct image_application *application,
                                       struct file_bytes *archive, struct vsa_error *error)
{
    static const char *const folders[] = {"dev", "proc", "run", "sys", "tmp", "var"};
    AUTO_TREE struct image_tree tree = {.entries = NULL};
    VSA_TRY(check_lines("--app", &application->program, 1, error));
    VSA_TRY(check_lines("--arg", application->arguments, application->argument_count, error));
    VSA_TRY(check_lines("--env", application->environment, application->environment_count, error));
    VSA_TRY(check_environment(application, error));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), ROOT "/%s", folders[i]);
        VSA_TRY(image_tree_add_folder(&tree, path, error));
    }
    for (size_t i = 0; i < application->file_count; i++)
        VSA_TRY(add_file(&tree, application->files[i], error));
    VSA_TRY(add_program(&tree, application, error));
    VSA_TRY(add_lines(&tree, "env", NULL, application->environment, application->environment_count,
                      error));
    return image_tree_archive(&tree, archive, error);
}
