/* family_add.c - addition of two numbers of the same length.
 *
 *   4783+2596=?
 *
 * Steps: one column per line from the right, "x+y+carry=sum>result so far". The sum always has two digits, so that
 * carry and digit have a fixed place; the result is copied with one digit prepended, so that the last line ends with
 * the answer.
 */
#include "task/family_digits.h"

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct raml_digits a = raml_digits_draw(&r, difficulty), b = raml_digits_draw(&r, difficulty);
    struct raml_digits sum = raml_digits_plus(&a, &b);
    raml_digits_write(question, &a);
    raml_buf_adds(question, "+");
    raml_digits_write(question, &b);
    raml_buf_adds(question, "=?");
    raml_digits_write(answer, &sum);
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct raml_digits a = raml_digits_draw(&r, difficulty), b = raml_digits_draw(&r, difficulty);
    struct raml_pen p = raml_pen_open(out, style, s, difficulty);
    if (style == RAML_STYLE_VERBOSE) {
        static const char *const words[] = {"I add column by column, from the right.", "Start with the ones.",
                                            "Work from right to left."};
        raml_pen_line(&p, "%s", raml_pen_word(&p, words, 3));
    }
    bool swap = raml_pen_coin(&p);
    raml_digits_write_sum(&p, swap ? &b : &a, swap ? &a : &b, 0);
}

/* clang-format off */
const struct raml_family raml_family_add = {
    .name = "add",
    .about = "addition of two numbers of the same length",
    .difficulty = "digits of each number",
    .low = 1, .high = 40, .easy = 3, .hard = 5,
    .make = make, .solve = solve,
};
/* clang-format on */
