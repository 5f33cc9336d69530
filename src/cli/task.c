/* task.c - `raml task list` and `raml task make`: the built-in question families. */
#include "cli/commands.h"
#include "cli/output.h"

#include "core/json.h"
#include "raml/distill.h"
#include "raml/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 16 };

/* -- list --------------------------------------------------------------------------------------------------------- */

struct list_settings {
    bool trajectories;
};

static const struct raml_setting list_options[] = {
    {"trajectories", NULL, RAML_FLAG, offsetof(struct list_settings, trajectories), NULL, 0, 0, NULL,
     "Show a trajectory of each style as well."},
};

struct example {
    struct raml_buf question, answer, style[RAML_STYLE_EMPTY];
};

static void example_free(struct example *e)
{
    raml_buf_deinit(&e->question);
    raml_buf_deinit(&e->answer);
    for (int s = 0; s < RAML_STYLE_EMPTY; s++) raml_buf_deinit(&e->style[s]);
}

/* One instance at the family's default difficulty, with the run's seed. */
static enum raml_code example_make(const struct raml_family *f, uint64_t seed, struct example *e, struct raml_err *err)
{
    struct raml_rng r = {.key = {.seed = seed, .purpose = RAML_FOR_QUESTION}}, s = r;
    s.key.purpose = RAML_FOR_SOLUTION;
    raml_buf_init(&e->question, MAX_TEXT);
    raml_buf_init(&e->answer, MAX_TEXT);
    f->make(r, f->easy, &e->question, &e->answer);
    enum raml_code rc = raml_buf_status(&e->question, err);
    if (!rc) rc = raml_buf_status(&e->answer, err);
    for (int i = 0; i < RAML_STYLE_EMPTY; i++) {
        raml_buf_init(&e->style[i], MAX_TEXT);
        raml_family_solve(f, r, f->easy, (enum raml_style)i, s, &e->style[i]);
        if (!rc) rc = raml_buf_status(&e->style[i], err);
    }
    return rc;
}

static json_t *list_json(const struct raml_family *f, const struct example *e, bool trajectories)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:{s:s, s:s}}", "name", f->name, "about", f->about,
                          "difficulty", f->difficulty, "low", f->low, "high", f->high, "easy", f->easy, "hard", f->hard,
                          "example", "question", e->question.data, "answer", e->answer.data);
    json_t *example = o ? json_object_get(o, "example") : NULL;
    int bad = 0;
    for (int s = 0; example && trajectories && s < RAML_STYLE_EMPTY; s++)
        bad |= json_object_set_new(example, raml_style_name((enum raml_style)s), json_string(e->style[s].data));
    return raml_json_checked(o, bad);
}

static void list_text(const struct raml_family *f, const struct example *e, bool trajectories)
{
    printf("%-10s %s\n", f->name, f->about);
    printf("%-10s difficulty: %s, %d to %d (default %d to %d)\n", "", f->difficulty, f->low, f->high, f->easy, f->hard);
    printf("%-10s %s   answer: %s\n", "", e->question.data, e->answer.data);
    for (int s = 0; trajectories && s < RAML_STYLE_EMPTY; s++) {
        printf("%-10s %s:\n", "", raml_style_name((enum raml_style)s));
        for (const char *at = e->style[s].data; *at;) {
            int n = (int)strcspn(at, "\n");
            printf("%-12s %.*s\n", "", n, at);
            at += n + (at[n] == '\n');
        }
    }
}

static enum raml_code print_json(json_t *o, struct raml_err *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    puts(text);
    free(text);
    return RAML_OK;
}

static enum raml_code run_list(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct list_settings *set = settings;
    const struct raml_family *const *all;
    size_t n = raml_families(&all);
    json_t *array = cli->json ? json_array() : NULL;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        struct example e = {0};
        rc = example_make(all[i], cli->seed, &e, err);
        if (!rc && cli->json) {
            if (json_array_append_new(array, list_json(all[i], &e, set->trajectories)))
                rc = raml_fail(err, RAML_ENOMEM, "no memory for the result");
        } else if (!rc) {
            if (i) puts("");
            list_text(all[i], &e, set->trajectories);
        }
        example_free(&e);
    }
    if (!cli->json) return rc;
    if (!rc) return print_json(array, err);
    json_decref(array);
    return rc;
}

const struct cli_command cli_task_list = {
    .name = "task list",
    .about = "the built-in question families",
    .args = "",
    .detail = "Each family with the meaning of its difficulty, the allowed range, the default range, and an "
              "example at the lowest default difficulty. Another --seed shows other examples.",
    .example = "raml task list --trajectories",
    .option = list_options,
    .n_options = sizeof list_options / sizeof *list_options,
    .settings_size = sizeof(struct list_settings),
    .run = run_list,
};

/* -- make --------------------------------------------------------------------------------------------------------- */

struct make_settings {
    const char *families, *split, *styles, *hint_format, *out;
    int64_t n, trajectories;
    bool paraphrases;
};

