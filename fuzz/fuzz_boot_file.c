/* SPDX-License-Identifier: Apache-2.0 */
/* Files that images are built from, and those that enclave_init reads in them. */
#include <string.h>

#include "enclave_init/services.h"
#include "fuzz.h"
#include "image/boot_file.h"
#include "image/executable.h"
#include "image/metadata.h"

static void check_executable(struct vsa_slice file, enum vsa_image_architecture architecture)
{
    static struct vsa_executable executable;
    if (vsa_executable_read("the program", file, architecture, &executable, NULL) != VSA_OK)
        return;
    FUZZ_REQUIRE(executable.library_count <= VSA_EXECUTABLE_MAX_LIBRARIES);
    FUZZ_REQUIRE(memchr(executable.interpreter, '\0', VSA_EXECUTABLE_MAX_NAME) != NULL);
    for (size_t i = 0; i < executable.library_count; i++)
        FUZZ_REQUIRE(memchr(executable.libraries[i], '\0', VSA_EXECUTABLE_MAX_NAME) != NULL);
}

/* Each list of words ends within the room for all of them. */
static void check_services(const struct lines *lines)
{
    static struct services services;
    size_t line = 0;
    const char *problem = services_parse(lines, &services, &line);
    FUZZ_REQUIRE(line <= lines->count && services.count < SERVICES_MAX);
    if (problem)
        return;
    size_t words = 0;
    for (size_t i = 0; i < services.count; i++) {
        const struct service *service = &services.items[i];
        FUZZ_REQUIRE(service->environment == services.words + words);
        while (services.words[words++])
            ;
        FUZZ_REQUIRE(service->command == services.words + words && service->command[0][0] == '/');
        while (services.words[words++])
            ;
    }
    FUZZ_REQUIRE(services.count && words <= sizeof(services.words) / sizeof(services.words[0]));
}

/* The items point into the text, one behind the other. */
static void check_lines(struct vsa_slice file)
{
    static struct lines lines;
    if (file.size > LINES_MAX_BYTES)
        return;
    if (file.size > 0)
        memcpy(lines.text, file.data, file.size);
    if (lines_parse(&lines, file.size))
        return;
    FUZZ_REQUIRE(lines.count <= LINES_MAX_ITEMS && lines.items[lines.count] == NULL);
    size_t total = 0;
    for (size_t i = 0; i < lines.count; i++)
        total += strlen(lines.items[i]) + 1;
    FUZZ_REQUIRE(total <= file.size + 1);
    FUZZ_CALL(lines_check_environment(&lines) != NULL);
    check_services(&lines);
}

static void check_metadata(struct vsa_slice file)
{
    json_t *object = NULL;
    bool read = vsa_metadata_read(file, &object, NULL) == VSA_OK;
    if (vsa_metadata_check(file, NULL) == VSA_OK)
        FUZZ_REQUIRE(read);
    FUZZ_REQUIRE(read == json_is_object(object));
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vsa_slice file = vsa_slice_of(data, size);
    FUZZ_CALL(vsa_kernel_check(file, VSA_IMAGE_X86_64, NULL));
    FUZZ_CALL(vsa_kernel_check(file, VSA_IMAGE_AARCH64, NULL));
    FUZZ_CALL(vsa_ramdisk_check(file, NULL));
    FUZZ_CALL(vsa_module_check("the module", file, VSA_IMAGE_X86_64, NULL));
    FUZZ_CALL(vsa_module_check("the module", file, VSA_IMAGE_AARCH64, NULL));
    check_executable(file, VSA_IMAGE_X86_64);
    check_executable(file, VSA_IMAGE_AARCH64);
    check_lines(file);
    check_metadata(file);
    return 0;
}
