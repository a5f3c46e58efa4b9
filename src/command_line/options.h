/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines from tables: what getopt_long understands, where a value goes and what --help
 * prints are one thing.
 */
#ifndef VSA_COMMAND_LINE_OPTIONS_H
#define VSA_COMMAND_LINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <vsattest/base.h>

/* Keys of options for `take`; a program's own begin at OPTION_KEY_PROGRAM, others have a range. */
enum option_key {
    OPTION_KEY_NONE = 0,
    OPTION_KEY_POLICY = 16, /* policy_options.h */
    OPTION_KEY_PROGRAM = 64,
};

enum option_kind {
    OPTION_TAKE,    /* `take` gets key and value */
    OPTION_FLAG,    /* sets the bool at `offset` of the arguments */
    OPTION_TEXT,    /* sets the const char * there; it borrows argv */
    OPTION_NUMBER,  /* sets the unsigned number there, of `width` bytes */
    OPTION_SECONDS, /* sets the int64_t there, in ms; up to three decimals */
    OPTION_HELP,    /* prints the help, and nothing else happens */
    OPTION_VERSION, /* prints the version, too */
};

struct program_option {
    const char *name;     /* without the dashes; NULL ends a table */
    int key;              /* an older name shares its option's key */
    const char *argument; /* NULL: takes none */
    const char *help;     /* '\n' where a line ends; NULL: an older name, not shown */
    bool repeatable;      /* its values add up; flags may be repeated anyway */
    enum option_kind kind;
    size_t offset;
    size_t width;     /* of a number's member in bytes: 4 or 8 */
    uint64_t lowest;  /* of a number; of seconds in ms */
    uint64_t highest; /* of a number; of seconds in seconds */
};

/* Rows of a table, for members of struct `type`. */
#define OPTION_ROW_FLAG(type, member, name, help)                                                  \
    {                                                                                              \
        name, 0, NULL, help, false, OPTION_FLAG, offsetof(struct type, member)                     \
    }
#define OPTION_ROW_TEXT(type, member, name, argument, help)                                        \
    {                                                                                              \
        name, 0, argument, help, false, OPTION_TEXT, offsetof(struct type, member)                 \
    }
#define OPTION_ROW_NUMBER(type, member, name, argument, help, lowest, highest)                     \
    {                                                                                              \
        name, 0, argument, help, false, OPTION_NUMBER, offsetof(struct type, member),              \
            sizeof(((struct type *)NULL)->member), lowest, highest                                 \
    }
#define OPTION_ROW_SECONDS(type, member, name, argument, help, lowest_ms, highest)                 \
    {                                                                                              \
        name, 0, argument, help, false, OPTION_SECONDS, offsetof(struct type, member),             \
            sizeof(int64_t), lowest_ms, highest                                                    \
    }
#define OPTION_ROW_HELP                                                                            \
    {                                                                                              \
        "help", 0, NULL, "print this", false, OPTION_HELP, 0                                       \
    }
#define OPTION_ROW_VERSION                                                                         \
    {                                                                                              \
        "version", 0, NULL, "print the version", false, OPTION_VERSION, 0                          \
    }
#define OPTION_ROWS_END                                                                            \
    {                                                                                              \
        NULL, 0, NULL, NULL, false, OPTION_TAKE, 0                                                 \
    }

/* A table, below a line of its own in --help (NULL: none). */
struct option_group {
    const char *title;
    const struct program_option *rows;
};

#define OPTION_GROUPS 6

/* The command line of a program or of its subcommand. */
struct option_set {
    const char *usage;                         /* head of --help */
    struct option_group groups[OPTION_GROUPS]; /* the first without rows ends them */
    const char *note;                          /* behind the groups, or NULL */
    const char *program; /* also exit statuses and the man page; NULL for a subcommand */
    /* Takes the rows of OPTION_TAKE; NULL if there are none. */
    enum vsa_status (*take)(void *arguments, int key, const char *value, struct vsa_error *error);
};

/* What follows the options. */
struct option_operands {
    char **words;
    int count;
    bool done; /* --help or --version was all: there is nothing left to do */
};

/*
 * Reads all options into `arguments`.
 * Errors: VSA_ERR_ARGUMENT (unknown, ambiguous, twice, value missing or too much), those of `take`.
 */
VSA_MUST_USE enum vsa_status options_read(const struct option_set *set, int argc, char **argv,
                                          void *arguments, struct option_operands *operands,
                                          struct vsa_error *error);

/*
 * Sets the member of `arguments` that the row is about; `what` names it in errors.
 * Errors: VSA_ERR_ARGUMENT (not a number, outside the row's range).
 */
VSA_MUST_USE enum vsa_status options_store(const struct program_option *row, const char *what,
                                           const char *value, void *arguments,
                                           struct vsa_error *error);

/*
 * Returns whether `flag` ("--json") is on the command line. For errors found before all options
 * were read: JSON that was requested is printed for them too.
 */
bool options_mention(int argc, char **argv, const char *flag);

#endif
