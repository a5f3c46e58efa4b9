/* SPDX-License-Identifier: Apache-2.0 */
#include "log/server_event.h"

#include <string.h>

#include "log/log.h"
#include "protocol/request.h"

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
void log_server_event(void *user, const struct vsa_server_event *event)
{
    enum log_level level = event_level(event);
    (void)user;
    if (log_is_wanted(level))
        write_event(event, level);
}
