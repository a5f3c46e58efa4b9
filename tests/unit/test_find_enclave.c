/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding enclaves: what nitro-cli prints, and running it. Stand-ins for nitro-cli and sudo are
 * scripts in a directory of the test's own, which is all of PATH besides the system's tools.
 */
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/run_program.h"
#include <vsattest/client.h>
#include <vsattest/transport.h>

#define PATIENCE_MS 20000

#define ENTRY(name, id, cid, state, flags)                                                         \
    "{\"EnclaveName\":\"" name "\",\"EnclaveID\":\"" id "\",\"ProcessID\":95271,"                  \
    "\"EnclaveCID\":" cid ",\"NumberOfCPUs\":2,\"CPUIDs\":[2,10],\"MemoryMiB\":256,"               \
    "\"State\":\"" state "\",\"Flags\":\"" flags "\"}"
#define ONE   ENTRY("one", "i-1-enc1", "16", "RUNNING", "NONE")
#define TWO   ENTRY("two", "i-1-enc2", "17", "RUNNING", "DEBUG_MODE")
#define ENDED ENTRY("old", "i-1-enc0", "15", "TERMINATING", "NONE")

static const struct vsa_enclave_selector any = {NULL, NULL};

static enum vsa_status find_in(const char *json, const struct vsa_enclave_selector *selector,
                               struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                               struct vsa_error *error)
{
    return vsa_find_enclave_in(vsa_slice_of_text(json), selector, running, enclave, error);
}

/* --- output ----------------------------------------------------------------------------------- */

