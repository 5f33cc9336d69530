/* columns.c - see columns.h. */
#include "eval/columns.h"

#include "core/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_WIDTH = 40 };

/* Names come from files: control characters become '?', long ones are truncated between characters. */
void raml_column_name(struct raml_columns *l, const char *name)
{
    struct raml_column *c = &l->cell[l->n++];
    size_t n = 0;
    *c = (struct raml_column){.left = true};
    size_t len = 0, left = strlen(name);
    for (const char *s = name; *s; s += len, left -= len) {
        unsigned columns = raml_utf8_columns(s, left, &len);
        if (c->width + columns > NAME_WIDTH || n + len >= RAML_COLUMN_BYTES) break;
        c->width += columns;
        memcpy(c->text + n, s, len);
        if (len == 1 && ((unsigned char)*s < 0x20 || *s == 0x7f)) c->text[n] = '?';
        n += len;
    }
    c->text[n] = 0;
}

void raml_column_number(struct raml_columns *l, const char *fmt, ...)
{
    struct raml_column *c = &l->cell[l->n++];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
    c->width = n > 0 ? (size_t)n : 0;
    c->left = false;
}

void raml_column_rate(struct raml_columns *l, double rate)
{
    if (isnan(rate)) raml_column_number(l, "-");
    else raml_column_number(l, "%.1f %%", 100.0 * rate);
}

void raml_column_interval(struct raml_columns *l, const struct raml_estimate *e)
{
    if (isnan(e->low) || isnan(e->high)) raml_column_number(l, "-");
    else raml_column_number(l, "%.1f - %.1f", 100.0 * e->low, 100.0 * e->high);
}

void raml_column_share(struct raml_columns *l, size_t part, size_t whole)
{
    if (!whole) raml_column_number(l, "%zu", part);
    else raml_column_number(l, "%zu (%.1f %%)", part, 100.0 * (double)part / (double)whole);
}

void raml_columns_widen(size_t *width, const struct raml_columns *l)
{
    for (size_t j = 0; j < l->n; j++)
        if (l->cell[j].width > width[j]) width[j] = l->cell[j].width;
}

/* Two spaces between columns; none at a line's end. */
void raml_columns_write(const struct raml_columns *l, const size_t *width, struct raml_buf *out)
{
    for (size_t j = 0; j < l->n; j++) {
        const struct raml_column *c = &l->cell[j];
        int pad = (int)(width[j] - c->width);
        if (j) raml_buf_adds(out, "  ");
        if (!c->left) raml_buf_addf(out, "%*s", pad, "");
        raml_buf_adds(out, c->text);
        if (c->left && j + 1 < l->n) raml_buf_addf(out, "%*s", pad, "");
    }
    raml_buf_adds(out, "\n");
}
