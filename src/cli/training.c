/* training.c - see training.h. */
#include "cli/training.h"

#include "cli/idle.h"
#include "cli/load.h"
#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "raml/family.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct training_settings, field)
const struct raml_setting cli_training_options[] = {
    {"model_name_or_path", "model", RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "init:PRESET or init:config.json (from scratch; what differs from a preset may follow it: "
     "init:micro,hidden_size=64), a model's folder or GGUF file, or a run's folder (its newest checkpoint)."},
    {"adapter", "adapter_name_or_path", RAML_PATH, AT(adapter), NULL, 0, 0, NULL,
     "Low-rank adapters (LoRA) of the model to train on: a PEFT folder, or a run of --lora_r."},
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json to use; default: the model folder's, or the built-in byte tokenizer for init:."},
    {"data", "train_file", RAML_PATH, AT(data), NULL, 0, 0, NULL,
     "JSONL file to train on; more as nameless arguments."},
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL, "Fields of the files: question=NAME,answer=NAME,..."},
    {"limit", NULL, RAML_INT, AT(limit), "0", 0, 1e15, NULL, "Read only the first n questions of each file; 0: all."},
    {"families", NULL, RAML_TEXT, AT(families), NULL, 0, 0, NULL,
     "Train on made questions instead of a file: \"add:2-4,modchain\"."},
    {"num_questions", "questions", RAML_INT, AT(num_questions), "10000", 1, 1e9, NULL,
     "Questions to make for --families."},
    {"styles", NULL, RAML_TEXT, AT(styles), NULL, 0, 0, NULL,
     "Styles of made trajectories: concise,verbose,reflect,checked,empty."},
    {"paraphrases", NULL, RAML_FLAG, AT(paraphrases), NULL, 0, 0, NULL,
     "The trajectories of a made question are one solution in other words, a control for more solutions."},
    {"out", "output_dir", RAML_PATH, AT(out), NULL, 0, 0, NULL, "Run folder to write."},
    {"resume", "resume_from_checkpoint", RAML_FLAG, AT(resume), NULL, 0, 0, NULL,
     "Continue from the run folder's newest checkpoint, if it has one."},
    PROMPTING_OPTIONS(AT(prompting)),
    {"dtype", NULL, RAML_ONE, AT(dtype), "auto", 0, 0, "auto|bf16|f32",
     "Type of the matrix products; auto is bf16 where the processor multiplies it."},
    {"eval_data", NULL, RAML_PATH, AT(eval_data), NULL, 0, 0, NULL,
     "JSONL file to validate on; default: made test questions, or the training files' own test and validation splits."},
};
const size_t cli_n_training_options = sizeof cli_training_options / sizeof *cli_training_options;

static enum raml_code check(const struct cli *cli, const struct training_settings *s, struct raml_err *err)
{
    if (!s->model && !s->adapter)
        return raml_fail(err, RAML_EUSAGE, "--model is missing; give init:PRESET, or a model's folder");
    if (!s->out) return raml_fail(err, RAML_EUSAGE, "--out is missing; give the run folder to write");
    if (cli->overwrite)
        return raml_fail(err, RAML_EUSAGE,
                         "--overwrite: a run is not replaced; --resume goes on with it, or give another --out");
    bool files = s->data || cli->n_args;
    if (!files && !s->families)
        return raml_fail(err, RAML_EUSAGE, "nothing to train on; give --data FILE.jsonl or --families");
    if (files && s->families)
        return raml_fail(err, RAML_EUSAGE, "--families makes questions, but files are given too; give one of the two");
    if (s->paraphrases && !s->families)
        return raml_fail(err, RAML_EUSAGE, "--paraphrases is about made questions; give --families, not files");
    return RAML_OK;
}

/* -- Data ---------------------------------------------------------------------------------------------------------- */

static enum raml_code make(const struct cli *cli, const struct training_settings *s, const char *split, size_t n,
                           size_t trajectories, struct raml_questions *out, struct raml_err *err)
{
    /* clang-format off */
    struct raml_make_options o = {.seed = cli->seed, .families = s->families, .n = n, .split = split,
                                  .n_trajectories = trajectories ? trajectories : 1, .styles = s->styles,
                                  .paraphrases = s->paraphrases};
    /* clang-format on */
    return raml_make_questions(out, &o, err);
}

