/* make.c - see family.h: sets of distinct questions, made cell by cell (a cell is one family at one difficulty). */
#include "raml/family.h"

#include "core/array.h"
#include "core/ascii.h"
#include "core/hash_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CELLS = 256, MAX_STYLES = 16, MAX_TEXT = 1 << 20, MAX_TRAJECTORIES = 4096, TEST_ONE_IN = 8 };
/* Consecutive instances of one cell without anything new before it counts as exhausted; and further samples tried for
 * a trajectory that a question already has. */
static const uint64_t MAX_IDLE = 20000;
enum { MAX_RETRIES = 16 };

enum split { TRAIN, TEST, N_SPLITS };
static const char *const split_names[N_SPLITS] = {"train", "test"};

struct cell {
    const struct raml_family *family;
    uint32_t number; /* of the family in the table, and the difficulty: names its random streams */
    int difficulty;
    size_t entry, weight; /* of the list of families */
    uint64_t next;        /* next instance */
    size_t want, got, count[N_SPLITS];
};
struct seen { /* hashes of questions, each once */
    uint64_t *hash;
    size_t n, cap;
    struct raml_hash_map map; /* hash -> its place in the list */
};
struct maker {
    const struct raml_make_options *opt;
    struct raml_questions *qs;
    struct cell cell[MAX_CELLS];
    size_t n_cells;
    int split; /* -1: both */
    enum raml_style style[MAX_STYLES];
    size_t n_styles;
    struct seen seen;
    struct raml_buf question, answer, text;
    struct raml_trajectory *trajectory;
};

/* -- The set of hashes -------------------------------------------------------------------------------------------- */

static bool seen_has(const struct seen *s, uint64_t hash)
{
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&s->map, hash, &step)) != RAML_HASH_NONE;)
        if (s->hash[i] == hash) return true;
    return false;
}

static enum raml_code seen_add(struct seen *s, uint64_t hash, struct raml_err *err)
{
    if (seen_has(s, hash)) return RAML_OK;
    enum raml_code rc = RAML_GROW(s->hash, s->cap, s->n + 1, "hashes of questions", err);
    if (!rc && !raml_hash_map_add(&s->map, hash, (uint32_t)s->n))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the hashes of %zu questions", s->n + 1);
    if (!rc) s->hash[s->n++] = hash;
    return rc;
}

/* -- Options ------------------------------------------------------------------------------------------------------ */

