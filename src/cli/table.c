/* table.c - every command, in the order of --help. */
#include "cli/commands.h"

const struct cli_command *const cli_commands[] = {
    &cli_demo,          &cli_task_list,    &cli_task_make,  &cli_data_check, &cli_data_show,   &cli_data_split,
    &cli_data_leak,     &cli_train_sft,    &cli_train_rft,  &cli_train_dpo,  &cli_train_grpo,  &cli_train_distill,
    &cli_train_reptile, &cli_train_fomaml, &cli_train_maml, &cli_train_anil, &cli_sample,      &cli_score,
    &cli_serve,         &cli_eval,         &cli_trace,      &cli_update,     &cli_roles,       &cli_attention,
    &cli_landscape,     &cli_fork,         &cli_prune,      &cli_study_run,  &cli_study_paper, &cli_study_compare,
    &cli_study_exits,   &cli_report,       &cli_verify,     &cli_tokenize,   &cli_prompt,      &cli_inspect,
    &cli_convert,       &cli_doctor,
};
const size_t cli_n_commands = sizeof cli_commands / sizeof *cli_commands;
