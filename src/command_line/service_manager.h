/* SPDX-License-Identifier: Apache-2.0 */
/* A service manager that waits until this program is ready: sd_notify(3). */
#ifndef VSA_COMMAND_LINE_SERVICE_MANAGER_H
#define VSA_COMMAND_LINE_SERVICE_MANAGER_H

/*
 * Connects to the Unix socket that $NOTIFY_SOCKET names, if it names one. Call it before privileges
 * are given up. A manager that cannot be reached is warned of: it may be of another process.
 */
void service_manager_connect(const char *program);

/* Sends what has changed; does nothing without a manager. One that does not read costs 5 s. */
void service_manager_send_ready(void);
void service_manager_send_reloading(void);
void service_manager_send_stopping(void);

#endif
