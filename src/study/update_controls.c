/* update_controls.c - trajectories that have only their length in common with the real one. See update_parts.h. */
#include "study/update_parts.h"

#include <string.h>

enum raml_code raml_update_controls_init(struct raml_update_controls *c, const char *filler, struct raml_err *err)
{
    struct raml_tokens t = {0};
    if (!filler) return RAML_OK;
    enum raml_code rc = raml_tokenizer_encode(c->source.tokenizer, filler, strlen(filler), false, &t, err);
    if (!rc && t.n != 1)
        rc = raml_fail(err, RAML_ERANGE, "the filler '%.40s' is %zu tokens; expected one", filler, t.n);
    if (!rc) c->filler = t.id[0];
    raml_tokens_deinit(&t);
    return rc;
}

void raml_update_controls_deinit(struct raml_update_controls *c)
{
    raml_trace_text_deinit(&c->text);
}

enum raml_code raml_update_filler(const struct raml_update_controls *c, size_t n, struct raml_tokens *out,
                                  struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    out->n = 0;
    for (size_t i = 0; !rc && i < n; i++) rc = raml_tokens_add(out, &c->filler, 1, err);
    return rc;
}

void raml_update_shuffle(const int32_t *trajectory, size_t n, const struct raml_key *key, int32_t *out)
{
    struct raml_rng r = {.key = *key};
    for (size_t i = 0; i < n; i++) out[i] = trajectory[i];
    for (size_t i = n; i > 1; i--) { /* Fisher-Yates */
        size_t k = raml_rng_below(&r, (uint32_t)i);
        int32_t token = out[k];
        out[k] = out[i - 1];
        out[i - 1] = token;
    }
}

enum raml_code raml_update_foreign(struct raml_update_controls *c, size_t question, size_t sample, size_t n,
                                   struct raml_tokens *out, struct raml_err *err)
{
    const struct raml_questions *qs = c->questions;
    enum raml_code rc = RAML_OK;
    out->n = 0;
    for (size_t k = 1, before = 0; !rc && out->n < n; k++) {
        if (k == qs->n) { /* all others have been read once: again from the first, while they have any token */
            if (out->n == before) break;
            before = out->n;
            k = 0;
            continue;
        }
        const struct raml_question *q = &qs->question[(question + k) % qs->n];
        if (q->n_trajectories == 0) continue;
        struct raml_err why = {0};
        rc = raml_trace_encode(&c->source, q, sample % q->n_trajectories, &c->text, &why);
        if (rc == RAML_ERANGE) rc = RAML_OK; /* without an answer: the next; the text is empty */
        if (rc) return raml_fail(err, rc, "%s", why.msg);
        size_t want = n - out->n, has = c->text.trajectory.n;
        rc = raml_tokens_add(out, c->text.trajectory.id, has < want ? has : want, err);
    }
    if (!rc && out->n < n) out->n = 0;
    return rc;
}
