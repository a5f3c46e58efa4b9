/* SPDX-License-Identifier: Apache-2.0 */
#include "image/metadata.h"

#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time_text.h"
#include "json/load.h"
#include "json/writer.h"

struct kernel_facts {
    char system[32];
    char version[64];
};

/* Reads the line "# Linux/x86 6.12.117 Kernel Configuration" near the top of a kernel's .config. */
static void read_kernel_config(struct vsa_slice config, struct kernel_facts *facts)
{
    static const char mark[] = " Kernel Configuration";
    char head[512];
    (void)snprintf(facts->system, sizeof(facts->system), "Linux");
    (void)snprintf(facts->version, sizeof(facts->version), "unknown");
    if (!config.data)
        return;
    (void)snprintf(head, sizeof(head), "%.*s",
                   (int)(config.size < sizeof(head) ? config.size : sizeof(head) - 1),
                   (const char *)config.data);
    char *end = strstr(head, mark);
    if (!end)
        return;
    *end = '\0';
    const char *line = strrchr(head, '\n');
    struct kernel_facts found;
    /* The second word is the architecture, which is in the image's header. */
    if (sscanf(line ? line + 1 : head, "# %31[A-Za-z]/%*s %63[0-9A-Za-z.+~_-]", found.system,
               found.version) == 2)
        *facts = found;
}

static const char *name_of(const struct vsa_image_recipe *recipe)
{
    if (recipe->name)
        return recipe->name;
    const char *path = recipe->program ? recipe->program : "image";
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static json_t *build_metadata(const struct vsa_image_recipe *recipe,
                              const struct kernel_facts *facts)
{
    char time[VSA_TIME_TEXT_SIZE];
    vsa_time_format(recipe->build_time * 1000, time, sizeof(time));
    struct vsa_json_writer build = vsa_json_object();
    vsa_json_put(&build, "BuildTime", json_string(time));
    vsa_json_put(&build, "BuildTool", json_string("enclave_image"));
    vsa_json_put(&build, "BuildToolVersion", json_string(vsa_version()));
    vsa_json_put(&build, "OperatingSystem", json_string(facts->system));
    vsa_json_put(&build, "KernelVersion", json_string(facts->version));
    return vsa_json_finish(&build);
}

enum vsa_status vsa_metadata_make(const struct vsa_image_recipe *recipe,
                                  struct vsa_slice kernel_config, struct vsa_whole_file *bytes,
                                  struct vsa_error *error)
{
    struct kernel_facts facts;
    const char *name = name_of(recipe);
    const char *version = recipe->version ? recipe->version : "1.0";
    if (!vsa_slice_is_utf8(vsa_slice_of_text(name)) ||
        !vsa_slice_is_utf8(vsa_slice_of_text(version)))
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the image's name or version is not UTF-8 text");
    read_kernel_config(kernel_config, &facts);
    struct vsa_json_writer writer = vsa_json_object();
    vsa_json_put(&writer, "ImageName", json_string(name));
    vsa_json_put(&writer, "ImageVersion", json_string(version));
    vsa_json_put(&writer, "BuildMetadata", build_metadata(recipe, &facts));
    vsa_json_put(&writer, "DockerInfo", json_object());
    vsa_json_put(&writer, "CustomMetadata", json_object());
    VSA_AUTO_JSON json_t *object = vsa_json_finish(&writer);
    char *text = vsa_json_print(object, JSON_COMPACT);
    if (!text)
        return vsa_fail_memory(error);
    *bytes = (struct vsa_whole_file){(uint8_t *)text, strlen(text), false};
    return VSA_OK;
}

enum vsa_status vsa_metadata_read(struct vsa_slice bytes, json_t **object, struct vsa_error *error)
{
    static const struct vsa_json_limits limits = {
        .name = "the metadata",
        .max_size = VSA_MAX_IMAGE_METADATA,
        .max_depth = VSA_MAX_JSON_FILE_DEPTH,
    };
    return vsa_json_load_object(bytes, &limits, object, error);
}

/*
 * Returns the name of the field that nitro-cli could not read in `metadata`;
 * NULL when it can read all.
 */
static const char *find_unfit_field(const json_t *metadata)
{
    static const char *const texts[] = {"ImageName", "ImageVersion"};
    static const char *const build_texts[] = {"BuildTime", "BuildTool", "BuildToolVersion",
                                              "OperatingSystem", "KernelVersion"};
    const json_t *build = json_object_get(metadata, "BuildMetadata");
    const json_t *custom = json_object_get(metadata, "CustomMetadata");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!json_is_string(json_object_get(metadata, texts[i])))
            return texts[i];
    if (!json_is_object(build))
        return "BuildMetadata";
    for (size_t i = 0; i < sizeof(build_texts) / sizeof(build_texts[0]); i++)
        if (!json_is_string(json_object_get(build, build_texts[i])))
            return build_texts[i];
    if (!json_object_get(metadata, "DockerInfo"))
        return "DockerInfo";
    return custom && !json_is_object(custom) && !json_is_null(custom) ? "CustomMetadata" : NULL;
}

enum vsa_status vsa_metadata_check(struct vsa_slice bytes, struct vsa_error *error)
{
    VSA_AUTO_JSON json_t *metadata = NULL;
    VSA_TRY(vsa_metadata_read(bytes, &metadata, error));
    const char *field = find_unfit_field(metadata);
    if (field)
        return vsa_fail_at(
            error, VSA_ERR_JSON, VSA_NO_OFFSET, "AWS EIF, identity.rs",
            "the metadata's %s is missing or of another type than nitro-cli reads: it "
            "would neither describe nor run the image",
            field);
    return VSA_OK;
}
