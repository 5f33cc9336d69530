/* setting.h - settings as tables: one row a setting drives API, default, range, command line, recipe, record and help.
 *
 * A struct of settings has a table; each row names a field by offset, with type, default, range and help. A library user
 * fills the struct with raml_settings_default and changes fields; a command joins the tables of what it uses.
 */
#ifndef RAML_SETTING_H
#define RAML_SETTING_H

#include "raml/err.h"

#include <jansson.h>
#include <stddef.h>

#pragma GCC visibility push(default)

enum raml_setting_type {
    RAML_FLAG, /* bool: --x, --no-x, or x: true in a recipe */
    RAML_INT,  /* int64_t */
    RAML_REAL, /* double */
    RAML_TEXT, /* const char *; NULL when not given and the default is NULL */
    RAML_PATH, /* the same, and a file or folder: the shell completes it */
    RAML_ONE,  /* const char *, one of the words in `words` ("a|b|c") */
    RAML_WORD  /* int: number of the word in `words`; for enums, whose values are then 0, 1, .. in the words' order */
};
struct raml_setting {
    const char *name;  /* with underscores, the field's term: "learning_rate" */
    const char *alias; /* other names that are accepted ("lr"; several by |); NULL */
    enum raml_setting_type type;
    size_t offset;     /* in the settings struct */
    const char *value; /* default, as one would type it; NULL: none */
    double low, high;  /* RAML_INT, RAML_REAL: allowed range, both ends; low == high: any */
    const char *words; /* RAML_ONE, RAML_WORD */
    const char *help;  /* one sentence; units in it */
};

/* Sets every field of the table to its default: 0, false, NULL or the first word where the row has none. */
void raml_settings_default(const struct raml_setting *table, size_t n, void *settings);
/* Is every field in its range, and finite? RAML_EUSAGE names the first that is not: "learning_rate is -1; expected a
 * number from 1e-30 to 1000". */
RAML_CHECKED enum raml_code raml_settings_check(const struct raml_setting *table, size_t n, const void *settings,
                                                struct raml_err *err);
/* Every field as an object by name (texts that are NULL are null); NULL: no memory, or a number that is not finite, a
 * text that is not UTF-8. */
json_t *raml_settings_json(const struct raml_setting *table, size_t n, const void *settings);
/* "learning_rate", also by an alias; dashes read as underscores. NULL: there is none. */
const struct raml_setting *raml_settings_find(const struct raml_setting *table, size_t n, const char *name);
/* Sets one field from text, strictly; RAML_EUSAGE, and the field as it was: "found 'x', expected an integer from 1 to 9".
 * Texts are borrowed. */
RAML_CHECKED enum raml_code raml_settings_set(const struct raml_setting *row, void *settings, const char *text,
                                              struct raml_err *err);
/* Sets several: "policy_loss=clip epsilon=0.2", with spaces between them. Not for RAML_TEXT, RAML_PATH and RAML_ONE, whose
 * values would be borrowed. RAML_EUSAGE also: no such setting; *settings may then be changed in part. */
RAML_CHECKED enum raml_code raml_settings_apply(const struct raml_setting *table, size_t n, void *settings,
                                                const char *text, struct raml_err *err);

#pragma GCC visibility pop
#endif
