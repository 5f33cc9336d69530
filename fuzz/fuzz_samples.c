/* fuzz_samples.c - files of samples, ours and other tools': read by what they look like, then as each layout there is,
 * with the file's grades and with grades made here. What a layout was known by reads the same when it is asked for by
 * name. */
#include "samples/layouts.h"
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"
#include "core/file.h"
#include "raml/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORK = 2000 };

struct seen { /* of all questions */
    uint64_t questions, samples, hash;
};

static void add(struct seen *s, const void *bytes, size_t n)
{
    s->hash = raml_hash(bytes, n, s->hash);
}

static void add_text(struct seen *s, const char *text)
{
    add(s, text ? text : "", text ? strlen(text) + 1 : 0);
}

static enum raml_code take(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct seen *s = user;
    (void)err;
    FUZZ_CHECK(q->id != NULL, "question %llu has no id", (unsigned long long)s->questions);
    FUZZ_CHECK(q->n > 0, "question '%s' has no samples", q->id);
    s->questions++;
    s->samples += q->n;
    add_text(s, q->id);
    add_text(s, q->family);
    add_text(s, q->split);
    add_text(s, q->gold);
    add(s, &q->difficulty, sizeof q->difficulty);
    for (uint32_t i = 0; i < q->n; i++) {
        bool flag[] = {q->correct[i], q->truncated[i], q->unclosed[i]};
        FUZZ_CHECK(!flag[0] || (!flag[1] && !flag[2]), "sample %u of '%s' is correct, and truncated or unclosed", i,
                   q->id);
        FUZZ_CHECK(!q->answer[i] || q->has_answers, "sample %u of '%s' has an answer where there are none", i, q->id);
        add(s, flag, sizeof flag);
        add_text(s, q->answer[i]);
    }
    return RAML_OK;
}

static enum raml_code read(const char *path, enum raml_samples_layout layout, bool regrade, struct seen *seen,
                           struct raml_samples_report *report)
{
    struct raml_samples_options opt = {.layout = layout, .regrade = regrade, .answer = raml_answer_default()};
    struct raml_err err = {0};
    opt.answer.max_work = MAX_WORK;
    *seen = (struct seen){.questions = 0};
    *report = (struct raml_samples_report){.note = ""};
    enum raml_code rc = raml_samples_read(path, &opt, take, seen, report, &err);
    if (rc) {
        fuzz_refused(rc, &err);
        return rc;
    }
    FUZZ_CHECK(report->n_questions == seen->questions && report->n_samples == seen->samples,
               "%llu questions and %llu samples are reported, %llu and %llu came",
               (unsigned long long)report->n_questions, (unsigned long long)report->n_samples,
               (unsigned long long)seen->questions, (unsigned long long)seen->samples);
    FUZZ_CHECK(memchr(report->note, 0, sizeof report->note), "a note without an end");
    FUZZ_CHECK(report->metric != NULL, "no name of the grade");
    FUZZ_CHECK(layout == RAML_LAYOUT_AUTO || report->layout == layout, "layout %d was read as %d", (int)layout,
               (int)report->layout);
    return rc;
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct seen seen, named;
    struct raml_samples_report report, again;
    fuzz_file("samples.jsonl", data, size, path);
    bool some = false;
    for (int regrade = 0; regrade < 2; regrade++) {
        bool known = read(path, RAML_LAYOUT_AUTO, regrade, &seen, &report) == RAML_OK;
        some = some || known;
        for (size_t i = 0; i < raml_samples_n_layouts; i++) {
            enum raml_samples_layout layout = raml_samples_layouts[i]->layout;
            bool ok = read(path, layout, regrade, &named, &again) == RAML_OK;
            if (known && layout == report.layout)
                FUZZ_CHECK(ok && seen.hash == named.hash && seen.questions == named.questions,
                           "layout '%s' reads something else by its name", raml_samples_layouts[i]->name);
        }
    }
    raml_answer_thread_end();
    return some ? FUZZ_READ : FUZZ_REFUSED;
}

#define OURS                                                                                                           \
    "{\"id\":\"a\",\"question\":\"1+1?\",\"answer\":\"2\",\"family\":\"add\",\"difficulty\":1,\"split\":\"test\","     \
    "\"trajectories\":[{\"text\":\"so\",\"answer\":\"2\",\"correct\":true,\"finish_reason\":\"stop\",\"think_"         \
    "closed\":true},"                                                                                                  \
    "{\"text\":\"hm\",\"answer\":null,\"correct\":false,\"finish_reason\":\"length\",\"think_closed\":false}]}\n"
#define LM_EVAL(id, filter, resps, filtered, metrics)                                                                  \
    "{\"doc_id\":" id ",\"doc\":{\"q\":\"six by seven?\",\"subject\":\"arithmetic\",\"level\":\"Level 2\"},"           \
    "\"target\":\"so #### 42\",\"arguments\":{\"gen_args_0\":{\"arg_0\":\"six by seven?<think>\",\"arg_1\":{}}},"      \
    "\"resps\":" resps ",\"filtered_resps\":" filtered ",\"filter\":\"" filter "\",\"doc_hash\":\"h" id "\"," metrics  \
    "}\n"