static enum raml_code fail_family(const char *name, size_t len, struct raml_err *err)
{
    char known[256] = "";
    const struct raml_family *const *all;
    size_t n = raml_families(&all), used = 0;
    for (size_t i = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", all[i]->name);
    return raml_fail(err, RAML_EUSAGE, "families: found '%.*s', expected one of %s", len > 60 ? 60 : (int)len, name,
                     known);
}

static const struct raml_family *find_family(const char *name, size_t len, uint32_t *number)
{
    const struct raml_family *const *all;
    size_t n = raml_families(&all);
    for (size_t i = 0; i < n; i++) {
        if (strlen(all[i]->name) != len || memcmp(all[i]->name, name, len) != 0) continue;
        *number = (uint32_t)i;
        return all[i];
    }
    return NULL;
}

/* A whole number of at most four digits; false: none. */
static bool read_number(const char **at, const char *end, int *out)
{
    int v = 0, n = 0;
    for (; *at < end && is_digit(**at) && n < 5; (*at)++, n++) v = v * 10 + (**at - '0');
    *out = v;
    return n > 0 && n < 5;
}

/* "4" or "2-4" in [at, end), inside the family's range. */
static enum raml_code read_range(const struct raml_family *f, const char *at, const char *end, int *low, int *high,
                                 struct raml_err *err)
{
    const char *text = at;
    bool ok = read_number(&at, end, low);
    *high = *low;
    if (ok && at < end && *at == '-') {
        at++;
        ok = read_number(&at, end, high);
    }
    if (ok && at == end && *low >= f->low && *high <= f->high && *low <= *high) return RAML_OK;
    size_t len = (size_t)(end - text);
    return raml_fail(err, RAML_EUSAGE,
                     "families: difficulty of %s: found '%.*s', expected a number or a range (3-5) "
                     "from %d to %d (%s)",
                     f->name, len > 60 ? 60 : (int)len, text, f->low, f->high, f->difficulty);
}

struct entry { /* of the list of families */
    const struct raml_family *family;
    uint32_t number;
    int low, high, weight;
    size_t index;
};

static enum raml_code add_cells(struct maker *m, const struct entry *e, struct raml_err *err)
{
    const struct raml_family *f = e->family;
    for (int d = e->low; d <= e->high; d++) {
        struct cell c = {.family = f,
                         .number = e->number << 16 | (uint32_t)d,
                         .difficulty = d,
                         .entry = e->index,
                         .weight = (size_t)e->weight};
        for (size_t i = 0; i < m->n_cells; i++)
            if (m->cell[i].number == c.number)
                return raml_fail(err, RAML_EUSAGE, "families: %s at difficulty %d is given twice", f->name, d);
        if (m->n_cells == MAX_CELLS)
            return raml_fail(err, RAML_EUSAGE, "families: more than %d difficulties", MAX_CELLS);
        m->cell[m->n_cells++] = c;
    }
    return RAML_OK;
}

/* "name", "name:3", "name:3-5", each perhaps followed by "*2". */
static enum raml_code read_entry(const char *text, size_t len, struct entry *e, struct raml_err *err)
{
    size_t name = strcspn(text, ":*,"), range = strcspn(text, "*,");
    e->family = find_family(text, name, &e->number);
    e->weight = 1;
    if (!e->family) return fail_family(text, name, err);
    e->low = e->family->easy;
    e->high = e->family->hard;
    if (range < len) {
        const char *at = text + range + 1;
        if (!read_number(&at, text + len, &e->weight) || at != text + len || !e->weight)
            return raml_fail(err, RAML_EUSAGE, "families: weight of %s: found '%.*s', expected a number from 1 to 9999",
                             e->family->name, len - range > 60 ? 60 : (int)(len - range - 1), text + range + 1);
    }
    return name < range ? read_range(e->family, text + name + 1, text + range, &e->low, &e->high, err) : RAML_OK;
}

static enum raml_code read_families(struct maker *m, struct raml_err *err)
{
    const struct raml_family *const *all;
    size_t n = raml_families(&all);
    if (!m->opt->families) {
        for (size_t i = 0; i < n; i++) {
            enum raml_code rc =
                add_cells(m, &(struct entry){all[i], (uint32_t)i, all[i]->easy, all[i]->hard, 1, i}, err);
            if (rc) return rc;
        }
        return RAML_OK;
    }
    struct entry e = {0};
    for (const char *at = m->opt->families;; e.index++) {
        size_t len = strcspn(at, ",");
        enum raml_code rc = read_entry(at, len, &e, err);
        if (!rc) rc = add_cells(m, &e, err);
        if (rc || !at[len]) return rc;
        at += len + 1;
    }
}

static enum raml_code read_styles(struct maker *m, struct raml_err *err)
{
    const char *at = m->opt->styles ? m->opt->styles : "concise";
    for (;;) {
        size_t len = strcspn(at, ",");
        int found = -1;
        for (int s = 0; s < RAML_N_STYLES; s++) {
            const char *name = raml_style_name((enum raml_style)s);
            if (strlen(name) == len && memcmp(name, at, len) == 0) found = s;
        }
        if (found < 0 || m->n_styles == MAX_STYLES)
            return raml_fail(err, RAML_EUSAGE,
                             "styles: found '%.*s', expected some of concise, verbose, reflect, checked, empty",
                             len > 60 ? 60 : (int)len, at);
        m->style[m->n_styles++] = (enum raml_style)found;
        if (!at[len]) return RAML_OK;
        at += len + 1;
    }
}

static enum raml_code read_options(struct maker *m, struct raml_err *err)
{
    const char *split = m->opt->split;
    m->split = -1;
    for (int s = 0; split && s < N_SPLITS; s++)
        if (strcmp(split, split_names[s]) == 0) m->split = s;
    if (split && m->split < 0)
        return raml_fail(err, RAML_EUSAGE, "split: found '%.60s', expected train or test", split);
    if (m->opt->n_trajectories > MAX_TRAJECTORIES)
        return raml_fail(err, RAML_EUSAGE, "trajectories: found %zu, expected at most %d", m->opt->n_trajectories,
                         MAX_TRAJECTORIES);
    enum raml_code rc = read_families(m, err);
    return rc ? rc : read_styles(m, err);
}

/* n over the entries by weight, each share over its difficulties; the first ones take the remainder. */
static void spread(struct maker *m)
{
    size_t weights = 0, given = 0;
    for (size_t i = 0; i < m->n_cells; i++)
        if (i == 0 || m->cell[i].entry != m->cell[i - 1].entry) weights += m->cell[i].weight;
    for (int pass = 0; pass < 2; pass++) { /* whole shares, then the remainder, one each */
        for (size_t first = 0, end; first < m->n_cells; first = end) {
            struct cell *c = &m->cell[first];
            for (end = first + 1; end < m->n_cells && m->cell[end].entry == c->entry;) end++;
            size_t n = end - first,
                   share = (m->opt->n / weights) * c->weight + m->opt->n % weights * c->weight / weights;
            if (pass == 0) given += share;
            else if (given < m->opt->n) given++, share++;
            for (size_t i = first; i < end; i++) m->cell[i].want = share / n + (i - first < share % n);
        }
    }
}

/* What the set already contains: its hashes, and how many of each cell and split, so that ids continue. */
static enum raml_code read_set(struct maker *m, struct raml_err *err)
{
    for (size_t i = 0; i < m->qs->n; i++) {
        const struct raml_question *q = &m->qs->question[i];
        enum raml_code rc = seen_add(&m->seen, raml_question_hash(q->question), err);
        if (rc) return rc;
        for (size_t k = 0; q->family && q->split && k < m->n_cells; k++) {
            struct cell *c = &m->cell[k];
            if (c->difficulty != q->difficulty || strcmp(c->family->name, q->family) != 0) continue;
            for (int s = 0; s < N_SPLITS; s++) c->count[s] += strcmp(q->split, split_names[s]) == 0;
        }
    }
    return RAML_OK;
}

/* -- Making ------------------------------------------------------------------------------------------------------- */

static struct raml_rng stream(const struct maker *m, const struct cell *c, uint64_t i, enum raml_purpose purpose,
                              uint32_t sample)
{
    return (struct raml_rng){.key = {.seed = m->opt->seed,
                                     .purpose = (uint32_t)purpose,
                                     .question = (uint64_t)c->number << 40 | i,
                                     .sample = sample}};
}

/* Fills m->trajectory[k]. A text that one of 0 .. k - 1 already has is made anew, at most MAX_RETRIES times: a family
 * whose steps have one order has few texts. */
static enum raml_code generate_trajectory(struct maker *m, const struct cell *c, uint64_t i, size_t k,
                                          struct raml_err *err)
{
    bool rewords = m->opt->paraphrases;
    enum raml_style style = m->style[(c->got + (rewords ? 0 : k)) % m->n_styles];
    uint32_t number = (uint32_t)(rewords ? k : k / m->n_styles);
    bool again = true;
    for (int tries = 0; again && tries <= MAX_RETRIES; tries++) {
        raml_buf_clear(&m->text);
        struct raml_rng s = stream(m, c, i, RAML_FOR_SOLUTION, rewords ? 0 : number);
        if (rewords) s.key.round = number;
        raml_family_solve(c->family, stream(m, c, i, RAML_FOR_QUESTION, 0), c->difficulty, style, s, &m->text);
        enum raml_code rc = raml_buf_status(&m->text, err);
        if (rc) return rc;
        again = false;
        for (size_t j = 0; j < k && !again; j++) again = strcmp(m->trajectory[j].text, m->text.data) == 0;
        number = (uint32_t)(m->opt->n_trajectories * (size_t)(tries + 1) + k);
    }
    char *text = strdup(m->text.data);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for a trajectory");
    m->trajectory[k] = (struct raml_trajectory){.text = text,
                                                .answer = m->answer.data,
                                                .correct = RAML_EQUAL,
                                                .think_closed = true,
                                                .style = raml_style_name(style),
                                                .seed = m->opt->seed,
                                                .logp_sum = NAN};
    return RAML_OK;
}

static enum raml_code add_question(struct maker *m, struct cell *c, uint64_t i, enum split split, struct raml_err *err)
{
    char id[96];
    snprintf(id, sizeof id, "%s-%d-%s-%06zu", c->family->name, c->difficulty, split_names[split], c->count[split]);
    size_t n = 0;
    enum raml_code rc = RAML_OK;
    while (n < m->opt->n_trajectories && !rc) {
        rc = generate_trajectory(m, c, i, n, err);
        if (!rc) n++;
    }
    /* clang-format off */
    struct raml_question q = {.id = id, .question = m->question.data, .answer = m->answer.data,
                              .family = c->family->name, .split = split_names[split], .difficulty = c->difficulty,
                              .trajectory = m->trajectory, .n_trajectories = n};
    /* clang-format on */
    if (!rc) rc = raml_questions_add(m->qs, &q, err);
    for (size_t k = 0; k < n; k++) free((void *)(uintptr_t)m->trajectory[k].text);
    if (rc) return raml_wrap(err, rc, "%s", id);
    c->count[split]++;
    c->got++;
    return RAML_OK;
}

/* The cell's next question that is new and of the requested split. */
static enum raml_code generate_next(struct maker *m, struct cell *c, struct raml_err *err)
{
    for (uint64_t idle = 0; idle < MAX_IDLE; idle++) {
        uint64_t i = c->next++;
        raml_buf_clear(&m->question);
        raml_buf_clear(&m->answer);
        c->family->make(stream(m, c, i, RAML_FOR_QUESTION, 0), c->difficulty, &m->question, &m->answer);
        enum raml_code rc = raml_buf_status(&m->question, err);
        if (!rc) rc = raml_buf_status(&m->answer, err);
        if (rc) return rc;
        uint64_t hash = raml_question_hash(m->question.data);
        enum split split = raml_question_is_test(hash, 1, TEST_ONE_IN) ? TEST : TRAIN;
        if ((m->split >= 0 && (int)split != m->split) || seen_has(&m->seen, hash)) continue;
        rc = seen_add(&m->seen, hash, err);
        return rc ? rc : add_question(m, c, i, split, err);
    }
    return raml_fail(err, RAML_ERANGE,
                     "%s at difficulty %d: found %zu distinct questions%s%s, expected %zu; "
                     "ask for fewer, or for other difficulties (%d to %d)",
                     c->family->name, c->difficulty, c->got, m->split < 0 ? "" : " of split ",
                     m->split < 0 ? "" : split_names[m->split], c->want, c->family->low, c->family->high);
}

/* In rounds: the largest cell gives one question in each, the others as many as keep the proportions, so that any
 * prefix of the set is a fair mixture. */
static enum raml_code generate_all(struct maker *m, struct raml_err *err)
{
    size_t rounds = 0;
    for (size_t k = 0; k < m->n_cells; k++) rounds = m->cell[k].want > rounds ? m->cell[k].want : rounds;
    for (size_t r = 1; r <= rounds; r++) {
        for (size_t k = 0; k < m->n_cells; k++) {
            struct cell *c = &m->cell[k];
            if (c->got * rounds >= c->want * r) continue;
            enum raml_code rc = generate_next(m, c, err);
            if (rc) return rc;
        }
    }
    return RAML_OK;
}

enum raml_code raml_make_questions(struct raml_questions *qs, const struct raml_make_options *opt, struct raml_err *err)
{
    struct maker *m = calloc(1, sizeof *m);
    if (!m) return raml_fail(err, RAML_ENOMEM, "no memory to make questions");
    m->opt = opt;
    m->qs = qs;
    raml_buf_init(&m->question, MAX_TEXT);
    raml_buf_init(&m->answer, MAX_TEXT);
    raml_buf_init(&m->text, MAX_TEXT);
    enum raml_code rc = read_options(m, err);
    if (!rc) rc = read_set(m, err);
    if (!rc) {
        spread(m);
        m->trajectory = calloc(opt->n_trajectories ? opt->n_trajectories : 1, sizeof *m->trajectory);
        rc = m->trajectory ? generate_all(m, err) : raml_fail(err, RAML_ENOMEM, "no memory for trajectories");
    }
    free(m->trajectory);
    free(m->seen.hash);
    raml_hash_map_deinit(&m->seen.map);
    raml_buf_deinit(&m->question);
    raml_buf_deinit(&m->answer);
    raml_buf_deinit(&m->text);
    free(m);
    return rc;
}
