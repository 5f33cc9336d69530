/* share.h - private: half of the remaining work, for an attempt that may fail, so that others can follow. */
#ifndef RAML_ANSWER_SHARE_H
#define RAML_ANSWER_SHARE_H

#include "answer/work.h"

static inline struct work raml_work_half(const struct work *w)
{
    return (struct work){.left = w->left / 2, .explain = w->explain};
}

static inline void raml_work_settle(struct work *w, const struct work *part)
{
    w->left -= part->used;
    w->used += part->used;
}

#endif
