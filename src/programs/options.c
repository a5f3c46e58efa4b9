/* SPDX-License-Identifier: Apache-2.0 */
#include "programs/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define HELP_COLUMN 28

static void add_rows(struct option_parser *parser, size_t *count, const struct program_option *rows)
{
    for (; rows && rows->name; rows++) {
        /* A table that is too long is a mistake in the source. */
        if (*count == OPTIONS_MAX || rows->key < OPTION_KEY_FIRST || rows->key >= OPTION_KEY_LIMIT)
            abort();
        parser->options[*count] = (struct option){
            .name = rows->name,
            .has_arg = rows->argument ? required_argument : no_argument,
            .val = rows->key,
        };
        parser->rows[(*count)++] = rows;
    }
}

void options_start(struct option_parser *parser, int argc, char **argv,
                   const struct program_option *own, const struct program_option *shared)
{
    *parser = (struct option_parser){.argc = argc, .argv = argv};
    size_t count = 0;
    add_rows(parser, &count, own);
    add_rows(parser, &count, shared);
    optind = 1;
    opterr = 0;
}

static enum vsa_status explain(const struct option_parser *parser, int problem,
                               struct vsa_error *error)
{
    const char *word = parser->argv[optind - 1];
    if (optopt > 0 && optopt < OPTION_KEY_FIRST)
        return vsa_fail(error, VSA_ERR_ARGUMENT,
                        "unknown option -%c: all options are words (see --help)", optopt);
    if (problem == ':')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.80s needs a value", word);
    if (optopt)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "%.80s takes no value", word);
    return vsa_fail(error, VSA_ERR_ARGUMENT, "unknown or ambiguous option %.80s (see --help)",
                    word);
}

enum vsa_status options_next(struct option_parser *parser, int *key, const char **value,
                             struct vsa_error *error)
{
    int row = -1;
    int found = getopt_long(parser->argc, parser->argv, ":", parser->options, &row);
    *value = optarg;
    *key = OPTION_KEY_END;
    if (found == -1)
        return VSA_OK;
    if (found == '?' || found == ':' || row < 0)
        return explain(parser, found, error);
    bool *seen = &parser->seen[found - OPTION_KEY_FIRST];
    if (*seen && optarg && !parser->rows[row]->repeatable)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "--%s is given twice; which one is meant?",
                        parser->rows[row]->name);
    *seen = true;
    *key = found;
    return VSA_OK;
}

int options_operands(const struct option_parser *parser, char ***operands)
{
    *operands = parser->argv + optind;
    return parser->argc - optind;
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
    (void)fprintf(out, "%-*s ", HELP_COLUMN, left);
    if (strlen(left) > HELP_COLUMN)
        (void)fprintf(out, "\n%*s", HELP_COLUMN + 1, "");
    for (const char *c = row->help; *c; c++) {
        (void)fputc(*c, out);
        if (*c == '\n')
            (void)fprintf(out, "%*s", HELP_COLUMN + 1, "");
    }
    (void)fputc('\n', out);
}

void options_print_help(FILE *out, const struct program_option *rows)
{
    for (; rows->name; rows++)
        if (rows->help)
            print_row(out, rows);
}