static enum raml_code read_file(const struct cli *cli, const struct training_settings *s, const char *path,
                                struct raml_questions *out, struct raml_err *err)
{
    struct raml_read_options o = {.map = s->map, .limit = (size_t)s->limit};
    struct raml_fields f;
    size_t before = out->n;
    enum raml_code rc = cli_read_questions(cli, out, path, &o, &f, err);
    if (rc) return rc;
    raml_say(cli->sink, "%s: %zu questions (%s: question from '%s', answer from '%s', trajectories from '%s')", path,
             out->n - before, f.layout, f.question, f.answer, f.trajectory[0] ? f.trajectory : "nothing");
    return RAML_OK;
}

/* Questions that belong to a split other than training, according to their file, go to the validation set. */
static enum raml_code hold_out(const struct cli *cli, struct raml_questions *data, struct raml_questions *validation,
                               struct raml_err *err)
{
    size_t kept = 0, n = data->n;
    for (size_t i = 0; i < n; i++) {
        const struct raml_question *q = &data->question[i];
        if (!q->split || !q->split[0] || !strcmp(q->split, "train")) {
            data->question[kept++] = *q;
            continue;
        }
        enum raml_code rc = raml_questions_add(validation, q, err);
        if (rc) return rc;
    }
    data->n = kept;
    if (kept < n)
        raml_say(cli->sink, "%zu questions of splits other than 'train' are held out for validation", n - kept);
    return RAML_OK;
}

/* Validation has one trajectory a question, so that runs with other support sets are measured on the same texts. */
static enum raml_code make_validation(const struct training *t, struct raml_questions *out, struct raml_err *err)
{
    struct training_settings standard = *t->settings;
    standard.paraphrases = false;
    return make(t->cli, &standard, "test", (size_t)t->options.eval_questions, 1, out, err);
}

static enum raml_code load_data(struct training *t, size_t trajectories, struct raml_err *err)
{
    const struct cli *cli = t->cli;
    const struct training_settings *s = t->settings;
    enum raml_code rc = RAML_OK;
    if (s->families) {
        rc = make(cli, s, "train", (size_t)s->num_questions, trajectories, &t->data, err);
        if (!rc && t->options.eval_steps && !s->eval_data) rc = make_validation(t, &t->validation, err);
    } else {
        if (s->data) rc = read_file(cli, s, s->data, &t->data, err);
        for (size_t i = 0; i < cli->n_args && !rc; i++) rc = read_file(cli, s, cli->arg[i], &t->data, err);
        if (!rc) rc = hold_out(cli, &t->data, &t->validation, err);
    }
    if (!rc && s->eval_data) {
        raml_questions_deinit(&t->validation);
        raml_questions_init(&t->validation);
        rc = read_file(cli, s, s->eval_data, &t->validation, err);
    }
    if (!rc && t->options.eval_steps && t->validation.n == 0)
        rc = raml_fail(err, RAML_EUSAGE, "--eval_steps needs questions to validate on; give --eval_data FILE.jsonl");
    return rc;
}

/* -- The run ------------------------------------------------------------------------------------------------------- */

/* A note's line: the hash of a file or folder. What is not a path (init:small) has no hash. */
static enum raml_code add_hash(struct raml_buf *b, const char *key, const char *path, struct raml_err *err)
{
    uint64_t hash;
    if (!raml_is_file(path) && !raml_is_dir(path)) return RAML_OK;
    enum raml_code rc = raml_hash_path(path, &hash, err);
    if (!rc) raml_buf_addf(b, "%s: \"%016" PRIx64 "\"\n", key, hash);
    return rc;
}

