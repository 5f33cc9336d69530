/* family_word.c - grade-school word problems from templates, with irrelevant facts.
 *
 *   Tom has 5 apples. Zoe buys 4 apples. Tom buys 3 apples. Ben has twice as many apples as Tom.
 *   How many apples does Ben have?
 *
 * A count is carried through the story: its owner gains or loses some, or someone else has more, fewer, or a multiple
 * of it and takes over. Irrelevant facts are about somebody who does not matter, or about another thing. All counts
 * stay within 1 .. 99.
 */
#include "task/family_util.h"

enum { MAX_OPS = 12, MAX_FACTS = 5, N_NAMES = 20, N_THINGS = 8, MOST = 99 };
enum kind { GAIN, LOSE, MORE, FEWER, TWICE, THRICE };

static const char *const names[N_NAMES] = {"Tom", "Ana", "Ben", "Zoe", "Max", "Eva", "Sam", "Lea", "Kim", "Leo",
                                           "Mia", "Jan", "Ida", "Ned", "Amy", "Pia", "Rob", "Uma", "Gus", "Fay"};
static const char *const things[N_THINGS] = {"apples", "pens", "books", "cards", "coins", "shells", "nuts", "stamps"};
static const char *const gains[] = {"buys", "finds", "gets"}, *const losses[] = {"loses", "sells", "gives away"};

struct event {
    enum kind kind;
    uint32_t who, before; /* names; before: who had the count (MORE .. THRICE) */
    const char *verb;
    int k, from, to; /* operand, count before and after */
};
struct fact {
    uint32_t who, thing;
    const char *verb;
    int k, at; /* comes before event number `at`; -1: before the story begins */
};
struct story {
    int n, n_facts, start;
    uint32_t first, thing;
    struct event event[MAX_OPS];
    struct fact fact[MAX_FACTS];
};

static int result(enum kind kind, int v, int k)
{
    if (kind == GAIN || kind == MORE) return v + k;
    if (kind == LOSE || kind == FEWER) return v - k;
    return v * k;
}

static void draw_event(struct raml_rng *r, int from, struct event *e)
{
    e->kind = (enum kind)raml_rng_below(r, 6);
    e->k = e->kind == TWICE ? 2 : e->kind == THRICE ? 3 : 1 + (int)raml_rng_below(r, 9);
    int to = result(e->kind, from, e->k);
    if (to < 1 || to > MOST) {
        e->kind = from < 10 ? GAIN : LOSE;
        e->k = 1 + (int)raml_rng_below(r, 9);
        to = result(e->kind, from, e->k);
    }
    const char *const *verb = e->kind == GAIN ? gains : losses;
    e->verb = verb[raml_rng_below(r, 3)];
    e->from = from;
    e->to = to;
}

static void draw(struct raml_rng r, int difficulty, struct story *st)
{
    uint32_t name[N_NAMES], n_names = 1;
    for (uint32_t i = 0; i < N_NAMES; i++) name[i] = i;
    raml_rng_shuffle(&r, name, N_NAMES);
    *st = (struct story){.n = difficulty, .first = name[0], .thing = raml_rng_below(&r, N_THINGS)};
    st->start = 2 + (int)raml_rng_below(&r, 19);
    for (int i = 0; i < st->n; i++) {
        struct event *e = &st->event[i];
        draw_event(&r, i ? st->event[i - 1].to : st->start, e);
        e->before = name[n_names - 1];
        if (e->kind >= MORE) n_names++;
        e->who = name[n_names - 1];
    }
    st->n_facts = (int)raml_rng_below(&r, (uint32_t)(2 + st->n / 3));
    if (st->n_facts > MAX_FACTS) st->n_facts = MAX_FACTS;
    for (int i = 0; i < st->n_facts; i++) {
        struct fact *f = &st->fact[i];
        bool stranger = raml_rng_below(&r, 2);
        f->who = stranger ? name[N_NAMES - 1 - i] : name[raml_rng_below(&r, n_names)];
        f->thing = stranger ? st->thing : (st->thing + 1 + raml_rng_below(&r, N_THINGS - 1)) % N_THINGS;
        f->verb = raml_rng_below(&r, 2) ? "has" : gains[raml_rng_below(&r, 3)];
        f->k = 2 + (int)raml_rng_below(&r, 8);
        f->at = (int)raml_rng_below(&r, (uint32_t)st->n + 1) - 1;
    }
}

static void write_facts(struct raml_buf *out, const struct story *st, int at)
{
    for (int i = 0; i < st->n_facts; i++) {
        const struct fact *f = &st->fact[i];
        if (f->at == at) raml_buf_addf(out, "%s %s %d %s. ", names[f->who], f->verb, f->k, things[f->thing]);
    }
}