static void finds_the_only_one(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    struct vsa_enclave_list running;
    assert_int_equal(find_in("[" ENDED "," ONE "]", &any, &running, &enclave, NULL), VSA_OK);
    assert_string_equal(enclave.name, "one");
    assert_string_equal(enclave.id, "i-1-enc1");
    assert_int_equal(enclave.cid, 16);
    assert_false(enclave.debug_mode);
    assert_int_equal(running.count, 1);
    assert_int_equal(find_in("[" TWO "]", &any, NULL, &enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 17);
    assert_true(enclave.debug_mode);
}

/* Older versions print neither names nor measurements (nitro-cli pull request 279). */
static void understands_the_older_form(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    assert_int_equal(
        find_in("[{\"EnclaveID\":\"i-0584873aac8fea23b-enc17ad2edcbfdad4b\",\"ProcessID\":95271,"
                "\"EnclaveCID\":16,\"NumberOfCPUs\":2,\"CPUIDs\":[2,10],\"MemoryMiB\":256,"
                "\"State\":\"RUNNING\",\"Flags\":\"DEBUG_MODE\"}]",
                &any, NULL, &enclave, NULL),
        VSA_OK);
    assert_string_equal(enclave.name, "");
    assert_string_equal(enclave.id, "i-0584873aac8fea23b-enc17ad2edcbfdad4b");
    assert_true(enclave.debug_mode);
}

static void selects_by_name_or_id(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    const char *json = "[" ONE "," TWO "," ENDED "]";
    struct vsa_enclave_selector by_name = {"two", NULL};
    struct vsa_enclave_selector by_id = {NULL, "i-1-enc1"};
    struct vsa_enclave_selector by_both = {"two", "i-1-enc2"};
    assert_int_equal(find_in(json, &by_name, NULL, &enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 17);
    assert_int_equal(find_in(json, &by_id, NULL, &enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 16);
    assert_int_equal(find_in(json, &by_both, NULL, &enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 17);
}

/* A document's ID has 16 digits behind "-enc", that of nitro-cli no leading zeros. */
static void ids_are_compared_as_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *wanted;
        bool found;
    } rows[] = {
        {"i-1-enc018ef", true},   {"i-1-enc18ef", true}, {"i-1-enc00000000000018ef", true},
        {"i-1-enc18ef0", false},  {"i-1-enc", false},    {"i-01-enc18ef", false},
        {"i-1-enc018e", false},   {"18ef", false},       {"", false},
        {"i-1-enc018ef ", false},
    };
    const char *json = "[" ENTRY("app", "i-1-enc18ef", "16", "RUNNING", "NONE") "]";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct vsa_enclave enclave;
        struct vsa_enclave_selector selector = {NULL, rows[i].wanted};
        assert_int_equal(find_in(json, &selector, NULL, &enclave, NULL),
                         rows[i].found ? VSA_OK : VSA_ERR_NO_ENCLAVE);
    }
}

static void selecting_none_says_what_there_is(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    const char *json = "[" ONE "," TWO "," ENDED "]";
    struct vsa_enclave_selector contradiction = {"two", "i-1-enc1"};
    struct vsa_enclave_selector ended = {"old", NULL};
    struct vsa_enclave_selector prefix = {"tw", NULL};
    struct vsa_enclave_selector empty = {"", NULL};
    assert_int_equal(find_in(json, &contradiction, NULL, &enclave, NULL), VSA_ERR_NO_ENCLAVE);
    assert_int_equal(find_in(json, &prefix, NULL, &enclave, NULL), VSA_ERR_NO_ENCLAVE);
    assert_int_equal(find_in(json, &empty, NULL, &enclave, NULL), VSA_ERR_NO_ENCLAVE);
    assert_int_equal(find_in(json, &ended, NULL, &enclave, &error), VSA_ERR_NO_ENCLAVE);
    assert_non_null(strstr(error.detail, "'old'"));
    assert_non_null(strstr(error.detail, "one (i-1-enc1, CID 16)"));
}

static void several_ask_for_a_choice(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    struct vsa_enclave_list running;
    struct vsa_error error = {0};
    assert_int_equal(find_in("[" ONE "," TWO "," ENDED "]", &any, &running, &enclave, &error),
                     VSA_ERR_AMBIGUOUS_ENCLAVE);
    assert_non_null(strstr(error.detail, "one (i-1-enc1, CID 16), two (i-1-enc2, CID 17)"));
    assert_int_equal(running.count, 2);
    assert_string_equal(running.enclaves[1].name, "two");
    /* Two with the same name: a name is no choice. */
    struct vsa_enclave_selector by_name = {"one", NULL};
    assert_int_equal(find_in("[" ONE "," ONE "]", &by_name, &running, &enclave, &error),
                     VSA_ERR_AMBIGUOUS_ENCLAVE);
}

static void none_running_says_how_to_start_one(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    assert_int_equal(find_in("[]", &any, NULL, &enclave, &error), VSA_ERR_NO_ENCLAVE);
    assert_non_null(strstr(error.detail, "No running enclaves found"));
    assert_non_null(strstr(error.detail, "nitro-cli run-enclave"));
    assert_int_equal(find_in("[" ENDED "]", &any, NULL, &enclave, &error), VSA_ERR_NO_ENCLAVE);
}

static const char *const malformed[] = {
    "",
    "E39",
    "{}",
    "null",
    "[" ONE,
    "[" ONE "] x",
    "[1]",
    "[{}]",
    "[{\"State\":1}]",
    "[{\"State\":\"RUNNING\"}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":\"i\"}]",
    "[{\"State\":\"RUNNING\",\"State\":\"RUNNING\",\"EnclaveID\":\"i\",\"EnclaveCID\":16}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":7,\"EnclaveCID\":16}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":\"i\",\"EnclaveCID\":\"16\"}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":\"i\",\"EnclaveCID\":16.5}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":\"i\",\"EnclaveCID\":16,\"Flags\":7}]",
    "[{\"State\":\"RUNNING\",\"EnclaveID\":\"i\",\"EnclaveCID\":16,\"EnclaveName\":7}]",
    "[" ENTRY("x", "i", "-1", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "0", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "1", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "2", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "3", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "4294967295", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "4294967312", "RUNNING", "NONE") "]",
    "[" ENTRY("x", "i", "99999999999999999999", "RUNNING", "NONE") "]",
    "[" ENTRY("\xff", "i", "16", "RUNNING", "NONE") "]",
    "[" ENTRY("a\\u0000b", "i", "16", "RUNNING", "NONE") "]",
};

static void malformed_output_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct vsa_enclave enclave;
        struct vsa_error error = {0};
        enum vsa_status status = find_in(malformed[i], &any, NULL, &enclave, &error);
        if (vsa_status_class(status) != VSA_CLASS_SYNTAX || !strstr(error.detail, "nitro-cli"))
            fail_msg("%s: status %d, %s", malformed[i], status, error.detail);
    }
}

static void edges_of_cids(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    assert_int_equal(
        find_in("[" ENTRY("x", "i", "4", "RUNNING", "NONE") "]", &any, NULL, &enclave, NULL),
        VSA_OK);
    assert_int_equal(enclave.cid, 4);
    assert_int_equal(find_in("[" ENTRY("x", "i", "4294967294", "RUNNING", "NONE") "]", &any, NULL,
                             &enclave, NULL),
                     VSA_OK);
    assert_int_equal(enclave.cid, UINT32_C(4294967294));
}

