/* data.c - `raml data check`: the contents of a file of questions, its faulty rows, and what it shares with others. */
#include "cli/data.h"
#include "cli/commands.h"
#include "cli/load.h"

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"
#include "raml/leak.h"
#include "raml/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPORT_BYTES = 1 << 28 };

struct check_settings {
    const char *map, *tokenizer;
    struct prompting_settings prompting;
    int64_t limit, max_length, max_faults;
};

enum { LENGTH_PROMPT, LENGTH_TRAJECTORY, LENGTH_ANSWER, LENGTH_ROW, N_LENGTHS };
static const char *const length_name[N_LENGTHS] = {"prompt", "trajectory", "answer", "row"};

struct lengths { /* in tokens; sorted once complete */
    uint32_t *x;
    size_t n, cap;
};
struct seen { /* a question by the hash of its text, and its place */
    uint64_t hash;
    size_t line, index;
};
struct file_report {
    const char *path;
    struct raml_fields fields;
    size_t n_questions, n_faults, n_answered, n_trajectories, n_duplicates, n_long;
    size_t n_verdict[3];    /* unknown, different, equal */
    size_t duplicate[2];    /* lines of the first repeated question */
    size_t n_near, near[2]; /* the same for questions with the same words (leak.h) and another text */
    size_t max_faults;
    json_t *faults; /* messages, at most max_faults */
    struct lengths length[N_LENGTHS];
    struct seen *seen; /* sorted by hash, then line */
};
struct overlap {
    size_t n;
    size_t line[2]; /* of the first such question in each file */
};

#define AT(field) offsetof(struct check_settings, field)
static const struct raml_setting options[] = {
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL,
     "Fields by role where detection fails: question=Problem,answer=Gold."},
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "Model's folder or GGUF file, or tokenizer.json, to count tokens. Default: the built-in one, one token per byte."},
    PROMPTING_OPTIONS(AT(prompting)),
    {"max_length", NULL, RAML_INT, AT(max_length), "0", 0, 1e9, NULL,
     "Count the rows (prompt, one trajectory, answer) with more tokens than this; 0: any length fits."},
    {"limit", NULL, RAML_INT, AT(limit), "0", 0, 1e15, NULL, "Read only the first n questions of each file; 0: all."},
    {"max_faults", NULL, RAML_INT, AT(max_faults), "20", 0, 1e9, NULL, "List at most this many faulty rows per file."},
};

enum raml_code cli_data_open(const char *path, const struct prompting_settings *s, struct raml_tokenizer **tokenizer,
                             struct prompting *prompting, struct raml_err *err)
{
    char newest[RAML_PATH_BYTES];
    const char *given = path && *path ? cli_tokenizer_path(path, newest) : NULL;
    enum raml_code rc = cli_load_tokenizer(given, NULL, tokenizer, err);
    if (rc) return rc;
    rc = cli_prompting_open(s, given, *tokenizer, prompting, err);
    if (rc) raml_tokenizer_close(*tokenizer);
    return rc;
}

/* -- Gathering ---------------------------------------------------------------------------------------------------- */

static void file_report_deinit(struct file_report *r)
{
    for (int i = 0; i < N_LENGTHS; i++) free(r->length[i].x);
    free(r->seen);
    json_decref(r->faults);
}

static void note_fault(void *user, size_t line, const char *message)
{
    struct file_report *r = user;
    char plain[sizeof((struct raml_err *)0)->msg];
    (void)line; /* the message begins with it */
    if (r->n_faults++ >= r->max_faults) return;
    json_t *text = json_string(message);
    if (!text) { /* it quotes bytes that are not UTF-8, or was truncated within a character */
        snprintf(plain, sizeof plain, "%s", message);
        for (char *p = plain; *p; p++)
            if ((unsigned char)*p >= 0x80) *p = '?';
        text = json_string(plain);
    }
    (void)!json_array_append_new(r->faults, text); /* n_faults counts it */
}

static enum raml_code add_length(struct lengths *l, size_t x, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(l->x, l->cap, l->n + 1, "lengths", err);
    if (!rc) l->x[l->n++] = (uint32_t)x;
    return rc;
}

