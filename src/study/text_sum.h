/* text_sum.h - whether two files speak of the same trajectory: its number of tokens, and a sum of its text.
 *
 * The sum is of the joined text, however it is cut into tokens or pieces. A text that is not all ASCII, or in which a
 * byte may be shown in visible form (visible.h), is not the same in every file: it has no sum.
 */
#ifndef RAML_STUDY_TEXT_SUM_H
#define RAML_STUDY_TEXT_SUM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raml_text_sum { /* zero-initialise */
    uint64_t sum;
    bool unknown;
    char last;
};
void raml_text_sum_add(struct raml_text_sum *s, const char *bytes, size_t n);

enum { RAML_TEXT_SUM_BYTES = 17 };
/* "" where there is none. */
const char *raml_text_sum_text(const struct raml_text_sum *s, char out[RAML_TEXT_SUM_BYTES]);
/* Sets "n_tokens" and, where it is known, "text_hash". false: no memory. */
bool raml_text_sum_set(json_t *o, size_t n_tokens, const struct raml_text_sum *s);

#endif
