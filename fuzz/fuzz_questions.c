/* fuzz_questions.c - files of questions. The first byte says what the rest is: 'c' a CSV table, 't' one with tabs, else
 * JSON. What is read is written as our own JSON lines, which read the same; with bad lines passed over, no fewer
 * questions come. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"
#include "raml/question.h"

#include <math.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void same_trajectory(const struct raml_trajectory *a, const struct raml_trajectory *b, const char *id)
{
    FUZZ_CHECK(same_text(a->text, b->text) && same_text(a->answer, b->answer) && same_text(a->style, b->style) &&
                   same_text(a->finish_reason, b->finish_reason),
               "a trajectory of '%s' changed in its texts", id);
    FUZZ_CHECK(a->correct == b->correct && a->think_closed == b->think_closed && a->seed == b->seed &&
                   a->whole == b->whole,
               "a trajectory of '%s' changed in its flags", id);
    FUZZ_CHECK(a->n_tokens == b->n_tokens &&
                   (!a->n_tokens || !memcmp(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens)),
               "a trajectory of '%s' changed in its tokens", id);
    bool known = isfinite(a->logp_sum); /* written with nine digits */
    FUZZ_CHECK(known ? fabs(a->logp_sum - b->logp_sum) <= 1e-8 * fabs(a->logp_sum) : !isfinite(b->logp_sum),
               "a trajectory of '%s' changed in its logp_sum", id);
}

static void same(const struct raml_questions *a, const struct raml_questions *b)
{
    FUZZ_CHECK(a->n == b->n, "%zu questions became %zu", a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct raml_question *p = &a->question[i], *q = &b->question[i];
        FUZZ_CHECK(same_text(p->id, q->id) && same_text(p->question, q->question) && same_text(p->answer, q->answer),
                   "question '%s' became '%s'", p->id, q->id);
        FUZZ_CHECK(same_text(p->family, q->family) && same_text(p->split, q->split) && p->difficulty == q->difficulty &&
                       p->letters == q->letters,
                   "question '%s' changed in family, split, difficulty or letters", p->id);
        FUZZ_CHECK(p->n_trajectories == q->n_trajectories, "question '%s': %zu trajectories became %zu", p->id,
                   p->n_trajectories, q->n_trajectories);
        for (size_t k = 0; k < p->n_trajectories; k++) same_trajectory(&p->trajectory[k], &q->trajectory[k], p->id);
    }
}

/* An answer that spells the signs of one is read as one when it comes back: "\boxed{\boxed{5}}", "#### 5". */
static bool spells_signs(const struct raml_questions *qs)
{
    static const char *const signs[] = {"####", "boxed", "fbox"};
    for (size_t i = 0; i < qs->n; i++)
        for (size_t k = 0; k < FUZZ_COUNT(signs); k++)
            if (strstr(qs->question[i].answer, signs[k])) return true;
    return false;
}

static void write_again(const struct raml_questions *qs)
{
    char path[FUZZ_PATH];
    struct raml_questions again;
    struct raml_err err = {0};
    const struct raml_read_options opt = {.seed = 1};
    raml_questions_init(&again);
    FUZZ_MUST(raml_questions_write(qs, fuzz_path("again.jsonl", path), &err), &err);
    FUZZ_MUST(raml_questions_read(&again, path, &opt, NULL, NULL, &err), &err);
    same(qs, &again);
    raml_questions_deinit(&again);
}

static void on_bad(void *user, size_t line, const char *message)
{
    size_t *n = user;
    FUZZ_CHECK(line > 0 && *message, "a bad line %zu without its sentence", line);
    ++*n;
}

static int run(const uint8_t *data, size_t size)
{
    const char *name = size && *data == 'c' ? "q.csv" : size && *data == 't' ? "q.tsv" : "q.jsonl";
    char path[FUZZ_PATH];
    struct raml_questions qs, most;
    struct raml_fields fields;
    struct raml_err err = {0}, bad = {0};
    size_t reported = 0, n_bad = 0;
    const struct raml_read_options opt = {.seed = 1},
                                   skip = {.seed = 1, .skip_bad = true, .on_bad = on_bad, .user = &reported};
    fuzz_file(name, data + (size > 0), size - (size > 0), path);
    raml_questions_init(&qs);
    raml_questions_init(&most);
    enum raml_code rc = raml_questions_read(&qs, path, &opt, &fields, NULL, &err);
    enum raml_code rc_most = raml_questions_read(&most, path, &skip, &fields, &n_bad, &bad);
    FUZZ_CHECK(rc || (!rc_most && most.n == qs.n && !n_bad), "%zu questions, %zu with bad lines passed over", qs.n,
               most.n);
    FUZZ_CHECK(rc_most || n_bad == reported, "%zu bad lines are counted, %zu were reported", n_bad, reported);
    if (rc_most) fuzz_refused(rc_most, &bad);
    int outcome = rc ? fuzz_refused(rc, &err) : FUZZ_READ;
    if (!rc && !spells_signs(&qs)) write_again(&qs);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&most);
    return outcome;
}

