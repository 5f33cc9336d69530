/* exits_set.c - a stored set of probes: read, compared, divided. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/array.h"
#include "core/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 2, CHECK = 40, SHOWN = 120, MAX_COUNT = 1 << 30 };
static const size_t max_arena = (size_t)1 << 36, max_file = (size_t)1 << 36;
static const char kind_name[] = "exit probes";

enum raml_code raml_exits_set_init(struct raml_exits_set *s, struct raml_err *err)
{
    *s = (struct raml_exits_set){.arena = raml_arena_open(max_arena)};
    return s->arena ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a stored set");
}

void raml_exits_set_deinit(struct raml_exits_set *s)
{
    json_decref(s->header);
    raml_arena_close(s->arena);
    free(s->trajectory);
    *s = (struct raml_exits_set){0};
}

/* -- The first line ------------------------------------------------------------------------------------------------ */

static enum raml_code count_of(const struct raml_place *at, const json_t *o, const char *field, long long low,
                               size_t *out, struct raml_err *err)
{
    long long n = 0;
    enum raml_code rc = raml_json_int(at, o, field, low, MAX_COUNT, &n, err);
    if (!rc) *out = (size_t)n;
    return rc;
}

enum raml_code raml_exits_set_header(struct raml_exits_set *s, const struct raml_place *at, json_t *header,
                                     struct raml_err *err)
{
    const char *kind = "";
    size_t version = 0;
    enum raml_code rc = raml_json_str(at, header, "raml", &kind, NULL, err);
    if (!rc && strcmp(kind, kind_name) != 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'raml' is '%.40s'; expected '%s'", at->path, at->line, kind,
                       kind_name);
    if (!rc) rc = count_of(at, header, "version", 1, &version, err);
    if (!rc && version != VERSION)
        rc = raml_fail(err, RAML_ESUPPORT, "%s:%zu: version %zu of a stored set; this program reads %d", at->path,
                       at->line, version, VERSION);
    if (!rc) rc = count_of(at, header, "stride", 1, &s->stride, err);
    if (!rc) rc = count_of(at, header, "cue_tokens", 0, &s->cost.cue, err);
    if (!rc) rc = count_of(at, header, "entropy_tokens", 0, &s->cost.entropy, err);
    if (!rc) rc = count_of(at, header, "trajectories", 0, &s->n_planned, err);
    if (rc) return raml_wrap(err, rc, "no first line of a stored set");
    json_decref(s->header);
    s->header = json_incref(header);
    return RAML_OK;
}

static void show(const json_t *value, char out[SHOWN])
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(out, SHOWN, "%s", text ? text : "nothing");
    free(text);
}

/* "with another stride" */
static void differs(const char *key, char out[SHOWN])
{
    static const char *const from[] = {"model", "tokenizer"}, *const texts[] = {"data", "texts", "prompts"},
                             *const with[] = {"waits", "probe_tokens", "cue_tokens", "entropy_tokens", "trajectories"};
    snprintf(out, SHOWN, "with another %s", key);
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (!strcmp(key, from[i])) snprintf(out, SHOWN, "from another %s", key);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(key, texts[i])) snprintf(out, SHOWN, "from other %s", key);
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (!strcmp(key, with[i])) snprintf(out, SHOWN, "with other %s", key);
}

enum raml_code raml_exits_set_same(const struct raml_exits_set *s, const char *path, const json_t *wanted,
                                   struct raml_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)wanted, key, value) {
        const json_t *found = json_object_get(s->header, key);
        char there[SHOWN], here[SHOWN], how[SHOWN];
        if (found && json_equal(found, value)) continue;
        show(found, there);
        show(value, here);
        differs(key, how);
        return raml_fail(err, RAML_EUSAGE,
                         "%s: the stored set was made %s: %s there, %s here; --overwrite makes it anew", path, how,
                         there, here);
    }
    return RAML_OK;
}

/* -- A line -------------------------------------------------------------------------------------------------------- */

struct line { /* being read */
    struct raml_exits_set *set;
    const struct raml_place *at;
    const json_t *probe;
    size_t k; /* number of the probe */
};

static enum raml_code wrong(const struct line *l, const char *what, struct raml_err *err)
{
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: probe %zu: %s", l->at->path, l->at->line, l->k + 1, what);
}

static enum raml_code text_of(const struct line *l, const json_t *o, const char *field, const char **out,
                              struct raml_err *err)
{
    const char *text = "";
    size_t n = 0;
    enum raml_code rc = raml_json_str(l->at, o, field, &text, &n, err);
    if (rc) return rc;
    *out = raml_arena_text(l->set->arena, text, n);
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the texts of a stored set");
}

