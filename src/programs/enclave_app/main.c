/* SPDX-License-Identifier: Apache-2.0 */
/* enclave_app: attestation in a Nitro enclave. man/enclave_app.1.scd */
#include "programs/enclave_app/enclave_app.h"

#include "base/error.h"
#include "command_line/output.h"

static enum vsa_status run(const struct enclave_app_arguments *arguments, struct vsa_error *error)
{
    switch (arguments->mode) {
    case ENCLAVE_APP_SERVER:
        return enclave_app_serve(arguments, error);
    case ENCLAVE_APP_DAEMON:
        return enclave_app_daemon(arguments, error);
    case ENCLAVE_APP_ONE_SHOT:
        return enclave_app_one_shot(arguments, error);
    case ENCLAVE_APP_DONE:
        break;
    }
    return output_finish(error);
}

int main(int argc, char **argv)
{
    struct vsa_error error = {0};
    struct enclave_app_arguments arguments;
    output_start();
    enum vsa_status status = enclave_app_read_arguments(argc, argv, &arguments, &error);
    bool is_usage = status != VSA_OK;
    if (status == VSA_OK)
        status = run(&arguments, &error);
    if (status == VSA_ERR_NSM_UNREACHABLE)
        vsa_error_wrap(&error, "--nsm %s", arguments.server.nsm);
    if (status != VSA_OK)
        output_error(ENCLAVE_APP, &error);
    enclave_app_arguments_free(&arguments);
    return (int)(is_usage ? exit_code_of_arguments(status) : exit_code_of(status));
}
