/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of PID 1 that need no enclave: its input files, kernel words, the supervision. */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enclave_init/console.h"
#include "enclave_init/lines.h"
#include "enclave_init/restart.h"
#include "enclave_init/services.h"
#include "enclave_init/supervise.h"
#include "enclave_init/user.h"
#include "enclave_init/words.h"
#include "image/services.h"

static struct lines lines;

static const char *parse(const char *text, size_t size)
{
    memset(lines.text, 'x', sizeof(lines.text));
    memcpy(lines.text, text, size);
    return lines_parse(&lines, size);
}

static void command_lines(void **state)
{
    (void)state;
    assert_null(parse("/app/server\n--vsock\n9000\n", 25));
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.items[0], "/app/server");
    assert_string_equal(lines.items[1], "--vsock");
    assert_string_equal(lines.items[2], "9000");
    assert_null(lines.items[3]);
    /* No newline at the end; an empty argument; spaces belong to the argument. */
    assert_null(parse("a\n\n b c", 7));
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.items[1], "");
    assert_string_equal(lines.items[2], " b c");
    assert_null(parse("", 0));
    assert_int_equal(lines.count, 0);
    assert_null(lines.items[0]);
    assert_null(parse("\n", 1));
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.items[0], "");
}

static void bad_lines(void **state)
{
    (void)state;
    assert_string_equal(parse("a\0b\n", 4), "the file holds a NUL character");
    assert_string_equal(lines_parse(&lines, LINES_MAX_BYTES + 1), "the file is too large");
    memset(lines.text, 'x', LINES_MAX_BYTES);
    assert_null(lines_parse(&lines, LINES_MAX_BYTES));
    assert_int_equal(strlen(lines.items[0]), LINES_MAX_BYTES);
    memset(lines.text, '\n', LINES_MAX_ITEMS + 1);
    assert_null(lines_parse(&lines, LINES_MAX_ITEMS));
    assert_int_equal(lines.count, LINES_MAX_ITEMS);
    memset(lines.text, '\n', LINES_MAX_ITEMS + 1);
    assert_string_equal(lines_parse(&lines, LINES_MAX_ITEMS + 1), "the file has too many lines");
}

static void environment(void **state)
{
    (void)state;
    assert_null(parse("PATH=/bin\nEMPTY=\nA=b=c\n", 23));
    assert_null(lines_check_environment(&lines));
    assert_null(parse("", 0));
    assert_null(lines_check_environment(&lines));
    assert_null(parse("A=1\nB\n", 6));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
    assert_null(parse("=x\n", 3));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
    assert_null(parse("A=1\n\n", 5));
    assert_string_equal(lines_check_environment(&lines), "a line is not NAME=VALUE");
}

static void users(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "\n",    "1000",          "1000",         "1000:",
        "1000:", ":1000", "0:0",           "1000:0",       "0:1000",
        "1:2\n", "1:2:3", " 1:2",          "1:2 ",         "-1:2",
        "+1:2",  "01:2",  "1:02",          "4294967295:1", "1:4294967295",
        "a:b",   "1:2\n", "99999999999:1",
    };
    struct user user = {7, 8};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *problem = user_parse(bad[i], &user);
        if (!problem || strcmp(problem, "a user is UID:GID, both from 1 to 4294967294") != 0)
            fail_msg("'%s'", bad[i]);
    }
    assert_int_equal(user.uid, 7);
    assert_int_equal(user.gid, 8);
    assert_null(user_parse("1000:100", &user));
    assert_int_equal(user.uid, 1000);
    assert_int_equal(user.gid, 100);
    assert_null(user_parse("4294967294:4294967294", &user));
    assert_int_equal(user.uid, 4294967294);
    assert_int_equal(user.gid, 4294967294);
}

