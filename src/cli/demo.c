/* demo.c - raml demo: the whole story on built-in questions, as a sequence of the other commands.
 *
 * Each step runs this program anew with a command line that a person could type; it is printed before it runs. So
 * a step's time and peak memory are its own, and the demo shows how the commands are used. The steps' results go into
 * summary.json.
 * A request to stop is passed on to the step, which keeps what it has done (training: a checkpoint). demo.json says
 * which steps are done; --resume goes on with the first that is not.
 */
#include "cli/commands.h"
#include "cli/demo.h"
#include "cli/signals.h"

#include "core/clock.h"
#include "core/path.h"
#include "raml/family.h"
#include "core/file.h"
#include "raml/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct demo_settings, field)
static const struct raml_setting options[] = {
    {"out", "output_dir", RAML_PATH, AT(out), "demo", 0, 0, NULL, "Folder to write."},
    {"preset", NULL, RAML_TEXT, AT(preset), "micro", 0, 0, NULL, "Model to train: micro, small, medium, gpt2."},
    {"families", NULL, RAML_TEXT, AT(families), DEMO_FAMILIES, 0, 0, NULL,
     "Question families, with the range trained on."},
    {"longer", NULL, RAML_TEXT, AT(longer), DEMO_LONGER, 0, 0, NULL, "The same families, longer than trained."},
    {"unseen", NULL, RAML_TEXT, AT(unseen), DEMO_UNSEEN, 0, 0, NULL, "Families never trained on."},
    {"token_budget", NULL, RAML_INT, AT(token_budget), DEMO_TOKENS, 1000, 1e15, NULL,
     "Tokens each of the two models is trained on."},
    {"num_questions", NULL, RAML_INT, AT(num_questions), DEMO_QUESTIONS, 10, 1e9, NULL, "Questions to train on."},
    {"num_test", NULL, RAML_INT, AT(num_test), "300", 3, 1e9, NULL, "Questions of each of the three test sets."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), DEMO_BATCH, 1, 1 << 20, NULL, "Questions per optimizer step."},
    {"learning_rate", "lr", RAML_REAL, AT(learning_rate), DEMO_RATE, 1e-9, 10, NULL, "Peak learning rate."},
    {"resume", NULL, RAML_FLAG, AT(resume), NULL, 0, 0, NULL,
     "Go on with a demo that was stopped, at the step and checkpoint that it had reached."},
    {"model", "model_name_or_path", RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "A model that is there (a folder, a GGUF file, or a run's folder), instead of training two: samples, trace, fork, "
     "report."},
    {"adapter", "adapter_name_or_path", RAML_PATH, AT(adapter), NULL, 0, 0, NULL,
     "With --model: low-rank adapters (LoRA) to read it with."},
    {"questions", NULL, RAML_PATH, AT(questions), NULL, 0, 0, NULL,
     "With --model: a file of questions (GSM8K, MATH, ..; docs/data.md), besides the built-in ones."},
    {"limit", NULL, RAML_INT, AT(limit), "20", 0, 1e15, NULL, "With --questions: only the first n; 0: all."},
    {"num_generations", "n", RAML_INT, AT(num_generations), "4", 1, 1 << 20, NULL,
     "With --model: samples per question."},
    {"temperature", "temp", RAML_REAL, AT(temperature), "0.7", 0, 100, NULL, "With --model: of sampling."},
    {"max_completion_length", "max_tokens", RAML_INT, AT(max_completion_length), "256", 1, 1 << 24, NULL,
     "With --model: maximum tokens of a sample."},
    {"stride", NULL, RAML_INT, AT(stride), "4", 1, 1 << 20, NULL,
     "With --model: the loss of the answer after every n-th token of a sample."},
    {"dtype", NULL, RAML_ONE, AT(dtype), "auto", 0, 0, "auto|stored|bf16|f32", "With --model: type of its matrices."},
    {"prompt_format", NULL, RAML_TEXT, AT(prompt_format), NULL, 0, 0, NULL,
     "With --model: as raml sample has it; default: the model's own chat template."},
    {"prompt_preset", "prompt_wording", RAML_TEXT, AT(prompt_preset), NULL, 0, 0, NULL,
     "With --model: as raml sample has it."},
    {"instruction", NULL, RAML_TEXT, AT(instruction), NULL, 0, 0, NULL,
     "With --model: text appended to the question; default: the format's."},
};

