/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/vsock_client/relay.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "command_line/output.h"
#include "command_line/service_manager.h"
#include "command_line/signals.h"
#include "process/process.h"
#include "programs/vsock_client/ask.h"
#include "programs/vsock_client/text.h"
#include "relay/relay.h"
#include "transport/listen_tcp.h"

/* Lines of all clients that wait, and as much of replies: 256 of the longest. */
#define MAX_BUFFERED (16 * 1024 * 1024)
/* Descriptors that are not connections: standard ones, listener, loop. */
#define OTHER_DESCRIPTORS 32

VSA_DEFINE_CLEANUP(struct vsa_relay, vsa_relay_free, cleanup_relay);

static void stop_relay(void *relay)
{
    vsa_relay_stop(relay);
}

static void log_event(void *user, enum vsa_relay_event event, const struct vsa_error *why)
{
    static const char *const texts[] = {
        [VSA_RELAY_UNREACHABLE] = "the enclave cannot be reached",
        [VSA_RELAY_REACHABLE] = "the enclave can be reached again",
        [VSA_RELAY_PAUSED] = "accepting pauses",
    };
    (void)user;
    (void)fprintf(stderr, "%s: relay: %s", CLIENT_PROGRAM, texts[event]);
    if (why) {
        (void)fputs(": ", stderr);
        output_text(stderr, vsa_slice_of_text(why->detail));
    }
    (void)fputc('\n', stderr);
}

/*
 * Raises the limit: a client takes two descriptors. Where the system has fewer, further clients
 * wait.
 */
static void raise_descriptors(size_t max_connections)
{
    bool raised;
    uint64_t needed = 2 * (uint64_t)max_connections + OTHER_DESCRIPTORS;
    if (vsa_process_raise_descriptors(needed, &raised) >= needed)
        return;
    (void)fprintf(stderr,
                  "%s: relay: warning: fewer descriptors than connections: raise the hard limit of "
                  "open files (ulimit -Hn) or lower --max-connections\n",
                  CLIENT_PROGRAM);
}

static enum vsa_status open_listener(const struct client_arguments *arguments,
                                     struct vsa_listener *listener, struct vsa_error *error)
{
    struct vsa_address address;
    VSA_TRY(vsa_address_parse(arguments->listen, &address, error));
    if (address.kind != VSA_ADDRESS_TCP)
        return vsa_listen(&address, listener, error);
    enum vsa_status status = vsa_listen_tcp(&address, arguments->anywhere, listener, error);
    if (status == VSA_ERR_ARGUMENT)
        vsa_error_wrap(error, arguments->anywhere ? "--listen" : "--listen without --anywhere");
    return status;
}

static enum vsa_status make_relay(const struct client_arguments *arguments, const char *enclave,
                                  struct vsa_relay **relay, struct vsa_error *error)
{
    struct vsa_listener listener = {.fd = -1};
    struct vsa_relay_options options = {
        .max_connections = (size_t)arguments->max_connections,
        .max_buffered = MAX_BUFFERED,
        .rate = (uint32_t)arguments->rate_limit,
        .idle_timeout_ms = arguments->idle_timeout_ms,
        .timeout_ms = arguments->timeout_ms,
        .drain_timeout_ms = VSA_DEFAULT_DRAIN_TIMEOUT_MS,
        .on_event = log_event,
    };
    VSA_TRY(vsa_address_parse(enclave, &options.enclave, error));
    raise_descriptors((size_t)arguments->max_connections);
    VSA_TRY(open_listener(arguments, &listener, error));
    enum vsa_status status = vsa_relay_new(&options, &listener, relay, error);
    if (status != VSA_OK)
        vsa_listener_close(&listener);
    return status;
}

static enum vsa_status run_relay(const struct client_arguments *arguments,
                                 const struct vsa_target *target, struct vsa_error *error)
{
    VSA_CLEANUP(cleanup_relay) struct vsa_relay *relay = NULL;
    service_manager_connect(CLIENT_PROGRAM);
    VSA_TRY(make_relay(arguments, target->address, &relay, error));
    signals_catch(stop_relay, relay);
    (void)fprintf(stderr, "%s: relay: from %s to %s\n", CLIENT_PROGRAM, arguments->listen,
                  target->address);
    service_manager_send_ready();
    enum vsa_status status = vsa_relay_run(relay, error);
    signals_catch(stop_relay, NULL);
    if (status == VSA_OK)
        (void)fprintf(stderr, "%s: relay: stopped\n", CLIENT_PROGRAM);
    return status;
}

enum exit_code client_relay(const struct client_arguments *arguments)
{
    static struct vsa_enclave_list running;
    struct vsa_target target;
    struct vsa_error error = {0};
    int64_t deadline_ms = vsa_deadline(arguments->timeout_ms);
    enum vsa_status status = client_find(arguments, deadline_ms, &target, &running, &error);
    if (status != VSA_OK) {
        client_text_failure(&error, CLIENT_PLACE_NITRO_CLI, &running);
        return exit_code_of(status);
    }
    status = run_relay(arguments, &target, &error);
    if (status != VSA_OK)
        output_error(CLIENT_PROGRAM, &error);
    return exit_code_of(status);
}