/* recipe.yaml: every setting, and as notes what it resolved to on this machine and what was read. */
static enum raml_code print_recipe(const struct training *t, const char *notes, struct raml_buf *b,
                                   struct raml_err *err)
{
    const struct cli *cli = t->cli;
    const struct training_settings *s = t->settings;
    char key[48];
    raml_buf_adds(b, cli->recipe ? cli->recipe : "");
    if (b->len && b->data[b->len - 1] != '\n') raml_buf_adds(b, "\n");
    raml_buf_addf(b, "raml_dtype: %s\nraml_parameters: %zu\nraml_kernels: %s\nraml_threads: %d\n",
                  raml_model_dtype(t->model) == RAML_BF16 ? "bf16" : "f32", raml_model_n(t->model),
                  raml_device_level(cli->dev), raml_device_threads(cli->dev));
    if (t->comm->size > 1) raml_buf_addf(b, "raml_ranks: %d\n", t->comm->size);
    if (notes) raml_buf_adds(b, notes);
    enum raml_code rc = add_hash(b, "raml_model_hash", s->model ? s->model : t->source.model, err);
    if (!rc && t->source.adapter[0]) rc = add_hash(b, "raml_adapter_hash", t->source.adapter, err);
    if (!rc && s->data) rc = add_hash(b, "raml_data_hash", s->data, err);
    for (size_t i = 0; i < cli->n_args && !rc; i++) {
        snprintf(key, sizeof key, "raml_data_hash_%zu", i + 1);
        rc = add_hash(b, key, cli->arg[i], err);
    }
    return rc ? rc : raml_buf_status(b, err);
}

/* Writes it; of a run that is resumed, compares it. */
static enum raml_code settle_recipe(const struct training *t, uint64_t step, const char *notes, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, 1 << 22);
    enum raml_code rc = print_recipe(t, notes, &b, err);
    if (!rc && step) rc = cli_training_compare(t, b.data, err);
    else if (!rc) rc = raml_run_recipe(t->folder, b.data, err);
    raml_buf_deinit(&b);
    return rc;
}

/* A run that failed before its first step left nothing worth keeping, and would only obstruct the next attempt.
 * raml_run_open refuses folders that contain a run, so these files belong to this process. */
static void remove_empty_run(const char *dir)
{
    static const char *const names[] = {"recipe.yaml", "metrics.jsonl", "timing.jsonl", "rollouts.jsonl"};
    char path[RAML_PATH_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!raml_path_join(path, dir, names[i], NULL)) unlink(path);
    rmdir(dir); /* fails where something else is in it */
}

static enum raml_code print_result(const struct training *t, struct raml_err *err)
{
    const struct training_settings *s = t->settings;
    const struct raml_train_result *r = &t->result;
    if (!t->cli->json) {
        printf("%s/checkpoint-%" PRIu64 ": %zu parameters, %" PRIu64 " steps, %" PRIu64 " tokens", s->out, r->steps,
               r->parameters, r->steps, r->tokens);
        if (isfinite(r->reward)) printf(", reward %.4f", r->reward);
        else if (isfinite(r->loss)) printf(", loss %.4f", r->loss);
        if (isfinite(r->eval_loss)) printf(", validation loss %.4f", r->eval_loss);
        if (isfinite(r->eval_accuracy)) printf(", validation accuracy %.4f", r->eval_accuracy);
        if (t->options.save_best && r->best_step) printf(", best checkpoint-%" PRIu64, r->best_step);
        printf("\n");
        return RAML_OK;
    }
    json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I,s:f}", "out", s->out, "step", (json_int_t)r->steps, "tokens",
                          (json_int_t)r->tokens, "trained_tokens", (json_int_t)r->trained_tokens, "parameters",
                          (json_int_t)r->parameters, "seconds", r->seconds);
    int bad = 0;
    if (o && isfinite(r->loss)) bad |= json_object_set_new(o, "loss", json_real(r->loss));
    if (o && isfinite(r->eval_loss)) bad |= json_object_set_new(o, "eval_loss", json_real(r->eval_loss));
    if (o && isfinite(r->reward)) bad |= json_object_set_new(o, "reward", json_real(r->reward));
    if (o && isfinite(r->eval_accuracy)) bad |= json_object_set_new(o, "eval_accuracy", json_real(r->eval_accuracy));
    if (o && r->best_step) bad |= json_object_set_new(o, "best_step", json_integer((json_int_t)r->best_step));
    o = raml_json_checked(o, bad);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    puts(text);
    free(text);
    return RAML_OK;
}

static void say_ranks(const struct training *t)
{
    int size = t->comm->size, threads = raml_device_threads(t->cli->dev);
    const char *plural = threads == 1 ? "" : "s";
    double all = 8.0 * (double)raml_model_n(t->model) / 1024.0; /* two moments, f32, in KiB */
    bool few = all / size < 1024;                               /* those of adapters, say */
    if (size == 1) return;
    if (t->options.optimizer == RAML_OPTIMIZER_SGD)
        raml_say(t->cli->sink, "%d ranks, %d thread%s each here", size, threads, plural);
    else
        raml_say(t->cli->sink, "%d ranks, %d thread%s each here; moments of the optimizer: %.1f %s a rank, of %.1f",
                 size, threads, plural, all / size / (few ? 1 : 1024), few ? "KiB" : "MiB", all / (few ? 1 : 1024));
}

