/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "enclave_init/user.h"

/* Reads a number from 1 to 4294967294; the character after it, or NULL. */
static const char *read_id(const char *text, uint32_t *id)
{
    uint64_t value = 0;
    if (*text == '0')
        return NULL;
    for (; *text >= '0' && *text <= '9' && value < UINT32_MAX; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    *id = (uint32_t)value;
    return value > 0 && value < UINT32_MAX ? text : NULL;
}

const char *user_parse(const char *text, struct user *user)
{
    static const char wrong[] = "a user is UID:GID, both from 1 to 4294967294";
    struct user read;
    text = read_id(text, &read.uid);
    if (!text || *text != ':')
        return wrong;
    text = read_id(text + 1, &read.gid);
    if (!text || *text)
        return wrong;
    *user = read;
    return NULL;
}
