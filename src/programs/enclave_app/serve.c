/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_app as a server: signals, descriptors, privileges, and what its options add. */
#include "programs/enclave_app/enclave_app.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "command_line/service_manager.h"
#include "command_line/signals.h"
#include "file/whole_file.h"
#include "log/server_event.h"
#include "process/process.h"
#include "sandbox/sandbox.h"

/* Descriptors that are not connections: standard ones, NSM, listener, loop. */
#define OTHER_DESCRIPTORS 32

static void stop_server(void *server)
{
    vsa_server_stop(server);
}

/*
 * Makes a server that signals stop. It listens from the beginning, so they are blocked until the
 * handler knows it: one that came in between would leave the socket's file behind.
 */
static enum vsa_status new_server(const struct vsa_server_options *options,
                                  struct vsa_server **server, struct vsa_error *error)
{
    signals_block(true);
    enum vsa_status status = vsa_server_new(options, server, error);
    if (status == VSA_OK)
        signals_catch(stop_server, *server);
    signals_block(false);
    return status;
}

static void on_event(void *user, const struct vsa_server_event *event)
{
    if (event->kind == VSA_EVENT_LISTENING)
        service_manager_send_ready();
    else if (event->kind == VSA_EVENT_STOPPING)
        service_manager_send_stopping();
    log_server_event(user, event);
}

/* --- descriptors ------------------------------------------------------------------------------ */

/* Says what the limits are and whether the system lets us keep them. */
static void check_limits(const struct vsa_server_options *options)
{
    struct log_line line;
    bool raised = false;
    uint64_t needed = (uint64_t)options->max_connections + OTHER_DESCRIPTORS;
    uint64_t descriptors = vsa_process_raise_descriptors(needed, &raised);
    bool enough = descriptors >= needed;
    const char *detail = raised ? "the limit of open files was raised to what connections need"
                                : "the limit of open files is high enough";
    if (!enough)
        detail = "fewer descriptors than connections: raise the hard limit of open files (ulimit "
                 "-Hn) or lower --max-connections; further clients will wait";
    if (!log_begin(&line, enough ? LOG_INFO : LOG_WARN, "descriptor_limit", false))
        return;
    log_number(&line, "descriptors", (int64_t)descriptors);
    log_number(&line, "max_connections", (int64_t)options->max_connections);
    log_number(&line, "max_buffered", (int64_t)options->max_buffered);
    log_number(&line, "max_in_flight", (int64_t)options->max_in_flight);
    log_number(&line, "max_nsm_queue", (int64_t)options->max_queue);
    log_number(&line, "rate_limit", (int64_t)options->rate_limit);
    log_number(&line, "cache_ttl_ms", options->cache_ttl_ms);
    log_text(&line, "detail", detail);
    log_end(&line);
}

/* --- privileges ------------------------------------------------------------------------------- */

/* Names the option that does without, where the sandbox's own errors cannot. */
static enum vsa_status advise(enum vsa_status status, struct vsa_error *error)
{
    if (status != VSA_OK)
        vsa_error_wrap(error, "sandbox (--no-sandbox does without)");
    return status;
}

static enum vsa_status enter_sandbox(const struct enclave_app_arguments *arguments,
                                     struct vsa_error *error)
{
    struct log_line line;
    bool filtered = false;
    const char *detail = "--no-sandbox: all privileges and system calls are kept";
    if (!arguments->no_sandbox) {
        VSA_TRY(advise(vsa_sandbox_enter(&filtered, error), error));
        detail =
            "privileges are dropped, but this build has no filter of system calls (libseccomp)";
    }
    if (!filtered && log_begin(&line, LOG_WARN, "sandbox", false)) {
        log_text(&line, "detail", detail);
        log_end(&line);
    }
    return VSA_OK;
}

/* --- sealed requests ------------------------------------------------------------------------- */

/* Allows the senders each name of `names`, separated by commas. */
static enum vsa_status allow_names(struct vsa_server *server, const char *names, size_t size,
                                   struct vsa_slice pem, struct vsa_error *error)
{
    const char *end = names + size;
    while (names <= end) {
        char name[VSA_MAX_COMMAND_NAME + 1] = {0};
        const char *comma = memchr(names, ',', (size_t)(end - names));
        size_t length = (size_t)((comma ? comma : end) - names);
        if (length == 0 || length > VSA_MAX_COMMAND_NAME)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "a command's name has 1 to %d characters",
                            VSA_MAX_COMMAND_NAME);
        memcpy(name, names, length);
        VSA_TRY(vsa_server_allow_senders(server, name, pem, error));
        names += length + 1;
    }
    return VSA_OK;
}

