/* SPDX-License-Identifier: Apache-2.0 */
#include "image/metadata.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json_depth.h"
#include "base/time_text.h"

struct kernel_facts {
    char system[32];
    char version[64];
};

/* The line "# Linux/x86 6.12.117 Kernel Configuration" near the top of a kernel's .config. */
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
    /* The second word is the architecture, which the image's header tells. */
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

enum vsa_status vsa_metadata_make(const struct vsa_image_recipe *recipe,
                                  struct vsa_slice kernel_config, struct vsa_whole_file *bytes,
                                  struct vsa_error *error)
{
    char build_time[VSA_TIME_TEXT_SIZE];
    struct kernel_facts facts;
    read_kernel_config(kernel_config, &facts);
    vsa_time_format(recipe->build_time * 1000, build_time, sizeof(build_time));
    json_t *object =
        json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{}, s:{}}", "ImageName",
                  name_of(recipe), "ImageVersion", recipe->version ? recipe->version : "1.0",
                  "BuildMetadata", "BuildTime", build_time, "BuildTool", "enclave_image",
                  "BuildToolVersion", vsa_version(), "OperatingSystem", facts.system,
                  "KernelVersion", facts.version, "DockerInfo", "CustomMetadata");
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "the image's name or version is not UTF-8 text");
    *bytes = (struct vsa_whole_file){(uint8_t *)text, strlen(text), false};
    return VSA_OK;
}

enum vsa_status vsa_metadata_read(struct vsa_slice bytes, json_t **object, struct vsa_error *error)
{
    json_error_t problem;
    enum vsa_status depth = vsa_json_depth_check(bytes, VSA_MAX_JSON_FILE_DEPTH, error);
    if (depth != VSA_OK) {
        vsa_error_wrap(error, "the metadata");
        return depth;
    }
    json_t *parsed =
        json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &problem);
    if (!parsed)
        return vsa_fail(error, VSA_ERR_JSON, "the metadata is not JSON: %.120s", problem.text);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return vsa_fail(error, VSA_ERR_JSON, "the metadata is not a JSON object");
    }
    *object = parsed;
    return VSA_OK;
}

/* The field's name when nitro-cli could not read `metadata`; NULL when it can. */
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
    json_t *metadata = NULL;
    VSA_TRY(vsa_metadata_read(bytes, &metadata, error));
    const char *field = find_unfit_field(metadata);
    json_decref(metadata);
    if (field)
        return vsa_fail_at(
            error, VSA_ERR_JSON, VSA_NO_OFFSET, "AWS EIF, identity.rs",
            "the metadata's %s is missing or of another type than nitro-cli reads: it "
            "would neither describe nor run the image",
            field);
    return VSA_OK;
}
