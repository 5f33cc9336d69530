/* family_digits.c - see family_digits.h. */
#include "task/family_digits.h"

struct raml_digits raml_digits_draw(struct raml_rng *r, int n)
{
    struct raml_digits a = {.n = n};
    for (int i = 0; i < n; i++) a.d[i] = (unsigned char)raml_rng_below(r, 10);
    a.d[n - 1] = (unsigned char)(1 + raml_rng_below(r, 9));
    return a;
}

static void trim(struct raml_digits *a)
{
    while (a->n > 1 && !a->d[a->n - 1]) a->n--;
}

struct raml_digits raml_digits_times(const struct raml_digits *a, int k, int shift)
{
    struct raml_digits p = {.n = a->n + shift + 1};
    int carry = 0;
    for (int i = 0; i < a->n; i++) {
        int v = a->d[i] * k + carry;
        p.d[i + shift] = (unsigned char)(v % 10);
        carry = v / 10;
    }
    p.d[a->n + shift] = (unsigned char)carry;
    trim(&p);
    return p;
}

struct raml_digits raml_digits_plus(const struct raml_digits *a, const struct raml_digits *b)
{
    struct raml_digits s = {.n = (a->n > b->n ? a->n : b->n) + 1};
    int carry = 0;
    for (int i = 0; i < s.n; i++) {
        int v = (i < a->n ? a->d[i] : 0) + (i < b->n ? b->d[i] : 0) + carry;
        s.d[i] = (unsigned char)(v % 10);
        carry = v / 10;
    }
    trim(&s);
    return s;
}

bool raml_digits_zero(const struct raml_digits *a)
{
    return a->n == 1 && a->d[0] == 0;
}

void raml_digits_write(struct raml_buf *out, const struct raml_digits *a)
{
    for (int i = a->n - 1; i >= 0; i--) raml_buf_addf(out, "%d", a->d[i]);
}

/* The last column keeps its tens. */
static void extend(struct raml_digits *done, int value, bool last)
{
    done->d[done->n++] = (unsigned char)(value % 10);
    if (last && value >= 10) done->d[done->n++] = (unsigned char)(value / 10);
}

static void write_column(struct raml_pen *p, const struct raml_column *c, int value, const struct raml_digits *done)
{
    struct raml_digits result = *done;
    extend(&result, value, c->last);
    if (p->style == RAML_STYLE_VERBOSE) {
        static const char *const words[] = {"Next", "Then", "Now"};
        raml_pen_line(p, "%s %d%c%d+%d=%d, ", raml_pen_word(p, words, 3), c->x, c->op, c->y, c->carry, value);
        if (c->last) raml_pen_add(p, "and the result is ");
        else raml_pen_add(p, "write %d and carry %d, so far ", value % 10, value / 10);
    } else {
        raml_pen_line(p, "%d%c%d+%d=%02d>", c->x, c->op, c->y, c->carry, value);
    }
    raml_digits_write(p->out, &result);
    if (p->style == RAML_STYLE_VERBOSE) raml_pen_add(p, ".");
}

void raml_column_write(struct raml_pen *p, const struct raml_column *c, int step, struct raml_digits *done)
{
    int value = (c->op == '+' ? c->x + c->y : c->x * c->y) + c->carry;
    if (raml_pen_slips(p, step)) {
        /* The usual slips: the carry is forgotten, or the value is near the correct one. */
        bool forgotten = c->carry && raml_rng_below(&p->s, 2);
        int near = raml_pen_wrong(p, value, value > 2 ? value - 2 : 0, value + 2);
        int wrong = forgotten ? value - c->carry : near;
        write_column(p, c, wrong, done);
        raml_pen_wait(p);
    }
    write_column(p, c, value, done);
    extend(done, value, c->last);
}

void raml_digits_write_sum(struct raml_pen *p, const struct raml_digits *a, const struct raml_digits *b, int step)
{
    int n = a->n > b->n ? a->n : b->n, carry = 0;
    struct raml_digits done = {0};
    for (int i = 0; i < n; i++) {
        struct raml_column c = {
            .x = i < a->n ? a->d[i] : 0, .y = i < b->n ? b->d[i] : 0, .carry = carry, .op = '+', .last = i == n - 1};
        raml_column_write(p, &c, step + i, &done);
        carry = (c.x + c.y + carry) / 10;
    }
}