/* The user that starts an enclave names it: no terminal controls get through. */
static void names_are_printable(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    assert_int_equal(
        find_in("[" ENTRY("a\\u001b[2Jb\\u009bc\\u007f", "i", "16", "RUNNING", "NONE") "]", &any,
                NULL, &enclave, NULL),
        VSA_OK);
    assert_string_equal(enclave.name, "a?[2Jb??c?");
}

static void limits_hold(void **state)
{
    (void)state;
    struct vsa_enclave enclave;
    struct vsa_enclave_list running;
    size_t size = VSA_MAX_NITRO_CLI_OUTPUT + 1;
    char *text = malloc(size);
    assert_non_null(text);
    size_t used = 0;
    for (int i = 0; i < VSA_MAX_ENCLAVES; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "," : "[", ONE);
    (void)snprintf(text + used, size - used, "]");
    assert_int_equal(find_in(text, &any, &running, &enclave, NULL), VSA_ERR_AMBIGUOUS_ENCLAVE);
    assert_int_equal(running.count, VSA_MAX_ENCLAVES);
    (void)snprintf(text + used, size - used, ",%s]", ONE);
    assert_int_equal(find_in(text, &any, &running, &enclave, NULL), VSA_ERR_TOO_MANY);

    char name[VSA_MAX_ENCLAVE_NAME + 1];
    memset(name, 'n', sizeof(name));
    name[VSA_MAX_ENCLAVE_NAME - 1] = '\0';
    (void)snprintf(text, size, "[{\"State\":\"RUNNING\",\"EnclaveCID\":16,\"EnclaveID\":\"%s\"}]",
                   name);
    assert_int_equal(find_in(text, &any, NULL, &enclave, NULL), VSA_OK);
    assert_int_equal(strlen(enclave.id), VSA_MAX_ENCLAVE_NAME - 1);
    name[VSA_MAX_ENCLAVE_NAME - 1] = 'n';
    name[VSA_MAX_ENCLAVE_NAME] = '\0';
    (void)snprintf(text, size, "[{\"State\":\"RUNNING\",\"EnclaveCID\":16,\"EnclaveID\":\"%s\"}]",
                   name);
    assert_int_equal(find_in(text, &any, NULL, &enclave, NULL), VSA_ERR_JSON);

    memset(text, '[', size);
    assert_int_equal(vsa_find_enclave_in(vsa_slice_of(text, 100000), &any, NULL, &enclave, NULL),
                     VSA_ERR_NESTING);
    assert_int_equal(vsa_find_enclave_in(vsa_slice_of(text, size), &any, NULL, &enclave, NULL),
                     VSA_ERR_TOO_LARGE);
    free(text);
}

/* --- running ---------------------------------------------------------------------------------- */

struct fixture {
    char directory[32];
    char *path; /* PATH as it was */
};

static int set_up(void **state)
{
    static struct fixture fixture;
    char path[256];
    (void)strcpy(fixture.directory, "/tmp/vsa-find-XXXXXX");
    if (!mkdtemp(fixture.directory))
        return -1;
    fixture.path = strdup(getenv("PATH"));
    (void)snprintf(path, sizeof(path), "%s:/usr/bin:/bin", fixture.directory);
    (void)setenv("PATH", path, 1);
    *state = &fixture;
    return 0;
}

static const char *const stand_ins[] = {"nitro-cli", "sudo", "log", "pid"};

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof(stand_ins) / sizeof(stand_ins[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, stand_ins[i]);
        (void)unlink(path);
    }
    (void)rmdir(fixture->directory);
    (void)setenv("PATH", fixture->path, 1);
    free(fixture->path);
    return 0;
}

/* A script that notes its arguments in the file `log` and then does `body`. */
static void stand_in(const struct fixture *fixture, const char *name, const char *body)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "#!/bin/sh\necho \"%s $*\" >>%s/log\n%s\n", name, fixture->directory, body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void assert_log(const struct fixture *fixture, const char *expected)
{
    char path[128];
    char text[512] = "";
    (void)snprintf(path, sizeof(path), "%s/log", fixture->directory);
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[size] = '\0';
    if (file)
        (void)fclose(file);
    assert_string_equal(text, expected);
}

static enum vsa_status find(struct vsa_enclave *enclave, struct vsa_error *error)
{
    return vsa_find_enclave(&any, PATIENCE_MS, NULL, enclave, error);
}

