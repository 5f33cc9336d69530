/* wanted.h - which trajectories of a set of questions a command looks at. */
#ifndef RAML_STUDY_WANTED_H
#define RAML_STUDY_WANTED_H

#include "raml/question.h"

/* How many of a question's trajectories, its first ones: none of a question of another split or family (NULL: any),
 * max_samples at most (0: all). */
size_t raml_wanted(const struct raml_question *q, const char *split, const char *family, size_t max_samples);

#endif
