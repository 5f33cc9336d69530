/* family_util.c - see family_util.h. */
#include "task/family_util.h"

#include <stdarg.h>
#include <stdio.h>

struct raml_pen raml_pen_open(struct raml_buf *out, enum raml_style style, struct raml_rng s, int n_steps)
{
    struct raml_pen p = {.out = out, .s = s, .style = style, .vary = s.key.sample != 0, .start = out->len};
    if (style != RAML_STYLE_REFLECT) return p;
    uint32_t n = n_steps > FAMILY_MAX_STEPS ? FAMILY_MAX_STEPS : (uint32_t)n_steps;
    p.slips = (uint64_t)1 << raml_rng_below(&p.s, n);
    if (n >= 4 && raml_rng_below(&p.s, 3) == 0) p.slips |= (uint64_t)1 << raml_rng_below(&p.s, n);
    return p;
}

RAML_PRINTF(2, 0) static void write_text(struct raml_buf *out, const char *fmt, va_list ap)
{
    char text[512];
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n > 0) raml_buf_add(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void raml_pen_line(struct raml_pen *p, const char *fmt, ...)
{
    if (p->out->len > p->start) raml_buf_adds(p->out, "\n");
    va_list ap;
    va_start(ap, fmt);
    write_text(p->out, fmt, ap);
    va_end(ap);
}

void raml_pen_add(struct raml_pen *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    write_text(p->out, fmt, ap);
    va_end(ap);
}

bool raml_pen_slips(struct raml_pen *p, int step)
{
    if (step < 0 || step >= FAMILY_MAX_STEPS || !(p->slips >> step & 1)) return false;
    p->slips &= ~((uint64_t)1 << step);
    return true;
}

void raml_pen_wait(struct raml_pen *p)
{
    static const char *const words[] = {"wait, that is wrong", "wait, no", "wait, check that again",
                                        "wait, I made a mistake"};
    raml_pen_line(p, "%s", raml_pen_word(p, words, 4));
}

const char *raml_pen_word(struct raml_pen *p, const char *const *words, uint32_t n)
{
    return p->vary ? words[raml_rng_below(&p->s, n)] : words[0];
}

bool raml_pen_coin(struct raml_pen *p)
{
    return p->vary && raml_rng_below(&p->s, 2);
}

int raml_pen_wrong(struct raml_pen *p, int correct, int low, int high)
{
    bool inside = correct >= low && correct <= high;
    int w = (int)raml_rng_range(&p->s, low, inside ? high - 1 : high);
    return inside && w >= correct ? w + 1 : w;
}

void raml_family_letters(struct raml_rng *r, char *out, int n)
{
    uint32_t index[26];
    for (uint32_t i = 0; i < 26; i++) index[i] = i;
    raml_rng_shuffle(r, index, 26);
    for (int i = 0; i < n; i++) out[i] = (char)('a' + index[i]);
}
