/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json.h"

#include "base/error.h"
#include "json/load.h"

bool vsa_json_is_blank(struct vsa_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r')
            return false;
    return true;
}

static const struct vsa_json_limits limits = {
    .name = "the line",
    .max_size = VSA_MAX_REPLY_LINE,
    .max_depth = VSA_MAX_JSON_DEPTH,
    .allow_nul = true,
};

enum vsa_status vsa_json_parse(struct vsa_slice text, json_t **object, struct vsa_error *error)
{
    return vsa_json_load_object(text, &limits, object, error);
}

/* Returns whether it is a sealed request, and what was kept apart is what is sealed. */
static bool is_sealed(const json_t *object, struct vsa_slice apart)
{
    json_t *sealed = vsa_json_get(object, "sealed");
    return vsa_json_is_text(vsa_json_get(object, "command"), vsa_slice_of_text("sealed")) &&
           json_is_string(sealed) && vsa_json_apart_slice(sealed, apart).data == apart.data;
}

enum vsa_status vsa_json_parse_sealed(struct vsa_slice text, json_t **object,
                                      struct vsa_slice *apart, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *loaded = NULL;
    struct vsa_slice kept;
    VSA_TRY(vsa_json_load_object_apart(text, &limits, &loaded, &kept, error));
    /* Not read anew: a hostile line would take twice its time. */
    if (kept.data && !is_sealed(loaded, kept)) {
        VSA_TRY(vsa_json_put_back(loaded, kept, error));
        kept = (struct vsa_slice){0};
    }
    *apart = kept;
    *object = loaded;
    loaded = NULL;
    return VSA_OK;
}

enum vsa_status vsa_json_write_line(const json_t *object, char *buffer, size_t capacity,
                                    size_t *size, struct vsa_error *error)
{
    size_t needed = json_dumpb(object, buffer, capacity, JSON_COMPACT);
    if (needed == 0)
        return vsa_fail(error, VSA_ERR_MEMORY, "cannot write JSON");
    if (needed >= capacity)
        return vsa_fail(error, VSA_ERR_BUFFER, "a line of %zu bytes does not fit into %zu",
                        needed + 1, capacity);
    buffer[needed] = '\n';
    *size = needed + 1;
    return VSA_OK;
}