static void write_event(struct raml_buf *out, const struct story *st, const struct event *e)
{
    const char *thing = things[st->thing], *who = names[e->who], *before = names[e->before];
    switch (e->kind) {
    case GAIN:
    case LOSE: raml_buf_addf(out, "%s %s %d %s. ", who, e->verb, e->k, thing); break;
    case MORE: raml_buf_addf(out, "%s has %d more %s than %s. ", who, e->k, thing, before); break;
    case FEWER: raml_buf_addf(out, "%s has %d fewer %s than %s. ", who, e->k, thing, before); break;
    case TWICE: raml_buf_addf(out, "%s has twice as many %s as %s. ", who, thing, before); break;
    case THRICE: raml_buf_addf(out, "%s has 3 times as many %s as %s. ", who, thing, before); break;
    }
}

static void make(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer)
{
    struct story st;
    draw(r, difficulty, &st);
    write_facts(question, &st, -1);
    raml_buf_addf(question, "%s has %d %s. ", names[st.first], st.start, things[st.thing]);
    for (int i = 0; i < st.n; i++) {
        write_facts(question, &st, i);
        write_event(question, &st, &st.event[i]);
    }
    const struct event *last = &st.event[st.n - 1];
    raml_buf_addf(question, "How many %s does %s have?", things[st.thing], names[last->who]);
    raml_buf_addf(answer, "%d", last->to);
}

/* What happens, in few words: "Tom buys 3", "Ben twice"; in the verbose style "Ben has twice as many". */
static void write_brief(struct raml_pen *p, const struct event *e)
{
    static const char *const words[] = {"", "", "more", "fewer", "twice", "3 times"};
    bool verbose = p->style == RAML_STYLE_VERBOSE;
    const char *has = verbose ? " has" : "", *as_many = verbose ? " as many" : "";
    if (e->kind <= LOSE) raml_pen_add(p, "%s %s %d", names[e->who], e->verb, e->k);
    else if (e->kind <= FEWER) raml_pen_add(p, "%s%s %d %s", names[e->who], has, e->k, words[e->kind]);
    else raml_pen_add(p, "%s%s %s%s", names[e->who], has, words[e->kind], as_many);
}

static void write_step(struct raml_pen *p, const struct event *e, int value, bool brief)
{
    char op = e->kind == GAIN || e->kind == MORE ? '+' : e->kind == LOSE || e->kind == FEWER ? '-' : '*';
    if (p->style == RAML_STYLE_VERBOSE) {
        static const char *const words[] = {"so the count is", "that makes", "which gives"};
        raml_pen_line(p, "%s", "");
        write_brief(p, e);
        raml_pen_add(p, ", %s %d%c%d=%d.", raml_pen_word(p, words, 3), e->from, op, e->k, value);
        return;
    }
    raml_pen_line(p, "%s", "");
    if (!brief) write_brief(p, e);
    raml_pen_add(p, "%s%d%c%d=%d", brief ? "" : ": ", e->from, op, e->k, value);
}

static void write_skips(struct raml_pen *p, const struct story *st, int at)
{
    for (int i = 0; i < st->n_facts; i++) {
        const struct fact *f = &st->fact[i];
        if (f->at == at) raml_pen_line(p, "The %d %s of %s do not matter.", f->k, things[f->thing], names[f->who]);
    }
}

/* A wrong count, or an irrelevant fact mistaken for part of the story. */
static void write_slip(struct raml_pen *p, const struct story *st, const struct event *e, bool brief)
{
    if (st->n_facts && raml_rng_below(&p->s, 2)) {
        const struct fact *f = &st->fact[raml_rng_below(&p->s, (uint32_t)st->n_facts)];
        raml_pen_line(p, "%s %s %d: %d+%d=%d", names[f->who], f->verb, f->k, e->from, f->k, e->from + f->k);
    } else {
        write_step(p, e, raml_pen_wrong(p, e->to, e->to > 3 ? e->to - 3 : 0, e->to + 3), brief);
    }
    raml_pen_wait(p);
}

static void solve(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out)
{
    struct story st;
    draw(r, difficulty, &st);
    struct raml_pen p = raml_pen_open(out, style, s, st.n);
    bool verbose = style == RAML_STYLE_VERBOSE, brief = !verbose && raml_pen_coin(&p);
    if (verbose) {
        write_skips(&p, &st, -1);
        raml_pen_line(&p, "%s starts with %d %s.", names[st.first], st.start, things[st.thing]);
    } else {
        raml_pen_line(&p, "%s %d", names[st.first], st.start);
    }
    for (int i = 0; i < st.n; i++) {
        if (verbose) write_skips(&p, &st, i);
        if (raml_pen_slips(&p, i)) write_slip(&p, &st, &st.event[i], brief);
        write_step(&p, &st.event[i], st.event[i].to, brief);
    }
    if (verbose) raml_pen_line(&p, "The answer is %d.", st.event[st.n - 1].to);
}

/* clang-format off */
const struct raml_family raml_family_word = {
    .name = "word",
    .about = "short stories about counts, with irrelevant facts",
    .difficulty = "number of operations",
    .low = 1, .high = 12, .easy = 2, .hard = 4,
    .make = make, .solve = solve,
};
/* clang-format on */