static size_t count_segment(const struct raml_segments *segments, const struct raml_span *s, enum raml_segment segment)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) n += segments->segment[s->start + i] == segment;
    return n;
}

struct counter { /* scratch for counting tokens */
    struct raml_row_options opt;
    struct raml_tree tree;
    struct raml_segments segments;
    struct raml_tokens prompt;
    size_t *selected, cap_selected, max_length;
};

static void counter_deinit(struct counter *c)
{
    raml_tree_deinit(&c->tree);
    raml_segments_deinit(&c->segments);
    raml_tokens_deinit(&c->prompt);
    free(c->selected);
}

/* The trajectories followed by an answer, their own or the question's, and whole completions. */
static enum raml_code select_trajectories(struct counter *c, const struct raml_question *q, size_t *k,
                                          struct raml_err *err)
{
    *k = 0;
    enum raml_code rc = RAML_RESERVE(c->selected, c->cap_selected, q->n_trajectories, "trajectories", err);
    if (rc) return rc;
    for (size_t i = 0; i < q->n_trajectories; i++) {
        const char *own = q->trajectory[i].answer;
        if (q->answer[0] || (own && own[0]) || q->trajectory[i].whole) c->selected[(*k)++] = i;
    }
    return RAML_OK;
}

/* Lengths of a question's parts, from the same row that would be trained on. */
static enum raml_code count_tokens(struct counter *c, const struct raml_question *q, struct file_report *r,
                                   struct raml_err *err)
{
    size_t k;
    enum raml_code rc = select_trajectories(c, q, &k, err);
    if (!rc && k == 0 && !q->answer[0]) { /* nothing to train on: only the prompt */
        c->prompt.n = 0;
        rc = raml_format_prompt(&c->opt.format, c->opt.tokenizer, q->question, &c->prompt, err);
        return rc ? rc : add_length(&r->length[LENGTH_PROMPT], c->prompt.n, err);
    }
    struct raml_err own = {0};
    if (!rc && (rc = raml_row_build(&c->tree, q, c->selected, k, &c->opt, &c->segments, &own)) == RAML_ERANGE) {
        char message[sizeof own.msg + 64];
        snprintf(message, sizeof message, "%.60s:%zu: %s", r->path, q->line, own.msg);
        note_fault(r, q->line, message);
        return RAML_OK;
    }
    if (rc) return own.code ? raml_fail(err, rc, "%s", own.msg) : rc;
    size_t n_prompt = c->tree.span[0].n; /* NOLINT(clang-analyzer-core.NullDereference): a built row has a prompt */
    rc = add_length(&r->length[LENGTH_PROMPT], n_prompt, err);
    for (size_t i = 1; !rc && i < c->tree.n_spans; i++) {
        const struct raml_span *s = &c->tree.span[i];
        size_t n_row = n_prompt + s->n;
        if (k)
            rc =
                add_length(&r->length[LENGTH_TRAJECTORY], count_segment(&c->segments, s, RAML_SEGMENT_TRAJECTORY), err);
        size_t n_answer = count_segment(&c->segments, s, RAML_SEGMENT_ANSWER); /* 0: of a whole completion */
        if (!rc && n_answer) rc = add_length(&r->length[LENGTH_ANSWER], n_answer, err);
        if (!rc) rc = add_length(&r->length[LENGTH_ROW], n_row, err);
        r->n_long += c->max_length && n_row > c->max_length;
    }
    return rc;
}

