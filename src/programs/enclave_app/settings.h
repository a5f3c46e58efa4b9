/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of enclave_app: one table for the command line (--max-connections 100) and the
 * configuration file (max-connections = 100).
 */
#ifndef VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H
#define VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H

#include "command_line/options.h"
#include "programs/enclave_app/enclave_app.h"

struct setting {
    struct program_option row; /* for the command line; says where the value goes, too */
    /* Reads `value`, which lives as long as `arguments`; `what` names it. NULL: as the row says. */
    enum vsa_status (*take)(struct enclave_app_arguments *arguments, const char *what,
                            const char *value, struct vsa_error *error);
    bool only_server; /* has no effect without --vsock or --listen */
};

#define SETTINGS_MAX 24

/* Bits by position in the table. */
typedef uint32_t settings_set;

/* Writes rows for the command line, with keys from `first_key` on; NULL-terminated. */
void settings_options(int first_key, struct program_option rows[SETTINGS_MAX + 1]);

/* Returns whether any of the set is for servers only. */
bool settings_any_only_server(settings_set set);

/* Sets one setting from the command line. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status settings_take(int index, const char *value,
                                           struct enclave_app_arguments *arguments,
                                           settings_set *set, struct vsa_error *error);

/*
 * Reads a configuration file (settings_file.h), for settings that are not in `set` already.
 * `arguments->config` owns the text.
 *
 * set  in/out: what the command line has; then also what the file has
 *
 * Errors: VSA_ERR_ARGUMENT with file and line (no such name, a name twice, no value, a bad one),
 * those of settings_file_read().
 */
VSA_MUST_USE enum vsa_status settings_read_file(const char *path,
                                                struct enclave_app_arguments *arguments,
                                                settings_set *set, struct vsa_error *error);

#endif
