/* SPDX-License-Identifier: Apache-2.0 */
#include "enclave_init/services.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* In the order that a service has them; NAME and ARG are required. */
enum key { KEY_NAME, KEY_USER, KEY_SOCKET, KEY_RESTART, KEY_ENV, KEY_ARG, KEY_NONE };

static const char *const keys[] = {"name ", "user ", "socket ", "restart ", "env ", "arg "};

/* Where the reading is. */
struct reader {
    struct services *services;
    size_t word_count;
    enum key last;
};

/* Takes the keyword off a line. */
static enum key read_key(char *line, char **value)
{
    for (size_t i = 0; i < KEY_NONE; i++) {
        size_t length = strlen(keys[i]);
        if (strncmp(line, keys[i], length) == 0) {
            *value = line + length;
            return (enum key)i;
        }
    }
    return KEY_NONE;
}

static const char *check_name(const struct services *services, const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length > SERVICES_MAX_NAME || name[length])
        return "a name has up to 32 of a-z, 0-9 and -";
    for (size_t i = 0; i < services->count; i++)
        if (strcmp(services->items[i].name, name) == 0)
            return "two services have this name";
    return NULL;
}

/*
 * Ends a list of words. services->words has room for all of them: each line is at most one word,
 * each service ends two lists.
 */
static void end_list(struct reader *reader)
{
    reader->services->words[reader->word_count++] = NULL;
}

static char **next_list(struct reader *reader)
{
    return reader->services->words + reader->word_count;
}

static const char *begin_service(struct reader *reader, const char *name)
{
    struct services *services = reader->services;
    const char *problem = check_name(services, name);
    if (problem)
        return problem;
    if (services->count == SERVICES_MAX - 1)
        return "there are more than 15 services";
    services->items[services->count++] =
        (struct service){.name = name, .environment = next_list(reader)};
    return NULL;
}

/* Checks a socket's path. Its directory is root's, and so is /run: the service can move neither. */
static const char *check_socket(const struct service *service, const char *path)
{
    size_t directory = strlen(SERVICES_DIRECTORY);
    size_t name = strlen(service->name);
    if (strlen(path) >= SERVICES_MAX_SOCKET || strncmp(path, SERVICES_DIRECTORY, directory) != 0 ||
        strncmp(path + directory, service->name, name) != 0 || path[directory + name] != '/')
        return "a socket is /run/NAME/FILE, of the service's own name";
    const char *file = path + directory + name + 1;
    if (!*file || strchr(file, '/') || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
        return "a socket is /run/NAME/FILE, of the service's own name";
    return NULL;
}

static const char *read_policy(const char *text, enum restart_policy *policy)
{
    static const char *const names[] = {"on-failure", "always", "never"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0) {
            *policy = (enum restart_policy)i;
            return NULL;
        }
    return "restart is on-failure, always or never";
}

static const char *add_argument(struct reader *reader, struct service *service, char *word)
{
    if (reader->last != KEY_ARG) {
        end_list(reader); /* of the environment */
        service->command = next_list(reader);
        if (word[0] != '/')
            return "a command is an absolute path";
    }
    *next_list(reader) = word;
    reader->word_count++;
    return NULL;
}

static const char *add_variable(struct reader *reader, char *variable)
{
    const char *equals = strchr(variable, '=');
    if (!equals || equals == variable)
        return "a variable is not NAME=VALUE";
    *next_list(reader) = variable;
    reader->word_count++;
    return NULL;
}

static const char *take(struct reader *reader, enum key key, char *value)
{
    struct service *service = reader->services->items + reader->services->count - 1;
    switch (key) {
    case KEY_USER:
        return user_parse(value, &service->user);
    case KEY_SOCKET:
        service->socket = value;
        return check_socket(service, value);
    case KEY_RESTART:
        return read_policy(value, &service->restart);
    case KEY_ENV:
        return add_variable(reader, value);
    case KEY_NAME:
    case KEY_NONE:
    case KEY_ARG:
    default:
        return add_argument(reader, service, value);
    }
}

static const char *read_line(struct reader *reader, char *line)
{
    char *value = NULL;
    enum key key = read_key(line, &value);
    bool complete = reader->last == KEY_ARG || reader->last == KEY_NONE;
    bool repeated = key == reader->last && (key == KEY_ENV || key == KEY_ARG);
    if (key == KEY_NONE)
        return "a line begins with name, user, socket, restart, env or arg, and a space";
    if (key == KEY_NAME) {
        if (!complete)
            return "the service before has no command";
        if (reader->last == KEY_ARG)
            end_list(reader);
        reader->last = key;
        return begin_service(reader, value);
    }
    if (reader->last == KEY_NONE || (key <= reader->last && !repeated))
        return "a service has name, user, socket, restart, env and arg in this order";
    const char *problem = take(reader, key, value);
    reader->last = key;
    return problem;
}

const char *services_parse(const struct lines *lines, struct services *services, size_t *line)
{
    struct reader reader = {services, 0, KEY_NONE};
    services->count = 0;
    for (*line = 1; *line <= lines->count; ++*line) {
        const char *problem = read_line(&reader, lines->items[*line - 1]);
        if (problem)
            return problem;
    }
    *line = lines->count;
    if (reader.last != KEY_ARG)
        return lines->count ? "the last service has no command" : "the file is empty";
    end_list(&reader);
    return NULL;
}
