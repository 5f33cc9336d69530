/* declared_plan.c - which instances of steps the measures need, each once, in an order in which they can run.
 *
 * The identity of an instance is the hash of its words, in which the folder of another step stands as that step's name
 * and identity. So two arms whose commands read the same share them, and what depends on a change has another folder.
 */
#include "study/declared.h"

#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_USED = 120, MAX_MINUTES = 1 << 10 };
static const size_t BUSY = SIZE_MAX; /* a place of a step that is being planned */

static size_t *cell(const struct raml_study *s, size_t arm, size_t seed, size_t step)
{
    return &s->of[(arm * s->n_seeds + seed) * s->n_steps + step];
}

static void identify(const char ***word, size_t n_commands, const char *name, char id[RAML_STUDY_ID])
{
    SHA2_CTX c;
    char hex[SHA256_DIGEST_STRING_LENGTH];
    SHA256Init(&c);
    SHA256Update(&c, (const uint8_t *)name, strlen(name) + 1);
    for (size_t k = 0; k < n_commands; k++) {
        for (const char **w = word[k]; *w; w++) SHA256Update(&c, (const uint8_t *)*w, strlen(*w) + 1);
        SHA256Update(&c, (const uint8_t *)"\n", 2);
    }
    SHA256End(&c, hex);
    memcpy(id, hex, RAML_STUDY_ID - 1);
    id[RAML_STUDY_ID - 1] = 0;
}

static enum raml_code minutes_of(struct study_place *p, const struct study_template *t, double *out,
                                 struct raml_err *err)
{
    if (!t->minutes) return RAML_OK;
    struct raml_buf text;
    raml_buf_init(&text, MAX_MINUTES);
    const struct raml_yaml *at = raml_yaml_find(t->at, "minutes");
    enum raml_code rc = raml_study_fill(p, at, t->minutes, &text, err);
    char *end = NULL;
    const char *digits = text.data ? text.data : "";
    if (!rc) *out = strtod(digits, &end);
    if (!rc && (end == digits || *end || !(*out >= 0 && *out < 1e9)))
        rc = raml_study_fail(p->study, at, err, "minutes: found '%.40s', expected a number of at least 0", digits);
    raml_buf_deinit(&text);
    return rc;
}

static void note_use(struct study_instance *x, const struct study_place *p)
{
    if (x->used.len > MAX_USED) {
        if (x->used.data && x->used.data[x->used.len - 1] != '.') raml_buf_adds(&x->used, "; ...");
        return;
    }
    raml_buf_addf(&x->used, "%s%s %zu", x->used.len ? "; " : "", p->arm->name, p->seed);
}

/* Adds the instance whose words are `word`, or finds it. */
static enum raml_code intern(struct study_place *p, size_t step, const char ***word, size_t *out, struct raml_err *err)
{
    struct raml_study *s = p->plan;
    const struct study_template *t = &s->step[step];
    struct study_instance x = {.step = {.name = t->at->key, .n_commands = t->n, .n_needs = p->n_needs}, .word = word};
    identify(word, t->n, t->at->key, x.step.id);
    for (*out = 0; *out < s->n_instances; ++*out)
        if (!strcmp(s->instance[*out].step.id, x.step.id)) return RAML_OK;
    if (s->n_instances == STUDY_MAX_INSTANCES)
        return raml_study_fail(s, t->at, err, "more than %d steps to run", STUDY_MAX_INSTANCES);
    enum raml_code rc = minutes_of(p, t, &x.step.minutes, err);
    size_t *needs = rc ? NULL : raml_arena_alloc(s->arena, p->n_needs + 1, sizeof *needs);
    if (!rc && !needs) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its steps", s->path);
    if (rc) return rc;
    memcpy(needs, p->need, p->n_needs * sizeof *needs);
    x.step.needs = needs;
    raml_buf_init(&x.used, 2 * MAX_USED + 600);
    s->instance[s->n_instances++] = x;
    return RAML_OK;
}

