/* data_split.c - `raml data split`: questions to a training and a test file, only by the text of the question. */
#include "cli/commands.h"
#include "cli/load.h"

#include "core/array.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/json.h"
#include "core/path.h"
#include "core/spool.h"
#include "raml/leak.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ID_BYTES = 1 << 16, LEAK_WORDS = 13 };
static const size_t MAX_WORDS_BYTES = (size_t)1 << 31;
static const double LEAK_SHARE = 0.8;

struct split_settings {
    const char *out, *test_share, *by_id, *key, *map;
};

enum { TRAIN, TEST, N_SIDES };
static const char *const side_name[N_SIDES] = {"train", "test"};

struct listed { /* an id of the list */
    char *id;
    size_t line;
    bool found;
};
struct split {
    const struct cli *cli;
    const struct split_settings *set;
    struct raml_questions all;
    size_t *n_of_file;    /* questions, by file */
    uint64_t *hash;       /* of each file */
    uint64_t *key;        /* of each question */
    bool *test;           /* side of each */
    uint32_t part, whole; /* of the share */
    struct listed *list;
    size_t n_list, cap_list;
    struct raml_questions side[N_SIDES]; /* borrow their questions from `all` */
    size_t n_distinct[N_SIDES], n_moved, n_contained;
};

#define AT(field) offsetof(struct split_settings, field)
static const struct raml_setting options[] = {
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL,
     "New folder for train.jsonl, test.jsonl and split.json; it appears complete or not at all."},
    {"test_share", NULL, RAML_TEXT, AT(test_share), "1/8", 0, 0, NULL,
     "Share of the test side, as a fraction; 'raml task make' uses 1/8."},
    {"by_id", "test_ids", RAML_PATH, AT(by_id), NULL, 0, 0, NULL,
     "File of ids, one per line: those questions, and repeats of them, are the test side; instead of --test_share."},
    {"key", NULL, RAML_ONE, AT(key), "text", 0, 0, "text|words",
     "What makes two questions the same: text (except for case and whitespace), or words (also ignoring punctuation "
     "and LaTeX layout)."},
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL,
     "Fields by role where detection fails: question=Problem,answer=Gold."},
};

/* -- Which side --------------------------------------------------------------------------------------------------- */

static enum raml_code read_share(struct split *s, struct raml_err *err)
{
    const char *text = s->set->test_share;
    char *end, *last;
    unsigned long part = strtoul(text, &end, 10), whole = *end == '/' ? strtoul(end + 1, &last, 10) : 0;
    bool digits = text[strspn(text, "0123456789/")] == 0 && *end == '/' && end > text && end[1] && !*last;
    if (!digits || part < 1 || part >= whole || whole > 1000000)
        return raml_fail(err, RAML_EUSAGE,
                         "--test_share: found '%.60s', expected a fraction between 0 and 1, as in 1/8; the "
                         "denominator at most 1000000",
                         text);
    s->part = (uint32_t)part;
    s->whole = (uint32_t)whole;
    return RAML_OK;
}

static enum raml_code make_keys(struct split *s, struct raml_err *err)
{
    struct raml_buf words;
    bool by_words = strcmp(s->set->key, "words") == 0;
    raml_buf_init(&words, MAX_WORDS_BYTES);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < s->all.n; i++) {
        const char *text = s->all.question[i].question;
        raml_buf_clear(&words);
        if (by_words) rc = raml_leak_words(text, &words, err);
        s->key[i] = !rc && words.len ? raml_hash(words.data, words.len, 0) : raml_question_hash(text);
    }
    raml_buf_deinit(&words);
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->id, ((const struct listed *)b)->id);
}

static enum raml_code add_id(struct split *s, const char *id, size_t line, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(s->list, s->cap_list, s->n_list + 1, "ids", err);
    if (rc) return rc;
    char *copy = strdup(id);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "no memory for an id");
    s->list[s->n_list++] = (struct listed){copy, line, false};
    return RAML_OK;
}