static enum raml_code probabilities(const struct line *l, const char *field, const double **out, size_t *n,
                                    struct raml_err *err)
{
    json_t *list = NULL;
    enum raml_code rc = raml_json_array(l->at, l->probe, field, &list, err);
    if (rc) return rc;
    *n = json_array_size(list);
    double *p = raml_arena_alloc(l->set->arena, *n + 1, sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for the probabilities of a stored set");
    for (size_t i = 0; i < *n; i++) {
        const json_t *x = json_array_get(list, i);
        p[i] = json_number_value(x);
        bool fine = json_is_number(x) && p[i] >= 0 && p[i] <= 1;
        if (!fine) return wrong(l, "expected probabilities between 0 and 1", err);
    }
    *out = p;
    return RAML_OK;
}

/* null: not measured. */
static enum raml_code measured(const struct line *l, const char *field, double *out, struct raml_err *err)
{
    const json_t *x = json_object_get(l->probe, field);
    *out = NAN;
    return json_is_null(x) ? RAML_OK : raml_json_num(l->at, l->probe, field, out, err);
}

static enum raml_code flag(const struct line *l, const char *field, bool *out, struct raml_err *err)
{
    const json_t *x = json_object_get(l->probe, field);
    *out = json_is_true(x);
    if (json_is_boolean(x)) return RAML_OK;
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: probe %zu: field '%s' is not true or false", l->at->path, l->at->line,
                     l->k + 1, field);
}

static enum raml_code read_probe(const struct line *l, struct raml_exit_probe *short_, struct raml_exit_probe *whole,
                                 struct raml_err *err)
{
    struct raml_exit_probe p = {0};
    size_t to_end = 0;
    if (!json_is_object(l->probe)) return wrong(l, "expected an object", err);
    enum raml_code rc = count_of(l->at, l->probe, "at", 0, &p.at, err);
    if (!rc) rc = flag(l, "wait", &p.wait, err);
    if (!rc) rc = text_of(l, l->probe, "answer", &p.answer, err);
    if (!rc) rc = text_of(l, l->probe, "text", &p.text, err);
    if (!rc) rc = probabilities(l, "p", &p.prob, &p.n_prob, err);
    if (!rc) rc = probabilities(l, "p_all", &p.all_prob, &p.n_tokens, err);
    if (!rc) rc = count_of(l->at, l->probe, "to_end", 0, &to_end, err);
    if (!rc) rc = measured(l, "entropy", &p.entropy, err);
    if (!rc) rc = measured(l, "loss", &p.loss, err);
    if (!rc) rc = flag(l, "right", &p.right, err);
    if (rc) return rc;
    if (to_end > p.n_tokens || p.n_prob > to_end) return wrong(l, "p, to_end and p_all disagree", err);
    *whole = *short_ = p;
    short_->n_tokens = to_end;
    return RAML_OK;
}

static enum raml_code read_probes(struct line *l, const json_t *list, struct raml_exits_trajectory *t,
                                  struct raml_err *err)
{
    size_t n = json_array_size(list);
    struct raml_exit_probe *probe = raml_arena_alloc(l->set->arena, n + 1, sizeof *probe),
                           *whole = raml_arena_alloc(l->set->arena, n + 1, sizeof *whole);
    if (!probe || !whole) return raml_fail(err, RAML_ENOMEM, "no memory for %zu probes", n);
    for (l->k = 0; l->k < n; l->k++) {
        l->probe = json_array_get(list, l->k);
        enum raml_code rc = read_probe(l, &probe[l->k], &whole[l->k], err);
        if (rc) return rc;
        if (l->k && probe[l->k].at <= probe[l->k - 1].at) return wrong(l, "places do not rise", err);
    }
    l->k = 0;
    if (n == 0 || probe[0].at != 0 || probe[n - 1].at != t->n_tokens)
        return wrong(l, "expected places from 0 to the end", err);
    t->probe = probe;
    t->whole = whole;
    t->n_probes = n;
    return RAML_OK;
}

