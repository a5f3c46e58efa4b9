/* SPDX-License-Identifier: Apache-2.0 */
#include <vsattest/client.h>

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/slice.h"
#include "client/run_program.h"
#include <vsattest/transport.h>

/* E39: an enclave process did not answer; standard output has the others. */
#define SOME_UNREACHABLE 39

static const char *const plain_command[] = {"nitro-cli", "describe-enclaves", NULL};
static const char *const sudo_command[] = {"sudo", "-n", "nitro-cli", "describe-enclaves", NULL};

/*
 * nitro-cli document_errors.rs: E18 is about file permissions; E19, a failed file operation, is
 * what a user outside the group `ne` sees of its log and device.
 */
static const char *const permission_signs[] = {
    "ermission denied", "os error 13", "EACCES", "not permitted", "EPERM", "E18", "E19",
};

static bool lacks_permission(const struct vsa_program_result *result)
{
    if (result->start_error)
        return result->start_error == EACCES;
    for (size_t i = 0; i < sizeof(permission_signs) / sizeof(permission_signs[0]); i++)
        if (memmem(result->stderr_text, result->stderr_size, permission_signs[i],
                   strlen(permission_signs[i])))
            return true;
    return false;
}

/* Copies the line with nitro-cli's error code ("[ E39 ] ..."), else the first; printable. */
static void copy_error_line(const struct vsa_program_result *result, char *text, size_t capacity)
{
    struct vsa_slice left = vsa_slice_of(result->stderr_text, result->stderr_size);
    struct vsa_slice line = vsa_slice_of(left.data, 0);
    bool has_code = false;
    while (left.size > 0 && !has_code) {
        const uint8_t *end = memchr(left.data, '\n', left.size);
        size_t size = end ? (size_t)(end - left.data) : left.size;
        has_code = memmem(left.data, size, "[ E", 3) != NULL;
        if (has_code || line.size == 0)
            line = vsa_slice_of(left.data, size);
        size += end != NULL;
        left = vsa_slice_of(left.data + size, left.size - size);
    }
    if (line.size >= capacity)
        line = vsa_slice_whole_characters(vsa_slice_of(line.data, capacity - 1));
    memcpy(text, line.data, line.size);
    text[line.size] = '\0';
    vsa_printable_make(text, line.size);
}

static enum vsa_status explain_failure(const struct vsa_program_result *result, bool with_sudo,
                                       struct vsa_error *error)
{
    char said[100];
    copy_error_line(result, said, sizeof(said));
    if (with_sudo && result->start_error)
        (void)snprintf(said, sizeof(said), "sudo: %s",
                       result->start_error == ENOENT ? "not installed"
                                                     : strerror(result->start_error));
    if (with_sudo)
        return vsa_fail(error, VSA_ERR_NO_NITRO_CLI,
                        "nitro-cli may not look and sudo -n did not help (%s); join the group ne, "
                        "or name the CID that sudo nitro-cli describe-enclaves shows",
                        said[0] ? said : "no message");
    if (result->start_error)
        return vsa_fail(error, VSA_ERR_NO_NITRO_CLI,
                        "cannot run nitro-cli (%s); on the parent instance install "
                        "aws-nitro-enclaves-cli, elsewhere say where the enclave is",
                        result->start_error == ENOENT ? "not found in PATH"
                                                      : strerror(result->start_error));
    return vsa_fail(error, VSA_ERR_NO_NITRO_CLI,
                    "nitro-cli describe-enclaves failed with status %d: %s; run it by hand, or "
                    "name the CID",
                    result->exit_status, said[0] ? said : "no message");
}

/* Reads the N of "Failed connections: N" in its standard error; 1 if there is none. */
static size_t failed_connections(const struct vsa_program_result *result)
{
    static const char label[] = "Failed connections: ";
    const char *end = result->stderr_text + result->stderr_size;
    const char *found = memmem(result->stderr_text, result->stderr_size, label, sizeof(label) - 1);
    size_t count = 0;
    if (found)
        for (found += sizeof(label) - 1; found < end && *found >= '0' && *found <= '9'; found++)
            count = count < VSA_MAX_ENCLAVES ? 10 * count + (size_t)(*found - '0') : count;
    return count ? count : 1;
}

/* Runs one command and parses its output, unless it failed or has none. */
static enum vsa_status ask(const char *const *command, int64_t deadline_ms, char *buffer,
                           const struct vsa_enclave_selector *selector,
                           struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                           bool *permission, struct vsa_error *error)
{
    struct vsa_program_result result;
    enum vsa_status run =
        vsa_run_program(command, deadline_ms, buffer, VSA_MAX_NITRO_CLI_OUTPUT, &result, error);
    if (run == VSA_ERR_TIMEOUT || run == VSA_ERR_TOO_LARGE)
        return vsa_fail(error, run,
                        "nitro-cli describe-enclaves %s; run it by hand, or name the CID",
                        run == VSA_ERR_TIMEOUT ? "did not end in time" : "prints without end");
    VSA_TRY(run);
    *permission = lacks_permission(&result);
    if (result.start_error || (result.exit_status && result.exit_status != SOME_UNREACHABLE))
        return explain_failure(&result, command == sudo_command, error);
    running->count = 0;
    enum vsa_status status = vsa_find_enclave_in(vsa_slice_of(buffer, result.stdout_size), selector,
                                                 running, enclave, error);
    if (result.exit_status && running->count == 0)
        return explain_failure(&result, command == sudo_command, error);
    if (result.exit_status)
        running->unreachable = failed_connections(&result);
    return status;
}

enum vsa_status vsa_find_enclave(const struct vsa_enclave_selector *selector, int64_t timeout_ms,
                                 struct vsa_enclave_list *running, struct vsa_enclave *enclave,
                                 struct vsa_error *error)
{
    struct vsa_enclave_list list = {0};
    int64_t deadline_ms = vsa_deadline(timeout_ms);
    bool permission = false;
    VSA_AUTO_FREE char *buffer = malloc(VSA_MAX_NITRO_CLI_OUTPUT);
    if (!buffer)
        return vsa_fail_memory(error);
    enum vsa_status status =
        ask(plain_command, deadline_ms, buffer, selector, &list, enclave, &permission, error);
    /* Without permission nitro-cli either fails or does not see the enclaves of others. */
    if (permission && (status == VSA_ERR_NO_NITRO_CLI || status == VSA_ERR_NO_ENCLAVE))
        status =
            ask(sudo_command, deadline_ms, buffer, selector, &list, enclave, &permission, error);
    if (running)
        *running = list;
    return status;
}

enum vsa_status vsa_list_enclaves(int64_t timeout_ms, struct vsa_enclave_list *running,
                                  struct vsa_error *error)
{
    struct vsa_enclave_selector any = {0};
    struct vsa_enclave one;
    struct vsa_error cause;
    enum vsa_status status = vsa_find_enclave(&any, timeout_ms, running, &one, &cause);
    /* To list, several are no error. */
    if (status == VSA_OK || status == VSA_ERR_AMBIGUOUS_ENCLAVE)
        return VSA_OK;
    if (error)
        *error = cause;
    return status;
}