static enum raml_code read_ids(struct split *s, struct raml_err *err)
{
    struct raml_lines lines;
    enum raml_code rc = raml_lines_init(&lines, s->set->by_id, MAX_ID_BYTES, err);
    if (rc) return rc;
    for (bool more = true; !rc && more;) {
        rc = raml_lines_next(&lines, &more, err);
        if (!rc && more && lines.line.len) rc = add_id(s, lines.line.data, lines.number, err);
    }
    raml_lines_deinit(&lines);
    if (!rc && !s->n_list) rc = raml_fail(err, RAML_EFORMAT, "%s: contains no id", s->set->by_id);
    if (!rc) qsort(s->list, s->n_list, sizeof *s->list, by_text);
    return rc;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The listed questions, then all with one of their keys. */
static enum raml_code choose_by_id(struct split *s, struct raml_err *err)
{
    size_t n = 0;
    uint64_t *key = calloc(s->all.n + 1, sizeof *key);
    if (!key) return raml_fail(err, RAML_ENOMEM, "no memory for the keys of %zu questions", s->all.n);
    for (size_t i = 0; i < s->all.n; i++) {
        struct listed want = {.id = (char *)(uintptr_t)s->all.question[i].id};
        struct listed *l = bsearch(&want, s->list, s->n_list, sizeof want, by_text);
        if (!l) continue;
        while (l > s->list && strcmp(l[-1].id, l->id) == 0) l--; /* an id may be listed twice */
        for (; l < s->list + s->n_list && strcmp(l->id, want.id) == 0; l++) l->found = true;
        s->test[i] = true;
        key[n++] = s->key[i];
    }
    qsort(key, n, sizeof *key, by_number);
    for (size_t i = 0; i < s->all.n; i++) {
        if (s->test[i] || !bsearch(&s->key[i], key, n, sizeof *key, by_number)) continue;
        s->test[i] = true;
        s->n_moved++;
    }
    free(key);
    const struct listed *lost = NULL;
    for (size_t i = 0; i < s->n_list; i++)
        if (!s->list[i].found && (!lost || s->list[i].line < lost->line)) lost = &s->list[i];
    if (!lost) return RAML_OK;
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: no question has the id '%.200s'", s->set->by_id, lost->line, lost->id);
}

static enum raml_code choose(struct split *s, struct raml_err *err)
{
    enum raml_code rc = make_keys(s, err);
    if (rc) return rc;
    if (s->set->by_id) return choose_by_id(s, err);
    for (size_t i = 0; i < s->all.n; i++) s->test[i] = raml_question_is_test(s->key[i], s->part, s->whole);
    return RAML_OK;
}

/* -- The two sides ------------------------------------------------------------------------------------------------ */

static enum raml_code fill_side(struct split *s, int side, struct raml_err *err)
{
    struct raml_questions *qs = &s->side[side];
    uint64_t *key = calloc(s->all.n + 1, sizeof *key);
    qs->question = calloc(s->all.n + 1, sizeof *qs->question);
    if (!key || !qs->question) {
        free(key);
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", s->all.n);
    }
    for (size_t i = 0; i < s->all.n; i++) {
        if (s->test[i] != (side == TEST)) continue;
        key[qs->n] = s->key[i];
        qs->question[qs->n] = s->all.question[i];
        qs->question[qs->n++].split = side_name[side];
    }
    qsort(key, qs->n, sizeof *key, by_number);
    for (size_t i = 0; i < qs->n; i++) s->n_distinct[side] += !i || key[i] != key[i - 1];
    free(key);
    if (qs->n) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "the %s side has no question; nothing was written", side_name[side]);
}

/* How many questions of the test side are nearly on the other. */
static enum raml_code count_leaks(struct split *s, struct raml_err *err)
{
    struct raml_leak *l = NULL;
    size_t n = 0;
    enum raml_code rc = raml_leak_open(&s->side[TEST], LEAK_WORDS, &l, err);
    if (!rc) rc = raml_leak_add(l, &s->side[TRAIN], 0, err);
    const struct raml_leak_hit *h = rc ? NULL : raml_leak_hits(l, &n);
    for (size_t i = 0; i < n; i++) s->n_contained += h[i].same_text || h[i].in_questions >= LEAK_SHARE;
    raml_leak_close(l);
    return rc;
}

static json_t *record(const struct split *s)
{
    json_t *files = json_array(), *sides = json_object();
    int bad = !sides;
    for (size_t i = 0; i < s->cli->n_args; i++) {
        char hex[20];
        snprintf(hex, sizeof hex, "%016" PRIx64, s->hash[i]);
        bad |= json_array_append_new(files, json_pack("{s:s, s:s, s:I}", "path", s->cli->arg[i], "xxh3", hex,
                                                      "questions", (json_int_t)s->n_of_file[i]));
    }
    for (int k = 0; k < N_SIDES; k++)
        bad |= json_object_set_new(
            sides, side_name[k],
            json_pack("{s:I, s:I}", "questions", (json_int_t)s->side[k].n, "distinct", (json_int_t)s->n_distinct[k]));
    json_t *o = json_pack("{s:s, s:o, s:s, s:s?, s:s?, s:I, s:I}", "raml", RAML_VERSION, "files", files, "key",
                          s->set->key, "test_share", s->set->by_id ? NULL : s->set->test_share, "by_id", s->set->by_id,
                          "moved", (json_int_t)s->n_moved, "contained", (json_int_t)s->n_contained);
    if (!bad) bad = json_object_update(o, sides);
    json_decref(sides);
    return raml_json_checked(o, bad);
}

