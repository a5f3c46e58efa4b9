/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_TESTS_SLOW_TOOL_H
#define VSA_TESTS_SLOW_TOOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Valgrind or a sanitizer watches (or VSA_SLOW_TOOL=1 says so): a signature then costs up to 50
 * times as much, and tests that repeat what they check may do with a documented part.
 */
bool is_slow_tool(void);

/*
 * Of a table of like cases every so manieth is run: 1, but under valgrind 4. The sanitizers, which
 * see most of what it sees in a tenth of the time, run them all.
 */
size_t slow_tool_step(void);

#endif
