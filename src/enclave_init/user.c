/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>

#include "enclave_init/user.h"

/* Reads a number from 1 to 4294967294 up to `end`; the character after it, or NULL. */
static const char *read_id(const char *text, const char *end, uint32_t *id)
{
    uint64_t value = 0;
    if (text == end || *text == '0')
        return NULL;
    for (; text < end && *text >= '0' && *text <= '9' && value < UINT32_MAX; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    *id = (uint32_t)value;
    return value > 0 && value < UINT32_MAX ? text : NULL;
}

const char *user_parse(const char *text, size_t size, struct user *user)
{
    static const char wrong[] = "the file is not UID:GID, both from 1 to 4294967294";
    const char *end = text + size;
    struct user read;
    text = read_id(text, end, &read.uid);
    if (!text || text == end || *text != ':')
        return wrong;
    text = read_id(text + 1, end, &read.gid);
    if (!text || text + 1 != end || *text != '\n')
        return wrong;
    *user = read;
    return NULL;
}
