/* family_digits.h - natural numbers as decimal digits, and sums computed column by column. */
#ifndef RAML_TASK_FAMILY_DIGITS_H
#define RAML_TASK_FAMILY_DIGITS_H

#include "task/family_util.h"

enum { FAMILY_MAX_DIGITS = 96 };

struct raml_digits { /* d[0] is the ones; no leading zeros; zero has n = 1 */
    int n;
    unsigned char d[FAMILY_MAX_DIGITS];
};
struct raml_digits raml_digits_draw(struct raml_rng *r, int n); /* exactly n digits; n = 1: 1 .. 9 */
/* a * k * 10^shift, 0 <= k <= 9 */
struct raml_digits raml_digits_times(const struct raml_digits *a, int k, int shift);
struct raml_digits raml_digits_plus(const struct raml_digits *a, const struct raml_digits *b);
bool raml_digits_zero(const struct raml_digits *a);
void raml_digits_write(struct raml_buf *out, const struct raml_digits *a);

/* One column: computes x op y + carry; `done` holds the digits to its right and grows by the result. */
struct raml_column {
    int x, y, carry;
    char op; /* '+': x+y+carry; '*': x*y+carry */
    bool last;
};
/* Writes the line "x+y+c=ss>result" (verbose: a sentence), after a wrong one and "wait" when the step slips. */
void raml_column_write(struct raml_pen *p, const struct raml_column *c, int step, struct raml_digits *done);
/* The lines of a + b; steps are numbered from `step`. */
void raml_digits_write_sum(struct raml_pen *p, const struct raml_digits *a, const struct raml_digits *b, int step);

#endif
