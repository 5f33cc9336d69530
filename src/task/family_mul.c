/* family_mul.c - multiplication.
 *
 *   783*25=?          the second factor has half as many digits as the first, rounded up
 *
 * Steps: a partial product for each digit of the second factor ("783*20:" and its columns, "x*y+carry=value>result so
 * far"), then the partial products added one after the other. The order of the partial products is free.
 */
#include "task/family_digits.h"

enum { MAX_FACTOR = 8 };

static void draw(struct raml_rng r, int difficulty, struct raml_digits *a, struct raml_digits *b)
{
    *a = raml_digits_draw(&r, difficulty);
    *b = raml_digits_draw(&r, (difficulty + 1) / 2);
}

static struct raml_digits product(const struct raml_digits *a, const struct raml_digits *b)
{
    struct raml_digits sum = {.n = 1};
    for (int j = 0; j < b->n; j++) {
        struct raml_digits part = raml_digits_times(a, b->d[j], j);
        sum = raml_digits_plus(&sum, &part);
    }
    return sum;
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct raml_digits a, b;
    draw(r, difficulty, &a, &b);
    struct raml_digits p = product(&a, &b);
    raml_digits_write(question, &a);
    raml_buf_adds(question, "*");
    raml_digits_write(question, &b);
    raml_buf_adds(question, "=?");
    raml_digits_write(answer, &p);
}

/* "x op y:" before the columns; "x op y=z" where no columns are needed (z not NULL). */
static void write_head(struct raml_pen *p, const struct raml_digits *x, char op, const struct raml_digits *y,
                       const struct raml_digits *z)
{
    raml_pen_line(p, "%s", p->style == RAML_STYLE_VERBOSE ? (z ? "There is nothing to do in " : "I work out ") : "");
    raml_digits_write(p->out, x);
    raml_pen_add(p, "%c", op);
    raml_digits_write(p->out, y);
    raml_pen_add(p, z ? "=" : ":");
    if (z) raml_digits_write(p->out, z);
    if (z && p->style == RAML_STYLE_VERBOSE) raml_pen_add(p, ".");
}

/* The lines of a * b[j] * 10^j. */
static struct raml_digits write_part(struct raml_pen *p, const struct raml_digits *a, const struct raml_digits *b,
                                     int j)
{
    const struct raml_digits one = {.n = 1, .d = {1}};
    struct raml_digits k = raml_digits_times(&one, b->d[j], j), part = raml_digits_times(a, b->d[j], j);
    if (!b->d[j]) {
        write_head(p, a, '*', &k, &part);
        return part;
    }
    if (b->n > 1 || p->style == RAML_STYLE_VERBOSE) write_head(p, a, '*', &k, NULL);
    struct raml_digits done = {.n = j};
    for (int i = 0, carry = 0; i < a->n; i++) {
        struct raml_column c = {.x = a->d[i], .y = b->d[j], .carry = carry, .op = '*', .last = i == a->n - 1};
        raml_column_write(p, &c, j * a->n + i, &done);
        carry = (c.x * c.y + carry) / 10;
    }
    return part;
}

static struct raml_digits write_total(struct raml_pen *p, const struct raml_digits *total,
                                      const struct raml_digits *part, int step)
{
    struct raml_digits sum = raml_digits_plus(total, part);
    bool easy = raml_digits_zero(total) || raml_digits_zero(part);
    write_head(p, total, '+', part, easy ? &sum : NULL);
    if (!easy) raml_digits_write_sum(p, total, part, step);
    return sum;
}

/* A slip must happen in a column that is written: one of a nonzero digit (the leading one is nonzero). */
static void move_slips(struct raml_pen *p, const struct raml_digits *a, const struct raml_digits *b)
{
    uint64_t possible = 0, columns = ((uint64_t)1 << a->n) - 1;
    for (int j = 0; j < b->n; j++)
        if (b->d[j]) possible |= columns << (j * a->n);
    p->slips &= possible;
    if (!p->slips) p->slips = (uint64_t)1 << ((b->n - 1) * a->n + (int)raml_rng_below(&p->s, (uint32_t)a->n));
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct raml_digits a, b;
    draw(r, difficulty, &a, &b);
    struct raml_pen p = raml_pen_open(out, style, s, a.n * b.n);
    if (style == RAML_STYLE_REFLECT) move_slips(&p, &a, &b);
    struct raml_digits part[MAX_FACTOR], total; /* b has at most five digits */
    bool left = raml_pen_coin(&p);
    for (int i = 0; i < b.n; i++) part[i] = write_part(&p, &a, &b, left ? b.n - 1 - i : i);
    total = part[0];
    for (int i = 1; i < b.n; i++) total = write_total(&p, &total, &part[i], FAMILY_MAX_STEPS);
}

/* clang-format off */
const struct raml_family raml_family_mul = {
    .name = "mul",
    .about = "multiplication by partial products",
    .difficulty = "digits of the larger factor",
    .low = 1, .high = 10, .easy = 2, .hard = 3,
    .make = make, .solve = solve,
};
/* clang-format on */
