/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "command_line/exit_code.h"
#include "command_line/numbers.h"
#include "crypto/version.h"

#define HELP_COLUMN 28
#define MAX_ROWS    64
/* What getopt_long() returns for the first; above all characters. */
#define LONG_OPTION 256

struct parser {
    int argc;
    char **argv;
    size_t count;
    const struct program_option *rows[MAX_ROWS];
    struct option options[MAX_ROWS + 1];
    bool seen[MAX_ROWS];
};

static void add_rows(struct parser *parser, const struct program_option *rows)
{
    for (; rows && rows->name; rows++) {
        /* A table that is too long is a mistake in the source. */
        if (parser->count == MAX_ROWS)
            abort();
        parser->options[parser->count] = (struct option){
            .name = rows->name,
            .has_arg = rows->argument ? required_argument : no_argument,
            /* Of several with one value getopt_long() would take the first: none is ambiguous. */
            .val = LONG_OPTION + (int)parser->count,
        };
        parser->rows[parser->count++] = rows;
    }
}

static enum vsa_status explain(const struct parser *parser, int problem, struct vsa_error *error)
{
    const char *word = parser->argv[optind - 1];
    if (optopt > 0 && optopt < LONG_OPTION)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "unknown option -%c: all options are words (see --help)", optopt);
    if (problem == ':')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.80s needs a value", word);
    if (optopt)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.80s takes no value", word);
    return vsa_fail(error, VSA_ERR_ARGUMENT, "unknown or ambiguous option %.80s (see --help)",
                    word);
}

/* Sets `*row` to the next option, or to NULL behind the last. */
static enum vsa_status next(struct parser *parser, const struct program_option **row,
                            struct vsa_error *error)
{
    int index = -1;
    int found = getopt_long(parser->argc, parser->argv, ":", parser->options, &index);
    *row = NULL;
    if (found == -1)
        return VSA_OK;
    if (found < LONG_OPTION || index < 0)
        return explain(parser, found, error);
    const struct program_option *option = parser->rows[index];
    for (size_t i = 0; i < parser->count && optarg && !option->repeatable; i++)
        if (parser->seen[i] &&
            (i == (size_t)index || (option->key && parser->rows[i]->key == option->key)))
            return vsa_fail(error, VSA_ERR_ARGUMENT, "--%s is given twice; which one is meant?",
                            option->name);
    parser->seen[index] = true;
    *row = option;
    return VSA_OK;
}

bool options_mention(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

static void print_row(FILE *out, const struct program_option *row)
{
    char left[64];
    (void)snprintf(left, sizeof(left), "  --%s%s%s", row->name, row->argument ? " " : "",
                   row->argument ? row->argument : "");
    if (strlen(left) > HELP_COLUMN)
        (void)fprintf(out, "%s\n%*s", left, HELP_COLUMN + 1, "");
    else
        (void)fprintf(out, "%-*s ", HELP_COLUMN, left);
    for (const char *c = row->help; *c; c++) {
        (void)fputc(*c, out);
        if (*c == '\n')
            (void)fprintf(out, "%*s", HELP_COLUMN + 1, "");
    }
    (void)fputc('\n', out);
}

static void print_help(const struct option_set *set)
{
    (void)fputs(set->usage, stdout);
    for (size_t i = 0; i < OPTION_GROUPS && set->groups[i].rows; i++) {
        if (set->groups[i].title)
            (void)printf("\n%s\n", set->groups[i].title);
        for (const struct program_option *row = set->groups[i].rows; row->name; row++)
            if (row->help)
                print_row(stdout, row);
    }
    if (set->note)
        (void)printf("\n%s\n", set->note);
    if (set->program)
        (void)printf("\n" EXIT_CODE_HELP "\nSee %s(1).\n", set->program);
}

static enum vsa_status store_number(const struct program_option *row, const char *what,
                                    const char *value, void *member, struct vsa_error *error)
{
    uint64_t number = 0;
    VSA_TRY(numbers_parse(what, value, row->lowest, row->highest, &number, error));
    if (row->width == sizeof(uint32_t))
        *(uint32_t *)member = (uint32_t)number;
    else
        *(uint64_t *)member = number;
    return VSA_OK;
}

enum vsa_status options_store(const struct program_option *row, const char *what, const char *value,
                              void *arguments, struct vsa_error *error)
{
    void *member = (char *)arguments + row->offset;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return VSA_OK;
    case OPTION_TEXT:
        *(const char **)member = value;
        return VSA_OK;
    case OPTION_NUMBER:
        return store_number(row, what, value, member, error);
    case OPTION_SECONDS:
        return numbers_parse_seconds(what, value, row->lowest, row->highest, member, error);
    case OPTION_TAKE:
    case OPTION_HELP:
    case OPTION_VERSION:
        break;
    }
    return vsa_fail(error, VSA_ERR_INTERNAL, "%s has no member", what);
}

/* Names the option in errors of files, which know their path alone. */
static enum vsa_status name_option(const struct program_option *row, enum vsa_status status,
                                   struct vsa_error *error)
{
    if (vsa_status_class(status) == VSA_CLASS_IO && strncmp(error->detail, "--", 2) != 0)
        vsa_error_wrap(error, "--%s", row->name);
    return status;
}

/* Carries out one option; --help and --version end the reading. */
static enum vsa_status take(const struct option_set *set, const struct program_option *row,
                            void *arguments, bool *done, struct vsa_error *error)
{
    char what[48];
    switch (row->kind) {
    case OPTION_HELP:
        print_help(set);
        *done = true;
        return VSA_OK;
    case OPTION_VERSION:
        (void)printf("%s %s (%s)\n", set->program, vsa_version(), vsa_crypto_version());
        *done = true;
        return VSA_OK;
    case OPTION_TAKE:
        return name_option(row, set->take(arguments, row->key, optarg, error), error);
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        break;
    }
    (void)snprintf(what, sizeof(what), "--%s", row->name);
    return options_store(row, what, optarg, arguments, error);
}

enum vsa_status options_read(const struct option_set *set, int argc, char **argv, void *arguments,
                             struct option_operands *operands, struct vsa_error *error)
{
    struct parser parser = {.argc = argc, .argv = argv};
    const struct program_option *row;
    for (size_t i = 0; i < OPTION_GROUPS && set->groups[i].rows; i++)
        add_rows(&parser, set->groups[i].rows);
    optind = 0; /* glibc: begin anew, also in the middle of a word */
    opterr = 0;
    *operands = (struct option_operands){.words = argv};
    for (;;) {
        VSA_TRY(next(&parser, &row, error));
        if (!row)
            break;
        VSA_TRY(take(set, row, arguments, &operands->done, error));
        if (operands->done)
            return VSA_OK;
    }
    operands->words = argv + optind;
    operands->count = argc - optind;
    return VSA_OK;
}