#define AT(field) offsetof(struct make_settings, field)
static const struct raml_setting make_options[] = {
    {"families", NULL, RAML_TEXT, AT(families), NULL, 0, 0, NULL,
     "Families with optional difficulties and weights: \"modchain,add:2-4,perm:5*2\". Default: all, at their default "
     "difficulties."},
    {"n", "num_questions", RAML_INT, AT(n), "1000", 1, 1e9, NULL,
     "Total number of questions, spread evenly over families and their difficulties."},
    {"split", NULL, RAML_ONE, AT(split), "both", 0, 0, "train|test|both",
     "Keep only questions of this split; only a question's text decides its split, 1 in 8 is test."},
    {"trajectories", "num_trajectories", RAML_INT, AT(trajectories), "1", 0, 4096, NULL,
     "Trajectories per question, distinct where the family allows it."},
    {"styles", NULL, RAML_TEXT, AT(styles), "concise", 0, 0, NULL,
     "Styles of the trajectories, used in turn: concise,verbose,reflect,checked,empty."},
    {"paraphrases", NULL, RAML_FLAG, AT(paraphrases), NULL, 0, 0, NULL,
     "A question's trajectories are one solution in other words; else its steps may come in another order too."},
    {"hint_format", NULL, RAML_TEXT, AT(hint_format), NULL, 0, 0, NULL,
     "Write each question with its solution in it, as raml train distill shows it to the teacher: \"{question} hint: "
     "{hint}\"; ids begin with hint-."},
    {"out", NULL, RAML_PATH, AT(out), "questions.jsonl", 0, 0, NULL, "JSONL file to write."},
};

static enum raml_code report(const struct cli *cli, const struct raml_questions *qs, const char *path,
                             struct raml_err *err)
{
    size_t n_test = 0, n_trajectories = 0;
    for (size_t i = 0; i < qs->n; i++) {
        n_test += strcmp(qs->question[i].split, "test") == 0;
        n_trajectories += qs->question[i].n_trajectories;
    }
    if (cli->json)
        return cli_output_tell_json(path,
                                    json_pack("{s:s, s:I, s:I, s:I, s:I}", "path", path, "questions", (json_int_t)qs->n,
                                              "train", (json_int_t)(qs->n - n_test), "test", (json_int_t)n_test,
                                              "trajectories", (json_int_t)n_trajectories),
                                    err);
    fprintf(cli_output_notes(path), "%s: %zu questions (%zu train, %zu test), %zu trajectories\n", path, qs->n,
            qs->n - n_test, n_test, n_trajectories);
    return RAML_OK;
}

/* Every question of *qs with its solution shown, in its place. */
static enum raml_code show_hints(struct raml_questions *qs, const char *format, struct raml_err *err)
{
    const struct raml_distill_options o = {.hint = RAML_HINT_SOLUTION, .hint_format = format};
    struct raml_questions shown;
    struct raml_buf text, id;
    raml_questions_init(&shown);
    raml_buf_init(&text, MAX_TEXT);
    raml_buf_init(&id, MAX_TEXT);
    enum raml_code rc = raml_distill_check(&o, err);
    for (size_t i = 0; i < qs->n && !rc; i++) {
        struct raml_question q = qs->question[i];
        bool has = false;
        raml_buf_clear(&text);
        raml_buf_clear(&id);
        rc = raml_distill_question(&o, &q, &has, &text, err);
        if (!rc && !has) rc = raml_fail(err, RAML_EUSAGE, "hint_format: %s has no trajectory to show", q.id);
        raml_buf_addf(&id, "hint-%s", q.id);
        if (!rc) rc = raml_buf_status(&text, err);
        if (!rc) rc = raml_buf_status(&id, err);
        q.question = text.data;
        q.id = id.data;
        if (!rc) rc = raml_questions_add(&shown, &q, err);
    }
    raml_buf_deinit(&text);
    raml_buf_deinit(&id);
    if (rc) {
        raml_questions_deinit(&shown);
        return rc;
    }
    raml_questions_deinit(qs);
    *qs = shown;
    return RAML_OK;
}

static enum raml_code run_make(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct make_settings *set = settings;
    if (!set->out || !*set->out) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a file to write");
    struct raml_make_options opt = {
        .seed = cli->seed,
        .families = set->families,
        .n = (size_t)set->n,
        .split = strcmp(set->split, "both") == 0 ? NULL : set->split,
        .n_trajectories = (size_t)set->trajectories,
        .styles = set->styles,
        .paraphrases = set->paraphrases,
    };
    struct raml_questions qs;
    raml_questions_init(&qs);
    enum raml_code rc = cli_output_check(cli, "out", set->out, err);
    if (!rc) rc = raml_make_questions(&qs, &opt, err);
    if (!rc && set->hint_format) rc = show_hints(&qs, set->hint_format, err);
    if (!rc) rc = cli_output_check(cli, "out", set->out, err); /* what came meanwhile */
    if (!rc) rc = raml_questions_write(&qs, set->out, err);
    if (!rc) rc = report(cli, &qs, set->out, err);
    raml_questions_deinit(&qs);
    return rc;
}

const struct cli_command cli_task_make = {
    .name = "task make",
    .about = "write made questions and trajectories as JSONL",
    .args = "",
    .detail = "Questions are made by rule, with exact answers; a rule-based solver writes the trajectories. The same "
              "seed gives the same file, and no question of the train split is ever one of the test split, whatever "
              "the seed.",
    .example = "raml task make --families modchain,add:3-5 --n 1000 --split train --out train.jsonl",
    .option = make_options,
    .n_options = sizeof make_options / sizeof *make_options,
    .settings_size = sizeof(struct make_settings),
    .run = run_make,
};