/* -- Steps --------------------------------------------------------------------------------------------------------- */
static enum raml_code train(const struct cli *cli, const struct demo_settings *s, bool with, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "train sft --model");
    cli_demo_add(&step, "init:%s", s->preset);
    cli_demo_add(&step, "--families");
    cli_demo_add(&step, "%s", s->families);
    cli_demo_add(&step, "--num_questions");
    cli_demo_add(&step, "%lld", (long long)s->num_questions);
    cli_demo_add_words(&step, with ? "--trajectories 1" : "--trajectories 0");
    cli_demo_add(&step, "--token_budget");
    cli_demo_add(&step, "%lld", (long long)s->token_budget);
    cli_demo_add(&step, "--batch_size");
    cli_demo_add(&step, "%lld", (long long)(with ? s->batch_size : s->batch_size * DEMO_MORE_ANSWERS));
    cli_demo_add(&step, "--learning_rate");
    cli_demo_add(&step, "%g", s->learning_rate);
    cli_demo_add_words(&step, "--adam_beta2 0.99 --dtype f32 --logging_steps 20 --seed");
    cli_demo_add(&step, "%llu", (unsigned long long)cli->seed);
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/%s", s->out, with ? "with" : "without");
    if (s->resume) cli_demo_add(&step, "--resume");
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code evaluate(const struct cli *cli, const struct demo_settings *s, bool with,
                               struct demo_phase *phase, struct raml_err *err)
{
    struct demo_step step = {0};
    const char *name = with ? "with" : "without";
    cli_demo_add_words(&step, "eval --model");
    cli_demo_add(&step, "%s/%s", s->out, name);
    cli_demo_add(&step, "%s/test.jsonl", s->out);
    cli_demo_add_words(&step, "--temperature 0 --by split,family --out");
    cli_demo_add(&step, "%s/%s/eval.json", s->out, name);
    cli_demo_add_words(&step, "--dtype f32 --max_completion_length 400");
    if (!with) cli_demo_add(&step, "--answer_only");
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code sample(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "sample --model");
    cli_demo_add(&step, "%s/with", s->out);
    cli_demo_add(&step, "%s/trace.jsonl", s->out);
    cli_demo_add_words(&step, "--dtype f32 --num_generations 4 --max_completion_length 400 --seed");
    cli_demo_add(&step, "%llu", (unsigned long long)cli->seed);
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/with/samples.jsonl", s->out);
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code trace(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "trace --model");
    cli_demo_add(&step, "%s/with", s->out);
    cli_demo_add(&step, "%s/with/samples.jsonl", s->out);
    cli_demo_add_words(&step, "--dtype f32 --skip_long");
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/with/trace", s->out);
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

/* Of one trajectory a question: a few seconds. */
static enum raml_code roles(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "roles --model");
    cli_demo_add(&step, "%s/with", s->out);
    cli_demo_add(&step, "%s/with/samples.jsonl", s->out);
    cli_demo_add_words(&step, "--dtype f32 --max_samples 1 --skip_long --seed");
    cli_demo_add(&step, "%llu", (unsigned long long)cli->seed);
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/with/roles", s->out);
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

/* Of one trajectory a question: what the updates show is a mean over questions. */
static enum raml_code update(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "update --model");
    cli_demo_add(&step, "%s/with", s->out);
    cli_demo_add(&step, "%s/with/samples.jsonl", s->out);
    cli_demo_add_words(&step, "--max_samples 1 --shuffled --check --skip_long");
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/with/update", s->out);
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code landscape(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                                struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add_words(&step, "landscape --model");
    cli_demo_add(&step, "%s/with", s->out);
    cli_demo_add(&step, "%s/with/samples.jsonl", s->out);
    cli_demo_add_words(&step, "--directions path --frames 0,25%,50%,75%,100% --seed");
    cli_demo_add(&step, "%llu", (unsigned long long)cli->seed);
    cli_demo_add(&step, "--out");
    cli_demo_add(&step, "%s/with/landscape", s->out);
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code report(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add(&step, "report");
    cli_demo_add(&step, "%s", s->out);
    if (s->resume) cli_demo_add(&step, "--overwrite"); /* done, but not recorded */
    return cli_demo_run(cli, &step, phase, err);
}

/* -- Questions ----------------------------------------------------------------------------------------------------- */
static enum raml_code add_set(const struct cli *cli, struct raml_questions *qs, const char *families, const char *name,
                              size_t n, struct raml_err *err)
{
    size_t first = qs->n;
    struct raml_make_options o = {.seed = cli->seed + 1, .families = families, .n = n, .split = "test"};
    enum raml_code rc = raml_make_questions(qs, &o, err);
    for (size_t i = first; i < qs->n && !rc; i++) qs->question[i].split = name;
    return rc;
}

/* The list of families without its weights: tests have equally many questions of each. */
static void drop_weights(const char *families, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *at = families; *at && n + 1 < cap;) {
        if (*at == '*') at += strcspn(at, ",");
        else out[n++] = *at++;
    }
    out[n] = 0;
}

/* test.jsonl: in-range, longer, unseen; trace.jsonl: the questions that are sampled several times and traced. */
static enum raml_code make_questions(const struct cli *cli, const struct demo_settings *s, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], families[DEMO_WORD];
    struct raml_questions qs;
    raml_questions_init(&qs);
    drop_weights(s->families, families, sizeof families);
    enum raml_code rc = add_set(cli, &qs, families, "in-range", (size_t)s->num_test, err);
    size_t in_range = qs.n;
    if (!rc) rc = add_set(cli, &qs, s->longer, "longer", (size_t)s->num_test, err);
    size_t all = qs.n;
    if (!rc) rc = add_set(cli, &qs, s->unseen, "unseen", (size_t)s->num_test, err);
    if (!rc) rc = raml_path_join(path, s->out, "test.jsonl", err);
    if (!rc) rc = raml_questions_write(&qs, path, err);
    if (!rc) { /* the first of both sets, where families are mixed: they give correct and wrong samples */
        size_t few = (in_range + 5) / 6, many = in_range + (all - in_range + 2) / 3;
        for (size_t i = in_range; i < many; i++) qs.question[few + i - in_range] = qs.question[i];
        qs.n = few + many - in_range;
        rc = raml_path_join(path, s->out, "trace.jsonl", err);
        if (!rc) rc = raml_questions_write(&qs, path, err);
    }
    raml_questions_deinit(&qs);
    return rc;
}

