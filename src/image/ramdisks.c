/* SPDX-License-Identifier: Apache-2.0 */
#include "image/ramdisks.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "image/executable.h"
#include "image/layers.h"
#include "image/services.h"

/* Everything of the application is below it: enclave_init makes it the root. */
#define ROOT          "rootfs"
#define APP_DIRECTORY "/app/"
/* Kernel modules beside nsm.ko, in the ramdisk that boots. */
#define MODULES      "modules"
#define MODULE_ORDER "order"
/* As Linux: an interpreter may be a script four times over. */
#define MAX_SCRIPTS 4

enum vsa_status vsa_recipe_wrap(enum vsa_status status, const char *what, struct vsa_error *error)
{
    if (status != VSA_OK)
        vsa_error_wrap(error, "%.120s", what);
    return status;
}

static char *append_line(char *end, const char *line)
{
    end = stpcpy(end, line);
    *end++ = '\n';
    return end;
}

/* Adds a file of `items`, a line each; `first`, if there is one, comes before them. */
static enum vsa_status add_lines(struct vsa_tree *tree, const char *path, const char *first,
                                 const char *const *items, size_t count, struct vsa_error *error)
{
    size_t size = first ? strlen(first) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(items[i]) + 1;
    char *text = malloc(size + 1);
    if (!text)
        return vsa_fail_memory(error);
    char *end = first ? append_line(text, first) : text;
    for (size_t i = 0; i < count; i++)
        end = append_line(end, items[i]);
    enum vsa_status status =
        vsa_tree_add_bytes(tree, path, 0644, vsa_slice_of(text, (size_t)(end - text)), error);
    free(text);
    return status;
}

/* Returns the last part of a path; "" when it ends with a slash. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum vsa_status read_module(struct vsa_tree *tree, const char *path, const char *source,
                                   enum vsa_image_architecture architecture,
                                   struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file module = {NULL, 0, false};
    enum vsa_status status = vsa_whole_file_read(source, VSA_MAX_IMAGE_MODULE, &module, error);
    if (status == VSA_ERR_TOO_LARGE)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.160s has more than %d bytes", source,
                        VSA_MAX_IMAGE_MODULE);
    VSA_TRY(status);
    VSA_TRY(vsa_module_check(source, vsa_whole_file_slice(&module), architecture, error));
    return vsa_tree_add_bytes(tree, path, 0755, vsa_whole_file_slice(&module), error);
}

/* Adds a module that the option `what` names. */
static enum vsa_status add_module(struct vsa_tree *tree, const char *what, const char *path,
                                  const char *source, const struct vsa_image_recipe *recipe,
                                  struct vsa_error *error)
{
    return vsa_recipe_wrap(read_module(tree, path, source, recipe->architecture, error), what,
                           error);
}

/* Adds the modules, and a file with their names in the order of loading. */
static enum vsa_status add_modules(struct vsa_tree *tree, const struct vsa_image_recipe *recipe,
                                   struct vsa_error *error)
{
    const char *names[VSA_MAX_IMAGE_MODULES];
    if (recipe->nsm_module)
        VSA_TRY(add_module(tree, "nsm-module", "nsm.ko", recipe->nsm_module, recipe, error));
    for (size_t i = 0; i < recipe->module_count; i++) {
        char path[VSA_MAX_ARCHIVE_PATH];
        const char *name = base_name(recipe->modules[i]);
        if (!*name || strchr(name, '\n') || strcmp(name, MODULE_ORDER) == 0 ||
            snprintf(path, sizeof(path), MODULES "/%s", name) >= (int)sizeof(path))
            return vsa_fail(error, VSA_ERR_ARGUMENT,
                            "module: '%.120s' has not the name of a module (NAME.ko)",
                            recipe->modules[i]);
        VSA_TRY(add_module(tree, "module", path, recipe->modules[i], recipe, error));
        names[i] = name;
    }
    if (!recipe->module_count)
        return VSA_OK;
    return add_lines(tree, MODULES "/" MODULE_ORDER, NULL, names, recipe->module_count, error);
}

