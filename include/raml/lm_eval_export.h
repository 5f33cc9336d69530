/* lm_eval_export.h - results and samples as lm-evaluation-harness writes them, for programs that read its files.
 *
 *   DIR/samples_<task>_<date>.jsonl   a line per question: doc_id, doc, target, arguments, resps, filtered_resps,
 *                                     filter, metrics, doc_hash, prompt_hash, target_hash, and each metric's value;
 *                                     ours besides: correct: [0, 1, ...], one per sample, and finish_reason,
 *                                     think_closed when a sample was truncated or did not close its thinking
 *   DIR/results_<date>.json           results.<task>."exact_match,none" (accuracy), "pass@8,none" and so on with
 *                                     "..._stderr,none"; group_subtasks, configs, versions, n-shot, higher_is_better,
 *                                     n-samples, config, date, task_hashes and the rest
 * resps hold the samples' answers: the files read here may lack the texts.
 * Both appear whole or not at all, the results last. Stderr is over questions (metric.h).
 */
#ifndef RAML_LM_EVAL_EXPORT_H
#define RAML_LM_EVAL_EXPORT_H

#include "raml/table.h"

#pragma GCC visibility push(default)

struct raml_lm_eval_options {
    const char *dir;        /* made when missing */
    const char *task;       /* only letters, digits and _-.@+ */
    const char *date;       /* "2026-01-31T12-30-59" or with ".123456"; part of the names, and the files' time (UTC) */
    const char *model;      /* what was evaluated; NULL: not known */
    const json_t *settings; /* of the sampling, into config.gen_kwargs; NULL: not known */
    uint64_t seed;          /* of the bootstrap */
    uint32_t n_draws;
};

struct raml_lm_eval_export;
/* RAML_EUSAGE: a task or date that can't be part of a name. */
RAML_CHECKED enum raml_code raml_lm_eval_export_open(const struct raml_lm_eval_options *opt,
                                                     struct raml_lm_eval_export **out, struct raml_err *err);
/* user: struct raml_lm_eval_export *. A raml_graded_fn: writes the question's line. */
RAML_CHECKED enum raml_code raml_lm_eval_export_add(void *user, const struct raml_graded *q, struct raml_err *err);
/* Writes the results of the table's last row, and puts both files in place. */
RAML_CHECKED enum raml_code raml_lm_eval_export_commit(struct raml_lm_eval_export *h, const struct raml_table *t,
                                                       struct raml_err *err);
void raml_lm_eval_export_close(struct raml_lm_eval_export *h); /* without _commit no file is left; NULL is fine */
/* The two paths; owned by the export. */
const char *raml_lm_eval_export_results(const struct raml_lm_eval_export *h);
const char *raml_lm_eval_export_samples(const struct raml_lm_eval_export *h);

#pragma GCC visibility pop
#endif
