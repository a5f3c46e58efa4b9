/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines from tables: what getopt_long understands and what --help says are one thing.
 */
#ifndef VSA_PROGRAMS_OPTIONS_H
#define VSA_PROGRAMS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <vsattest/base.h>

/* Common keys; a program's own begin at OPTION_KEY_PROGRAM, shared groups have their ranges. */
enum option_key {
    OPTION_KEY_END = 0,
    OPTION_KEY_FIRST = 256, /* above what getopt says of short options: characters */
    OPTION_KEY_HELP = OPTION_KEY_FIRST,
    OPTION_KEY_VERSION,
    OPTION_KEY_POLICY = OPTION_KEY_FIRST + 16, /* policy_options.h */
    OPTION_KEY_PROGRAM = OPTION_KEY_FIRST + 64,
    OPTION_KEY_LIMIT = OPTION_KEY_FIRST + 128,
};

struct program_option {
    const char *name;     /* without the dashes; NULL ends a table */
    int key;              /* one of the above; an older name shares its option's key */
    const char *argument; /* NULL: takes none */
    const char *help;     /* '\n' where a line ends; NULL: an older name, not shown */
    bool repeatable;      /* its values add up; flags may be repeated anyway */
};

#define OPTIONS_MAX 48

struct option_parser {
    int argc;
    char **argv;
    struct option options[OPTIONS_MAX + 1];
    const struct program_option *rows[OPTIONS_MAX];
    bool seen[OPTION_KEY_LIMIT - OPTION_KEY_FIRST];
};

/* Tables end with a NULL name; `shared` may be NULL. */
void options_start(struct option_parser *parser, int argc, char **argv,
                   const struct program_option *own, const struct program_option *shared);

/*
 * The next option: its key, or OPTION_KEY_END after the last one. `*value` is its argument or
 * NULL. Errors: VSA_ERR_ARGUMENT (unknown, ambiguous, twice, argument missing or too much).
 */
VSA_MUST_USE enum vsa_status options_next(struct option_parser *parser, int *key,
                                          const char **value, struct vsa_error *error);

/* What follows the options, after OPTION_KEY_END. */
int options_operands(const struct option_parser *parser, char ***operands);

/*
 * Is `flag` ("--json") on the command line? For errors found before all options were read: who
 * asked for JSON gets it for them too.
 */
bool options_mention(int argc, char **argv, const char *flag);

void options_print_help(FILE *out, const struct program_option *rows);

#endif