/* Everything into a folder that then takes its place. */
static enum raml_code write_all(struct split *s, const json_t *o, struct raml_err *err)
{
    static const char *const name[N_SIDES] = {"train.jsonl", "test.jsonl"};
    char path[RAML_PATH_BYTES];
    struct raml_folder f;
    char *text = json_dumps(o, JSON_INDENT(2));
    enum raml_code rc = raml_folder_begin(&f, s->set->out, err);
    if (!rc && !text) rc = raml_fail(err, RAML_ENOMEM, "no memory for the record");
    for (int k = 0; !rc && k < N_SIDES; k++) {
        rc = raml_path_join(path, f.path, name[k], err);
        if (!rc) rc = raml_questions_write(&s->side[k], path, err);
    }
    if (!rc) rc = raml_path_join(path, f.path, "split.json", err);
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    if (!rc) rc = raml_folder_commit(&f, false, NULL, err);
    raml_folder_deinit(&f);
    free(text);
    return rc;
}

static enum raml_code tell(const struct split *s, const json_t *o, struct raml_err *err)
{
    if (s->cli->json) {
        char *text = json_dumps(o, JSON_COMPACT);
        if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
        puts(text);
        free(text);
        return RAML_OK;
    }
    for (int k = 0; k < N_SIDES; k++)
        printf("%s/%s.jsonl: %zu questions, %zu of them distinct\n", s->set->out, side_name[k], s->side[k].n,
               s->n_distinct[k]);
    if (s->set->by_id) printf("%zu questions that repeat a listed one were put on the test side with it\n", s->n_moved);
    printf("%zu of %zu test questions are contained in the training side (at least %g %% of their %d-grams; raml data "
           "leak "
           "shows which)\n",
           s->n_contained, s->side[TEST].n, 100 * LEAK_SHARE, LEAK_WORDS);
    return RAML_OK;
}

/* File i of the command line: its questions, and its hash. */
static enum raml_code read_file(struct split *s, size_t i, struct raml_err *err)
{
    const char *name = s->cli->arg[i];
    const struct raml_read_options opt = {.map = s->set->map, .name = name};
    struct raml_spool spool;
    size_t before = s->all.n;
    enum raml_code rc = raml_spool_init(&spool, name, err);
    if (rc) return rc;
    rc = cli_read_questions(s->cli, &s->all, spool.path, &opt, NULL, err);
    if (!rc) rc = raml_hash_path(spool.path, &s->hash[i], err);
    s->n_of_file[i] = s->all.n - before;
    raml_spool_deinit(&spool, name, rc ? err : NULL);
    return rc;
}

static enum raml_code split_files(struct split *s, struct raml_err *err)
{
    enum raml_code rc = s->set->by_id ? read_ids(s, err) : read_share(s, err);
    s->n_of_file = calloc(s->cli->n_args, sizeof *s->n_of_file);
    s->hash = calloc(s->cli->n_args, sizeof *s->hash);
    if (!rc && !(s->n_of_file && s->hash)) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu files", s->cli->n_args);
    for (size_t i = 0; !rc && i < s->cli->n_args; i++) rc = read_file(s, i, err);
    if (rc) return rc;
    s->key = calloc(s->all.n + 1, sizeof *s->key);
    s->test = calloc(s->all.n + 1, sizeof *s->test);
    if (!s->key || !s->test) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", s->all.n);
    rc = choose(s, err);
    for (int k = 0; !rc && k < N_SIDES; k++) rc = fill_side(s, k, err);
    if (!rc) rc = count_leaks(s, err);
    if (rc) return rc;
    json_t *o = record(s);
    if (!o) rc = raml_fail(err, RAML_ENOMEM, "no memory for the record");
    if (!rc) rc = write_all(s, o, err);
    if (!rc) rc = tell(s, o, err);
    json_decref(o);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct split s = {.cli = cli, .set = settings};
    if (!cli->n_args) return raml_fail(err, RAML_EUSAGE, "data split needs at least one FILE");
    if (!s.set->out || !*s.set->out) return raml_fail(err, RAML_EUSAGE, "data split needs --out DIR, a new folder");
    if (raml_is_file(s.set->out) || (raml_is_dir(s.set->out) && !raml_folder_is_empty(s.set->out)))
        return raml_fail(err, RAML_EUSAGE, "--out: %s exists; expected a new folder", s.set->out);
    if (cli->overwrite) return raml_fail(err, RAML_EUSAGE, "--overwrite: a split is not replaced; give a new folder");
    raml_questions_init(&s.all);
    enum raml_code rc = split_files(&s, err);
    for (int k = 0; k < N_SIDES; k++) free(s.side[k].question);
    for (size_t i = 0; i < s.n_list; i++) free(s.list[i].id);
    free(s.list);
    free(s.key);
    free(s.test);
    free(s.n_of_file);
    free(s.hash);
    raml_questions_deinit(&s.all);
    return rc;
}

const struct cli_command cli_data_split = {
    .name = "data split",
    .about = "a training and a test file, by the questions' text",
    .args = "FILE...",
    .detail = "A question's side depends only on the hash of its text: it is the same whatever file it comes from, in "
              "whatever order, and all rows of a question are on one side. Both files are JSONL in our own layout, "
              "with the field split; split.json beside them records what was split, how, and the counts.",
    .example = "raml data split questions.jsonl --test_share 1/8 --out parts",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct split_settings),
    .run = run,
};
