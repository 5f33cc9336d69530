/* family_perm.c - composition of permutations of five symbols, the word problem of the group S5.
 *
 *   a=25134;b=31254;c=14523;abc?
 *
 * A word of five digits is a permutation: its i-th digit is where i goes. "abc" applies a first, then b, then c. Names
 * are always in order: the difficulty is the product, and no two questions differ only in names. No circuit of
 * constant depth solves the word problem of S5 unless TC0 = NC1 (Barrington 1989): serial steps are needed.
 * Steps: a factor written as pairs (13 means that 1 goes to 3), the pairs in the order of the running word, and the new
 * word. Composition is associative: other samples may start from the right.
 */
#include "task/family_util.h"

#include <string.h>

enum { SYMBOLS = 5, MAX_FACTORS = 16 };

struct product {
    int n;
    char name[MAX_FACTORS];
    char word[MAX_FACTORS][SYMBOLS]; /* digits '1' .. '5' */
};

/* first, then second */
static void compose(const char first[SYMBOLS], const char second[SYMBOLS], char out[SYMBOLS])
{
    char w[SYMBOLS];
    for (int i = 0; i < SYMBOLS; i++) w[i] = second[first[i] - '1'];
    memcpy(out, w, SYMBOLS);
}

static void draw(struct raml_rng r, int difficulty, struct product *q)
{
    *q = (struct product){.n = difficulty};
    for (int i = 0; i < q->n; i++) {
        q->name[i] = (char)('a' + i);
        uint32_t index[SYMBOLS];
        for (uint32_t j = 0; j < SYMBOLS; j++) index[j] = j;
        raml_rng_shuffle(&r, index, SYMBOLS);
        for (int j = 0; j < SYMBOLS; j++) q->word[i][j] = (char)('1' + index[j]);
    }
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct product q;
    draw(r, difficulty, &q);
    char all[SYMBOLS];
    memcpy(all, q.word[0], SYMBOLS);
    for (int i = 1; i < q.n; i++) compose(all, q.word[i], all);
    for (int i = 0; i < q.n; i++) raml_buf_addf(question, "%c=%.*s;", q.name[i], SYMBOLS, q.word[i]);
    raml_buf_addf(question, "%.*s?", q.n, q.name);
    raml_buf_add(answer, all, SYMBOLS);
}

/* The line that applies `first`, then `second`; name: its new factor. */
static void write_step(struct raml_pen *p, char name, const char first[SYMBOLS], const char second[SYMBOLS],
                       const char result[SYMBOLS])
{
    bool verbose = p->style == RAML_STYLE_VERBOSE;
    if (verbose) {
        static const char *const words[] = {"Then", "Next", "Now"};
        raml_pen_line(p, "%s %c:", raml_pen_word(p, words, 3), name);
        for (int i = 0; i < SYMBOLS; i++)
            raml_pen_add(p, " %d goes to %c then %c,", i + 1, first[i], second[first[i] - '1']);
        raml_pen_add(p, " so %.*s.", SYMBOLS, result);
        return;
    }
    raml_pen_line(p, "%c:", name);
    for (int i = 0; i < SYMBOLS; i++) raml_pen_add(p, "%s%d%c", i ? " " : "", i + 1, second[i]);
    raml_pen_add(p, ";");
    for (int i = 0; i < SYMBOLS; i++) raml_pen_add(p, "%s%c%c", i ? " " : "", first[i], result[i]);
    raml_pen_add(p, ";%.*s", SYMBOLS, result);
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct product q;
    draw(r, difficulty, &q);
    struct raml_pen p = raml_pen_open(out, style, s, q.n - 1);
    bool from_right = raml_pen_coin(&p);
    int at = from_right ? q.n - 1 : 0;
    char now[SYMBOLS], next[SYMBOLS];
    memcpy(now, q.word[at], SYMBOLS);
    raml_pen_line(&p, style == RAML_STYLE_VERBOSE ? "Start with %c, it is %.*s." : "%c:%.*s", q.name[at], SYMBOLS, now);
    for (int i = 0; i < q.n - 1; i++) {
        at += from_right ? -1 : 1;
        const char *first = from_right ? q.word[at] : now, *second = from_right ? now : q.word[at];
        compose(first, second, next);
        if (raml_pen_slips(&p, i)) {
            char wrong[SYMBOLS];
            memcpy(wrong, next, SYMBOLS);
            int x = (int)raml_rng_below(&p.s, SYMBOLS), y = raml_pen_wrong(&p, x, 0, SYMBOLS - 1);
            wrong[x] = next[y];
            wrong[y] = next[x];
            write_step(&p, q.name[at], first, second, wrong);
            raml_pen_wait(&p);
        }
        write_step(&p, q.name[at], first, second, next);
        memcpy(now, next, SYMBOLS);
    }
}

/* clang-format off */
const struct raml_family raml_family_perm = {
    .name = "perm",
    .about = "composition of permutations of five symbols",
    .difficulty = "number of permutations composed",
    .low = 2, .high = 16, .easy = 3, .hard = 5,
    .make = make, .solve = solve,
};
/* clang-format on */
