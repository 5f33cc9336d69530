/* demo.h - the demo's parts, and its summary. */
#ifndef RAML_CLI_DEMO_H
#define RAML_CLI_DEMO_H

#include "cli/cli.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct demo_settings {
    const char *out, *preset, *families, *longer, *unseen;
    int64_t token_budget, num_questions, num_test, batch_size;
    double learning_rate;
    bool resume;
    /* with a model that is there */
    const char *model, *adapter, *questions, *prompt_format, *prompt_preset, *instruction, *dtype;
    double temperature;
    int64_t limit, num_generations, max_completion_length, stride;
};

/* Chosen so that two cores need about two minutes per model (docs/demo.md: how they were found). */
#define DEMO_FAMILIES "add:3-4,perm:2-3,mul:3"
#define DEMO_LONGER "add:5,perm:4,mul:4"
#define DEMO_UNSEEN "modchain:2,graph:3,countdown:3"
#define DEMO_TOKENS "1500000"
#define DEMO_QUESTIONS "60000"
#define DEMO_BATCH "16"
#define DEMO_RATE "2.5e-3"
enum { DEMO_MORE_ANSWERS = 2 }; /* rows without trajectories are shorter: that many more per step */

enum {
    DEMO_TRAIN_WITH,
    DEMO_TRAIN_WITHOUT,
    DEMO_EVAL,
    DEMO_SAMPLE,
    DEMO_TRACE,
    DEMO_ROLES,
    DEMO_UPDATE,
    DEMO_LANDSCAPE,
    DEMO_REPORT,
    DEMO_FORK,
    DEMO_PHASES
};
struct demo_phase {
    double seconds;
    size_t peak_memory_bytes;
};

/* OUT/demo.json: what a demo was asked for, and how far it has come. */
struct demo_record {
    json_t *settings; /* all that the results depend on */
    size_t n_done;    /* steps, in their order */
    struct demo_phase phase[DEMO_PHASES];
};
/* Continues from what is there, if anything. RAML_EUSAGE: it was started with other settings than r->settings. */
RAML_CHECKED enum raml_code cli_demo_record_read(const char *out, size_t n_steps, struct demo_record *r,
                                                 struct raml_err *err);
RAML_CHECKED enum raml_code cli_demo_record_write(const char *out, const struct demo_record *r, struct raml_err *err);
/* -- A command of the demo ------------------------------------------------------------------------------------------ */
enum { DEMO_MAX_WORDS = 48, DEMO_WORD = 4096 };
struct demo_step {
    char word[DEMO_MAX_WORDS][DEMO_WORD];
    int n;
    bool too_long;
    const char *stdout_path; /* where the step's output goes; NULL: ours */
};
void cli_demo_add(struct demo_step *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The words of a line; none contains a space. */
void cli_demo_add_words(struct demo_step *s, const char *line);
/* Prints it and runs it, passes a request to stop on to it, and adds its time to the phase. RAML_ESTOP: it was stopped. */
RAML_CHECKED enum raml_code cli_demo_run(const struct cli *cli, struct demo_step *s, struct demo_phase *phase,
                                         struct raml_err *err);

/* -- The stories: of models that are trained here (demo.c), of a model that is there (demo_model.c) ------------------ */
struct demo_story {
    size_t n_steps; /* the last one is the report */
    enum raml_code (*questions)(const struct cli *cli, const struct demo_settings *s, struct raml_err *err);
    enum raml_code (*step)(const struct cli *cli, const struct demo_settings *s, size_t i,
                           struct demo_phase phase[DEMO_PHASES], struct raml_err *err);
    enum raml_code (*summary)(const char *out, const struct demo_phase phase[DEMO_PHASES], struct raml_err *err);
    enum raml_code (*tell)(const char *out, double seconds, bool json, struct raml_err *err);
};
extern const struct demo_story cli_demo_model;

/* Writes OUT/summary.json from the steps' files. */
RAML_CHECKED enum raml_code cli_demo_summary(const char *out, const struct demo_phase phase[DEMO_PHASES],
                                             struct raml_err *err);
/* Prints the headline of OUT/summary.json (json: all of it). */
RAML_CHECKED enum raml_code cli_demo_tell(const char *out, double seconds, bool json, struct raml_err *err);
/* The same of a model that is there: accuracy by split, loss curve, phases. */
RAML_CHECKED enum raml_code cli_demo_model_summary(const char *out, const struct demo_phase phase[DEMO_PHASES],
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code cli_demo_model_tell(const char *out, double seconds, bool json, struct raml_err *err);

#endif
