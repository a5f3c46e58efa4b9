/* SPDX-License-Identifier: Apache-2.0 */
#include "server/internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Below this not even the requests of the guide fit. */
#define SMALLEST_MAX_LINE 256

void vsa_server_options_init(struct vsa_server_options *options)
{
    *options = (struct vsa_server_options){
        .listen = "vsock:any:9000",
        .nsm = VSA_NSM_DEVICE,
        .max_connections = VSA_DEFAULT_MAX_CONNECTIONS,
        .max_in_flight = VSA_DEFAULT_MAX_IN_FLIGHT,
        .max_queue = VSA_DEFAULT_MAX_QUEUE,
        .rate_limit = VSA_DEFAULT_RATE_LIMIT,
        .rate_burst = VSA_DEFAULT_RATE_BURST,
        .max_line = VSA_MAX_REQUEST_LINE,
        .max_buffered = VSA_DEFAULT_MAX_BUFFERED,
        .idle_timeout_ms = VSA_DEFAULT_IDLE_TIMEOUT_MS,
        .request_timeout_ms = VSA_DEFAULT_REQUEST_TIMEOUT_MS,
        .drain_timeout_ms = VSA_DEFAULT_DRAIN_TIMEOUT_MS,
    };
}

static enum vsa_status check_options(const struct vsa_server_options *options,
                                     struct vsa_error *error)
{
    if (!options->listen || !options->nsm)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "no address");
    if (options->max_connections == 0 || options->max_in_flight == 0 || options->max_queue == 0 ||
        options->max_buffered == 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "a limit of 0");
    if (options->max_line < SMALLEST_MAX_LINE || options->max_line > VSA_MAX_REQUEST_LINE)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "max_line must be %d..%d bytes", SMALLEST_MAX_LINE,
                        VSA_MAX_REQUEST_LINE);
    if (options->rate_limit > VSA_MAX_RATE_LIMIT || options->rate_burst > VSA_MAX_RATE_LIMIT)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "rate limit and burst must be at most %d",
                        VSA_MAX_RATE_LIMIT);
    if (options->cache_ttl_ms < 0 || options->cache_ttl_ms > VSA_MAX_CACHE_TTL_MS)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the cache's time must be 0..%d ms",
                        VSA_MAX_CACHE_TTL_MS);
    if (options->idle_timeout_ms <= 0 || options->request_timeout_ms <= 0 ||
        options->drain_timeout_ms <= 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "time limits must be above 0 ms");
    return VSA_OK;
}

static enum vsa_status take_options(struct vsa_server *server,
                                    const struct vsa_server_options *options,
                                    struct vsa_error *error)
{
    server->options = *options;
    server->options.listen = server->listen_text = strdup(options->listen);
    server->options.nsm = server->nsm_text = strdup(options->nsm);
    server->rate.rate = (int64_t)options->rate_limit;
    server->rate.burst = options->rate_burst ? (int64_t)options->rate_burst : 2 * server->rate.rate;
    vsa_budget_init(&server->budget, options->max_buffered);
    server->input_scratch = malloc(VSA_MAX_REQUEST_LINE);
    server->output_scratch = malloc(VSA_OUTPUT_SCRATCH);
    server->statistics = vsa_statistics_new();
    if (!server->listen_text || !server->nsm_text || !server->input_scratch ||
        !server->output_scratch || !server->statistics)
        return vsa_fail_memory(error);
    return VSA_OK;
}

static void notify_loop(void *user)
{
    struct vsa_server *server = user;
    vsa_loop_wake(&server->loop);
}

static enum vsa_status start_worker(struct vsa_server *server, struct vsa_error *error)
{
    struct vsa_nsm *nsm = NULL;
    const char *address = server->options.nsm;
    int64_t timeout_ms = server->options.request_timeout_ms;
    int nsm_timeout_ms = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    enum vsa_status status = vsa_nsm_open(address, nsm_timeout_ms, &nsm, error);
    /* A software NSM may come later; a device that is missing stays missing. */
    bool may_come = strncmp(address, "unix:", 5) == 0 &&
                    (status == VSA_ERR_NSM_UNREACHABLE || status == VSA_ERR_TIMEOUT);
    if (status != VSA_OK && !may_come)
        return status;
    return vsa_worker_new(address, nsm_timeout_ms, nsm, server->options.max_queue,
                          server->statistics, notify_loop, server, &server->worker, error);
}

static enum vsa_status build(struct vsa_server *server, const struct vsa_server_options *options,
                             struct vsa_error *error)
{
    struct vsa_address address;
    VSA_TRY(take_options(server, options, error));
    VSA_TRY(vsa_address_parse(options->listen, &address, error));
    VSA_TRY(vsa_server_init_loop(server, error));
    VSA_TRY(vsa_commands_register(server, error));
    VSA_TRY(start_worker(server, error));
    /* Last: whoever connects now will be served. */
    VSA_TRY(vsa_listen(&address, &server->listener, error));
    server->port = server->listener.address.port;
    return VSA_OK;
}