static int by_hash(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Sorts, and counts repeats; line: of the first repeat and of what it repeats. */
static size_t count_repeats(struct seen *seen, size_t n, size_t line[2])
{
    size_t n_repeats = 0;
    qsort(seen, n, sizeof *seen, by_hash);
    for (size_t i = 1; i < n; i++) {
        if (seen[i].hash != seen[i - 1].hash) continue;
        if (!n_repeats || seen[i].line < line[1]) {
            line[0] = seen[i - 1].line;
            line[1] = seen[i].line;
        }
        n_repeats++;
    }
    return n_repeats;
}

/* Questions with the same words as another of their file, but not the same text. */
static enum raml_code count_near(struct file_report *r, const struct raml_questions *qs, struct raml_err *err)
{
    struct seen *seen = calloc(qs->n ? qs->n : 1, sizeof *seen);
    struct raml_buf words;
    size_t n = 0;
    enum raml_code rc = seen ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu questions", r->path, qs->n);
    raml_buf_init(&words, MAX_REPORT_BYTES);
    for (size_t i = 0; !rc && i < qs->n; i++) { /* one of each text: r->seen is sorted by it */
        if (i && r->seen[i].hash == r->seen[i - 1].hash) continue;
        raml_buf_clear(&words);
        rc = raml_leak_words(qs->question[r->seen[i].index].question, &words, err);
        if (!rc && words.len) seen[n++] = (struct seen){raml_hash(words.data, words.len, 0), r->seen[i].line, 0};
    }
    if (!rc) r->n_near = count_repeats(seen, n, r->near);
    raml_buf_deinit(&words);
    free(seen);
    return rc;
}

static int by_length(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Questions by hash, and those that are repeated. */
static enum raml_code index_questions(struct file_report *r, const struct raml_questions *qs, struct raml_err *err)
{
    r->seen = calloc(qs->n ? qs->n : 1, sizeof *r->seen);
    if (!r->seen) return raml_fail(err, RAML_ENOMEM, "%s: no memory to index %zu questions", r->path, qs->n);
    for (size_t i = 0; i < qs->n; i++)
        r->seen[i] = (struct seen){raml_question_hash(qs->question[i].question), qs->question[i].line, i};
    r->n_duplicates = count_repeats(r->seen, qs->n, r->duplicate);
    return count_near(r, qs, err);
}

static enum raml_code check_file(const struct check_settings *set, const struct raml_tokenizer *tokenizer,
                                 const struct raml_format *format, struct file_report *r, const struct raml_sink *sink,
                                 struct raml_err *err)
{
    struct raml_questions qs;
    struct raml_read_options opt = {
        .map = set->map, .limit = (size_t)set->limit, .skip_bad = true, .on_bad = note_fault, .user = r};
    struct counter c = {.opt = raml_row_default(tokenizer, *format), .max_length = (size_t)set->max_length};
    raml_questions_init(&qs);
    r->max_faults = (size_t)set->max_faults;
    r->faults = json_array();
    enum raml_code rc = raml_questions_read(&qs, r->path, &opt, &r->fields, NULL, err);
    if (!rc) rc = index_questions(r, &qs, err);
    r->n_questions = qs.n;
    for (size_t i = 0; !rc && i < qs.n; i++) {
        const struct raml_question *q = &qs.question[i];
        r->n_answered += q->answer[0] != 0;
        r->n_trajectories += q->n_trajectories;
        for (size_t j = 0; j < q->n_trajectories; j++) r->n_verdict[q->trajectory[j].correct + 1]++;
        rc = count_tokens(&c, q, r, err);
        if ((i + 1) % 256 == 0) raml_progress(sink, r->path, (double)(i + 1), (double)qs.n, "questions", NULL);
        if (!rc && raml_should_stop(sink)) rc = raml_fail(err, RAML_ESTOP, "%s: stopped", r->path);
    }
    for (int i = 0; i < N_LENGTHS; i++)
        if (r->length[i].n) qsort(r->length[i].x, r->length[i].n, sizeof *r->length[i].x, by_length);
    counter_deinit(&c);
    raml_questions_deinit(&qs);
    return rc;
}

/* Distinct questions in both files. */
static struct overlap find_overlap(const struct file_report *a, const struct file_report *b)
{
    struct overlap o = {0};
    for (size_t i = 0, j = 0; i < a->n_questions && j < b->n_questions;) {
        uint64_t x = a->seen[i].hash, y = b->seen[j].hash;
        if (x == y) {
            if (!o.n || a->seen[i].line < o.line[0]) {
                o.line[0] = a->seen[i].line;
                o.line[1] = b->seen[j].line;
            }
            o.n++;
        }
        if (x <= y)
            while (i < a->n_questions && a->seen[i].hash == x) i++;
        if (y <= x)
            while (j < b->n_questions && b->seen[j].hash == y) j++;
    }
    return o;
}

/* -- Output ------------------------------------------------------------------------------------------------------- */

/* The value that a fraction q of all lengths does not exceed (nearest rank). */
static uint32_t quantile(const struct lengths *l, double q)
{
    size_t i = (size_t)(q * (double)(l->n - 1) + 0.5);
    return l->x[i];
}

static double mean(const struct lengths *l)
{
    double sum = 0;
    for (size_t i = 0; i < l->n; i++) sum += l->x[i];
    return sum / (double)l->n;
}

static void print_fields(const struct raml_fields *f)
{
    const struct {
        const char *segment, *name;
    } t[] = {{"id", f->id},
             {"question", f->question},
             {"choices", f->choices},
             {"answer", f->answer},
             {"trajectory", f->trajectory},
             {"labels", f->labels},
             {"family", f->family},
             {"difficulty", f->difficulty},
             {"split", f->split},
             {"before the question", f->context}};
    bool any = false;
    printf("  fields        ");
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        if (!t[i].name[0]) continue;
        printf("%s%s: %s", any ? ", " : "", t[i].segment, t[i].name);
        any = true;
    }
    puts(any ? "" : "none found");
    if (*f->unread) printf("  left aside    %s\n", f->unread);
}

static void print_file(const struct file_report *r, int64_t max_length)
{
    printf("%s\n  layout        %s\n", r->path, r->fields.layout);
    print_fields(&r->fields);
    printf("  questions     %zu, %zu with an answer, %zu without\n", r->n_questions, r->n_answered,
           r->n_questions - r->n_answered);
    printf("  trajectories  %zu: %zu correct, %zu wrong, %zu unknown\n", r->n_trajectories, r->n_verdict[2],
           r->n_verdict[1], r->n_verdict[0]);
    printf("  repeated      %zu", r->n_duplicates);
    if (r->n_duplicates) printf(" (the first: line %zu repeats line %zu)", r->duplicate[1], r->duplicate[0]);
    printf("\n  same words    %zu", r->n_near);
    if (r->n_near) printf(" (the first: line %zu has those of line %zu)", r->near[1], r->near[0]);
    printf("\n  %-12s %8s %8s %8s %8s %8s %8s\n", "tokens", "n", "least", "mean", "median", "95 %", "most");
    for (int i = 0; i < N_LENGTHS; i++) {
        const struct lengths *l = &r->length[i];
        if (l->n)
            printf("    %-10s %8zu %8u %8.1f %8u %8u %8u\n", length_name[i], l->n, l->x[0], mean(l), quantile(l, 0.5),
                   quantile(l, 0.95), l->x[l->n - 1]);
    }
    if (max_length) printf("  too long      %zu rows of more than %" PRId64 " tokens\n", r->n_long, max_length);
    printf("  faulty        %zu rows\n", r->n_faults);
    for (size_t i = 0; i < json_array_size(r->faults); i++)
        printf("    %s\n", json_string_value(json_array_get(r->faults, i)));
    if (r->n_faults > json_array_size(r->faults))
        printf("    and %zu more (--max_faults)\n", r->n_faults - json_array_size(r->faults));
}

static json_t *file_json(const struct file_report *r)
{
    const struct raml_fields *f = &r->fields;
    json_t *tokens = json_object();
    int bad = 0;
    for (int i = 0; i < N_LENGTHS; i++) {
        const struct lengths *l = &r->length[i];
        if (l->n)
            bad |= json_object_set_new(tokens, length_name[i],
                                       json_pack("{s:I, s:I, s:f, s:I, s:I, s:I}", "n", (json_int_t)l->n, "min",
                                                 (json_int_t)l->x[0], "mean", mean(l), "median",
                                                 (json_int_t)quantile(l, 0.5), "p95", (json_int_t)quantile(l, 0.95),
                                                 "max", (json_int_t)l->x[l->n - 1]));
    }
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", f->id, "question",
                               f->question, "choices", f->choices, "answer", f->answer, "trajectory", f->trajectory,
                               "labels", f->labels, "family", f->family, "difficulty", f->difficulty, "split", f->split,
                               "context", f->context, "left_aside", f->unread);
    tokens = raml_json_checked(tokens, bad);
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:o, s:I, s:I, s:O}", "path",
                     r->path, "layout", f->layout, "fields", fields, "questions", (json_int_t)r->n_questions,
                     "answered", (json_int_t)r->n_answered, "trajectories", (json_int_t)r->n_trajectories, "correct",
                     "unknown", (json_int_t)r->n_verdict[0], "wrong", (json_int_t)r->n_verdict[1], "correct",
                     (json_int_t)r->n_verdict[2], "right" /* the old name */, (json_int_t)r->n_verdict[2], "repeated",
                     (json_int_t)r->n_duplicates, "same_words", (json_int_t)r->n_near, "tokens", tokens, "too_long",
                     (json_int_t)r->n_long, "n_faults", (json_int_t)r->n_faults, "faults", r->faults);
}