static void runs_nitro_cli(void **state)
{
    struct vsa_enclave enclave;
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'");
    stand_in(*state, "sudo", "exit 1");
    assert_int_equal(find(&enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 16);
    assert_log(*state, "nitro-cli describe-enclaves\n");
}

static void lists_all_that_run(void **state)
{
    struct vsa_enclave_list running = {0};
    struct vsa_error error = {0};
    stand_in(*state, "nitro-cli", "echo '[" ONE "," ENDED "," TWO "]'");
    stand_in(*state, "sudo", "exit 1");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, &error), VSA_OK);
    assert_int_equal(error.status, VSA_OK);
    assert_int_equal(running.count, 2);
    assert_int_equal(running.enclaves[0].cid, 16);
    assert_int_equal(running.enclaves[1].cid, 17);
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, NULL), VSA_OK);
    assert_int_equal(running.count, 1);
    stand_in(*state, "nitro-cli", "echo '[" ENDED "]'");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, &error), VSA_ERR_NO_ENCLAVE);
    assert_int_equal(error.status, VSA_ERR_NO_ENCLAVE);
    assert_int_equal(running.count, 0);
    stand_in(*state, "nitro-cli", "echo broken >&2; exit 1");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, NULL), VSA_ERR_NO_NITRO_CLI);
}

/* In a directory of its own PATH has no nitro-cli, unless this machine does. */
static void missing_nitro_cli_is_told(void **state)
{
    const struct fixture *fixture = *state;
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    (void)setenv("PATH", fixture->directory, 1);
    assert_int_equal(find(&enclave, &error), VSA_ERR_NO_NITRO_CLI);
    assert_non_null(strstr(error.detail, "not found in PATH"));
    assert_non_null(strstr(error.detail, "aws-nitro-enclaves-cli"));
    assert_log(*state, "");
}

#define DENIED                                                                                     \
    "echo '[ E19 ] File operation failure. File: '\\''/var/log/nitro_enclaves'\\'', failing "      \
    "operation: '\\''Open'\\''.' >&2; exit 1"

