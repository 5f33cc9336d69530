/* family_util.c - see family_util.h. */
#include "task/family_util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct raml_pen raml_pen_open(struct raml_buf *out, enum raml_style style, struct raml_rng s, int n_steps)
{
    struct raml_pen p = {.out = out,
                         .s = s,
                         .wording = s,
                         .style = style,
                         .vary = s.key.sample != 0,
                         .rewords = s.key.round != 0,
                         .start = out->len};
    p.s.key.round = 0;
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

/* A line that takes another back starts with "wait". */
static void write_connective(struct raml_pen *p, const char *fmt)
{
    static const char *const words[] = {"", "", "then ", "next ", "now ", "so ", "and "}, *const sentences[] = {
                                                                                              "",        "",
                                                                                              "Go on. ", "Good. ",
                                                                                              "Right. ", "All right. ",
                                                                                              "Fine. "};
    if (!p->rewords || !strncmp(fmt, "wait", 4)) return;
    uint32_t i = raml_rng_below(&p->wording, sizeof words / sizeof *words);
    raml_buf_adds(p->out, p->style == RAML_STYLE_VERBOSE ? sentences[i] : words[i]);
}

void raml_pen_line(struct raml_pen *p, const char *fmt, ...)
{
    if (p->out->len > p->start) raml_buf_adds(p->out, "\n");
    write_connective(p, fmt);
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
    static const char *const words[] = {"that is wrong", "no", "check that again", "I made a mistake"};
    raml_pen_line(p, "wait, %s", raml_pen_word(p, words, 4));
}

const char *raml_pen_word(struct raml_pen *p, const char *const *words, uint32_t n)
{
    uint32_t i =
        p->vary ? raml_rng_below(&p->s, n) : 0; /* in a paraphrase too: the sample's other draws stay the same */
    return words[p->rewords ? raml_rng_below(&p->wording, n) : i];
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