/* TRL's SFT trains with 2e-5, Transformers' trainer with 5e-5. Small models, which raml trains itself, bear more. */
static void say_rate(const struct training *t)
{
    enum { SMALL = 10000000 };
    const double high = 3e-4;
    size_t n = raml_model_n(t->model);
    bool all = cli_training_is_whole(t) && t->options.optimizer == RAML_OPTIMIZER_ADAMW;
    if (!all || n < SMALL || t->options.learning_rate < high || t->comm->rank) return;
    raml_say(t->cli->sink,
             "learning_rate %g moves all %.0f million parameters of a trained model: mostly so far that it forgets; "
             "2e-5 is usual, 1e-3 suits adapters (--lora_r) and models that begin at random",
             t->options.learning_rate, 1e-6 * (double)n);
}

enum raml_code cli_training_open(struct training *t, const struct cli *cli, const struct training_settings *s,
                                 const struct raml_train_options *options, const struct training_wants *wants,
                                 struct raml_err *err)
{
    uint64_t step = 0;
    *t = (struct training){.cli = cli,
                           .comm = cli->comm ? cli->comm : raml_comm_alone(),
                           .settings = s,
                           .options = *options,
                           .config = {.add_bos = -1}};
    struct raml_train_options *o = &t->options;
    o->seed = cli->seed;
    if (!o->max_steps && !o->token_budget && !(o->num_train_epochs > 0)) o->num_train_epochs = 1;
    raml_questions_init(&t->data);
    raml_questions_init(&t->validation);
    enum raml_code rc = check(cli, s, err);
    if (!rc) rc = raml_train_check(o, err);
    if (!rc) rc = cli_idle_say(wants->command, wants->all, cli->sink, err);
    if (!rc) rc = cli_training_find(t, err);
    if (!rc) rc = load_data(t, wants->trajectories, err);
    if (!rc && t->comm->rank == 0) rc = raml_run_open(s->out, s->resume, &t->folder, &step, err);
    rc = raml_comm_agree(t->comm, rc,
                         err); /* ranks without the folder begin as if afresh: the trainer sets them right */
    if (!rc) rc = cli_training_load(t, step, wants->reference, err);
    if (!rc && t->folder) rc = settle_recipe(t, step, wants->notes, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (rc) return rc;
    say_ranks(t);
    say_rate(t);
    if (wants->think_budget && !t->prompting.format.think_close)
        raml_say(cli->sink, "think_budget has no effect with prompt_format %s, which does not set thinking apart",
                 t->prompting.format.name);
    bool has_config = t->config.bos || t->config.eos || t->config.chat_template;
    t->n_eos = cli_load_eos(t->model, t->eos);
    t->job = (struct raml_train_job){.model = t->model,
                                     .tokenizer = t->tokenizer,
                                     .format = t->prompting.format,
                                     .tokenizer_config = has_config ? &t->config : NULL,
                                     .data_name = s->families ? s->families
                                                  : s->data   ? s->data
                                                              : cli->arg[0],
                                     .data = &t->data,
                                     .run = t->folder,
                                     .comm = t->comm,
                                     .resume_step = step,
                                     .reference = t->reference,
                                     .reference_hash = t->reference_hash,
                                     .sink = cli->sink,
                                     .validation = t->validation.n ? &t->validation : NULL};
    return RAML_OK;
}

enum raml_code cli_training_close(struct training *t, enum raml_code rc, struct raml_err *err)
{
    if (!rc && t->comm->rank == 0) rc = print_result(t, err);
    if (rc && t->folder && !t->settings->resume && t->result.steps == 0) remove_empty_run(t->settings->out);
    raml_run_close(t->folder);
    cli_prompting_close(&t->prompting);
    raml_tokenizer_config_deinit(&t->config);
    raml_tokenizer_close(t->tokenizer);
    raml_model_close(t->model);
    raml_model_close(t->reference);
    raml_questions_deinit(&t->validation);
    raml_questions_deinit(&t->data);
    return rc;
}