static void permission_error_goes_through_sudo(void **state)
{
    struct vsa_enclave enclave;
    stand_in(*state, "nitro-cli", DENIED);
    stand_in(*state, "sudo", "echo '[" TWO "]'");
    assert_int_equal(find(&enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 17);
    assert_log(*state, "nitro-cli describe-enclaves\nsudo -n nitro-cli describe-enclaves\n");
}

/* Without permission nitro-cli may show an empty list as well. */
static void empty_list_with_permission_error_goes_through_sudo(void **state)
{
    struct vsa_enclave enclave;
    stand_in(*state, "nitro-cli", "echo 'Permission denied (os error 13)' >&2; echo '[]'");
    stand_in(*state, "sudo", "echo '[" ONE "]'");
    assert_int_equal(find(&enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 16);
}

static void unexecutable_nitro_cli_goes_through_sudo(void **state)
{
    const struct fixture *fixture = *state;
    struct vsa_enclave enclave;
    char path[128];
    /* It makes a fork of posix_spawn's vfork, and so loses why exec failed. */
    if (getenv("VSA_TEST_WRAPPER"))
        SKIP_BECAUSE("valgrind hides why a program could not be started");
    stand_in(*state, "nitro-cli", "exit 0");
    (void)snprintf(path, sizeof(path), "%s/nitro-cli", fixture->directory);
    assert_int_equal(chmod(path, 0644), 0);
    stand_in(*state, "sudo", "echo '[" ONE "]'");
    assert_int_equal(find(&enclave, NULL), VSA_OK);
    assert_log(*state, "sudo -n nitro-cli describe-enclaves\n");
}

static void sudo_that_asks_is_told(void **state)
{
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    stand_in(*state, "nitro-cli", DENIED);
    stand_in(*state, "sudo", "echo 'sudo: a password is required' >&2; exit 1");
    assert_int_equal(find(&enclave, &error), VSA_ERR_NO_NITRO_CLI);
    assert_non_null(strstr(error.detail, "a password is required"));
    assert_non_null(strstr(error.detail, "group ne"));
}

static void missing_sudo_is_told(void **state)
{
    const struct fixture *fixture = *state;
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    stand_in(fixture, "nitro-cli", DENIED);
    (void)setenv("PATH", fixture->directory, 1);
    assert_int_equal(find(&enclave, &error), VSA_ERR_NO_NITRO_CLI);
    assert_non_null(strstr(error.detail, "(sudo: not installed)"));
}

#define UNREACHABLE(count)                                                                         \
    "; printf 'Failed connections: " count                                                         \
    "\\n[ E39 ] Enclave process connection failure.\\n' >&2; exit 39"

static void the_reachable_are_taken(void **state)
{
    struct vsa_enclave_list running = {0};
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    stand_in(*state, "sudo", "exit 1");
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'" UNREACHABLE("3"));
    assert_int_equal(vsa_find_enclave(&any, PATIENCE_MS, &running, &enclave, NULL), VSA_OK);
    assert_int_equal(enclave.cid, 16);
    assert_int_equal(running.count, 1);
    assert_int_equal(running.unreachable, 3);
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'; exit 39");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, NULL), VSA_OK);
    assert_int_equal(running.unreachable, 1);
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'");
    assert_int_equal(vsa_list_enclaves(PATIENCE_MS, &running, NULL), VSA_OK);
    assert_int_equal(running.unreachable, 0);
    static const char *const useless[] = {"echo '[]'" UNREACHABLE("1"), "echo '['" UNREACHABLE("1"),
                                          "true" UNREACHABLE("1")};
    for (size_t i = 0; i < sizeof(useless) / sizeof(useless[0]); i++) {
        stand_in(*state, "nitro-cli", useless[i]);
        assert_int_equal(vsa_find_enclave(&any, PATIENCE_MS, &running, &enclave, &error),
                         VSA_ERR_NO_NITRO_CLI);
        assert_non_null(strstr(error.detail, "status 39: [ E39 ] Enclave process"));
    }
    /* Any other status is a failure, whatever was printed. */
    stand_in(*state, "nitro-cli", "echo '[" ONE "]'; exit 38");
    assert_int_equal(find(&enclave, NULL), VSA_ERR_NO_NITRO_CLI);
}

static void other_errors_do_not_go_through_sudo(void **state)
{
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    stand_in(*state, "nitro-cli",
             "printf '[ E36 ] Enclave boot \\033failure.\\nmore\\n' >&2; exit 7");
    stand_in(*state, "sudo", "echo '[" ONE "]'");
    assert_int_equal(find(&enclave, &error), VSA_ERR_NO_NITRO_CLI);
    assert_non_null(strstr(error.detail, "status 7"));
    assert_non_null(strstr(error.detail, "[ E36 ] Enclave boot ?failure."));
    assert_null(strstr(error.detail, "more"));
    assert_log(*state, "nitro-cli describe-enclaves\n");
    stand_in(*state, "nitro-cli", "echo '[]'");
    assert_int_equal(find(&enclave, NULL), VSA_ERR_NO_ENCLAVE);
    stand_in(*state, "nitro-cli", "echo hello");
    assert_int_equal(find(&enclave, NULL), VSA_ERR_JSON);
    assert_log(*state, "nitro-cli describe-enclaves\nnitro-cli describe-enclaves\n"
                       "nitro-cli describe-enclaves\n");
}

static int read_pid(const struct fixture *fixture)
{
    char path[64];
    int pid = 0;
    (void)snprintf(path, sizeof(path), "%s/pid", fixture->directory);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    return pid;
}

/* A killed orphan is a zombie until init reaps it; either way it does nothing more. */
static bool is_running(int pid)
{
    char path[32];
    char state = 'X';
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    if (fscanf(file, "%*d %*s %c", &state) != 1)
        state = 'X';
    (void)fclose(file);
    return state != 'Z' && state != 'X';
}

/* The program and what it started are gone when time is up. */
static void hanging_nitro_cli_is_killed(void **state)
{
    const struct fixture *fixture = *state;
    struct vsa_enclave enclave;
    struct vsa_error error = {0};
    char body[128];
    (void)snprintf(body, sizeof(body), "sleep 60 & echo $! >%s/pid; wait", fixture->directory);
    stand_in(fixture, "nitro-cli", body);
    int64_t before = vsa_monotonic_ms();
    assert_int_equal(vsa_find_enclave(&any, 2000, NULL, &enclave, &error), VSA_ERR_TIMEOUT);
    assert_true(vsa_monotonic_ms() - before < PATIENCE_MS);
    assert_non_null(strstr(error.detail, "nitro-cli"));
    int pid = read_pid(fixture);
    int64_t deadline = vsa_deadline(PATIENCE_MS);
    while (is_running(pid)) {
        assert_true(vsa_monotonic_ms() < deadline);
        (void)usleep(1000);
    }
}

static void endless_output_is_cut(void **state)
{
    struct vsa_enclave enclave;
    stand_in(*state, "nitro-cli", "exec yes");
    assert_int_equal(find(&enclave, NULL), VSA_ERR_TOO_LARGE);
    /* On stderr it does not matter, as long as it ends. */
    stand_in(*state, "nitro-cli", "yes | head -c 3000000 >&2; echo '[" ONE "]'");
    assert_int_equal(find(&enclave, NULL), VSA_OK);
}

/* --- run_program ------------------------------------------------------------------------------ */

static enum vsa_status run_shell(const char *script, char *buffer, size_t capacity,
                                 struct vsa_program_result *result)
{
    const char *const arguments[] = {"sh", "-c", script, NULL};
    return vsa_run_program(arguments, vsa_deadline(PATIENCE_MS), buffer, capacity, result, NULL);
}

static void run_reports_the_end(void **state)
{
    (void)state;
    char buffer[64];
    struct vsa_program_result result;
    assert_int_equal(run_shell("echo out; echo err >&2; exit 3", buffer, sizeof(buffer), &result),
                     VSA_OK);
    assert_int_equal(result.exit_status, 3);
    assert_int_equal(result.stdout_size, 4);
    assert_memory_equal(buffer, "out\n", 4);
    assert_int_equal(result.stderr_size, 4);
    assert_memory_equal(result.stderr_text, "err\n", 4);
    assert_int_equal(run_shell("kill -9 $$", buffer, sizeof(buffer), &result), VSA_OK);
    assert_int_equal(result.exit_status, 128 + SIGKILL);
    const char *const missing[] = {"vsa-no-such-program", NULL};
    assert_int_equal(
        vsa_run_program(missing, vsa_deadline(PATIENCE_MS), buffer, sizeof(buffer), &result, NULL),
        VSA_OK);
    assert_int_equal(result.start_error, ENOENT);
}

/* Exactly the capacity fits, one more does not. */
static void run_limits_output(void **state)
{
    (void)state;
    char buffer[8];
    struct vsa_program_result result;
    assert_int_equal(run_shell("printf 12345678", buffer, sizeof(buffer), &result), VSA_OK);
    assert_int_equal(result.stdout_size, 8);
    assert_int_equal(run_shell("printf 123456789", buffer, sizeof(buffer), &result),
                     VSA_ERR_TOO_LARGE);
}

/* The child sees 0, 1 and 2, stdin is empty, and signals are as they are by default. */
static void run_gives_nothing_away(void **state)
{
    (void)state;
    char buffer[256];
    struct vsa_program_result result;
    int open_on_purpose = open("/dev/null", O_RDONLY); /* not close-on-exec */
    assert_true(open_on_purpose > 2);
    int high = fcntl(open_on_purpose, F_DUPFD, 50);
    assert_int_equal(high, 50);
    assert_int_equal(run_shell("ls /proc/self/fd | tr '\\n' ' '; cat; kill -PIPE $$; echo alive",
                               buffer, sizeof(buffer), &result),
                     VSA_OK);
    (void)close(open_on_purpose);
    (void)close(high);
    /* 3 is ls reading the directory. */
    assert_int_equal(result.stdout_size, strlen("0 1 2 3 "));
    assert_memory_equal(buffer, "0 1 2 3 ", result.stdout_size);
    assert_int_equal(result.exit_status, 128 + SIGPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_only_one),
        cmocka_unit_test(understands_the_older_form),
        cmocka_unit_test(selects_by_name_or_id),
        cmocka_unit_test(ids_are_compared_as_numbers),
        cmocka_unit_test(selecting_none_says_what_there_is),
        cmocka_unit_test(several_ask_for_a_choice),
        cmocka_unit_test(none_running_says_how_to_start_one),
        cmocka_unit_test(malformed_output_is_told),
        cmocka_unit_test(edges_of_cids),
        cmocka_unit_test(names_are_printable),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test_setup_teardown(runs_nitro_cli, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_all_that_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_nitro_cli_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_sudo_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reachable_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(permission_error_goes_through_sudo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_list_with_permission_error_goes_through_sudo, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unexecutable_nitro_cli_goes_through_sudo, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sudo_that_asks_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_errors_do_not_go_through_sudo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hanging_nitro_cli_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(endless_output_is_cut, set_up, tear_down),
        cmocka_unit_test(run_reports_the_end),
        cmocka_unit_test(run_limits_output),
        cmocka_unit_test(run_gives_nothing_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