static void kernel_words(void **state)
{
    (void)state;
    assert_string_equal(WORD_NO_HEARTBEAT, "enclave_init.heartbeat=off");
    static const struct {
        const char *command_line;
        bool expected;
    } rows[] = {
        {"", false},
        {"console=ttyS0 panic=30", false},
        {"enclave_init.heartbeat=off", true},
        {"enclave_init.heartbeat=off\n", true},
        {"console=ttyS0  enclave_init.heartbeat=off panic=30", true},
        {"\tenclave_init.heartbeat=off\t", true},
        {"enclave_init.heartbeat=offline", false},
        {"enclave_init.heartbeat=on", false},
        {"xenclave_init.heartbeat=off", false},
        {"enclave_init.heartbeat", false},
        {"x=\"a enclave_init.heartbeat=off b\"", false},
        {"x=\"a b\" enclave_init.heartbeat=off", true},
        {"x=\"unended enclave_init.heartbeat=off", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (words_have(rows[i].command_line, WORD_NO_HEARTBEAT) != rows[i].expected)
            fail_msg("'%s'", rows[i].command_line);
}

/* Wait statuses as Linux makes them. */
#define EXITED(status) ((status) << 8)
#define KILLED(number) (number)

static void gives_up_after_five_restarts(void **state)
{
    (void)state;
    static const int delays[] = {250, 500, 1000, 2000, 4000};
    struct restart_state restarts = {0};
    int delay_ms = -1;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(
            restart_decide(&restarts, false, RESTART_ON_FAILURE, EXITED(1), 10, &delay_ms),
            RESTART_AGAIN);
        assert_int_equal(delay_ms, delays[i]);
        assert_int_equal(restarts.failures, i + 1);
    }
    assert_int_equal(restart_decide(&restarts, false, RESTART_ON_FAILURE, KILLED(9), 10, &delay_ms),
                     RESTART_GIVE_UP);
    assert_int_equal(
        restart_decide(&restarts, false, RESTART_ON_FAILURE, KILLED(9), 59999, &delay_ms),
        RESTART_GIVE_UP);
}

static void a_long_run_starts_a_new_row(void **state)
{
    (void)state;
    struct restart_state restarts = {.failures = RESTART_MAX};
    int delay_ms = -1;
    assert_int_equal(
        restart_decide(&restarts, false, RESTART_ON_FAILURE, KILLED(11), 60000, &delay_ms),
        RESTART_AGAIN);
    assert_int_equal(delay_ms, 250);
    assert_int_equal(restarts.failures, 1);
}

static void ends_when_finished_or_stopped(void **state)
{
    (void)state;
    struct restart_state restarts = {0};
    int delay_ms = -1;
    assert_int_equal(restart_decide(&restarts, false, RESTART_ON_FAILURE, EXITED(0), 10, &delay_ms),
                     RESTART_DONE);
    assert_int_equal(restart_decide(&restarts, true, RESTART_ON_FAILURE, EXITED(1), 10, &delay_ms),
                     RESTART_DONE);
    assert_int_equal(restart_decide(&restarts, true, RESTART_ON_FAILURE, KILLED(9), 10, &delay_ms),
                     RESTART_DONE);
    assert_int_equal(restarts.failures, 0);
    assert_int_equal(delay_ms, 0);
}

static void other_policies(void **state)
{
    (void)state;
    struct restart_state restarts = {0};
    int delay_ms = -1;
    for (size_t i = 0; i < RESTART_MAX; i++)
        assert_int_equal(restart_decide(&restarts, false, RESTART_ALWAYS, EXITED(0), 10, &delay_ms),
                         RESTART_AGAIN);
    assert_int_equal(restart_decide(&restarts, false, RESTART_ALWAYS, EXITED(0), 10, &delay_ms),
                     RESTART_GIVE_UP);
    assert_int_equal(restart_decide(&restarts, false, RESTART_ALWAYS, EXITED(0), 60000, &delay_ms),
                     RESTART_AGAIN);
    assert_int_equal(restart_decide(&restarts, true, RESTART_ALWAYS, EXITED(0), 10, &delay_ms),
                     RESTART_DONE);
    restarts.failures = 0;
    assert_int_equal(restart_decide(&restarts, false, RESTART_NEVER, EXITED(1), 60000, &delay_ms),
                     RESTART_GIVE_UP);
    assert_int_equal(restart_decide(&restarts, false, RESTART_NEVER, EXITED(0), 10, &delay_ms),
                     RESTART_DONE);
    assert_int_equal(restarts.failures, 0);
}

static void descriptions(void **state)
{
    (void)state;
    char text[96];
    assert_string_equal(restart_describe(EXITED(3), text, sizeof(text)), "exited with status 3");
    assert_string_equal(restart_describe(KILLED(9), text, sizeof(text)),
                        "was killed by signal 9 (Killed)");
    assert_string_equal(restart_describe(KILLED(11) | 0x80, text, sizeof(text)),
                        "was killed by signal 11 (Segmentation fault)");
}

/* What a call logs goes to standard error in one piece, whatever its length. */
static void console_lines(void **state)
{
    int ends[2];
    char text[1024];
    char large[1024];
    int saved = dup(STDERR_FILENO);
    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    console_say("%s is %d", "it", 7);
    errno = ENOENT;
    int result = console_fail("cannot open %s", "/x");
    ssize_t size = read(ends[0], text, sizeof(text) - 1);
    console_say("%s", large);
    ssize_t large_size = read(ends[0], large, sizeof(large));
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(result, -1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_string_equal(text, "enclave_init: it is 7\n"
                              "enclave_init: cannot open /x: No such file or directory\n");
    assert_int_equal(large_size, 511);
    assert_int_equal(large[510], '\n');
}

/* --- services --------------------------------------------------------------------------------- */

static struct services services;

/* Parses the text of /services; NULL, or "LINE: PROBLEM". */
static const char *parse_services(const char *text)
{
    static char problem[128];
    size_t line = 0;
    assert_null(parse(text, strlen(text)));
    const char *why = services_parse(&lines, &services, &line);
    (void)snprintf(problem, sizeof(problem), "%zu: %s", line, why ? why : "");
    return why ? problem : NULL;
}

static void files_of_services(void **state)
{
    (void)state;
    assert_null(parse_services("name signer\nuser 1000:100\nsocket /run/signer/socket\n"
                               "restart always\nenv A=1\nenv B= 2\narg /bin/signer\narg \n"
                               "arg  -x\nname b\narg /bin/b\n"));
    assert_int_equal(services.count, 2);
    const struct service *signer = &services.items[0];
    assert_string_equal(signer->name, "signer");
    assert_int_equal(signer->user.uid, 1000);
    assert_int_equal(signer->user.gid, 100);
    assert_string_equal(signer->socket, "/run/signer/socket");
    assert_int_equal(signer->restart, RESTART_ALWAYS);
    assert_string_equal(signer->environment[0], "A=1");
    assert_string_equal(signer->environment[1], "B= 2");
    assert_null(signer->environment[2]);
    assert_string_equal(signer->command[0], "/bin/signer");
    assert_string_equal(signer->command[1], "");
    assert_string_equal(signer->command[2], " -x");
    assert_null(signer->command[3]);
    const struct service *other = &services.items[1];
    assert_string_equal(other->name, "b");
    assert_int_equal(other->user.uid, 0);
    assert_null(other->socket);
    assert_int_equal(other->restart, RESTART_ON_FAILURE);
    assert_null(other->environment[0]);
    assert_string_equal(other->command[0], "/bin/b");
    assert_null(other->command[1]);
}

/* What enclave_image writes is what PID 1 reads. */
static void written_services(void **state)
{
    (void)state;
    static const char *const words[] = {"", " x", "arg y"};
    static const char *const variables[] = {"A=1", "B="};
    const struct vsa_image_service written[] = {
        {.name = "all",
         .program = "/bin/all",
         .arguments = words,
         .argument_count = 3,
         .environment = variables,
         .environment_count = 2,
         .socket = "/run/all/socket",
         .restart = VSA_IMAGE_RESTART_NEVER,
         .user = 4294967294,
         .group = 1},
        {.name = "none", .program = "/bin/none", .restart = VSA_IMAGE_RESTART_ALWAYS},
        {.name = "default", .program = "/x"},
    };
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file text = {NULL, 0, false};
    size_t line = 0;
    assert_int_equal(vsa_services_write(written, 3, &text, NULL), VSA_OK);
    assert_null(parse((const char *)text.data, text.size));
    assert_null(services_parse(&lines, &services, &line));
    assert_int_equal(services.count, 3);
    assert_string_equal(services.items[0].name, "all");
    assert_string_equal(services.items[0].socket, "/run/all/socket");
    assert_int_equal(services.items[0].user.uid, 4294967294);
    assert_int_equal(services.items[0].user.gid, 1);
    assert_string_equal(services.items[0].command[0], "/bin/all");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(services.items[0].command[i + 1], words[i]);
    assert_null(services.items[0].command[4]);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(services.items[0].environment[i], variables[i]);
    assert_null(services.items[0].environment[2]);
    assert_int_equal(services.items[0].restart, RESTART_NEVER);
    assert_int_equal(services.items[1].restart, RESTART_ALWAYS);
    assert_int_equal(services.items[2].restart, RESTART_ON_FAILURE);
    assert_int_equal(services.items[2].user.uid, 0);
    assert_null(services.items[2].socket);
}

#define WRONG_SOCKET "a socket is /run/NAME/FILE, of the service's own name"
#define WRONG_ORDER  "a service has name, user, socket, restart, env and arg in this order"
#define WRONG_NAME   "a name has up to 32 of a-z, 0-9 and -"

static void bad_services(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } rows[] = {
        {"", "0: the file is empty"},
        {"arg /bin/a\n", "1: " WRONG_ORDER},
        {"user 1:1\n", "1: " WRONG_ORDER},
        {"name a\n", "1: the last service has no command"},
        {"name a\nenv A=1\n", "2: the last service has no command"},
        {"name a\nname b\narg /bin/b\n", "2: the service before has no command"},
        {"name a\narg /a\nname a\narg /a\n", "3: two services have this name"},
        {"name \narg /a\n", "1: " WRONG_NAME},
        {"name A\narg /a\n", "1: " WRONG_NAME},
        {"name a/b\narg /a\n", "1: " WRONG_NAME},
        {"name ..\narg /a\n", "1: " WRONG_NAME},
        {"name aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\narg /a\n", "1: " WRONG_NAME},
        {"name a\nuser 0:0\narg /a\n", "2: a user is UID:GID, both from 1 to 4294967294"},
        {"name a\nuser 1:1\nuser 1:1\narg /a\n", "3: " WRONG_ORDER},
        {"name a\nsocket /run/a/s\nuser 1:1\narg /a\n", "3: " WRONG_ORDER},
        {"name a\narg /a\nenv A=1\n", "3: " WRONG_ORDER},
        {"name a\nsocket /run/b/s\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /run/ab/s\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /run/a\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /run/a/\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /run/a/..\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /run/a/x/s\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nsocket /tmp/a/s\narg /a\n", "2: " WRONG_SOCKET},
        {"name a\nrestart sometimes\narg /a\n", "2: restart is on-failure, always or never"},
        {"name a\nenv A\narg /a\n", "2: a variable is not NAME=VALUE"},
        {"name a\nenv =A\narg /a\n", "2: a variable is not NAME=VALUE"},
        {"name a\narg a\n", "2: a command is an absolute path"},
        {"name a\narg /a\n\n",
         "3: a line begins with name, user, socket, restart, env or arg, and a space"},
        {"name a\nargument /a\n",
         "2: a line begins with name, user, socket, restart, env or arg, and a space"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *problem = parse_services(rows[i].text);
        if (!problem || strcmp(problem, rows[i].problem) != 0)
            fail_msg("'%s': %s", rows[i].text, problem ? problem : "accepted");
    }
}

static void many_services(void **state)
{
    (void)state;
    char text[2048] = "";
    char *end = text;
    for (int i = 0; i < SERVICES_MAX - 1; i++)
        end += sprintf(end, "name s%d\narg /bin/s\n", i);
    assert_null(parse_services(text));
    assert_int_equal(services.count, SERVICES_MAX - 1);
    (void)sprintf(end, "name last\narg /bin/s\n");
    assert_string_equal(parse_services(text), "31: there are more than 15 services");
    for (int i = SERVICES_MAX - 1; i < 64; i++)
        end += sprintf(end, "name s%d\narg /bin/s\n", i);
    assert_string_equal(parse_services(text), "31: there are more than 15 services");
}

/* All lines in one list, and as many lists as there may be: the array of words has room. */
static void most_words(void **state)
{
    static char text[LINES_MAX_BYTES];
    (void)state;
    char *end = text + sprintf(text, "name a\narg /a\n");
    for (size_t i = 2; i < LINES_MAX_ITEMS; i++)
        end += sprintf(end, "arg \n");
    assert_null(parse_services(text));
    for (size_t i = 1; i < LINES_MAX_ITEMS - 1; i++)
        assert_string_equal(services.items[0].command[i], "");
    assert_null(services.items[0].command[LINES_MAX_ITEMS - 1]);
    end = text;
    for (size_t i = 0; i < SERVICES_MAX - 1; i++)
        end += sprintf(end, "name s%zu\nenv A=%zu\narg /a\n", i, i);
    for (size_t i = 3 * (SERVICES_MAX - 1); i < LINES_MAX_ITEMS; i++)
        end += sprintf(end, "arg \n");
    assert_null(parse_services(text));
    assert_int_equal(services.count, SERVICES_MAX - 1);
    for (size_t i = 0; i + 1 < services.count; i++)
        assert_null(services.items[i].command[1]);
    end += sprintf(end, "arg \n");
    assert_string_equal(parse(text, (size_t)(end - text)), "the file has too many lines");
}

/* What a variable may hold: anything but a line break and NUL, and its name anything but "=". */
static void odd_variables(void **state)
{
    static const char nul[] = "name a\nenv A=x\0y\narg /a\n";
    (void)state;
    assert_null(parse_services("name a\nenv A==\nenv A=\nenv  =x\nenv \t=\033[2J\narg /a\n"));
    assert_string_equal(services.items[0].environment[0], "A==");
    assert_string_equal(services.items[0].environment[1], "A=");
    assert_string_equal(services.items[0].environment[2], " =x");
    assert_string_equal(services.items[0].environment[3], "\t=\033[2J");
    assert_null(services.items[0].environment[4]);
    assert_string_equal(parse(nul, sizeof(nul) - 1), "the file holds a NUL character");
    /* A line break ends the variable: what follows is a line of the file. */
    assert_string_equal(parse_services("name a\nenv A=x\ny\narg /a\n"),
                        "3: a line begins with name, user, socket, restart, env or arg, and a "
                        "space");
}

/* --- supervision, of this program's own children ---------------------------------------------- */

static char directory[] = "/tmp/vsa-init-XXXXXX";

/* A service that is this program, run with other words: child_main(). */
static struct service child(const char *name, char **command, const char *socket,
                            enum restart_policy restart)
{
    static char *none[] = {NULL};
    return (struct service){.name = name,
                            .command = command,
                            .environment = none,
                            .restart = restart,
                            .socket = socket};
}

/* Appends a word to the file that the children write; it is what the tests compare. */
static void note(const char *path, const char *word)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ssize_t written = fd < 0 ? -1 : write(fd, word, strlen(word));
    if (written < 0)
        _exit(3);
    (void)close(fd);
}

/* child listen FILE SOCKET: listens after 200 ms, waits; child run FILE WORD STATUS: ends. */
static int child_main(char **words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timespec pause_time = {.tv_nsec = 200000000};
    (void)alarm(20);
    if (strcmp(words[0], "run") == 0) {
        note(words[1], words[2]);
        return atoi(words[3]);
    }
    /* It may be stopped as soon as it has noted that it listens. */
    sigset_t term;
    int number;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL);
    (void)nanosleep(&pause_time, NULL);
    note(words[1], "listens ");
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", words[2]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
        return 4;
    (void)sigwait(&term, &number);
    note(words[1], "stopped ");
    return 0;
}

