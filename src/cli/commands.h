/* commands.h - every command, each defined in its own file. To add one: its line here, its line in table.c. */
#ifndef RAML_CLI_COMMANDS_H
#define RAML_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cli_demo;
extern const struct cli_command cli_task_list, cli_task_make;
extern const struct cli_command cli_data_check, cli_data_show, cli_data_split, cli_data_leak;
extern const struct cli_command cli_train_sft;
extern const struct cli_command cli_train_rft;
extern const struct cli_command cli_train_dpo;
extern const struct cli_command cli_train_grpo;
extern const struct cli_command cli_train_distill;
extern const struct cli_command cli_train_reptile, cli_train_fomaml, cli_train_maml, cli_train_anil;
extern const struct cli_command cli_sample, cli_score, cli_eval, cli_trace, cli_update, cli_roles, cli_landscape;
extern const struct cli_command cli_fork, cli_prune, cli_attention;
extern const struct cli_command cli_serve;
extern const struct cli_command cli_study_run, cli_study_paper, cli_study_compare, cli_study_exits;
extern const struct cli_command cli_report, cli_verify;
extern const struct cli_command cli_tokenize, cli_prompt, cli_inspect, cli_convert, cli_doctor;

#endif
