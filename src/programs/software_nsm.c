/* SPDX-License-Identifier: Apache-2.0 */
/* software_nsm: a Nitro Secure Module for developers' machines. man/software_nsm.1.scd */
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "clock/wall_clock.h"
#include "command_line/exit_code.h"
#include "command_line/options.h"
#include "command_line/output.h"
#include "command_line/policy_options.h"
#include "command_line/service_manager.h"
#include "command_line/signals.h"
#include "file/whole_file.h"
#include "software_nsm/boot.h"
#include "software_nsm/cuse.h"
#include "software_nsm/serve.h"
#include "software_nsm/state.h"
#include "software_nsm/state_directory.h"

#define PROGRAM        "software_nsm"
#define DEFAULT_DEVICE "nsm" /* /dev/nsm */

struct arguments {
    bool done; /* --help or --version was all */
    bool cuse;
    const char *listen;
    const char *device; /* with cuse: its name below /dev */
    const char *state;
    const char *root_out;
    struct vsa_software_nsm_options module;
    struct policy_options pcrs; /* --pcr and --measurements, with their checks */
};

enum { KEY_ROLE_ARN = OPTION_KEY_PROGRAM };

static const struct program_option own_options[] = {
    OPTION_ROW_TEXT(arguments, listen, "listen", "unix:PATH",
                    "serve on a socket; this or --cuse is needed"),
    OPTION_ROW_FLAG(arguments, cuse, "cuse", "be the device /dev/NAME (/dev/nsm); root, with CUSE"),
    OPTION_ROW_TEXT(arguments, state, "state", "DIR",
                    "where the root key and certificate are kept\n"
                    "(default: ~/.local/state/" VSA_SOFTWARE_STATE_DIRECTORY ")"),
    OPTION_ROW_TEXT(arguments, root_out, "root-out", "FILE",
                    "write the root certificate here (PEM), for the\n"
                    "--root option of verifier and vsock_client"),
    {"pcr", POLICY_OPTION_PCR, "N=HEX", "value of PCR N (0 to 15); may be repeated", true},
    {"measurements", POLICY_OPTION_MEASUREMENTS, "FILE",
     "PCRs of an image: the JSON that nitro-cli\n"
     "build-enclave or describe-eif prints",
     true},
    OPTION_ROW_FLAG(arguments, module.debug_mode, "debug-mode",
                    "PCR0, 1, 2 and 8 read zero, as in debug mode"),
    OPTION_ROW_TEXT(arguments, module.module_id, "module-id", "ID",
                    "module ID (default: a new one at each start)"),
    OPTION_ROW_TEXT(arguments, module.instance_id, "instance-id", "ID",
                    "parent instance, measured in PCR4\n"
                    "(default: " VSA_SOFTWARE_NSM_INSTANCE ")"),
    {"role-arn", KEY_ROLE_ARN, "ARN", "the parent's IAM role, measured in PCR3", false},
    OPTION_ROW_HELP,
    OPTION_ROW_VERSION,
    OPTION_ROWS_END,
};

/* --- arguments ------------------------------------------------------------------------------- */

static enum vsa_status take_measurements(struct arguments *arguments, const char *path,
                                         struct vsa_error *error)
{
    VSA_AUTO_WHOLE_FILE struct vsa_whole_file file = {NULL, 0, false};
    VSA_TRY(vsa_whole_file_read(path, VSA_MAX_INPUT_FILE, &file, error));
    enum vsa_status status =
        vsa_policy_expect_measurements(&arguments->pcrs.policy, vsa_whole_file_slice(&file), error);
    if (status != VSA_OK)
        vsa_error_wrap(error, "--measurements %.80s", path);
    return status;
}

static enum vsa_status take(void *context, int key, const char *value, struct vsa_error *error)
{
    struct arguments *arguments = context;
    if (key == POLICY_OPTION_MEASUREMENTS)
        return take_measurements(arguments, value, error);
    if (key != KEY_ROLE_ARN)
        return policy_options_take(&arguments->pcrs, key, value, error);
    if (strncmp(value, "arn:", 4) != 0 || !strstr(value, ":iam::") || !strstr(value, ":role/"))
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "--role-arn: '%.100s' is no IAM role; they look like "
                        "arn:aws:iam::123456789012:role/NAME (not the instance profile)",
                        value);
    arguments->module.role_arn = value;
    return VSA_OK;
}

static const struct option_set option_set = {
    .usage = "Usage: software_nsm --listen unix:PATH [OPTION]...\n"
             "       software_nsm --cuse [NAME] [OPTION]...\n"
             "\n"
             "A Nitro Secure Module in software, with a certificate authority of its own, to\n"
             "develop and test without AWS. Its documents prove nothing: verifiers refuse them\n"
             "unless they are given its root. Never use it where trust matters.\n\n",
    .groups = {{NULL, own_options}},
    .program = PROGRAM,
    .take = take,
};