static enum raml_code plan_step(struct study_place *parent, size_t step, size_t *instance, struct raml_err *err)
{
    struct raml_study *s = parent->plan;
    const struct study_template *t = &s->step[step];
    size_t *known = cell(s, (size_t)(parent->arm - s->arm), parent->seed - s->first_seed, step);
    if (*known == BUSY) return raml_study_fail(s, t->at, err, "step %s needs itself", t->at->key);
    if (*known) {
        *instance = *known - 1;
        return RAML_OK;
    }
    *known = BUSY;
    struct study_place p = {.study = s, .plan = s, .arm = parent->arm, .seed = parent->seed, .step = plan_step};
    const char ***word = raml_arena_alloc(s->arena, t->n, sizeof *word);
    enum raml_code rc = word ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for its steps", s->path);
    for (size_t k = 0; k < t->n && !rc; k++)
        rc = raml_study_words(&p, t->command[k], t->command[k]->text, &word[k], err);
    if (!rc) rc = intern(&p, step, word, instance, err);
    if (rc) return rc;
    note_use(&s->instance[*instance], &p);
    *known = *instance + 1;
    return RAML_OK;
}

/* Whether every seed of what a claim measures is the same run. */
static bool is_one_run(const struct raml_study *s, const struct study_claim *c)
{
    size_t n_points = c->over < 0 ? 1 : s->axis[c->over].n;
    for (size_t i = 0; i < c->n; i++)
        for (size_t p = 0; p < n_points; p++) {
            size_t arm = (size_t)(raml_study_arm(s, c->term[i].arm, c->over, p) - s->arm);
            size_t step = s->measure[c->term[i].measure].step;
            for (size_t k = 1; k < s->n_seeds; k++)
                if (*cell(s, arm, k, step) != *cell(s, arm, 0, step)) return false;
        }
    return true;
}

/* Seeds that are one run have no interval. */
static enum raml_code check_runs(const struct raml_study *s, struct raml_err *err)
{
    for (const struct study_claim *c = s->claim; c < s->claim + s->n_claims; c++)
        if (s->n_seeds > 1 && !c->from_file && is_one_run(s, c))
            return raml_study_fail(s, c->at, err,
                                   "%s: its %zu seeds are one run: no step that it measures, and none that these need, "
                                   "has {seed}; give seeds: 1, or {seed} where there is chance",
                                   c->id, s->n_seeds);
    return RAML_OK;
}

enum raml_code raml_study_plan(struct raml_study *s, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t a = 0; a < s->n_arms && !rc; a++)
        for (size_t k = 0; k < s->n_seeds && !rc; k++)
            for (size_t m = 0; m < s->n_measures && !rc; m++) {
                struct study_place p = {
                    .study = s, .plan = s, .arm = &s->arm[a], .seed = s->first_seed + k, .step = plan_step};
                size_t instance = 0;
                if (raml_study_measured(s, &s->measure[m], &s->arm[a]))
                    rc = plan_step(&p, s->measure[m].step, &instance, err);
            }
    for (size_t i = 0; i < s->n_instances && !rc; i++) {
        rc = raml_buf_status(&s->instance[i].used, err);
        s->instance[i].step.used = s->instance[i].used.data ? s->instance[i].used.data : "";
    }
    if (!rc) rc = check_runs(s, err);
    if (!rc && s->n_instances == 0) rc = raml_study_fail(s, s->root, err, "no step to run: its measures need none");
    return rc;
}

/* -- What is run ---------------------------------------------------------------------------------------------------- */

size_t raml_study_n_steps(const struct raml_study *s)
{
    return s->n_instances;
}

const struct raml_study_step *raml_study_step(const struct raml_study *s, size_t i)
{
    return &s->instance[i].step;
}

enum raml_code raml_study_folder(const struct raml_study *s, size_t i, const char *store, char out[4096],
                                 struct raml_err *err)
{
    const struct raml_study_step *t = &s->instance[i].step;
    int n = snprintf(out, 4096, "%s/%s-%s", store, t->name, t->id);
    if (n >= 0 && n < 4096) return RAML_OK;
    out[0] = 0;
    return raml_fail(err, RAML_EUSAGE, "%.60s...: a path of more than 4095 bytes", store);
}

bool raml_study_word(const struct raml_study *s, size_t i, size_t c, size_t w, const char *store, struct raml_buf *out)
{
    const struct study_instance *x = &s->instance[i];
    const char *text = x->word[c][w];
    raml_buf_clear(out);
    for (; text && *text; text++) {
        if (*text == '\1') raml_buf_addf(out, "%s/", store);
        else if (*text == '\2') raml_buf_addf(out, "%s/%s-%s", store, x->step.name, x->step.id);
        else raml_buf_add(out, text, 1);
    }
    return text != NULL;
}
