/* tally.c - counts questions as they come (table.h). table.c makes a table from the counts. */
#include "eval/tally_parts.h"

#include "core/array.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ----------------------------------------------------------------------------------------------------- */

static bool same_measure(const struct raml_measure *a, const struct raml_measure *b)
{
    char x[RAML_MEASURE_NAME], y[RAML_MEASURE_NAME];
    raml_measure_name(a, x);
    raml_measure_name(b, y);
    return strcmp(x, y) == 0;
}

static enum raml_code check_options(const struct raml_table_options *opt, struct raml_err *err)
{
    if (opt->n_k > RAML_TABLE_MAX_K)
        return raml_fail(err, RAML_ERANGE, "%zu values of k; at most %d", opt->n_k, (int)RAML_TABLE_MAX_K);
    if (opt->n_measures > RAML_TABLE_MAX_MEASURES)
        return raml_fail(err, RAML_ERANGE, "%zu measures; at most %d", opt->n_measures, (int)RAML_TABLE_MAX_MEASURES);
    for (size_t i = 0; i < opt->n_k; i++)
        for (size_t j = 0; j < i; j++)
            if (opt->k[i] == opt->k[j]) return raml_fail(err, RAML_ERANGE, "k = %u is asked for twice", opt->k[i]);
    for (size_t i = 0; i < opt->n_measures; i++)
        for (size_t j = 0; j < i; j++)
            if (same_measure(&opt->measure[i], &opt->measure[j])) {
                char name[RAML_MEASURE_NAME];
                raml_measure_name(&opt->measure[i], name);
                return raml_fail(err, RAML_ERANGE, "%s is asked for twice", name);
            }
    return RAML_OK;
}

enum raml_code raml_tallies_open(const struct raml_table_options *opt, bool keep, struct raml_tallies **out,
                                 struct raml_err *err)
{
    enum raml_code rc = check_options(opt, err);
    if (rc) return rc;
    struct raml_tallies *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "no memory to count questions");
    t->opt = *opt;
    if (opt->n_k) memcpy(t->k, opt->k, opt->n_k * sizeof *t->k);
    if (opt->n_measures) memcpy(t->measure, opt->measure, opt->n_measures * sizeof *t->measure);
    t->opt.k = t->k;
    t->opt.measure = t->measure;
    t->keep = keep;
    for (size_t i = 0; i < opt->n_measures; i++) t->n_maj += t->measure[i].kind == RAML_MEASURE_MAJ;
    *out = t;
    return RAML_OK;
}

void raml_tallies_close(struct raml_tallies *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_groups; i++) {
        free(t->group[i].split);
        free(t->group[i].family);
        raml_count_table_deinit(&t->group[i].counts);
    }
    for (size_t i = 0; t->retained && i < t->n_questions; i++) free(t->retained[i].id);
    free(t->group);
    raml_hash_map_deinit(&t->map);
    free(t->maj);
    free(t->maj_group);
    free(t->retained);
    raml_answer_classes_deinit(&t->classes);
    raml_majority_deinit(&t->majority);
    free(t);
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool is_group(const struct raml_group *g, const struct raml_tally *key)
{
    return g->difficulty == key->difficulty && same_text(g->split, key->split) && same_text(g->family, key->family);
}

static uint64_t hash_of(const struct raml_tally *key)
{
    uint64_t h = key->split ? raml_hash(key->split, strlen(key->split), 1) : 0;
    h = key->family ? raml_hash(key->family, strlen(key->family), h) : h;
    return raml_hash_u64(h ^ (uint64_t)(unsigned)key->difficulty);
}

/* The number of key's group, which is created if new. */
static enum raml_code find_group(struct raml_tallies *t, const struct raml_tally *key, size_t *out,
                                 struct raml_err *err)
{
    *out = t->last;
    if (t->n_groups && is_group(&t->group[t->last], key)) return RAML_OK;
    uint64_t hash = hash_of(key);
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&t->map, hash, &step)) != RAML_HASH_NONE;) {
        *out = i;
        if (is_group(&t->group[i], key)) return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(t->group, t->cap_groups, t->n_groups + 1, "groups of questions", err);
    if (rc) return rc;
    struct raml_group g = {.difficulty = key->difficulty, .n_min = UINT32_MAX};
    g.split = key->split ? strdup(key->split) : NULL;
    g.family = key->family ? strdup(key->family) : NULL;
    if ((key->split && !g.split) || (key->family && !g.family) ||
        !raml_hash_map_add(&t->map, hash, (uint32_t)t->n_groups)) {
        free(g.split);
        free(g.family);
        return raml_fail(err, RAML_ENOMEM, "no memory for a group of questions");
    }
    *out = t->n_groups;
    t->group[t->n_groups++] = g;
    return RAML_OK;
}

/* ---- one question ------------------------------------------------------------------------------------------------ */

struct name {
    char text[128];
};

/* "question 3", or "question 'aime-7'" */
static struct name name_of(const struct raml_tallies *t, const char *id)
{
    struct name n;
    if (id) snprintf(n.text, sizeof n.text, "question '%.100s'", id);
    else snprintf(n.text, sizeof n.text, "question %zu", t->n_questions + 1);
    return n;
}

static enum raml_code check_k(const struct raml_tallies *t, const char *id, const struct raml_measure *m, uint32_t n,
                              struct raml_err *err)
{
    if (m->k >= 1 && m->k <= n) return RAML_OK;
    char name[RAML_MEASURE_NAME];
    raml_measure_name(m, name);
    return raml_fail(err, RAML_ERANGE, "%s needs 1 to n for k; %s has n = %u samples", name, name_of(t, id).text, n);
}

