/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PID 1 runs: the file /services of an image, then the command of /cmd. The format is in
 * man/enclave_init.8.scd; src/image/services.c writes it.
 */
#ifndef VSA_ENCLAVE_INIT_SERVICES_H
#define VSA_ENCLAVE_INIT_SERVICES_H

#include "enclave_init/lines.h"
#include "enclave_init/restart.h"
#include "enclave_init/user.h"

/* Together with the command of /cmd: a server, what is behind it, and room. */
#define SERVICES_MAX 16
/* Characters of a service's name. */
#define SERVICES_MAX_NAME 32
/* Each service has its directory below it, owned by its user. */
#define SERVICES_DIRECTORY "/run/"
/* What sockaddr_un.sun_path holds, with its NUL. */
#define SERVICES_MAX_SOCKET 108

/* All text is borrowed from the lines that it was read from. */
struct service {
    const char *name;
    char **command;     /* ends with NULL; at least one word */
    char **environment; /* ends with NULL */
    struct user user;
    enum restart_policy restart;
    const char *socket; /* /run/NAME/FILE; the next service starts when it takes a connection */
};

struct services {
    struct service items[SERVICES_MAX]; /* in the order of starting */
    size_t count;
    char *words[LINES_MAX_ITEMS + 2 * SERVICES_MAX]; /* arguments and environments, with NULLs */
};

/*
 * Reads the lines of /services; at most SERVICES_MAX - 1 services. Changes no line.
 * Returns NULL, or what is wrong, static; `*line` is then the number of the line, from 1 on.
 */
const char *services_parse(const struct lines *lines, struct services *services, size_t *line);

#endif
