/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_depth.h"

#include <stdbool.h>

#include "base/error.h"

enum vsa_status vsa_json_depth_check(struct vsa_slice text, size_t limit, struct vsa_error *error)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (in_string && byte == '\\')
            i++;
        else if (byte == '"')
            in_string = !in_string;
        else if (in_string)
            continue;
        else if ((byte == '{' || byte == '[') && ++depth > limit)
            return vsa_fail_at(error, VSA_ERR_NESTING, i, NULL,
                               "JSON nested deeper than %zu levels", limit);
        else if ((byte == '}' || byte == ']') && depth > 0)
            depth--;
    }
    return VSA_OK;
}
