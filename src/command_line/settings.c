/* SPDX-License-Identifier: Apache-2.0 */
#include "command_line/settings.h"

#include <string.h>

#include "base/error.h"
#include "command_line/settings_file.h"

void settings_options(const struct setting_table *table, int first_key,
                      struct program_option rows[SETTINGS_MAX + 1])
{
    for (int i = 0; i < table->count; i++) {
        rows[i] = table->rows[i].row;
        rows[i].key = first_key + i;
        rows[i].kind = OPTION_TAKE;
    }
    rows[table->count] = (struct program_option)OPTION_ROWS_END;
}

bool settings_any_only_server(const struct setting_table *table, settings_set set)
{
    for (int i = 0; i < table->count; i++)
        if (((set >> i) & 1U) && table->rows[i].only_server)
            return true;
    return false;
}

static enum vsa_status take_value(const struct program_setting *setting, const char *what,
                                  const char *value, void *arguments, struct vsa_error *error)
{
    if (setting->take)
        return setting->take(arguments, what, value, error);
    return options_store(&setting->row, what, value, arguments, error);
}

enum vsa_status settings_take(const struct setting_table *table, int index, const char *value,
                              void *arguments, settings_set *set, struct vsa_error *error)
{
    char what[40];
    const struct program_setting *setting = &table->rows[index];
    (void)snprintf(what, sizeof(what), "--%s", setting->row.name);
    VSA_TRY(take_value(setting, what, value, arguments, error));
    *set |= 1U << index;
    return VSA_OK;
}

/* --- the configuration file ------------------------------------------------------------------- */

struct reading {
    const struct setting_table *table;
    void *arguments;
    void *overruled;
    settings_set first; /* from the command line */
    settings_set set;   /* from the file */
};

static int find_setting(const struct setting_table *table, const char *name)
{
    int i = 0;
    while (i < table->count && strcmp(table->rows[i].row.name, name) != 0)
        i++;
    return i;
}

static enum vsa_status take_line(void *user, const char *name, const char *value,
                                 struct vsa_error *error)
{
    struct reading *reading = user;
    int index = find_setting(reading->table, name);
    if (index == reading->table->count)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "there is no setting '%.40s' (see %s(1))", name,
                        reading->table->program);
    const struct program_setting *setting = &reading->table->rows[index];
    if (((reading->set >> index) & 1U) && !setting->row.repeatable)
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%s' is set twice; which one is meant?", name);
    if (*value == '\0')
        return vsa_fail(error, VSA_ERR_ARGUMENT, "'%s' has no value", name);
    bool overruled = (reading->first >> index) & 1U;
    reading->set |= 1U << index;
    return take_value(setting, name, value, overruled ? reading->overruled : reading->arguments,
                      error);
}

enum vsa_status settings_read_file(const struct setting_table *table, const char *path,
                                   void *arguments, void *overruled, char **text, settings_set *set,
                                   struct vsa_error *error)
{
    struct reading reading = {table, arguments, overruled, *set, 0};
    VSA_TRY(settings_file_read(path, text, take_line, &reading, error));
    *set |= reading.set;
    return VSA_OK;
}