enum { N_STEPS = 10 };

static enum raml_code one_step(const struct cli *cli, const struct demo_settings *s, size_t i,
                               struct demo_phase phase[DEMO_PHASES], struct raml_err *err)
{
    switch (i) {
    case 0: return train(cli, s, true, &phase[DEMO_TRAIN_WITH], err);
    case 1: return train(cli, s, false, &phase[DEMO_TRAIN_WITHOUT], err);
    case 2: return evaluate(cli, s, true, &phase[DEMO_EVAL], err);
    case 3: return evaluate(cli, s, false, &phase[DEMO_EVAL], err);
    case 4: return sample(cli, s, &phase[DEMO_SAMPLE], err);
    case 5: return trace(cli, s, &phase[DEMO_TRACE], err);
    case 6: return roles(cli, s, &phase[DEMO_ROLES], err);
    case 7: return update(cli, s, &phase[DEMO_UPDATE], err);
    case 8: return landscape(cli, s, &phase[DEMO_LANDSCAPE], err);
    default: return report(cli, s, &phase[DEMO_REPORT], err);
    }
}

static const struct demo_story trained = {N_STEPS, make_questions, one_step, cli_demo_summary, cli_demo_tell};

/* -- Any story ----------------------------------------------------------------------------------------------------- */

/* One that was stopped leaves its time in the record. */
static enum raml_code next_step(const struct cli *cli, const struct demo_settings *s, const struct demo_story *story,
                                struct demo_record *r, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (cli_signals_asked())
        return raml_fail(err, RAML_ESTOP, "stopped; the same command with --resume goes on from there");
    if (r->n_done == story->n_steps - 1) rc = story->summary(s->out, r->phase, err); /* the report shows it */
    if (!rc) rc = story->step(cli, s, r->n_done, r->phase, err);
    if (rc && rc != RAML_ESTOP) return rc;
    if (!rc) r->n_done++;
    enum raml_code written = cli_demo_record_write(s->out, r, rc ? NULL : err);
    return rc ? rc : written;
}

