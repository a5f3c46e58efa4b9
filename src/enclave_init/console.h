/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_CONSOLE_H
#define VSA_ENCLAVE_INIT_CONSOLE_H

/* Makes the console standard input, output and error; it can be read in debug mode only. */
void console_open(void);

/* Logs "enclave_init: ..." and a newline to the console. */
__attribute__((format(printf, 1, 2))) void console_say(const char *format, ...);

/* Logs a line with errno's text at its end. Returns -1, so that it ends a function that failed. */
__attribute__((format(printf, 1, 2))) int console_fail(const char *format, ...);

#endif