static int64_t ready_limit_ms = SUPERVISE_READY_LIMIT_MS;

/* Supervises in a process of its own, as PID 1 would: signals blocked. Returns what was noted. */
static const char *supervised(const char *log, const char *stop_after)
{
    static char text[256];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sigset_t all;
        sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, NULL);
        supervise(&services, ready_limit_ms);
        _exit(0);
    }
    for (int i = 0; stop_after && i < 1000; i++) {
        FILE *file = fopen(log, "r");
        size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
        const struct timespec pause_time = {.tv_nsec = 10000000};
        text[size] = '\0';
        if (file)
            (void)fclose(file);
        if (strstr(text, stop_after))
            break;
        (void)nanosleep(&pause_time, NULL);
    }
    if (stop_after)
        assert_int_equal(kill(pid, SIGTERM), 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    FILE *file = fopen(log, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    (void)unlink(log);
    return text;
}

/* Words of commands, which are not constant. */
static char self[4096]; /* this program; valgrind does not run /proc/self/exe */
static char word_listen[] = "listen";
static char word_run[] = "run";
static char word_runs[] = "runs ";
static char word_fails[] = "fails ";
static char word_again[] = "again ";
static char word_other[] = "other ";
static char zero[] = "0";
static char one_text[] = "1";
static char nowhere[] = "/nowhere/at/all";

/* Under QEMU's user emulation (.ci/matrix) the kernel cannot execute this program. */
static void skip_where_emulated(void)
{
    char empty[] = "";
    char null[] = "/dev/null";
    char *words[] = {self, word_run, null, empty, zero, NULL};
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)execv(self, words);
        _exit(errno == ENOEXEC ? 126 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
        SKIP_BECAUSE("the kernel does not execute programs of this processor");
    assert_int_equal(status, 0);
}

static void starts_in_order(void **state)
{
    (void)state;
    skip_where_emulated();
    char log[64];
    char path[64];
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    /* A socket of an earlier run is not in the way. */
    assert_int_equal(symlink("/nowhere", path), 0);
    char *listens[] = {self, word_listen, log, path, NULL};
    char *runs[] = {self, word_run, log, word_runs, zero, NULL};
    services.count = 2;
    services.items[0] = child("first", listens, path, RESTART_ON_FAILURE);
    services.items[1] = child("second", runs, NULL, RESTART_ON_FAILURE);
    /* The second one has finished, so the enclave ends, without asking the first one. */
    assert_string_equal(supervised(log, NULL), "listens runs ");
    (void)unlink(path);
}

static void stops_the_last_one_first(void **state)
{
    (void)state;
    skip_where_emulated();
    char log[64];
    char first[64];
    char second[64];
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    (void)snprintf(first, sizeof(first), "%s/first", directory);
    (void)snprintf(second, sizeof(second), "%s/second", directory);
    char *one[] = {self, word_listen, log, first, NULL};
    char *two[] = {self, word_listen, log, second, NULL};
    services.count = 2;
    services.items[0] = child("first", one, first, RESTART_ON_FAILURE);
    services.items[1] = child("second", two, second, RESTART_ON_FAILURE);
    assert_string_equal(supervised(log, "listens listens "), "listens listens stopped stopped ");
    (void)unlink(first);
    (void)unlink(second);
}

static void one_that_gives_up_ends_all(void **state)
{
    (void)state;
    skip_where_emulated();
    char log[64];
    char path[64];
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    char *listens[] = {self, word_listen, log, path, NULL};
    char *fails[] = {self, word_run, log, word_fails, one_text, NULL};
    services.count = 3;
    services.items[0] = child("first", listens, path, RESTART_ON_FAILURE);
    services.items[1] = child("second", fails, NULL, RESTART_NEVER);
    services.items[2] = child("third", listens, path, RESTART_ON_FAILURE);
    assert_non_null(strstr(supervised(log, NULL), "listens fails "));
    /* A command that cannot be executed. */
    char *absent[] = {nowhere, NULL};
    services.items[1] = child("second", absent, NULL, RESTART_ALWAYS);
    assert_string_equal(supervised(log, NULL), "listens ");
    (void)unlink(path);
}

static void restarts(void **state)
{
    (void)state;
    skip_where_emulated();
    char log[64];
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    char *ends[] = {self, word_run, log, word_again, zero, NULL};
    services.count = 1;
    services.items[0] = child("first", ends, NULL, RESTART_ALWAYS);
    assert_non_null(strstr(supervised(log, "again again "), "again again "));
}

/* Its first service listens, but not there: the second one never starts, and all ends. */
static void one_that_is_never_ready(void **state)
{
    skip_where_emulated();
    char log[64];
    char path[64];
    char other[64];
    (void)state;
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    (void)snprintf(other, sizeof(other), "%s/other", directory);
    char *listens[] = {self, word_listen, log, other, NULL};
    char *runs[] = {self, word_run, log, word_runs, zero, NULL};
    services.count = 2;
    services.items[0] = child("first", listens, path, RESTART_ON_FAILURE);
    services.items[1] = child("second", runs, NULL, RESTART_ON_FAILURE);
    ready_limit_ms = 3000;
    const char *text = supervised(log, NULL);
    ready_limit_ms = SUPERVISE_READY_LIMIT_MS;
    assert_string_equal(text, "listens ");
    (void)unlink(other);
}

/* It binds too late twice over: what the run before left is not taken for a listener. */
static void one_that_dies_before_it_is_ready(void **state)
{
    skip_where_emulated();
    char log[64];
    char path[64];
    (void)state;
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    char *fails[] = {self, word_run, log, word_fails, one_text, NULL};
    char *runs[] = {self, word_run, log, word_runs, zero, NULL};
    services.count = 2;
    services.items[0] = child("first", fails, path, RESTART_NEVER);
    services.items[1] = child("second", runs, NULL, RESTART_ON_FAILURE);
    assert_string_equal(supervised(log, NULL), "fails ");
}

static size_t count_words(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)); text++)
        count++;
    return count;
}

