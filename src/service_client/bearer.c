/* SPDX-License-Identifier: Apache-2.0 */
#include "service_client/bearer.h"

#include <string.h>

#include "base/error.h"

enum vsa_status vsa_bearer_read(struct vsa_slice text, char token[VSA_MAX_BEARER + 1],
                                struct vsa_error *error)
{
    size_t size = text.size;
    while (size && text.data[size - 1] && strchr(" \t\r\n", text.data[size - 1]))
        size--;
    size_t good = 0;
    while (good < size && text.data[good] > ' ' && text.data[good] < 0x7f)
        good++;
    if (!size || size > VSA_MAX_BEARER || good < size)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "no bearer token: one line of 1 to %d visible characters", VSA_MAX_BEARER);
    memcpy(token, text.data, size);
    token[size] = '\0';
    return VSA_OK;
}