static enum vsa_status check_arguments(const struct option_operands *operands,
                                       struct arguments *arguments, struct vsa_error *error)
{
    int names = arguments->cuse ? 1 : 0;
    if (operands->count > names)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%.80s' is no option (see --help)",
                        operands->words[names]);
    arguments->device = operands->count == 1 ? operands->words[0] : DEFAULT_DEVICE;
    if (!arguments->listen == !arguments->cuse)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "either --listen unix:PATH or --cuse is needed: where to serve");
    if (arguments->pcrs.policy.pcrs.present >> VSA_PCR_FIRST_USER)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "PCR16 to PCR31 are zero at boot: the enclave itself extends and locks "
                        "them");
    return VSA_OK;
}

static enum vsa_status read_arguments(int argc, char **argv, struct arguments *arguments,
                                      struct vsa_error *error)
{
    struct option_operands operands;
    policy_options_init(&arguments->pcrs);
    VSA_TRY(options_read(&option_set, argc, argv, arguments, &operands, error));
    arguments->done = operands.done;
    return operands.done ? VSA_OK : check_arguments(&operands, arguments, error);
}

static enum vsa_status boot(struct arguments *arguments, struct vsa_module_id *module_id,
                            struct vsa_software_nsm **nsm, struct vsa_error *error)
{
    char state[PATH_MAX];
    uint8_t buffer[VSA_MAX_CERTIFICATE];
    struct vsa_slice root;
    struct vsa_software_nsm_options module = arguments->module;
    module.state = arguments->state;
    if (!module.state) {
        VSA_TRY(vsa_software_state_find(state, error));
        module.state = state;
    }
    module.now_ms = vsa_wall_clock_ms();
    module.pcrs = &arguments->pcrs.policy.pcrs;
    VSA_TRY(vsa_software_nsm_boot(&module, nsm, module_id, buffer, sizeof(buffer), &root, error));
    return arguments->root_out ? vsa_software_root_write(arguments->root_out, root, error) : VSA_OK;
}

/* --- service --------------------------------------------------------------------------------- */

static void report(const struct vsa_error *failure)
{
    output_error(PROGRAM, failure);
}

static void say_ready(const struct arguments *arguments, const char *where,
                      const struct vsa_module_id *module_id)
{
    (void)fprintf(stderr, "%s: ready on %s as %s%s; not AWS, for development only\n", PROGRAM,
                  where, module_id->text, arguments->module.debug_mode ? " in debug mode" : "");
    service_manager_send_ready();
}

static enum vsa_status serve_socket(const struct arguments *arguments,
                                    const struct vsa_module_id *module_id,
                                    struct vsa_software_nsm *nsm, int signals,
                                    struct vsa_error *error)
{
    VSA_CLEANUP(vsa_listener_close) struct vsa_listener listener = {.fd = -1};
    VSA_TRY(vsa_software_nsm_listen(arguments->listen, &listener, error));
    struct vsa_software_service service = {nsm, listener.fd, signals, vsa_wall_clock_ms, report};
    say_ready(arguments, arguments->listen, module_id);
    return vsa_software_nsm_serve(&service, error);
}

static enum vsa_status serve_device(const struct arguments *arguments,
                                    const struct vsa_module_id *module_id,
                                    struct vsa_software_nsm *nsm, int signals,
                                    struct vsa_error *error)
{
    struct vsa_cuse cuse;
    VSA_AUTO_FD int device = -1;
    char path[sizeof("/dev/") + VSA_CUSE_MAX_NAME];
    VSA_TRY(vsa_cuse_init(&cuse, nsm, arguments->device, error));
    VSA_TRY(vsa_cuse_open(&cuse, &device, error));
    struct vsa_cuse_service service = {&cuse, device, signals, vsa_wall_clock_ms, report};
    (void)snprintf(path, sizeof(path), "/dev/%s", cuse.name);
    say_ready(arguments, path, module_id);
    return vsa_cuse_serve(&service, error);
}

static enum vsa_status run(struct arguments *arguments, struct vsa_error *error)
{
    struct vsa_module_id module_id;
    VSA_CLEANUP(vsa_cleanup_software_nsm) struct vsa_software_nsm *nsm = NULL;
    VSA_AUTO_FD int signals = -1;
    /* State and socket are for this user alone. */
    (void)umask(S_IRWXG | S_IRWXO);
    service_manager_connect(PROGRAM);
    VSA_TRY(boot(arguments, &module_id, &nsm, error));
    VSA_TRY(signals_open(&signals, error));
    if (arguments->cuse)
        return serve_device(arguments, &module_id, nsm, signals, error);
    return serve_socket(arguments, &module_id, nsm, signals, error);
}

static enum exit_code software_nsm(int argc, char **argv, struct arguments *arguments)
{
    struct vsa_error error = {0};
    enum vsa_status status = read_arguments(argc, argv, arguments, &error);
    if (status != VSA_OK) {
        output_error(PROGRAM, &error);
        return exit_code_of_arguments(status);
    }
    status = arguments->done ? output_finish(&error) : run(arguments, &error);
    if (status != VSA_OK)
        output_error(PROGRAM, &error);
    return exit_code_of(status);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    output_start();
    enum exit_code code = software_nsm(argc, argv, &arguments);
    policy_options_free(&arguments.pcrs);
    return (int)code;
}
