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
struct raml_texts {         /* zero-initialise */
    struct raml_text *text; /* [n], those of a group adjacent, groups in their order */
    size_t n, cap;
    uint32_t *of_job; /* [n_jobs]: index of a job's text */
    size_t n_jobs, cap_jobs;
    uint64_t own; /* sum of own tokens */
};
/* The texts of further jobs, whole groups of them; jobs of a group are adjacent. On failure *x is as before. */
RAML_CHECKED enum raml_code raml_texts_add(struct raml_texts *x, const struct raml_generate_job *job, size_t n_jobs,
                                           struct raml_err *err);
/* Forgets the first n_jobs jobs, whole groups, and their texts. */
void raml_texts_forget(struct raml_texts *x, size_t n_jobs);
size_t raml_texts_before(const struct raml_texts *x, size_t job); /* texts of the groups before the one it begins */
void raml_texts_deinit(struct raml_texts *x);

#endif