#define LIGHTEVAL(text, metrics)                                                                                       \
    "{\"doc\":{\"choices\":[\"42\"],\"gold_index\":[0],\"id\":\"7\",\"query\":\"six by seven?\",\"task_name\":\"t\","  \
    "\"generation_size\":4,\"specific\":{\"level\":2,\"subject\":\"algebra\"}},\"model_response\":{\"input\":\"<"      \
    "think>\","                                                                                                        \
    "\"text\":" text ",\"output_tokens\":[[1,2],[3,3,3,3],[1],[2]]},\"metric\":" metrics "}\n"

static const struct {
    const char *name, *text;
} files[] = {
    {"ours", OURS OURS},
    {"grades", "{\"id\":\"q1\",\"correct\":[0,1,true,false],\"pred\":[\"1\",\"2\",null,\"3\"],\"answer\":\"2\"}\n"
               "{\"correct\":[1]}\n"},
    {"counts", "{\"n\":8,\"c\":3}\n{\"n\":8,\"c\":0,\"family\":\"x\"}\n"},
    {"lm_eval", LM_EVAL("0", "none", "[[\"#### 42\"]]", "[\"42\"]", "\"exact_match\":1.0")
                    LM_EVAL("1", "none", "[[\"#### 41\"]]", "[\"[invalid]\"]", "\"exact_match\":0.0")},
    {"lm_eval-each",
     LM_EVAL("5", "none", "[[\"x</think>#### 42\",\"#### 1\"]]", "[[\"42\",\"1\"]]", "\"exact_matches\":[1,0]")},
    {"lm_eval-pass", LM_EVAL("0", "none", "[[\"a\",\"b\",\"c\",\"d\"]]", "[[\"a\",\"b\",\"c\",\"d\"]]",
                             "\"pass@2\":0.5,\"pass@4\":1.0")},
    {"lm_eval-seeds", LM_EVAL("0", "none", "[[\"1\"]]", "[\"1\"]", "\"acc\":0")
                          LM_EVAL("0", "none", "[[\"42\"]]", "[\"42\"]", "\"acc\":1")},
    {"lm_eval-old", "{\"doc_id\":0,\"target\":\"42\",\"arguments\":[[\"Q<think>\",{}]],\"resps\":[[\"x</think>42\"]],"
                    "\"filtered_resps\":[\"42\"],\"exact_match\":1}\n"},
    {"lighteval", LIGHTEVAL("[\"\\\\boxed{42}\"]", "{\"extractive_match\":1.0}")},
    {"lighteval-pass", LIGHTEVAL("[\"42\",\"41\",\"42\",\"1\"]", "{\"pass@k:k=1&n=4\":0.5,\"em\":1}")},
    {"opencompass",
     "{\n  \"accuracy (4 runs average)\": 62.5,\n \"G-Pass@4_0.0\": 100.0,\n \"details\": [\n"
     "{\"example_abbr\": \"CNMO_en_0\", \"pred\": [\"42\",\"42\",\"41\",null], \"answer\": [\"42\",\"42\",\"42\","
     "\"42\"], \"correct\": [true,true,false,false]},\n"
     "{\"example_abbr\": \"CNMO_cn_0\", \"pred\": [\"1\"], \"answer\": [\"1\"], \"correct\": [true]}]}"},
    {"opencompass-numbered",
     "{\"details\":{\"type\":\"GEN\",\"0\":{\"prompt\":\"p\",\"origin_prediction\":\"so 7\",\"predictions\":"
     "\"7\",\"references\":\"7\",\"correct\":true},\"1\":{\"pred\":\"7\",\"refr\":\"8\",\"is_correct\":false}}}"},
    {"opencompass-predictions",
     "{\"0\":{\"origin_prompt\":\"a\",\"prediction\":\"\\\\boxed{1}\",\"gold\":\"1\"},\"1\":{"
     "\"origin_prompt\":\"b\",\"prediction\":[\"2\",\"3\"],\"gold\":\"3\"}}"},
};

static void seeds(struct fuzz_corpus *c)
{
    for (size_t i = 0; i < FUZZ_COUNT(files); i++) fuzz_seed_text(c, files[i].name, files[i].text);
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "\"", "\n", "null", "true", "false", "NaN", "Infinity", "\\u0000", "\\ud83d", "\xff",
    "\xef\xbb\xbf", "\"id\":", "\"correct\":", "\"trajectories\":[", "\"answer\":", "\"text\":",
    "\"finish_reason\":\"length\",", "\"think_closed\":false,", "\"n\":16777217,", "\"n\":", "\"c\":", "\"pred\":[",
    "\"family\":", "\"split\":", "\"difficulty\":", "\"doc_id\":", "\"doc\":{", "\"target\":", "\"resps\":[[",
    "\"filtered_resps\":[", "\"filter\":\"x\",", "\"metrics\":[\"acc\"],", "\"exact_match\":", "\"pass@2\":",
    "\"pass@1:4_samples\":", "\"avg@n:n=4\":", "\"pass@k:k=1&n=4\":", "\"arguments\":[[", "\"gen_args_0\":{",
    "\"arg_0\":", "\"model_response\":{", "\"metric\":{", "\"metrics\":{", "\"choices\":[", "\"gold_index\":[0],",
    "\"generation_size\":", "\"output_tokens\":[[", "\"predictions\":", "\"gold\":", "\"details\":",
    "\"example_abbr\":\"a_b_0\",", "\"accuracy\":", "\"references\":", "\"origin_prediction\":", "\"prediction\":",
    "\"rollout\":{", "\"is_correct\":", "\"<think>\"", "\"</think>\"", "\"\\\\boxed{1}\"", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_samples = {
    .name = "samples",
    .about = "files of samples in every layout",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
