/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_ENCLAVE_INIT_CONSOLE_H
#define VSA_ENCLAVE_INIT_CONSOLE_H

/* Standard input, output and error become the console, which is seen in debug mode only. */
void console_open(void);

/* "enclave_init: ..." and a newline on the console. */
__attribute__((format(printf, 1, 2))) void console_say(const char *format, ...);

/* The same with errno's meaning at the end. Returns -1, so that it ends a function that failed. */
__attribute__((format(printf, 1, 2))) int console_fail(const char *format, ...);

#endif
