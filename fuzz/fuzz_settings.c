/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files of enclave_app. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "programs/enclave_app/settings.h"

static void read_file(const char *path)
{
    struct vsa_error error = {.status = VSA_OK};
    struct enclave_app_arguments arguments = {.mode = ENCLAVE_APP_SERVER};
    struct enclave_app_arguments overruled = {.mode = ENCLAVE_APP_SERVER};
    settings_set set = 0;
    vsa_server_options_init(&arguments.server);
    vsa_sealing_options_init(&arguments.sealing);
    if (settings_read_file(&enclave_app_settings, path, &arguments, &overruled, &arguments.config,
                           &set, &error) == VSA_OK) {
        FUZZ_REQUIRE(arguments.server.max_connections > 0 && arguments.server.max_queue > 0);
        FUZZ_REQUIRE(arguments.server.idle_timeout_ms > 0 && arguments.server.cache_ttl_ms >= 0);
        FUZZ_REQUIRE(arguments.server.rate_limit <= VSA_MAX_RATE_LIMIT);
    } else {
        FUZZ_REQUIRE(error.status != VSA_OK);
    }
    free(arguments.config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    FUZZ_REQUIRE(snprintf(path, sizeof(path), "/proc/self/fd/%d", fd) < (int)sizeof(path));
    read_file(path);
    (void)close(fd);
    return 0;
}