enum vsa_status vsa_boot_ramdisk_make(const struct vsa_image_recipe *recipe,
                                      struct vsa_whole_file *archive, struct vsa_error *error)
{
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file init = {NULL, 0, false};
    if (!recipe->init)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "an image of a program needs an init: enclave_init");
    VSA_AUTO_FREE struct vsa_executable *needs = malloc(sizeof(*needs));
    if (!needs)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_recipe_wrap(vsa_whole_file_open(recipe->init, &init, error), "init", error));
    VSA_TRY(vsa_executable_read(recipe->init, vsa_whole_file_slice(&init), recipe->architecture,
                                needs, error));
    if (needs->interpreter[0])
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.160s needs %.60s: the init of an enclave is statically linked",
                        recipe->init, needs->interpreter);
    VSA_TRY(vsa_tree_add_directory(&tree, "dev", error));
    VSA_TRY(vsa_tree_add_bytes(&tree, "init", 0755, vsa_whole_file_slice(&init), error));
    VSA_TRY(add_modules(&tree, recipe, error));
    return vsa_tree_archive(&tree, archive, error);
}

/* Adds "SOURCE:/DESTINATION"; the last colon separates them, so that a source may contain one. */
static enum vsa_status add_file(struct vsa_tree *tree, const char *pair, struct vsa_error *error)
{
    const char *colon = strrchr(pair, ':');
    if (!colon || colon == pair || colon[1] != '/')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.120s' is not SOURCE:/DESTINATION", pair);
    char source[VSA_MAX_ARCHIVE_PATH];
    char path[VSA_MAX_ARCHIVE_PATH];
    if (snprintf(source, sizeof(source), "%.*s", (int)(colon - pair), pair) >=
            (int)sizeof(source) ||
        snprintf(path, sizeof(path), ROOT "%s", colon + 1) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s...': the path is too long", pair);
    size_t length = strlen(path);
    while (path[length - 1] == '/')
        path[--length] = '\0';
    return vsa_tree_add_copy(tree, path, source, error);
}

static enum vsa_status fail_missing(const char *program, const char *needed,
                                    struct vsa_error *error)
{
    return vsa_fail(error, VSA_ERR_ARGUMENT,
                    "%.100s needs %.60s, which is not in the image: link it statically, or add "
                    "that and the libraries as files SOURCE:/DESTINATION or in a file tree",
                    program, needed);
}

/*
 * Returns whether a library is in the linker: musl's dynamic linker is also its libc, under each of
 * these names.
 */
static bool is_in_linker(const char *library, const char *linker)
{
    return strstr(linker, "/ld-musl-") && strncmp(library, "libc.", 5) == 0;
}

/*
 * Checks that the tree has a program's dynamic linker, libraries and interpreter, without which it
 * would only be restarted a few times. Any directory will do: the search order is the linker's.
 */
/* NOLINTNEXTLINE(misc-no-recursion): `depth` bounds it */
static enum vsa_status check_needs(const struct vsa_tree *tree, const char *program,
                                   struct vsa_slice contents, const struct vsa_image_recipe *recipe,
                                   size_t depth, struct vsa_error *error)
{
    VSA_AUTO_FREE struct vsa_executable *needs = malloc(sizeof(*needs));
    struct vsa_slice interpreter;
    if (!needs)
        return vsa_fail_memory(error);
    VSA_TRY(vsa_executable_read(program, contents, recipe->architecture, needs, error));
    if (!needs->interpreter[0] && !needs->is_script)
        return VSA_OK;
    if (needs->interpreter[0] != '/' ||
        !vsa_tree_find_file(tree, ROOT, needs->interpreter, &interpreter))
        return fail_missing(program, needs->interpreter, error);
    for (size_t i = 0; i < needs->library_count; i++)
        if (!vsa_tree_has_name(tree, needs->libraries[i]) &&
            !is_in_linker(needs->libraries[i], needs->interpreter))
            return fail_missing(program, needs->libraries[i], error);
    if (!needs->is_script)
        return VSA_OK;
    if (depth == MAX_SCRIPTS)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%.100s: scripts that interpret scripts, more than Linux runs", program);
    return check_needs(tree, needs->interpreter, interpreter, recipe, depth + 1, error);
}

static enum vsa_status add_program(struct vsa_tree *tree, const struct vsa_image_recipe *recipe,
                                   struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file program = {NULL, 0, false};
    char path[VSA_MAX_ARCHIVE_PATH];
    const char *name = base_name(recipe->program);
    if (!*name || snprintf(path, sizeof(path), ROOT APP_DIRECTORY "%s", name) >= (int)sizeof(path))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.120s' is not a file name", recipe->program);
    VSA_TRY(vsa_whole_file_open(recipe->program, &program, error));
    VSA_TRY(check_needs(tree, recipe->program, vsa_whole_file_slice(&program), recipe, 0, error));
    VSA_TRY(vsa_tree_add_bytes(tree, path, 0755, vsa_whole_file_slice(&program), error));
    return add_lines(tree, "cmd", path + strlen(ROOT), recipe->arguments, recipe->argument_count,
                     error);
}

/* Adds /user; none for root, so that such images have the bytes that they always had. */
static enum vsa_status add_user(struct vsa_tree *tree, const struct vsa_image_recipe *recipe,
                                struct vsa_error *error)
{
    char text[2 * sizeof("4294967294:")];
    if (!recipe->user)
        return VSA_OK;
    (void)snprintf(text, sizeof(text), "%" PRIu32 ":%" PRIu32 "\n", recipe->user, recipe->group);
    return vsa_tree_add_bytes(tree, "user", 0644, vsa_slice_of_text(text), error);
}

/* Adds the file of services, whose programs the tree must have. */
static enum vsa_status add_services(struct vsa_tree *tree, const struct vsa_image_recipe *recipe,
                                    struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file text = {NULL, 0, false};
    if (!recipe->service_count)
        return VSA_OK;
    VSA_TRY(vsa_services_write(recipe->services, recipe->service_count, &text, error));
    for (size_t i = 0; i < recipe->service_count; i++) {
        const struct vsa_image_service *service = &recipe->services[i];
        struct vsa_slice program;
        if (!vsa_tree_find_file(tree, ROOT, service->program, &program))
            return vsa_fail(error, VSA_ERR_ARGUMENT,
                            "service %.40s: %.120s is not in the image: add it as a "
                            "file or in a file tree",
                            service->name, service->program);
        VSA_TRY(check_needs(tree, service->program, program, recipe, 0, error));
    }
    return vsa_tree_add_bytes(tree, "services", 0644, vsa_whole_file_slice(&text), error);
}

static enum vsa_status add_file_trees(struct vsa_tree *tree, struct vsa_layers *layers,
                                      const struct vsa_image_recipe *recipe,
                                      struct vsa_error *error)
{
    for (size_t i = 0; i < recipe->rootfs_count; i++)
        VSA_TRY(vsa_recipe_wrap(vsa_layers_add(layers, recipe->rootfs[i], error), "rootfs", error));
    return vsa_layers_merge(layers, tree, error);
}

enum vsa_status vsa_app_ramdisk_make(const struct vsa_image_recipe *recipe,
                                     struct vsa_whole_file *archive, struct vsa_error *error)
{
    static const char *const directories[] = {"dev", "proc", "run", "sys", "tmp", "var"};
    VSA_AUTO_LAYERS struct vsa_layers layers = {.count = 0};
    VSA_AUTO_TREE struct vsa_tree tree = {.nodes = NULL};
    VSA_TRY(vsa_image_check_lines("program", &recipe->program, 1, error));
    VSA_TRY(vsa_image_check_lines("argument", recipe->arguments, recipe->argument_count, error));
    VSA_TRY(vsa_image_check_environment(recipe->environment, recipe->environment_count, error));
    VSA_TRY(add_file_trees(&tree, &layers, recipe, error));
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), ROOT "/%s", directories[i]);
        VSA_TRY(vsa_tree_add_directory(&tree, path, error));
    }
    for (size_t i = 0; i < recipe->file_count; i++)
        VSA_TRY(vsa_recipe_wrap(add_file(&tree, recipe->files[i], error), "file", error));
    VSA_TRY(vsa_recipe_wrap(add_program(&tree, recipe, error), "app", error));
    VSA_TRY(add_lines(&tree, "env", NULL, recipe->environment, recipe->environment_count, error));
    VSA_TRY(add_user(&tree, recipe, error));
    VSA_TRY(add_services(&tree, recipe, error));
    return vsa_tree_archive(&tree, archive, error);
}