static enum raml_code read_pieces(const struct line *l, const json_t *list, struct raml_exits_trajectory *t,
                                  struct raml_err *err)
{
    size_t n = json_array_size(list);
    if (n + 1 != t->n_probes)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: %zu pieces; expected %zu, one between each two of %zu probes",
                         l->at->path, l->at->line, n, t->n_probes - 1, t->n_probes);
    t->piece = raml_arena_alloc(l->set->arena, n + 1, sizeof *t->piece);
    if (!t->piece) return raml_fail(err, RAML_ENOMEM, "no memory for %zu pieces", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);
        if (!json_is_string(x))
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: piece %zu is no text", l->at->path, l->at->line, i + 1);
        t->piece[i] = raml_arena_text(l->set->arena, json_string_value(x), json_string_length(x));
        if (!t->piece[i]) return raml_fail(err, RAML_ENOMEM, "no memory for %zu pieces", n);
    }
    return RAML_OK;
}

static enum raml_code read_names(const struct line *l, const json_t *o, struct raml_exits_trajectory *t,
                                 struct raml_err *err)
{
    const json_t *correct = json_object_get(o, "correct"), *family = json_object_get(o, "family");
    enum raml_code rc = text_of(l, o, "id", &t->id, err);
    if (!rc) rc = count_of(l->at, o, "sample", 0, &t->sample, err);
    if (!rc && family && !json_is_null(family)) rc = text_of(l, o, "family", &t->family, err);
    if (!rc) rc = text_of(l, o, "question", &t->question, err);
    if (!rc) rc = text_of(l, o, "answer", &t->gold, err);
    if (!rc) rc = count_of(l->at, o, "n_tokens", 0, &t->n_tokens, err);
    t->correct = json_is_boolean(correct) ? json_is_true(correct) ? RAML_EQUAL : RAML_DIFFERENT : RAML_UNKNOWN;
    return rc;
}

static bool same_question(const struct raml_exits_trajectory *a, const struct raml_exits_trajectory *b)
{
    return !strcmp(a->id, b->id) && !strcmp(a->question, b->question);
}

