/* line.h - a line of grades in its simplest form, read without building a JSON value.
 *
 * This is the fast path for a million questions: an object whose fields are among id (a string of ASCII without
 * backslashes, or a whole number), n, c (whole numbers) and correct (a list of 0, 1, true, false), each at most once.
 * Anything else it only rejects, and the line is read by the JSON parser; what it does read it reads as the parser
 * does.
 */
#ifndef RAML_SAMPLES_LINE_H
#define RAML_SAMPLES_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAML_LINE_ID = 256 };
struct raml_grade_line {
    char id[RAML_LINE_ID]; /* "" when has_id is false */
    bool has_id, has_n, has_c, has_correct;
    uint64_t n, c;
    size_t n_grades;
};
/* text: 0-terminated. correct: capacity len / 2. */
bool raml_grade_line_read(const char *text, size_t len, struct raml_grade_line *out, bool *correct);

#endif