/* Those that are not done yet. */
static enum raml_code steps(const struct cli *cli, const struct demo_settings *s, const struct demo_story *story,
                            struct demo_record *r, struct raml_err *err)
{
    enum raml_code rc = story->questions(cli, s, err);
    if (!rc) rc = cli_demo_record_write(s->out, r, err);
    while (!rc && r->n_done < story->n_steps) rc = next_step(cli, s, story, r, err);
    return rc;
}

/* Removes an earlier demo's own files, with --overwrite. What no demo made is left alone: then there is none. */
static enum raml_code clear(const struct cli *cli, const char *out, struct raml_err *err)
{
    static const char *const own[] = {"with",
                                      "without",
                                      "test.jsonl",
                                      "trace.jsonl",
                                      "questions.jsonl",
                                      "samples.jsonl",
                                      "samples.jsonl.unfinished",
                                      "eval.json",
                                      "trace",
                                      "fork",
                                      "summary.json",
                                      "report.html",
                                      "demo.json"};
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, out, "demo.json", err);
    bool demo = !rc && raml_is_file(path);
    if (demo && !cli->overwrite)
        return raml_fail(err, RAML_EUSAGE,
                         "%s: holds a demo already; --resume goes on with it, --overwrite replaces it", out);
    for (size_t i = 0; i < sizeof own / sizeof *own && !rc; i++) { /* demo.json last: a stopped removal goes on */
        rc = raml_path_join(path, out, own[i], err);
        if (rc || !(raml_is_dir(path) || raml_is_file(path))) continue;
        if (!demo) rc = raml_fail(err, RAML_EUSAGE, "%s: exists, and no demo made it; give another --out", path);
        else if (raml_is_dir(path)) rc = raml_remove_tree(path, err);
        else if (remove(path)) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    }
    return rc ? rc : raml_make_dir(out, err);
}

/* All settings that results depend on. */
static enum raml_code start_record(const struct cli *cli, const struct demo_settings *s, struct demo_record *r,
                                   struct raml_err *err)
{
    r->settings = raml_settings_json(options, sizeof options / sizeof *options, s);
    if (!r->settings || json_object_set_new(r->settings, "seed", json_integer((json_int_t)cli->seed)))
        return raml_fail(err, RAML_ENOMEM, "no memory for the demo's record");
    json_object_del(r->settings, "out");
    json_object_del(r->settings, "resume");
    return RAML_OK;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct demo_settings *s = settings;
    struct demo_record record = {0};
    if (strpbrk(s->out, " ") || strlen(s->out) > 200)
        return raml_fail(err, RAML_EUSAGE, "--out: expected a short path without spaces");
    const struct demo_story *story = s->model ? &cli_demo_model : &trained;
    if (s->questions && !s->model) return raml_fail(err, RAML_EUSAGE, "--questions needs --model");
    double start = raml_clock_monotonic();
    enum raml_code rc = start_record(cli, s, &record, err);
    if (!rc) rc = s->resume ? raml_make_dir(s->out, err) : clear(cli, s->out, err);
    if (!rc && s->resume) rc = cli_demo_record_read(s->out, story->n_steps, &record, err);
    for (size_t i = 0; i < DEMO_PHASES; i++) start -= record.phase[i].seconds; /* what was done before counts too */
    if (!rc) rc = steps(cli, s, story, &record, err);
    json_decref(record.settings);
    return rc ? rc : story->tell(s->out, raml_clock_monotonic() - start, cli->json, err);
}

const struct cli_command cli_demo = {
    .name = "demo",
    .about = "the whole story on built-in questions: train, evaluate, look inside, report",
    .args = "",
    .detail =
        "Trains one model on questions with reasoning trajectories and one only on the answers (same model, questions "
        "and token budget), compares them on unseen questions of the trained range, on longer ones and on families "
        "never trained on, measures the answer's loss after every token of sampled reasoning, and writes a report. "
        "Every step is an ordinary command, printed before it runs. With --model no model is trained: a model that is "
        "there "
        "answers built-in questions and those of a file, and its samples are traced and forked.",
    .example = "raml demo --out demo",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct demo_settings),
    .run = run,
};