enum vsa_status vsa_server_new(const struct vsa_server_options *options, struct vsa_server **server,
                               struct vsa_error *error)
{
    VSA_TRY(check_options(options, error));
    struct vsa_server *built = calloc(1, sizeof(*built));
    if (!built)
        return vsa_fail_memory(error);
    built->listener.fd = -1;
    vsa_nsm_health_init(&built->nsm);
    built->nsm_reader = &built->nsm;
    built->loop.epoll_fd = -1;
    built->loop.wake.fd = -1;
    enum vsa_status status = build(built, options, error);
    if (status != VSA_OK) {
        vsa_server_free(built);
        return status;
    }
    *server = built;
    return VSA_OK;
}

void vsa_server_free(struct vsa_server *server)
{
    if (!server)
        return;
    /* First: it may still want to wake the loop. */
    vsa_worker_free(server->worker);
    vsa_loop_close(&server->loop);
    vsa_listener_close(&server->listener);
    for (size_t i = 0; i < server->command_count; i++) {
        free(server->command_parts[i].name);
        json_decref(server->command_parts[i].summary);
    }
    free(server->listen_text);
    free(server->nsm_text);
    free(server->input_scratch);
    free(server->output_scratch);
    vsa_reply_cache_clear(&server->cache);
    vsa_statistics_free(server->statistics);
    vsa_nsm_health_destroy(&server->nsm);
    free(server);
}

/* --- commands --------------------------------------------------------------------------------- */

static bool is_command_name(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    return size > 0 && size <= VSA_MAX_COMMAND_NAME &&
           (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size ||
            strcmp(name, VSA_COMMAND_ANY) == 0);
}

static bool are_flags(const struct vsa_command *command)
{
    switch (command->flags & ~VSA_COMMAND_RATE_LIMITED) {
    case 0:
    case VSA_COMMAND_NSM:
    case VSA_COMMAND_BLOCKING:
        return true;
    default:
        return false;
    }
}

static enum vsa_status check_command(const struct vsa_command *command, struct vsa_error *error)
{
    if (!is_command_name(command->name))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "a command's name has 1 to %d characters of a-z 0-9 _ -",
                        VSA_MAX_COMMAND_NAME);
    if (!command->handler)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s has no handler", command->name);
    if (!are_flags(command))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%s: flags are none or one of VSA_COMMAND_*",
                        command->name);
    return VSA_OK;
}

/* The row for it: a built-in command's of that name, or a new one. */
static enum vsa_status find_row(struct vsa_server *server, const char *name, size_t *index,
                                struct vsa_error *error)
{
    size_t i = 0;
    while (i < server->command_count && strcmp(server->commands[i].name, name) != 0)
        i++;
    *index = i;
    if (i < server->command_count) {
        if (server->command_parts[i].built_in)
            return VSA_OK;
        return vsa_fail(error, VSA_ERR_ARGUMENT, "there is a command \"%s\" already", name);
    }
    if (i == VSA_MAX_COMMANDS)
        return vsa_fail(error, VSA_ERR_TOO_MANY, "more than %d commands", VSA_MAX_COMMANDS);
    server->command_parts[i].name = strdup(name);
    if (!server->command_parts[i].name)
        return vsa_fail_memory(error);
    server->command_count++;
    return VSA_OK;
}

enum vsa_status vsa_server_add_command(struct vsa_server *server, const struct vsa_command *command,
                                       bool built_in, struct vsa_error *error)
{
    size_t index = 0;
    VSA_TRY(check_command(command, error));
    VSA_TRY(find_row(server, command->name, &index, error));
    server->commands[index] = *command;
    server->commands[index].name = server->command_parts[index].name;
    server->command_parts[index].built_in = built_in;
    server->command_parts[index].sharing = NULL;
    if (strcmp(command->name, VSA_COMMAND_ANY) == 0)
        server->any = &server->commands[index];
    return VSA_OK;
}

enum vsa_status vsa_server_register(struct vsa_server *server, const struct vsa_command *command,
                                    struct vsa_error *error)
{
    if (server->started)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "commands are registered before the server runs");
    return vsa_server_add_command(server, command, false, error);
}

/* --- statistics ------------------------------------------------------------------------------- */

void vsa_server_get_statistics(const struct vsa_server *server,
                               struct vsa_server_statistics *statistics)
{
    const struct vsa_statistics *counts = server->statistics;
    vsa_statistics_read(counts, statistics);
    vsa_nsm_health_read(server->nsm_reader, vsa_monotonic_ms(), statistics);
    statistics->command_count = server->command_count;
    for (size_t i = 0; i < server->command_count; i++)
        statistics->commands[i] = (struct vsa_command_statistics){
            .name = server->commands[i].name,
            .requests = vsa_statistic_get(&counts->command_requests[i]),
            .errors = vsa_statistic_get(&counts->command_errors[i]),
        };
}
