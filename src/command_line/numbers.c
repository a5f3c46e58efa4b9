/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/numbers.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/error.h"

/* Reads digits up to the first other character; false without any, or above `highest`. */
static bool read_digits(const char **text, uint64_t highest, uint64_t *value)
{
    const char *c = *text;
    uint64_t total = 0;
    for (; *c >= '0' && *c <= '9'; c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (total > (highest - digit) / 10 || digit > highest)
            return false;
        total = total * 10 + digit;
    }
    if (c == *text)
        return false;
    *text = c;
    *value = total;
    return true;
}

enum vsa_status numbers_parse(const char *what, const char *text, uint64_t lowest, uint64_t highest,
                              uint64_t *value, struct vsa_error *error)
{
    const char *end = text;
    uint64_t number;
    if (!read_digits(&end, highest, &number) || *end || number < lowest)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: '%.40s' is not a whole number from %" PRIu64 " to %" PRIu64, what,
                        text, lowest, highest);
    *value = number;
    return VSA_OK;
}

enum vsa_status numbers_parse_seconds(const char *what, const char *text, uint64_t lowest_ms,
                                      uint64_t highest_seconds, int64_t *milliseconds,
                                      struct vsa_error *error)
{
    const char *c = text;
    uint64_t seconds = 0;
    uint64_t thousandths = 0;
    bool ok = read_digits(&c, highest_seconds, &seconds);
    if (ok && *c == '.') {
        const char *fraction = ++c;
        ok = read_digits(&c, 999, &thousandths) && c - fraction <= 3;
        for (long digits = c - fraction; ok && digits < 3; digits++)
            thousandths *= 10;
    }
    if (!ok || *c || seconds * 1000 + thousandths < lowest_ms)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "%s: '%.40s' is not a number of seconds from %g to %" PRIu64, what, text,
                        (double)lowest_ms / 1000.0, highest_seconds);
    *milliseconds = (int64_t)(seconds * 1000 + thousandths);
    return VSA_OK;
}