/* Reads [NAMES=]FILE; a path that has '=' before any slash is written as ./PATH. */
static enum vsa_status allow_file(struct vsa_server *server, const char *value,
                                  struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    const char *sign = strchr(value, '=');
    const char *slash = strchr(value, '/');
    bool has_names = sign && (!slash || sign < slash);
    VSA_TRY(vsa_whole_file_read(has_names ? sign + 1 : value, VSA_MAX_INPUT_FILE, &file, error));
    if (has_names)
        return allow_names(server, value, (size_t)(sign - value), vsa_whole_file_slice(&file),
                           error);
    return vsa_server_allow_senders(server, NULL, vsa_whole_file_slice(&file), error);
}

/* Fails as other options with files do that cannot be read, or hold something else: usage. */
static enum vsa_status unfit(enum vsa_status status, const char *value, struct vsa_error *error)
{
    vsa_error_wrap(error, "--senders %.120s", value);
    if (vsa_status_class(status) != VSA_CLASS_INTERNAL)
        error->status = VSA_ERR_ARGUMENT;
    return error->status;
}

static enum vsa_status enable_sealing(struct vsa_server *server,
                                      const struct enclave_app_arguments *arguments,
                                      struct vsa_error *error)
{
    if (arguments->sealing.kem == 0 && arguments->sender_count > 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--senders is for sealed requests, which are off");
    if (arguments->sealing.kem == 0 && arguments->backend_sealed_only)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--backend-sealed-only is for sealed requests, which are off");
    if (arguments->sealing.kem == 0)
        return VSA_OK;
    VSA_TRY(vsa_server_enable_sealing(server, &arguments->sealing, error));
    for (size_t i = 0; i < arguments->sender_count; i++) {
        enum vsa_status status = allow_file(server, arguments->senders[i], error);
        if (status != VSA_OK)
            return unfit(status, arguments->senders[i], error);
    }
    return VSA_OK;
}

/* --- backends --------------------------------------------------------------------------------- */

static enum vsa_status add_backend(struct vsa_server *server,
                                   const struct enclave_app_arguments *arguments, const char *text,
                                   struct vsa_error *error)
{
    const char *address = strstr(text, "unix:");
    unsigned flags = arguments->backend_sealed_only ? VSA_COMMAND_SEALED_ONLY : 0;
    VSA_AUTO_FREE char *commands =
        address > text ? strndup(text, (size_t)(address - text) - 1) : NULL;
    if (address > text && !commands)
        return vsa_fail_memory(error);
    size_t connections = arguments->backend_connections ? arguments->backend_connections
                                                        : VSA_DEFAULT_BACKEND_CONNECTIONS;
    enum vsa_status status =
        vsa_server_add_backend(server, commands, address, connections, flags, error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "--backend %.120s", text);
    return status;
}

static enum vsa_status add_backends(struct vsa_server *server,
                                    const struct enclave_app_arguments *arguments,
                                    struct vsa_error *error)
{
    for (size_t i = 0; i < arguments->backend_count; i++)
        VSA_TRY(add_backend(server, arguments, arguments->backends[i], error));
    return VSA_OK;
}

/* --- serving ---------------------------------------------------------------------------------- */

enum vsa_status enclave_app_serve(const struct enclave_app_arguments *arguments,
                                  struct vsa_error *error)
{
    struct vsa_server *server = NULL;
    struct vsa_server_options options = arguments->server;
    options.on_event = on_event;
    if (options.max_buffered == 0)
        options.max_buffered = vsa_process_buffered_bytes();
    log_set_level(arguments->log_level);
    check_limits(&options);
    service_manager_connect(ENCLAVE_APP);
    if (!arguments->no_sandbox)
        VSA_TRY(advise(vsa_sandbox_prepare(error), error));
    VSA_TRY(new_server(&options, &server, error));
    enum vsa_status status = enable_sealing(server, arguments, error);
    if (status == VSA_OK)
        status = add_backends(server, arguments, error);
    if (status == VSA_OK)
        status = enter_sandbox(arguments, error);
    if (status == VSA_OK)
        status = vsa_server_run(server, error);
    /* The NSM holds its thread in a call: all clients have a reply, and waiting gains nothing. */
    if (status == VSA_ERR_TIMEOUT)
        _exit(EXIT_CODE_OK);
    signals_catch(stop_server, NULL);
    vsa_server_free(server);
    return status;
}