static const struct {
    const char *name, *text;
} files[] = {
    {"ours",
     "j{\"id\":\"a\",\"question\":\"1+1?\",\"answer\":\"2\",\"family\":\"add\",\"difficulty\":1,\"split\":"
     "\"test\",\"trajectories\":[{\"text\":\"so\",\"answer\":\"2\",\"correct\":true,\"finish_reason\":\"stop\","
     "\"think_closed\":true,\"tokens\":[1,2],\"think_start\":0,\"think_end\":1,\"logp_sum\":-1.5,\"seed\":7}]}\n"
     "{\"id\":\"b\",\"question\":\"2\",\"answer\":\"\"}\n"},
    {"gsm8k",
     "j{\"question\":\"How many?\",\"answer\":\"2+2=4\\n#### 4\"}\n{\"question\":\"And?\",\"answer\":\"#### 5\"}\n"},
    {"math", "j{\"problem\":\"p\",\"solution\":\"so \\\\boxed{3}\",\"level\":\"Level 2\",\"type\":\"Algebra\"}\n"},
    {"array", "j[{\"question\":\"a\",\"answer\":\"1\"},{\"question\":\"b\",\"answer\":\"2\"}]"},
    {"rollouts",
     "j{\"problem\":\"p\",\"answer\":\"1\",\"generations\":[\"<think>x</think>1\",\"y\"],\"labels\":[1,0]}\n"},
    {"choices", "j{\"question\":\"q\",\"choices\":[\"x\",\"y\",\"z\"],\"answer\":1}\n"},
    {"chat", "j{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":"
             "\"<think>t</think>\\\\boxed{1}\"}]}\n"},
    {"preference",
     "j{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"prompt\":[{\"role\":\"user\",\"content\":\"q\"}],"
     "\"chosen\":[{\"role\":\"assistant\",\"content\":\"a\"}],\"rejected\":[{\"role\":\"assistant\","
     "\"content\":\"b\"}]}\n"},
    {"implicit prompts", "j{\"chosen\":\"so it is\",\"rejected\":\"so I was\"}\n"},
    {"table", "cquestion,answer,family\n\"one, \"\"two\"\"\n?\",3,a\nplain,4,\n"},
    {"tabs", "tquestion\tanswer\nq\t1\n"},
    {"gpqa", "cQuestion,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\nq,a,b,c,d\n"},
};

static void seeds(struct fuzz_corpus *c)
{
    for (size_t i = 0; i < FUZZ_COUNT(files); i++) fuzz_seed_text(c, files[i].name, files[i].text);
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "\"", "\"\"", "\n", "\r\n", "\t", "null", "true", "false", "\\u0000", "\\ud83d",
    "\xff", "\xef\xbb\xbf", "\"id\":", "\"question\":", "\"problem\":", "\"prompt\":", "\"query\":", "\"input\":",
    "\"instruction\":", "\"answer\":", "\"solution\":", "\"target\":", "\"gold\":", "\"response\":", "\"output\":",
    "\"family\":", "\"type\":", "\"subject\":", "\"level\":", "\"difficulty\":", "\"split\":", "\"trajectories\":[",
    "\"generations\":[", "\"labels\":[", "\"choices\":[", "\"options\":{", "\"text\":", "\"label\":", "\"messages\":[",
    "\"conversations\":[", "\"role\":\"user\"", "\"content\":", "\"tokens\":[", "\"think_start\":", "\"think_end\":",
    "\"logp_sum\":", "\"seed\":", "\"correct\":", "\"finish_reason\":\"length\"", "\"think_closed\":false", "\"whole\":true", "#### ",
    "\\\\boxed{", "<think>", "</think>", "Level 5", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_questions = {
    .name = "questions",
    .about = "files of questions: JSON lines and tables",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
