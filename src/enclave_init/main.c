/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enclave_init: PID 1 of an enclave. Mounts, modules, loopback, heartbeat, then the services and
 * the command of the image, for as long as all of them can be kept running. man/enclave_init.8.scd
 *
 * An enclave must never look RUNNING without its program: every failure ends in a
 * reboot, which ends the enclave, and says why on the console.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "enclave_init/console.h"
#include "enclave_init/devices.h"
#include "enclave_init/heartbeat.h"
#include "enclave_init/lines.h"
#include "enclave_init/mounts.h"
#include "enclave_init/supervise.h"
#include "enclave_init/words.h"

#define USER_FILE         "/user"
#define SERVICES_FILE     "/services"
#define MODULE_ORDER_FILE "/modules/order"

/* Reads up to `capacity` bytes of a file; returns their number, or -1. */
static ssize_t read_file(const char *path, char *buffer, size_t capacity)
{
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return console_fail("cannot open %s", path);
    while (size < capacity) {
        ssize_t n = read(fd, buffer + size, capacity - size);
        if (n < 0) {
            (void)console_fail("cannot read %s", path);
            (void)close(fd);
            return -1;
        }
        if (n == 0)
            break;
        size += (size_t)n;
    }
    (void)close(fd);
    return (ssize_t)size;
}

static int read_lines(const char *path, struct lines *lines)
{
    /* One byte more than allowed detects a file that is too large. */
    ssize_t size = read_file(path, lines->text, sizeof(lines->text));
    if (size < 0)
        return -1;
    const char *problem = lines_parse(lines, (size_t)size);
    if (problem) {
        console_say("%s: %s", path, problem);
        return -1;
    }
    return unlink(path) == 0 ? 0 : console_fail("cannot remove %s", path);
}

/* Returns whether an image has a file; a file that cannot be seen is there. */
static bool has_file(const char *path)
{
    return access(path, F_OK) == 0 || errno != ENOENT;
}

/* Reads the user. An image without /user is one of nitro-cli, or of a program that needs root. */
static int read_user(struct lines *lines, struct user *user)
{
    *user = (struct user){0, 0};
    if (!has_file(USER_FILE))
        return 0;
    if (read_lines(USER_FILE, lines) != 0)
        return -1;
    const char *problem =
        lines->count == 1 ? user_parse(lines->items[0], user) : "there is not one line";
    if (problem) {
        console_say(USER_FILE ": %s", problem);
        return -1;
    }
    return 0;
}

/* Reads the services. An image of one program has no file of them. */
static int read_services(struct lines *lines, struct services *services)
{
    size_t line = 0;
    if (!has_file(SERVICES_FILE))
        return 0;
    if (read_lines(SERVICES_FILE, lines) != 0)
        return -1;
    const char *problem = services_parse(lines, services, &line);
    if (problem)
        console_say(SERVICES_FILE ", line %zu: %s", line, problem);
    return problem ? -1 : 0;
}

static int read_command(struct lines *command, struct lines *environment)
{
    if (read_lines("/cmd", command) != 0 || read_lines("/env", environment) != 0)
        return -1;
    if (!command->count || !command->items[0][0]) {
        console_say("/cmd names no command");
        return -1;
    }
    const char *problem = lines_check_environment(environment);
    if (problem) {
        console_say("/env: %s", problem);
        return -1;
    }
    return 0;
}

static bool heartbeat_wanted(void)
{
    char command_line[4096];
    ssize_t size = read_file("/proc/cmdline", command_line, sizeof(command_line) - 1);
    command_line[size > 0 ? size : 0] = '\0';
    if (!words_have(command_line, WORD_NO_HEARTBEAT))
        return true;
    console_say("no heartbeat: the kernel command line says " WORD_NO_HEARTBEAT);
    return false;
}

/*
 * Loads the modules in the order of a file, which images with further modules have; `order` is
 * used for it alone.
 */
static int load_modules(struct lines *order)
{
    if (!has_file(MODULE_ORDER_FILE))
        return 0;
    if (read_lines(MODULE_ORDER_FILE, order) != 0)
        return -1;
    for (size_t i = 0; i < order->count; i++)
        if (devices_load_module(order->items[i]) != 0)
            return -1;
    return 0;
}

/* What the files of an image say; the services point into it. */
struct contents {
    struct lines service_lines; /* first of /user, of /modules/order */
    struct lines command;
    struct lines environment;
    struct services services;
};

/* Reads what to run: the services, and at last the command of /cmd, as the user of /user. */
static int read_contents(struct contents *contents)
{
    struct services *services = &contents->services;
    struct service application = {.command = contents->command.items,
                                  .environment = contents->environment.items};
    if (read_command(&contents->command, &contents->environment) != 0 ||
        read_user(&contents->service_lines, &application.user) != 0 ||
        read_services(&contents->service_lines, services) != 0)
        return -1;
    application.name = application.command[0];
    services->items[services->count++] = application;
    return 0;
}

/* Mounts what the services find, with the directories that are theirs. */
static int prepare_root(const struct services *services)
{
    size_t last = services->count - 1;
    if (mounts_enter_root() != 0 || mounts_all() != 0 ||
        devices_give_to(&services->items[last].user) != 0)
        return -1;
    for (size_t i = 0; i < last; i++)
        if (mounts_make_directory(services->items[i].name, &services->items[i].user) != 0)
            return -1;
    return 0;
}

static int boot(struct contents *contents)
{
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    int mounted = mounts_early();
    console_open();
    console_say("version %s", VSA_VERSION);
    if (mounted != 0 || devices_load_nsm() != 0 || load_modules(&contents->service_lines) != 0)
        return -1;
    devices_bring_up_loopback();
    if (heartbeat_wanted() && heartbeat_send() != 0)
        return -1;
    if (read_contents(contents) != 0)
        return -1;
    return prepare_root(&contents->services);
}

/* Rejects any process but PID 1: elsewhere the mounts and the reboot would be a disaster. */
static int refuse(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("enclave_init %s\n", VSA_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)puts("enclave_init is PID 1 of an enclave image; enclave_image puts it there.\n"
                   "It takes no options and does nothing elsewhere. See enclave_init(8).");
        return 0;
    }
    console_say("I am PID 1 of an enclave image, and do nothing elsewhere");
    return 2;
}

int main(int argc, char **argv)
{
    static struct contents contents;
    if (getpid() != 1)
        return refuse(argc, argv);
    if (boot(&contents) == 0)
        supervise(&contents.services, SUPERVISE_READY_LIMIT_MS);
    console_say("the enclave ends");
    sync();
    (void)reboot(RB_AUTOBOOT);
    /* PID 1 that exits is a panic, and panic= on the command line ends the enclave as well. */
    return 1;
}
