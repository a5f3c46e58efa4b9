/* SPDX-License-Identifier: Apache-2.0 */
/* `enclave_image describe` of any file; what it would print is looked at here. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "command_line/output.h"
#include "fuzz.h"
#include "programs/enclave_image/command.h"
#include "repair_crc.h"

/* 64 KiB of metadata once made 126 MB. */
#define MOST_OUTPUT ((size_t)8 * 1024 * 1024)

/*
 * Takes the place of output_json() (-Wl,--wrap). `used`: link-time optimisation of gcc does not see
 * the calls that the linker redirects, and would drop it.
 */
__attribute__((used)) enum vsa_status __wrap_output_json(json_t *object, struct vsa_error *error);
enum vsa_status __wrap_output_json(json_t *object, struct vsa_error *error)
{
    (void)error;
    FUZZ_REQUIRE(json_is_object(object));
    FUZZ_REQUIRE(json_dumpb(object, NULL, 0, JSON_INDENT(2)) < MOST_OUTPUT);
    json_decref(object);
    return VSA_OK;
}

static void describe(const char *path)
{
    char copy[64];
    char *words[] = {copy};
    /* 2026-01-01, so that the clock has no part in it. */
    struct image_signer time = {.has_time = true, .time_ms = INT64_C(1767225600000)};
    const struct option_operands operands = {.words = words, .count = 1};
    struct vsa_error error = {.status = VSA_OK};
    struct image_call call = {.arguments_read = false};
    (void)snprintf(copy, sizeof(copy), "%s", path);
    if (image_describe_command.run(&call, &time, &operands, &error) != VSA_OK)
        FUZZ_REQUIRE(error.status != VSA_OK);
}

/* Its warnings are of no interest. */
static void describe_bytes(const void *bytes, size_t size)
{
    char path[64];
    FILE *before = stderr;
    int fd = memfd_create("image", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    FUZZ_REQUIRE(snprintf(path, sizeof(path), "/proc/self/fd/%d", fd) < (int)sizeof(path));
    stderr = fopen("/dev/null", "w");
    FUZZ_REQUIRE(stderr != NULL);
    describe(path);
    (void)fclose(stderr);
    stderr = before;
    (void)close(fd);
}

/* With the right CRC, which no mutation would find. */
static void describe_repaired(const uint8_t *data, size_t size)
{
    uint8_t *copy = copy_with_crc(data, size);
    describe_bytes(copy, size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEADER_SIZE)
        return 0;
    describe_repaired(data, size);
    return 0;
}