/* Two that fail again and again: each has its own pauses; the first to give up ends all. */
static void restart_storm(void **state)
{
    skip_where_emulated();
    char log[64];
    (void)state;
    (void)snprintf(log, sizeof(log), "%s/log", directory);
    char *fails[] = {self, word_run, log, word_fails, one_text, NULL};
    char *others[] = {self, word_run, log, word_other, one_text, NULL};
    services.count = 2;
    services.items[0] = child("first", fails, NULL, RESTART_ON_FAILURE);
    services.items[1] = child("second", others, NULL, RESTART_ALWAYS);
    const char *text = supervised(log, NULL);
    size_t first = count_words(text, "fails ");
    size_t second = count_words(text, "other ");
    assert_true(first == RESTART_MAX + 1 || second == RESTART_MAX + 1);
    assert_in_range(first, RESTART_MAX, RESTART_MAX + 1);
    assert_in_range(second, RESTART_MAX, RESTART_MAX + 1);
}

static int make_directory(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    return readlink("/proc/self/exe", self, sizeof(self) - 1) > 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return child_main(argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(environment),
        cmocka_unit_test(users),
        cmocka_unit_test(kernel_words),
        cmocka_unit_test(gives_up_after_five_restarts),
        cmocka_unit_test(a_long_run_starts_a_new_row),
        cmocka_unit_test(ends_when_finished_or_stopped),
        cmocka_unit_test(other_policies),
        cmocka_unit_test(descriptions),
        cmocka_unit_test(console_lines),
        cmocka_unit_test(files_of_services),
        cmocka_unit_test(written_services),
        cmocka_unit_test(bad_services),
        cmocka_unit_test(many_services),
        cmocka_unit_test(most_words),
        cmocka_unit_test(odd_variables),
        cmocka_unit_test(starts_in_order),
        cmocka_unit_test(stops_the_last_one_first),
        cmocka_unit_test(one_that_gives_up_ends_all),
        cmocka_unit_test(restarts),
        cmocka_unit_test(one_that_is_never_ready),
        cmocka_unit_test(one_that_dies_before_it_is_ready),
        cmocka_unit_test(restart_storm),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
