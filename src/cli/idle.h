/* idle.h - settings that were given and have no effect, since another one that they need is not set. */
#ifndef RAML_CLI_IDLE_H
#define RAML_CLI_IDLE_H

#include "cli/cli.h"

/* Says a line for each: "tau_pos has no effect without policy_loss sapo". Given is what differs from defaults and
 * presets. settings: the command's own. */
RAML_CHECKED enum raml_code cli_idle_say(const struct cli_command *cmd, const void *settings,
                                         const struct raml_sink *sink, struct raml_err *err);

#endif
