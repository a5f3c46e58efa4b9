/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VSA_TESTS_SLOW_TOOL_H
#define VSA_TESTS_SLOW_TOOL_H

#include <stdbool.h>

/*
 * Valgrind or a sanitizer watches (or VSA_SLOW_TOOL=1 says so): a signature then costs up to 50
 * times as much, and tests that repeat what they check may do with a documented part.
 */
bool is_slow_tool(void);

#endif
