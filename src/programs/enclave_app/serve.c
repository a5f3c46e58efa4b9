/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_app as a server: signals, descriptors, and events as log lines. */
#include "programs/enclave_app/enclave_app.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "command_line/signals.h"
#include "process/process.h"
#include "programs/enclave_app/sealing.h"
#include "protocol/request.h"
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

/* --- log -------------------------------------------------------------------------------------- */

static enum log_level request_level(const struct vsa_server_event *event)
{
    switch (vsa_status_class(event->status)) {
    case VSA_CLASS_OK:
        /* Health checks come every few seconds. */
        return !event->command || strcmp(event->command, VSA_COMMAND_NAME_PING) == 0 ||
                       strcmp(event->command, VSA_COMMAND_NAME_STATUS) == 0 ||
                       strcmp(event->command, VSA_COMMAND_NAME_METRICS) == 0
                   ? LOG_DEBUG
                   : LOG_INFO;
    case VSA_CLASS_LIMIT:
    case VSA_CLASS_IO:
        return LOG_WARN;
    case VSA_CLASS_INTERNAL:
        return LOG_ERROR;
    case VSA_CLASS_SYNTAX:
    case VSA_CLASS_FORMAT:
    case VSA_CLASS_TRUST:
    case VSA_CLASS_POLICY:
    case VSA_CLASS_USAGE:
        break;
    }
    return LOG_INFO;
}

static enum log_level event_level(const struct vsa_server_event *event)
{
    switch (event->kind) {
    case VSA_EVENT_CONNECTION_OPENED:
    case VSA_EVENT_CONNECTION_CLOSED:
        return LOG_DEBUG;
    case VSA_EVENT_REQUEST:
        return request_level(event);
    case VSA_EVENT_CONNECTION_REFUSED:
    case VSA_EVENT_ACCEPT_PAUSED:
        return LOG_WARN;
    case VSA_EVENT_NSM_UNREACHABLE:
        return LOG_ERROR; /* without it there is nothing to serve */
    case VSA_EVENT_LISTENING:
    case VSA_EVENT_NSM_REACHABLE:
    case VSA_EVENT_STOPPING:
        return LOG_INFO;
    case VSA_EVENT_STOPPED:
        return event->status == VSA_OK ? LOG_INFO : LOG_ERROR;
    }
    return LOG_INFO;
}

/* Returns whether clients cause these as often as they like. */
static bool is_limited(enum vsa_server_event_kind kind)
{
    return kind == VSA_EVENT_CONNECTION_OPENED || kind == VSA_EVENT_CONNECTION_CLOSED ||
           kind == VSA_EVENT_CONNECTION_REFUSED || kind == VSA_EVENT_REQUEST ||
           kind == VSA_EVENT_ACCEPT_PAUSED;
}

static void write_event(const struct vsa_server_event *event, enum log_level level)
{
    struct log_line line;
    if (!log_begin(&line, level, vsa_server_event_name(event->kind), is_limited(event->kind)))
        return;
    if (event->connection)
        log_number(&line, "connection", (int64_t)event->connection);
    if (event->kind == VSA_EVENT_REQUEST) {
        log_text(&line, "command", event->command);
        log_number(&line, "duration_us", event->duration_us);
    }
    log_text(&line, "status", vsa_status_code(event->status));
    log_number(&line, "connections", (int64_t)event->connections);
    log_text(&line, "detail", event->detail);
    log_end(&line);
}

/* Returns early for most events: the compiler clears a line before it is begun. */
static void log_event(void *user, const struct vsa_server_event *event)
{
    enum log_level level = event_level(event);
    (void)user;
    if (log_is_wanted(level))
        write_event(event, level);
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
    options.on_event = log_event;
    if (options.max_buffered == 0)
        options.max_buffered = vsa_process_buffered_bytes();
    log_set_level(arguments->log_level);
    check_limits(&options);
    if (!arguments->no_sandbox)
        VSA_TRY(advise(vsa_sandbox_prepare(error), error));
    VSA_TRY(new_server(&options, &server, error));
    enum vsa_status status = sealing_enable(server, arguments, error);
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
