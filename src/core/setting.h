/* setting.h - rows of settings (raml/setting.h) for those who walk through tables: names, words, what was expected. */
#ifndef RAML_CORE_SETTING_H
#define RAML_CORE_SETTING_H

#include "raml/setting.h"

#include <stdbool.h>

/* The row's alias number i, from 0: its length, and where it begins; 0: there is none. */
size_t raml_setting_alias(const struct raml_setting *row, size_t i, const char **alias);
/* Is `name` (len bytes; dashes read as underscores) the row's name or an alias? */
bool raml_setting_called(const struct raml_setting *row, const char *name, size_t len);
/* Word number i of RAML_ONE and RAML_WORD, from 0: its length, and where it begins; 0: there is none. */
size_t raml_setting_word(const struct raml_setting *row, size_t i, const char **word);
/* Is one of its words the value? */
static inline bool raml_setting_has_words(const struct raml_setting *row)
{
    return row->type == RAML_ONE || row->type == RAML_WORD;
}
/* Does its field hold a text (const char *)? */
static inline bool raml_setting_holds_text(const struct raml_setting *row)
{
    return row->type == RAML_TEXT || row->type == RAML_PATH || row->type == RAML_ONE;
}
/* "an integer from 1 to 9" */
enum { RAML_EXPECTED = 400 };
void raml_setting_expected(const struct raml_setting *row, char out[RAML_EXPECTED]);
/* Is the field's value an allowed one? */
bool raml_setting_allows(const struct raml_setting *row, const void *field);
/* Text for a message: at most 60 bytes, control bytes shown as '?'. */
enum { RAML_SHOWN = 64 };
void raml_shown(const char *text, size_t len, char out[RAML_SHOWN]);

#endif
