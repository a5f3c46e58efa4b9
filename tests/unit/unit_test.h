/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka test includes: cmocka's own prerequisites, and a skip that says why. */
#ifndef VSA_TESTS_UNIT_TEST_H
#define VSA_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* run_cmocka.py shows `reason` (a string literal) beside the skipped test. */
#define SKIP_BECAUSE(reason)                                                                       \
    do {                                                                                           \
        print_message("# skip: " reason "\n");                                                     \
        skip();                                                                                    \
    } while (0)

#endif