/* After this no measure can fail. */
static enum raml_code check_tally(const struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                  struct raml_err *err)
{
    if (!q->n) return raml_fail(err, RAML_ERANGE, "%s has no samples", name_of(t, id).text);
    if (q->c > q->n || q->n_truncated > q->n || q->n_unclosed > q->n)
        return raml_fail(err, RAML_ERANGE, "%s: %u correct, %u truncated, %u not closed of %u samples",
                         name_of(t, id).text, q->c, q->n_truncated, q->n_unclosed, q->n);
    enum raml_code rc = RAML_OK;
    for (size_t j = 0; j < t->opt.n_k && !rc; j++) {
        struct raml_measure m = {.kind = RAML_MEASURE_PASS, .k = t->k[j]};
        rc = check_k(t, id, &m, q->n, err);
    }
    for (size_t j = 0; j < t->opt.n_measures && !rc; j++)
        if (t->measure[j].kind != RAML_MEASURE_ACCURACY) rc = check_k(t, id, &t->measure[j], q->n, err);
    return rc;
}

static enum raml_code keep_question(struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                    struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(t->retained, t->cap_retained, t->n_questions + 1, "questions", err);
    if (rc) return rc;
    char number[24];
    snprintf(number, sizeof number, "%zu", t->n_questions + 1);
    char *copy = strdup(id ? id : number);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "no memory for a question's id");
    t->retained[t->n_questions] = (struct raml_retained){copy, q->n, q->c, t->n_questions};
    return RAML_OK;
}

static enum raml_code count_question(struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                     struct raml_err *err)
{
    struct raml_tally key = {.difficulty = -1};
    if (t->opt.by & RAML_BY_SPLIT) key.split = q->split;
    if (t->opt.by & RAML_BY_FAMILY) key.family = q->family;
    if (t->opt.by & RAML_BY_DIFFICULTY) key.difficulty = q->difficulty;
    size_t at = 0;
    enum raml_code rc = find_group(t, &key, &at, err);
    if (rc) return rc;
    struct raml_group *g = &t->group[at];
    rc = raml_count_table_add(&g->counts, (uint64_t)q->n << 32 | q->c, 1, err);
    if (!rc && t->keep) rc = keep_question(t, id, q, err);
    if (rc) return rc;
    g->n_questions++;
    g->n_samples += q->n;
    g->n_correct += q->c;
    g->n_truncated += q->n_truncated;
    g->n_unclosed += q->n_unclosed;
    if (q->n < g->n_min) g->n_min = q->n;
    if (q->n > g->n_max) g->n_max = q->n;
    t->last = at;
    t->n_questions++;
    return RAML_OK;
}

/* ---- majority votes ---------------------------------------------------------------------------------------------- */

static enum raml_code grow_maj(struct raml_tallies *t, struct raml_err *err)
{
    static const char what[] = "majority votes";
    size_t maj = t->cap_maj, group = t->cap_maj, need = t->n_questions + 1;
    enum raml_code rc = raml_array_grow(&t->maj, &maj, need, t->n_maj * sizeof *t->maj, false, what, err);
    if (!rc) rc = RAML_GROW(t->maj_group, group, need, what, err);
    if (!rc) t->cap_maj = group;
    return rc;
}

static enum raml_code without_answers(struct raml_tallies *t, const char *id, struct raml_err *err)
{
    if (!t->opt.maj_if_answers)
        return raml_fail(err, RAML_ERANGE, "%s: the file has no answers; a majority vote needs them",
                         name_of(t, id).text);
    size_t left = 0;
    for (size_t j = 0; j < t->opt.n_measures; j++)
        if (t->measure[j].kind != RAML_MEASURE_MAJ) t->measure[left++] = t->measure[j];
    t->opt.n_measures = left;
    t->n_maj = 0;
    free(t->maj);
    free(t->maj_group);
    t->maj = NULL;
    t->maj_group = NULL;
    return RAML_OK;
}

static enum raml_code vote(struct raml_tallies *t, const struct raml_graded *q, struct raml_err *err)
{
    enum raml_code rc = grow_maj(t, err);
    if (!rc) rc = raml_answer_classes_count(&t->classes, q, err);
    double *out = rc ? NULL : t->maj + t->n_questions * t->n_maj;
    for (size_t j = 0, at = 0; j < t->opt.n_measures && !rc; j++)
        if (t->measure[j].kind == RAML_MEASURE_MAJ)
            rc = raml_maj_at_k(&t->majority, t->classes.vote, t->classes.n, q->n, t->measure[j].k, &out[at++], err);
    return rc ? raml_wrap(err, rc, "%s", name_of(t, q->id).text) : RAML_OK;
}

enum raml_code raml_tallies_add(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct raml_tallies *t = user;
    struct raml_tally sum = {.family = q->family, .split = q->split, .difficulty = q->difficulty, .n = q->n};
    for (uint32_t i = 0; i < q->n; i++) {
        sum.n_truncated += q->truncated[i];
        sum.n_unclosed += q->unclosed[i];
        sum.c += q->correct[i] && !q->truncated[i] && !q->unclosed[i];
    }
    enum raml_code rc = check_tally(t, q->id, &sum, err);
    if (!rc && t->n_maj && !q->has_answers) rc = without_answers(t, q->id, err);
    if (!rc && t->n_maj) rc = vote(t, q, err);
    if (!rc) rc = count_question(t, q->id, &sum, err);
    if (!rc && t->n_maj) t->maj_group[t->n_questions - 1] = (uint32_t)t->last;
    return rc;
}

enum raml_code raml_tallies_count(struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                  struct raml_err *err)
{
    enum raml_code rc = check_tally(t, id, q, err);
    if (!rc && t->n_maj) rc = without_answers(t, id, err);
    return rc ? rc : count_question(t, id, q, err);
}
