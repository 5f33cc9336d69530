/* study.h - settings of `raml study exits`, and what it prints. */
#ifndef RAML_CLI_STUDY_H
#define RAML_CLI_STUDY_H

#include "cli/load.h"
#include "cli/trajectories.h"

#include "raml/exits_files.h"

struct study_exits_settings {
    struct trajectories_settings of;
    const char *waits, *probes, *policies, *online_policy, *choose;
    int64_t stride, probe_tokens, rest, batch_size, n_shown, n, top_k, max_completion_length, force_continuation;
    double validation, margin, temperature, top_p;
    bool online;
};
void cli_study_exits_print(const struct raml_exits_summary *s, const struct raml_exits_files_options *opt,
                           const char *out, double seconds);
json_t *cli_study_exits_json(const struct raml_exits_summary *s, const char *out, double seconds); /* NULL: no memory */

#endif
