/* compare.c - is pred the answer that gold is? Finds both and asks raml_answer_check. See answer.h. */
#include "raml/answer.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 28 };

static enum raml_verdict decide(const struct raml_buf *a, const struct raml_buf *b)
{
    return a->data && b->data ? raml_answer_check(a->data, b->data) : RAML_UNKNOWN;
}

enum raml_code raml_answer_compare(const char *gold, size_t n_gold, const char *pred, size_t n_pred,
                                   const struct raml_answer_options *opt, struct raml_answer_result *out,
                                   struct raml_buf *explain, struct raml_err *err)
{
    struct raml_buf a, b;
    enum raml_found fa = RAML_FOUND_NOTHING, fb = RAML_FOUND_NOTHING;
    raml_buf_init(&a, MAX_BYTES);
    raml_buf_init(&b, MAX_BYTES);
    enum raml_code rc = raml_answer_find(gold, n_gold, opt, &a, &fa, err);
    if (!rc) rc = raml_answer_find(pred, n_pred, opt, &b, &fb, err);
    *out = (struct raml_answer_result){RAML_UNKNOWN, "no answer found", n_gold + n_pred};
    if (!rc && explain) {
        raml_buf_addf(explain, "gold: %s (%s)\n", a.data ? a.data : "", raml_found_name(fa));
        raml_buf_addf(explain, "pred: %s (%s)\n", b.data ? b.data : "", raml_found_name(fb));
        rc = raml_buf_status(explain, err);
    }
    if (!rc && fa && fb) *out = (struct raml_answer_result){decide(&a, &b), "rational numbers or text", n_gold + n_pred};
    raml_buf_deinit(&a);
    raml_buf_deinit(&b);
    return rc;
}

void raml_answer_thread_end(void) {}