static enum raml_code add(struct raml_exits_set *s, const struct raml_place *at, const json_t *line,
                          struct raml_err *err)
{
    struct line l = {.set = s, .at = at};
    struct raml_exits_trajectory t = {0};
    json_t *probes = NULL, *pieces = NULL;
    enum raml_code rc = RAML_GROW(s->trajectory, s->cap, s->n + 1, "trajectories", err);
    if (!rc) rc = read_names(&l, line, &t, err);
    if (!rc) rc = raml_json_array(at, line, "probes", &probes, err);
    if (!rc) rc = read_probes(&l, probes, &t, err);
    if (!rc) rc = raml_json_array(at, line, "pieces", &pieces, err);
    if (!rc) rc = read_pieces(&l, pieces, &t, err);
    if (rc) return rc;
    bool same = s->n && same_question(&s->trajectory[s->n - 1], &t);
    t.number = same ? s->n_questions - 1 : s->n_questions++;
    for (size_t k = 0; k + 1 < t.n_probes; k++) s->has_waits |= t.probe[k].wait;
    s->trajectory[s->n++] = t;
    return RAML_OK;
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */

/* The end of a line: a hash of the line before it, and, by its seed, of all lines before. */
static size_t check_text(char out[CHECK], uint64_t check)
{
    return (size_t)snprintf(out, CHECK, ",\"check\":\"%016" PRIx64 "\"}", check);
}

void raml_exits_set_begun(struct raml_exits_set *s, const char *header, size_t n)
{
    s->first_check = s->check = raml_hash(header, n, 0);
}

void raml_exits_seal(struct raml_buf *b, size_t from, uint64_t *check)
{
    char end[CHECK];
    if (b->code || b->len < from + 2) return;
    b->len -= 2; /* "}\n" */
    *check = raml_hash(b->data + from, b->len - from, *check);
    raml_buf_add(b, end, check_text(end, *check));
    raml_buf_adds(b, "\n");
}

static enum raml_code verify(struct raml_exits_set *s, const struct raml_place *at, const char *text, size_t n,
                             struct raml_err *err)
{
    char end[CHECK];
    size_t length = check_text(end, 0);
    if (n >= length) {
        uint64_t check = raml_hash(text, n - length, s->check);
        check_text(end, check);
        if (!memcmp(text + n - length, end, length)) {
            s->check = check;
            return RAML_OK;
        }
    }
    return raml_fail(
        err, RAML_EFORMAT,
        "%s:%zu: its check does not match: this line, the first or one before it was changed, or lines are "
        "missing",
        at->path, at->line);
}

enum raml_code raml_exits_set_add(struct raml_exits_set *s, const struct raml_place *at, const char *text, size_t n,
                                  struct raml_err *err)
{
    json_t *o = NULL;
    uint64_t before = s->check;
    enum raml_code rc = raml_json_parse(at, text, n, &o, err);
    if (!rc) rc = verify(s, at, text, n, err);
    if (!rc) rc = add(s, at, o, err);
    if (!rc) s->trajectory[s->n - 1].check = s->check;
    else s->check = before;
    json_decref(o);
    return rc;
}

void raml_exits_set_cut(struct raml_exits_set *s, size_t n)
{
    s->n_questions = n ? s->trajectory[n - 1].number + 1 : 0;
    s->check = n ? s->trajectory[n - 1].check : s->first_check;
    s->n = n;
}

/* -- The file ------------------------------------------------------------------------------------------------------ */

static enum raml_code take_line(struct raml_exits_set *s, const struct raml_place *at, const char *text, size_t n,
                                struct raml_err *err)
{
    json_t *o = NULL;
    if (at->line > 1) return raml_exits_set_add(s, at, text, n, err);
    enum raml_code rc = raml_json_parse(at, text, n, &o, err);
    if (!rc) rc = raml_exits_set_header(s, at, o, err);
    raml_exits_set_begun(s, text, n);
    json_decref(o);
    return rc;
}

enum raml_code raml_exits_set_read(struct raml_exits_set *s, const char *path, size_t *end, struct raml_err *err)
{
    struct raml_buf file;
    struct raml_place at = {.path = path};
    raml_buf_init(&file, max_file);
    raml_buf_add(&file, "", 0);
    enum raml_code rc = raml_file_read(path, &file, err);
    size_t from = 0;
    while (!rc && from < file.len) {
        const char *newline = memchr(file.data + from, '\n', file.len - from);
        if (!newline) break;
        size_t n = (size_t)(newline - file.data) - from;
        at.line++;
        size_t n_before = s->n;
        rc = take_line(s, &at, file.data + from, n, err);
        if (!rc && s->n > n_before) s->trajectory[n_before].from = from;
        from += n + 1;
    }
    const char *other = !rc && !s->header && file.len ? raml_file_no_text(file.data, file.len) : NULL;
    if (other) rc = raml_fail(err, RAML_EFORMAT, "%s: %s", path, other);
    if (!rc && !s->header) rc = raml_fail(err, RAML_EFORMAT, "%s: has no line; expected a stored set", path);
    *end = from;
    raml_buf_deinit(&file);
    return rc;
}

/* -- Halves -------------------------------------------------------------------------------------------------------- */

const char *raml_exits_half_name(enum raml_exits_half half)
{
    static const char *const name[RAML_EXITS_HALVES] = {"validation", "test"};
    return name[half];
}

uint64_t raml_exits_rank_of(const char *question, uint64_t seed)
{
    uint64_t text = raml_question_hash(question);
    return raml_hash(&text, sizeof text, seed);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts; equal texts are one question. */
static size_t distinct(uint64_t *rank, size_t n)
{
    size_t kept = 0;
    qsort(rank, n, sizeof *rank, by_value);
    for (size_t i = 0; i < n; i++)
        if (!kept || rank[i] != rank[kept - 1]) rank[kept++] = rank[i];
    return kept;
}

enum raml_code raml_exits_set_split(struct raml_exits_set *s, double validation, uint64_t seed, struct raml_err *err)
{
    uint64_t *rank = malloc((s->n + 1) * sizeof *rank);
    if (!rank) return raml_fail(err, RAML_ENOMEM, "no memory for the halves of %zu trajectories", s->n);
    for (size_t i = 0; i < s->n; i++) rank[i] = raml_exits_rank_of(s->trajectory[i].question, seed);
    size_t n = distinct(rank, s->n), n_validation = (size_t)llround(validation * (double)n);
    if (n_validation == 0) n_validation = 1;
    if (n_validation >= n) n_validation = n ? n - 1 : 0;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t own = raml_exits_rank_of(s->trajectory[i].question, seed);
        s->trajectory[i].half = n_validation && own <= rank[n_validation - 1] ? RAML_EXITS_VALIDATION : RAML_EXITS_TEST;
    }
    free(rank);
    return RAML_OK;
}

struct raml_exit_stored raml_exits_stored(const struct raml_exits_trajectory *t, const struct raml_exit_policy *p)
{
    bool after = p->kind == RAML_EXIT_DYNASOR || p->released; /* they look at what follows an answer */
    return (struct raml_exit_stored){
        .n_tokens = t->n_tokens, .probe = after ? t->whole : t->probe, .n_probes = t->n_probes};
}
