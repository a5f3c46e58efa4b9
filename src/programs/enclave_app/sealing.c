/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/enclave_app/sealing.h"

#include <string.h>

#include "base/error.h"
#include "file/whole_file.h"

/* Calls `allow` for each name of `names`, separated by commas. */
static enum vsa_status allow_names(struct vsa_server *server, const char *names, size_t size,
                                   struct vsa_slice pem, struct vsa_error *error)
{
    const char *end = names + size;
    while (names <= end) {
        char name[VSA_MAX_COMMAND_NAME + 1] = {0};
        const char *comma = memchr(names, ',', (size_t)(end - names));
        size_t length = (size_t)((comma ? comma : end) - names);
        if (length == 0 || length > VSA_MAX_COMMAND_NAME)
            return vsa_fail(error, VSA_ERR_ARGUMENT, "a command's name has 1 to %d characters",
                            VSA_MAX_COMMAND_NAME);
        memcpy(name, names, length);
        VSA_TRY(vsa_server_allow_senders(server, name, pem, error));
        names += length + 1;
    }
    return VSA_OK;
}

/* Reads [NAMES=]FILE; a path that has '=' before any slash is written as ./PATH. */
static enum vsa_status allow_file(struct vsa_server *server, const char *value,
                                  struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    const char *sign = strchr(value, '=');
    const char *slash = strchr(value, '/');
    bool has_names = sign && (!slash || sign < slash);
    VSA_TRY(vsa_whole_file_read(has_names ? sign + 1 : value, VSA_MAX_INPUT_FILE, &file, error));
    if (has_names)
        return allow_names(server, value, (size_t)(sign - value), vsa_whole_file_slice(&file),
                           error);
    return vsa_server_allow_senders(server, NULL, vsa_whole_file_slice(&file), error);
}

/* Fails as other options with files do that cannot be read, or hold something else: usage. */
static enum vsa_status unfit(enum vsa_status status, const char *value, struct vsa_error *error)
{
    vsa_error_wrap(error, "--senders %.120s", value);
    if (vsa_status_class(status) != VSA_CLASS_INTERNAL)
        error->status = VSA_ERR_ARGUMENT;
    return error->status;
}

enum vsa_status sealing_enable(struct vsa_server *server,
                               const struct enclave_app_arguments *arguments,
                               struct vsa_error *error)
{
    if (arguments->sealing.kem == 0 && arguments->sender_count > 0)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--senders is for sealed requests, which are off");
    if (arguments->sealing.kem == 0 && arguments->backend_sealed_only)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--backend-sealed-only is for sealed requests, which are off");
    if (arguments->sealing.kem == 0)
        return VSA_OK;
    VSA_TRY(vsa_server_enable_sealing(server, &arguments->sealing, error));
    for (size_t i = 0; i < arguments->sender_count; i++) {
        enum vsa_status status = allow_file(server, arguments->senders[i], error);
        if (status != VSA_OK)
            return unfit(status, arguments->senders[i], error);
    }
    return VSA_OK;
}
