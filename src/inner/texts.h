/* texts.h - the different texts of many jobs, and what each computes itself (generate.h).
 *
 * The texts of a group are a tree: the longest one is a root, and every other hangs from the one with which it has the
 * longest beginning in common, where it leaves that. A text's last token is always its own, since what follows it is
 * read there. So what a text shares is a function of its group's texts alone.
 */
#ifndef RAML_INNER_TEXTS_H
#define RAML_INNER_TEXTS_H

#include "inner/generate.h"

struct raml_text {
    const int32_t *token; /* [n] */
    size_t n;
    int parent;    /* index of the text from which it hangs; -1: none. A longer text, or one as long and earlier */
    size_t start;  /* tokens [start, n) are its own; the ones before are on the parent's path */
    size_t n_jobs; /* that continue it */
    size_t n_kids; /* texts that hang from it */
};
struct raml_texts {
    struct raml_text *text; /* [n], those of a group adjacent */
    size_t n;
    uint32_t *of_job; /* [n_jobs]: index of a job's text */
    uint64_t own;     /* sum of own tokens */
};
/* Jobs of a group are adjacent. *out is to be given to _deinit also after a failure. */
RAML_CHECKED enum raml_code raml_texts_init(struct raml_texts *out, const struct raml_generate_job *job, size_t n_jobs,
                                            struct raml_err *err);
void raml_texts_deinit(struct raml_texts *x);

#endif
