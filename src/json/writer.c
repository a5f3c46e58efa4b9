/* SPDX-License-Identifier: Apache-2.0 */
#include "json/writer.h"

#include <stdlib.h>

#include "base/error.h"

static struct vsa_json_writer begin(json_t *value)
{
    return (struct vsa_json_writer){.value = value, .failed = !value};
}

struct vsa_json_writer vsa_json_object(void)
{
    return begin(json_object());
}

struct vsa_json_writer vsa_json_array(void)
{
    return begin(json_array());
}

struct vsa_json_writer vsa_json_extend(json_t *object)
{
    return begin(json_incref(object));
}

void vsa_json_put(struct vsa_json_writer *writer, const char *key, json_t *value)
{
    if (json_object_set_new_nocheck(writer->value, key, value) != 0)
        writer->failed = true;
}

void vsa_json_append(struct vsa_json_writer *writer, json_t *value)
{
    if (json_array_append_new(writer->value, value) != 0)
        writer->failed = true;
}

json_t *vsa_json_finish(struct vsa_json_writer *writer)
{
    json_t *value = writer->value;
    writer->value = NULL;
    if (!writer->failed)
        return value;
    json_decref(value);
    return NULL;
}

enum vsa_status vsa_json_close(struct vsa_json_writer *writer, struct vsa_error *error)
{
    json_decref(writer->value);
    writer->value = NULL;
    return writer->failed ? vsa_fail_memory(error) : VSA_OK;
}

enum vsa_status vsa_json_set(json_t *object, const char *key, json_t *value,
                             struct vsa_error *error)
{
    struct vsa_json_writer writer = vsa_json_extend(object);
    vsa_json_put(&writer, key, value);
    return vsa_json_close(&writer, error);
}

/* Most texts have fewer bytes; one that has more is printed twice. */
#define USUAL_SIZE 4096

char *vsa_json_print(const json_t *value, size_t flags)
{
    /* Into a buffer it cannot fail unnoticed: without room it still returns the whole size. */
    size_t capacity = USUAL_SIZE;
    char *text = malloc(capacity);
    size_t size = text ? json_dumpb(value, text, capacity, flags) : 0;
    if (size >= capacity) {
        free(text);
        capacity = size + 1;
        text = malloc(capacity);
        size = text ? json_dumpb(value, text, capacity, flags) : 0;
    }
    if (size == 0 || size >= capacity) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}
