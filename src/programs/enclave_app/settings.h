/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of enclave_app: one table for the command line (--max-connections 100) and the
 * configuration file (max-connections = 100).
 */
#ifndef VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H
#define VSA_PROGRAMS_ENCLAVE_APP_SETTINGS_H

#include "file/whole_file.h"
#include "programs/enclave_app/enclave_app.h"
#include "programs/options.h"

struct setting {
    const char *name;     /* NULL ends the table */
    const char *argument; /* for --help; NULL: none, and yes or no in a file */
    const char *help;     /* '\n' where a line ends */
    /* Reads `value`, which lives as long as `arguments`; `what` names it in errors. */
    enum vsa_status (*take)(const struct setting *setting, const char *what, const char *value,
                            struct enclave_app_arguments *arguments, struct vsa_error *error);
    size_t offset;    /* of the member of struct enclave_app_arguments, where `take` uses it */
    uint64_t highest; /* the largest number, or number of seconds */
    bool only_server; /* has no effect without --vsock or --listen */
    bool is_repeated; /* may be given again for more */
};

#define SETTINGS_MAX 24

/* Bits by position in the table. */
typedef uint32_t settings_set;

/* Writes rows for the command line, with keys from `first_key` on; NULL-terminated. */
void settings_options(int first_key, struct program_option rows[SETTINGS_MAX + 1]);

/* Returns the position in the table, or -1. */
int settings_find(const char *name);
/* Returns whether any of the set is for servers only. */
bool settings_any_only_server(settings_set set);

/* Sets one setting from the command line. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status settings_take(int index, const char *value,
                                           struct enclave_app_arguments *arguments,
                                           settings_set *set, struct vsa_error *error);

/*
 * Reads a configuration file, for settings that are not in `set` already. Lines are `name = value`,
 * blank, or begin with #; the value is the rest of the line, without blanks at both ends.
 * `arguments->config` owns the text.
 *
 * set  in/out: what the command line has; then also what the file has
 *
 * Errors: VSA_ERR_ARGUMENT with file and line (no such name, a name twice, no value, a bad one,
 * control characters), VSA_ERR_IO, VSA_ERR_TOO_LARGE above VSA_MAX_CONFIG_FILE, VSA_ERR_MEMORY.
 */
VSA_MUST_USE enum vsa_status settings_read_file(const char *path,
                                                struct enclave_app_arguments *arguments,
                                                settings_set *set, struct vsa_error *error);

#endif
