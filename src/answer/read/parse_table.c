/* parse_table.c - matrices, systems, determinants; the sets of numbers that have a letter (parse.h). */
#include "answer/read/parser.h"

#include <string.h>

/* ---- tables ---- */

const struct expr *raml_parse_table(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    const struct expr *cell[256];
    uint32_t n = 0, rows = 0, here = 0, columns = 0;
    bool cases = !strcmp(t->text, "cases") || !strcmp(t->text, "dcases") || !strcmp(t->text, "aligned");
    for (;;) {
        uint8_t kind = raml_parse_peek(p, 0)->kind;
        if (kind == T_ROW || kind == T_FINISH || kind == T_END) { /* the end of a row */
            if (here && !cases && columns && here != columns) return raml_parse_stop(p, "rows of unequal length");
            if (here) columns = here, rows++;
            here = 0;
            if (kind == T_END) return raml_parse_stop(p, "a table that is not closed");
            p->i++;
            if (kind == T_FINISH) break;
            continue;
        }
        if (kind == T_CELL || kind == T_COMMA) {
            p->i++;
            continue;
        }
        if (n == 256) return raml_parse_stop(p, "a table too large");
        const struct expr *e = raml_parse_list(p, false);
        if (!e) return NULL;
        kind = raml_parse_peek(p, 0)->kind;
        if (kind != T_CELL && kind != T_ROW && kind != T_FINISH && kind != T_COMMA)
            return raml_parse_stop(p, "a cell that can't be read");
        cell[n++] = e;
        here++;
    }
    if (!n) return raml_parse_stop(p, "an empty table");
    struct expr *e = raml_expr_new(p->pool, cases ? EXPR_CASES : EXPR_MATRIX, n);
    if (!e) return NULL;
    memcpy(e->arg, cell, n * sizeof *cell);
    e->rows = rows;
    if (t->text[0] != 'v' && t->text[0] != 'V') return e;
    struct expr *d = (struct expr *)raml_expr_1(p->pool, EXPR_APPLY, e); /* vmatrix, Vmatrix */
    if (d) d->text = t->text[0] == 'v' ? "det" : "norm", d->n_text = t->text[0] == 'v' ? 3 : 4;
    return d;
}

/* ---- sets of numbers ---- */

static const struct expr *open_interval(struct parser *p, const struct expr *low, const struct expr *high)
{
    struct expr *e = low && high ? raml_expr_new(p->pool, EXPR_INTERVAL, 2) : NULL;
    if (!e) return NULL;
    e->arg[0] = low;
    e->arg[1] = high;
    e->sub = EXPR_OPEN_LEFT | EXPR_OPEN_RIGHT;
    return e;
}

/* The sign of \mathbb{R}^+, ^-, ^*, with braces or without; 0: none. p->i moves past it. */
static char set_sign(struct parser *p)
{
    if (raml_parse_peek(p, 0)->kind != T_POWER) return 0;
    uint32_t k = raml_parse_peek(p, 1)->kind == T_GROUP ? 2 : 1;
    const struct token *t = raml_parse_peek(p, k);
    char c = t->kind == T_PLUS ? '+' : t->kind == T_MINUS ? '-' : t->kind == T_TIMES ? '*' : 0;
    if (!c || (k == 2 && raml_parse_peek(p, 3)->kind != T_GROUP_END)) return 0;
    p->i += k + (k == 2) + 1;
    return c;
}

const struct expr *raml_parse_number_set(struct parser *p, char c)
{
    if (c != 'R') return raml_expr_text(p->pool, EXPR_TEXT, &c, 1);
    const struct expr *oo = raml_expr_new(p->pool, EXPR_INFINITY, 0), *minus = raml_expr_1(p->pool, EXPR_NEG, oo);
    const struct expr *zero = raml_expr_int(p->pool, 0);
    char sign = set_sign(p);
    if (sign == '+') return open_interval(p, zero, oo);
    if (sign == '-') return open_interval(p, minus, zero);
    const struct expr *all = open_interval(p, minus, oo);
    return sign == '*' ? raml_expr_2(p->pool, EXPR_MINUS_SET, all, raml_expr_1(p->pool, EXPR_SET, zero)) : all;
}
