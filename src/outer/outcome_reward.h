/* outcome_reward.h - rewards of what a sample came to: its answer, its form, its length. See reward.h. */
#ifndef RAML_OUTER_OUTCOME_REWARD_H
#define RAML_OUTER_OUTCOME_REWARD_H

#include "raml/reward.h"

/* exact, paper, length. An answer that could not be judged is not right. max_tokens 0: no limit, and no term of length.
 */
double raml_outcome_reward(enum raml_reward_kind kind, enum raml_verdict verdict, bool well_formed, size_t n_tokens,
                           size_t max_tokens);
/* raml_reward_form of a completion's text. */
bool raml_outcome_form(const struct raml_format *f, const char *text, const char *finish_reason);

#endif
