/* json_text.h - JSON as Python's json module writes and reads it, in the words that jansson reads. Private to core.
 *
 * What is changed, outside texts as in them:
 *   an integer beyond 64 bits        a text of its digits, "12345678901234567890"
 *   NaN, Infinity, -Infinity         null, and so is a number beyond a double's range (1e400), which Python reads as one
 *   \ud835 without its other half    \ufffd, each half by itself
 *   \u0000                           \ufffd; in texts it stays with RAML_JSON_KEEP_NUL, never in names
 * how: flags of json.h. With RAML_JSON_SOUND_TEXTS texts are left as they are; with RAML_JSON_KEEP_NUMBERS a number that is
 * none of jansson's becomes a text of U+0000 and its digits or word, Infinity for 1e400.
 */
#ifndef CORE_JSON_TEXT_H
#define CORE_JSON_TEXT_H

#include "raml/buf.h"

#include <stdbool.h>

/* Appends text so changed to out. True: something was. A text that is not JSON is copied as far as it is understood. */
bool raml_json_text_mend(const char *text, size_t n, unsigned how, struct raml_buf *out);
/* By how many bytes what precedes byte `position` of the changed text is longer than what it was made of. */
long raml_json_text_shift(const char *text, size_t n, unsigned how, size_t position);

#endif
