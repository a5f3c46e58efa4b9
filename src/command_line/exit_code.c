/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/exit_code.h"

enum exit_code exit_code_of(enum vsa_status status)
{
    /* Limits that only time can lift: asking again later is right, looking at the bytes is not. */
    if (status == VSA_ERR_BUSY || status == VSA_ERR_CONNECTIONS || status == VSA_ERR_RATE_LIMITED)
        return EXIT_CODE_UNREACHABLE;
    switch (vsa_status_class(status)) {
    case VSA_CLASS_OK:
        return EXIT_CODE_OK;
    case VSA_CLASS_TRUST:
    case VSA_CLASS_POLICY:
        return EXIT_CODE_REFUSED;
    case VSA_CLASS_USAGE:
        return EXIT_CODE_USAGE;
    case VSA_CLASS_IO:
        return EXIT_CODE_UNREACHABLE;
    case VSA_CLASS_SYNTAX:
    case VSA_CLASS_FORMAT:
    case VSA_CLASS_LIMIT:
        return EXIT_CODE_MALFORMED;
    case VSA_CLASS_INTERNAL:
    default:
        return EXIT_CODE_INTERNAL;
    }
}

enum exit_code exit_code_of_arguments(enum vsa_status status)
{
    return vsa_status_class(status) == VSA_CLASS_INTERNAL ? EXIT_CODE_INTERNAL : EXIT_CODE_USAGE;
}

enum exit_code exit_code_worse(enum exit_code one, enum exit_code other)
{
    static const int gravity[] = {
        [EXIT_CODE_OK] = 0,       [EXIT_CODE_UNREACHABLE] = 1, [EXIT_CODE_USAGE] = 2,
        [EXIT_CODE_INTERNAL] = 3, [EXIT_CODE_MALFORMED] = 4,   [EXIT_CODE_REFUSED] = 5,
    };
    return gravity[other] > gravity[one] ? other : one;
}
