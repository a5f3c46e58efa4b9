/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a program: one table for the command line (--max-connections 100) and the
 * configuration file (max-connections = 100; settings_file.h).
 */
#ifndef VSA_COMMAND_LINE_SETTINGS_H
#define VSA_COMMAND_LINE_SETTINGS_H

#include "command_line/options.h"

struct program_setting {
    struct program_option row; /* for the command line; says where the value goes, too */
    /* Reads `value`, which lives as long as `arguments`; `what` names it. NULL: as the row says. */
    enum vsa_status (*take)(void *arguments, const char *what, const char *value,
                            struct vsa_error *error);
    bool only_server; /* has no effect where the program does not serve */
};

#define SETTINGS_MAX 32

/* At most SETTINGS_MAX rows. */
struct setting_table {
    const char *program; /* with a man page that lists them */
    const struct program_setting *rows;
    int count;
};

/* Bits by position in the table. */
typedef uint32_t settings_set;

/* Writes rows for the command line, with keys from `first_key` on; NULL-terminated. */
void settings_options(const struct setting_table *table, int first_key,
                      struct program_option rows[SETTINGS_MAX + 1]);

/* Returns whether any of the set is for servers only. */
bool settings_any_only_server(const struct setting_table *table, settings_set set);

/* Sets one setting from the command line, and its bit in `set`. Errors: VSA_ERR_ARGUMENT. */
VSA_MUST_USE enum vsa_status settings_take(const struct setting_table *table, int index,
                                           const char *value, void *arguments, settings_set *set,
                                           struct vsa_error *error);

/*
 * Reads a configuration file.
 *
 * arguments  out: get what is not in `set` already
 * overruled  out: of the same type; get the rest, which is only checked
 * text       out: what values borrow from; the caller frees it, also after a failure
 * set        in/out: what the command line has; then also what the file has
 *
 * Errors: VSA_ERR_ARGUMENT with file and line (no such name, a name twice, no value, a bad one),
 * those of settings_file_read().
 */
VSA_MUST_USE enum vsa_status settings_read_file(const struct setting_table *table, const char *path,
                                                void *arguments, void *overruled, char **text,
                                                settings_set *set, struct vsa_error *error);

#endif
