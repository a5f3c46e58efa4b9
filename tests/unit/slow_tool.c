/* SPDX-License-Identifier: Apache-2.0 */
#include "slow_tool.h"

#include <stdlib.h>
#include <string.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#if (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)) && !defined(HAS_SANITIZER)
#define HAS_SANITIZER 1
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

static bool is_valgrind(void)
{
    const char *slow = getenv("VSA_SLOW_TOOL");
    /* Valgrind shows itself to the program it runs by what it preloads. */
    const char *preload = getenv("LD_PRELOAD");
    return (slow && slow[0] == '1') || (preload && strstr(preload, "valgrind"));
}

bool is_slow_tool(void)
{
    return HAS_SANITIZER || is_valgrind();
}

size_t slow_tool_step(void)
{
    return is_valgrind() ? 4 : 1;
}
