/* wanted.c - see wanted.h. */
#include "study/wanted.h"

#include <string.h>

size_t raml_wanted(const struct raml_question *q, const char *split, const char *family, size_t max_samples)
{
    if (split && (!q->split || strcmp(q->split, split) != 0)) return 0;
    if (family && (!q->family || strcmp(q->family, family) != 0)) return 0;
    return max_samples && max_samples < q->n_trajectories ? max_samples : q->n_trajectories;
}
