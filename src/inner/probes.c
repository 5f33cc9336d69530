/* probes.c - see probes.h. */
#include "inner/probes.h"

static size_t prefix_of(const struct raml_trace_input *in, size_t i)
{
    return i ? in->other[i - 1].n_prefix : in->n_answer_prefix;
}

static size_t length(const struct raml_trace_input *in, size_t i) /* of the chain */
{
    return i ? in->other[i - 1].n : in->n_answer_prefix + in->n_answer;
}

static int32_t token_at(const struct raml_trace_input *in, size_t i, size_t j)
{
    if (i) return in->other[i - 1].token[j];
    return j < in->n_answer_prefix ? in->answer_prefix[j] : in->answer[j - in->n_answer_prefix];
}

/* Tokens that answers i and k begin with alike and that are rows of both; answer tokens only if they are targets of
 * both. */
static size_t in_common(const struct raml_trace_input *in, size_t i, size_t k)
{
    size_t n = length(in, i) < length(in, k) ? length(in, i) - 1 : length(in, k) - 1, same = 0;
    while (same < n && token_at(in, i, same) == token_at(in, k, same)) same++;
    if (prefix_of(in, i) < prefix_of(in, k) && same > prefix_of(in, i)) same = prefix_of(in, i);
    return same;
}

void raml_probes_plan(const struct raml_trace_input *in, struct raml_probe_branch *b)
{
    b[0] = (struct raml_probe_branch){0, 0};
    for (size_t i = 1; i <= in->n_other; i++) {
        b[i] = (struct raml_probe_branch){0, in_common(in, i, 0)};
        for (size_t k = 1; k < i; k++) {
            size_t same = in_common(in, i, k);
            if (same > b[i].same && same >= b[k].same) b[i] = (struct raml_probe_branch){k, same};
        }
    }
}

size_t raml_probes_rows(const struct raml_trace_input *in)
{
    size_t n = 0;
    for (size_t i = 0; i <= in->n_other; i++) {
        size_t most = 0;
        for (size_t k = 0; k < i; k++) {
            size_t same = in_common(in, i, k);
            if (same > most) most = same;
        }
        n += length(in, i) - 1 - most;
    }
    return n;
}

/* The first token of answer i that is its own target, counted from the start of its chain. */
static size_t first_own(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i)
{
    return b[i].same > prefix_of(in, i) ? b[i].same : prefix_of(in, i);
}

size_t raml_probes_targets(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i)
{
    return length(in, i) - first_own(in, b, i);
}

enum raml_code raml_probes_add(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i,
                               const int32_t *chain, int32_t stem, uint32_t after, struct raml_tree *t, int32_t *span,
                               struct raml_err *err)
{
    size_t n = length(in, i), same = b[i].same, rows = n - 1 - same, target = first_own(in, b, i) - same;
    if (i) {
        stem = span[b[i].parent];
        after = (uint32_t)(same - b[b[i].parent].same);
    }
    enum raml_code rc = raml_tree_add(t, stem, after, chain + same, rows, target < rows ? target : rows, &span[i], err);
    return rc ? rc : raml_tree_add_end_target(t, span[i], chain[n - 1], err);
}

void raml_probes_index(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i,
                       const size_t *own, size_t *index)
{
    size_t first = prefix_of(in, i), n = length(in, i);
    for (size_t j = first; j < n; j++) {
        size_t k = i;
        while (j < first_own(in, b, k)) k = b[k].parent; /* the one that reads this token */
        index[j - first] = own[k] + j - first_own(in, b, k);
    }
}
