/* SPDX-License-Identifier: Apache-2.0 */
#include "image/services.h"

#include <stdio.h>

#include "base/builder.h"
#include "base/error.h"

/* What enclave_init takes: src/enclave_init/lines.h. */
#define MAX_BYTES  (256 * 1024)
#define MAX_LINES  4096
#define MAX_NAME   32
#define MAX_SOCKET 107 /* sockaddr_un.sun_path without its NUL */

enum vsa_status vsa_image_check_lines(const char *what, const char *const *items, size_t count,
                                      struct vsa_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (strchr(items[i], '\n'))
            return vsa_fail(error, VSA_ERR_ARGUMENT,
                            "%s '%.60s' holds a line break, which an image cannot carry", what,
                            items[i]);
    return VSA_OK;
}

enum vsa_status vsa_image_check_environment(const char *const *items, size_t count,
                                            struct vsa_error *error)
{
    VSA_TRY(vsa_image_check_lines("environment entry", items, count, error));
    for (size_t i = 0; i < count; i++)
        if (items[i][0] == '=' || !strchr(items[i], '='))
            return vsa_fail(error, VSA_ERR_ARGUMENT, "environment entry '%.80s' is not NAME=VALUE",
                            items[i]);
    return VSA_OK;
}

static enum vsa_status check_socket(const struct vsa_image_service *service,
                                    struct vsa_error *error)
{
    char directory[sizeof("/run//") + MAX_NAME];
    int length = snprintf(directory, sizeof(directory), "/run/%s/", service->name);
    const char *socket = service->socket;
    if (!socket)
        return VSA_OK;
    const char *file = strncmp(socket, directory, (size_t)length) == 0 ? socket + length : "";
    if (!*file || strpbrk(file, "/\n") || strcmp(file, ".") == 0 || strcmp(file, "..") == 0 ||
        strlen(socket) > MAX_SOCKET)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "service %.40s: socket '%.120s' is not %.40sFILE, of at most %d bytes",
                        service->name, socket, directory, MAX_SOCKET);
    return VSA_OK;
}

static enum vsa_status check_user(const struct vsa_image_service *service, struct vsa_error *error)
{
    if (!service->user != !service->group || service->user == UINT32_MAX ||
        service->group == UINT32_MAX)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "service %.40s: a user and a group are both 0, which is root, or both from "
                        "1 to 4294967294",
                        service->name);
    return VSA_OK;
}

static enum vsa_status check_service(const struct vsa_image_service *services, size_t index,
                                     struct vsa_error *error)
{
    const struct vsa_image_service *service = &services[index];
    const char *name = service->name ? service->name : "";
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length > MAX_NAME || name[length])
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "service '%.60s': a name has up to %d of a-z, 0-9 and -", name, MAX_NAME);
    for (size_t i = 0; i < index; i++)
        if (strcmp(services[i].name, name) == 0)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "two services have the name %.40s", name);
    if (!service->program || service->program[0] != '/')
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "service %.40s: its program is an absolute path in the enclave", name);
    if (service->restart > VSA_IMAGE_RESTART_NEVER)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "service %.40s: no such restart policy", name);
    VSA_TRY(check_user(service, error));
    VSA_TRY(check_socket(service, error));
    VSA_TRY(vsa_image_check_lines("program", &service->program, 1, error));
    VSA_TRY(vsa_image_check_lines("argument", service->arguments, service->argument_count, error));
    return vsa_image_check_environment(service->environment, service->environment_count, error);
}

static void write_line(struct vsa_builder *builder, const char *key, const char *value)
{
    vsa_builder_append(builder, vsa_slice_of_text(key));
    vsa_builder_append_byte(builder, ' ');
    vsa_builder_append(builder, vsa_slice_of_text(value));
    vsa_builder_append_byte(builder, '\n');
}

static void write_service(struct vsa_builder *builder, const struct vsa_image_service *service)
{
    static const char *const policies[] = {NULL, "always", "never"};
    write_line(builder, "name", service->name);
    if (service->user) {
        char user[2 * sizeof("4294967294:")];
        (void)snprintf(user, sizeof(user), "%u:%u", (unsigned)service->user,
                       (unsigned)service->group);
        write_line(builder, "user", user);
    }
    if (service->socket)
        write_line(builder, "socket", service->socket);
    if (policies[service->restart])
        write_line(builder, "restart", policies[service->restart]);
    for (size_t i = 0; i < service->environment_count; i++)
        write_line(builder, "env", service->environment[i]);
    write_line(builder, "arg", service->program);
    for (size_t i = 0; i < service->argument_count; i++)
        write_line(builder, "arg", service->arguments[i]);
}

static size_t count_lines(struct vsa_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

enum vsa_status vsa_services_write(const struct vsa_image_service *services, size_t count,
                                   struct vsa_whole_file *text, struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file made = {malloc(MAX_BYTES), 0, false};
    struct vsa_slice written = {NULL, 0};
    if (!made.data)
        return vsa_fail_memory(error);
    if (count > VSA_MAX_IMAGE_SERVICES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%zu services: an image has at most %d", count,
                        VSA_MAX_IMAGE_SERVICES);
    struct vsa_builder builder = vsa_builder_of(made.data, MAX_BYTES);
    for (size_t i = 0; i < count; i++) {
        VSA_TRY(check_service(services, i, error));
        write_service(&builder, &services[i]);
    }
    if (vsa_builder_finish(&builder, &written, NULL) != VSA_OK || count_lines(written) > MAX_LINES)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the services have more than %d bytes or %d lines",
                        MAX_BYTES, MAX_LINES);
    made.size = written.size;
    *text = made;
    made.data = NULL;
    return VSA_OK;
}
