/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_image/metadata.h"

#include <stdio.h>

#include "base/error.h"
#include "base/time_text.h"
#include "programs/numbers.h"
#include <vsattest/limits.h>

/* 9999-12-31T23:59:59Z, the last that RFC 3339 can write. */
#define LAST_SECOND UINT64_C(253402300799)

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

static enum vsa_status read_build_time(char *text, size_t capacity, struct vsa_error *error)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds = 0;
    if (epoch && *epoch)
        VSA_TRY(numbers_parse("SOURCE_DATE_EPOCH", epoch, 0, LAST_SECOND, &seconds, error));
    vsa_time_format((int64_t)seconds * 1000, text, capacity);
    return VSA_OK;
}

enum vsa_status image_metadata_make(const struct image_identity *identity, struct file_bytes *bytes,
                                    struct vsa_error *error)
{
    char build_time[VSA_TIME_TEXT_SIZE];
    struct kernel_facts facts;
    read_kernel_config(identity->kernel_config, &facts);
    VSA_TRY(read_build_time(build_time, sizeof(build_time), error));
    json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}, s:{}, s:{}}", "ImageName",
                               identity->name, "ImageVersion", identity->version, "BuildMetadata",
                               "BuildTime", build_time, "BuildTool", "enclave_image",
                               "BuildToolVersion", vsa_version(), "OperatingSystem", facts.system,
                               "KernelVersion", facts.version, "DockerInfo", "CustomMetadata");
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!text)
        return vsa_fail(error, VSA_ERR_ARGUMENT, VSA_NO_OFFSET, NULL,
                        "the image's name or version is not UTF-8 text");
    file_bytes_free(bytes);
    bytes->data = (uint8_t *)text;
    bytes->size = strlen(text);
    return VSA_OK;
}

enum vsa_status image_metadata_read(struct vsa_slice bytes, json_t **object,
                                    struct vsa_error *error)
{
    json_error_t problem;
    json_t *parsed =
        json_loadb((const char *)bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &problem);
    if (!parsed)
        return vsa_fail(error, VSA_ERR_JSON, VSA_NO_OFFSET, NULL,
                        "the metadata is not JSON: %.120s", problem.text);
    if (!json_is_object(parsed)) {
        json_decref(parsed);
        return vsa_fail(error, VSA_ERR_JSON, VSA_NO_OFFSET, NULL,
                        "the metadata is not a JSON object");
    }
    *object = parsed;
    return VSA_OK;
}