static enum raml_code print_json(const struct file_report *r, size_t n, json_t *overlaps, struct raml_err *err)
{
    json_t *files = json_array(), *o = json_pack("{s:o, s:O}", "files", files, "overlaps", overlaps);
    int bad = !o;
    for (size_t i = 0; i < n && !bad; i++) bad = json_array_append_new(files, file_json(&r[i]));
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    puts(text);
    free(text);
    return RAML_OK;
}

/* Prints the results; *n_shared: questions in more than one file, over all pairs. */
static enum raml_code tell(const struct cli *cli, const struct check_settings *set, const struct file_report *r,
                           size_t n, size_t *n_shared, struct raml_err *err)
{
    json_t *overlaps = json_array();
    int bad = 0;
    for (size_t i = 0; !cli->json && i < n; i++) print_file(&r[i], set->max_length);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            struct overlap o = find_overlap(&r[i], &r[j]);
            *n_shared += o.n;
            if (!cli->json) printf("%s and %s share %zu questions", r[i].path, r[j].path, o.n);
            if (!cli->json && o.n) printf(" (the first: line %zu is line %zu there)", o.line[0], o.line[1]);
            if (!cli->json) puts("");
            bad |= json_array_append_new(
                overlaps, json_pack("{s:[s,s], s:I}", "files", r[i].path, r[j].path, "shared", (json_int_t)o.n));
        }
    overlaps = raml_json_checked(overlaps, bad);
    enum raml_code rc = cli->json ? print_json(r, n, overlaps, err) : RAML_OK;
    json_decref(overlaps);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct check_settings *set = settings;
    size_t n = cli->n_args, n_faults = 0, n_shared = 0;
    if (n == 0) return raml_fail(err, RAML_EUSAGE, "data check needs at least one FILE");
    struct raml_tokenizer *tokenizer = NULL;
    struct prompting prompting = {0};
    enum raml_code rc = cli_data_open(set->tokenizer, &set->prompting, &tokenizer, &prompting, err);
    if (rc) return rc;
    struct file_report *r = calloc(n, sizeof *r);
    if (!r) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu files", n);
    for (size_t i = 0; !rc && i < n; i++) {
        r[i].path = cli->arg[i];
        rc = check_file(set, tokenizer, &prompting.format, &r[i], cli->sink, err);
        n_faults += r[i].n_faults;
    }
    if (!rc) rc = tell(cli, set, r, n, &n_shared, err);
    for (size_t i = 0; r && i < n; i++) file_report_deinit(&r[i]);
    free(r);
    cli_prompting_close(&prompting);
    raml_tokenizer_close(tokenizer);
    if (rc) return rc;
    if (n_faults) rc = raml_fail(err, RAML_EFORMAT, "faulty rows: %zu", n_faults);
    if (n_shared && !n_faults) rc = raml_fail(err, RAML_EFORMAT, "questions in more than one file: %zu", n_shared);
    return rc;
}

const struct cli_command cli_data_check = {
    .name = "data check",
    .about = "a file's fields, counts, lengths; faulty rows",
    .args = "FILE...",
    .detail = "Shows which field was read as what, how many questions, answers and trajectories there are, how many "
              "tokens they have, and which questions are repeated, in one file or in two of those given. Lists every "
              "faulty row. Fails when a row is faulty or files share questions.",
    .example = "raml data check train.jsonl test.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct check_settings),
    .pipes = true,
    .run = run,
};
