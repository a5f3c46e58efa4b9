/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a server as log lines. */
#ifndef VSA_LOG_SERVER_EVENT_H
#define VSA_LOG_SERVER_EVENT_H

#include <vsattest/server.h>

/* Logs an event: `on_event` of a server's options; `user` is not looked at. */
void log_server_event(void *user, const struct vsa_server_event *event);

#endif
