/* fuzz_answers.c - two texts, parted by a 0 byte: the answer is found in each, and they are compared. (Generated
 * pairs, to the limits of work and by all threads: verify.c.) */
#include "fuzz/answers.h"
#include "fuzz/check.h"
#include "fuzz/target.h"
#include "raml/answer.h"

#include <stdio.h>
#include <string.h>

enum { MAX_EXPLAIN = 1 << 24, MAX_WORK = 200000 }; /* units of about a microsecond */

/* What is found does not depend on a second look, and lies within the text's length. */
static void find(const char *text, size_t n, const struct raml_answer_options *o)
{
    struct raml_err err = {0};
    struct raml_buf a, b;
    enum raml_found how, again;
    raml_buf_init(&a, MAX_EXPLAIN);
    raml_buf_init(&b, MAX_EXPLAIN);
    FUZZ_MUST(raml_answer_find(text, n, o, &a, &how, &err), &err);
    FUZZ_MUST(raml_answer_find(text, n, o, &b, &again, &err), &err);
    FUZZ_CHECK(how == again && a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len)),
               "found two answers in one text");
    FUZZ_CHECK(how != RAML_FOUND_NOTHING || !a.len, "nothing was found: %zu bytes of it", a.len);
    FUZZ_CHECK(*raml_found_name(how), "a way of finding without a name");
    raml_buf_clear(&b);
    FUZZ_CHECK(raml_answer_boxed(text, n, &b) || !b.len, "no box was found: %zu bytes of it", b.len);
    raml_buf_deinit(&a);
    raml_buf_deinit(&b);
}

static enum raml_verdict compare(const char *a, size_t n, const char *b, size_t m, const struct raml_answer_options *o,
                                 struct raml_buf *explain)
{
    struct raml_answer_result r;
    struct raml_err err = {0};
    FUZZ_MUST(raml_answer_compare(a, n, b, m, o, &r, explain, &err), &err);
    FUZZ_CHECK(r.rule && *r.rule, "a verdict without its rule");
    FUZZ_CHECK(*raml_verdict_name(r.verdict), "a verdict without a name");
    return r.verdict;
}

static int run(const uint8_t *data, size_t size)
{
    const char *gold = (const char *)data, *zero = size ? memchr(data, 0, size) : NULL;
    size_t n = zero ? (size_t)(zero - gold) : size, m = zero ? size - n - 1 : 0;
    const char *pred = gold + size - m;
    struct raml_answer_options o = raml_answer_default();
    struct raml_buf explain;
    raml_buf_init(&explain, MAX_EXPLAIN);
    o.max_work = MAX_WORK;
    o.last = size % 4 == 1; /* a function of the input, as everything here */
    o.letters = size % 16 == 2;
    o.worked_out = size % 8 == 3;
    o.decimals = size % 8 == 5 ? 2 : 0;
    find(gold, n, &o);
    find(pred, m, &o);
    enum raml_verdict v = compare(gold, n, pred, m, &o, NULL);
    FUZZ_CHECK(compare(gold, n, pred, m, &o, &explain) == v, "telling why changes the verdict");
    if (!o.worked_out) FUZZ_CHECK(compare(gold, n, gold, n, &o, NULL) != RAML_DIFFERENT, "different from itself");
    FUZZ_CHECK(raml_buf_status(&explain, NULL) == RAML_OK, "why takes more than %d bytes", MAX_EXPLAIN);
    raml_buf_deinit(&explain);
    raml_answer_thread_end();
    return FUZZ_READ;
}

/* Each answer against itself, and against the next. */
static void seeds(struct fuzz_corpus *c)
{
    for (size_t i = 0; i < FUZZ_COUNT(answers); i++) {
        struct raml_buf b;
        char name[32];
        snprintf(name, sizeof name, "answer-%zu", i);
        raml_buf_init(&b, MAX_EXPLAIN);
        raml_buf_adds(&b, answers[i]);
        raml_buf_add(&b, "", 1);
        raml_buf_adds(&b, answers[i % 2 ? i : (i + 1) % FUZZ_COUNT(answers)]);
        fuzz_seed_add(c, name, b.data, b.len);
        raml_buf_deinit(&b);
    }
}

/* clang-format off */
static const char *const words[] = {
    "\\frac{", "\\sqrt{", "\\sqrt[3]{", "\\boxed{", "\\text{", "\\left(", "\\right)", "\\cdot ", "\\times ", "\\pm ",
    "\\pi ", "\\infty ", "\\begin{pmatrix}", "\\end{pmatrix}", "\\\\", "&", "\\{", "\\}", "\\sin ", "\\log_", "\\ln ",
    "\\binom{", "\\cup ", "\\in ", "^\\circ", "\\%", "^{", "_{", "{", "}", "(", ")", "[", "]", "|", "=", "<", "\\le ",
    ",", ";", "/", "!", "$", "$$", "\\(", "\\)", " and ", " or ", "the answer is ", "**Final Answer**", "#### ",
    "<think>", "</think>", "<answer>", "\n", "1/0", "^{99999}", "^{1/2}", "x^2", "1,234", "0.5", "e^{i\\pi}",
    "\xe2\x88\x9a", "\xef\xbc\x91", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_answers = {
    .name = "answers",
    .about = "pairs of answers: found, read, compared",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
