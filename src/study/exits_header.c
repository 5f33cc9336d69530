/* exits_header.c - what a stored set of probes was made of, so that no other is taken for it. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/file.h"
#include "study/wanted.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEX = 17 };

size_t raml_exits_wanted(const struct raml_exits_files_options *opt, const struct raml_question *q)
{
    return raml_wanted(q, opt->split, opt->family, opt->max_samples);
}

/* -- Hashes -------------------------------------------------------------------------------------------------------- */

static uint64_t add_text(uint64_t hash, const char *text)
{
    return raml_hash(text ? text : "", text ? strlen(text) + 1 : 0, hash);
}

static uint64_t data_hash(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < job->questions->n; i++) {
        const struct raml_question *q = &job->questions->question[i];
        size_t n = raml_exits_wanted(opt, q);
        if (n == 0) continue;
        hash = add_text(add_text(add_text(hash, q->id), q->question), q->answer);
        for (size_t k = 0; k < n; k++) {
            const struct raml_trajectory *t = &q->trajectory[k];
            hash = add_text(hash, t->text);
            if (t->tokens) hash = raml_hash(t->tokens, t->n_tokens * sizeof *t->tokens, hash);
        }
    }
    return hash;
}

static enum raml_code tokenizer_hash(const struct raml_tokenizer *t, uint64_t *out, struct raml_err *err)
{
    uint64_t hash = 0;
    int32_t n = raml_tokenizer_size(t);
    for (int32_t id = 0; id < n; id++) {
        const char *bytes;
        size_t length;
        if (raml_tokenizer_piece(t, id, &bytes, &length, NULL)) continue; /* a gap in the numbers */
        hash = raml_hash(bytes, length, hash ^ (uint64_t)id);
    }
    (void)err;
    *out = hash;
    return RAML_OK;
}

/* -- The line ------------------------------------------------------------------------------------------------------ */

static bool set(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value) == 0;
}

static json_t *hex(uint64_t hash)
{
    char text[HEX];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_string(text);
}

static enum raml_code add_prompting(const struct raml_exits_files_job *job, json_t *o, struct raml_err *err)
{
    struct sample_texts x = {0};
    uint64_t hash = 0;
    enum raml_code rc = raml_sample_texts_init(&x, job->tokenizer, &job->format, err);
    if (!rc) rc = tokenizer_hash(job->tokenizer, &hash, err);
    const char *prefix = job->format.answer_prefix ? job->format.answer_prefix : "";
    bool ok = rc || (set(o, "tokenizer", hex(hash)) && set(o, "answer_prefix", json_string(prefix)) &&
                     set(o, "cue_tokens", json_integer((json_int_t)x.answer_prefix.n)) &&
                     set(o, "entropy_tokens", json_integer((json_int_t)x.close.n + 1)));
    raml_sample_texts_deinit(&x);
    return ok ? rc : raml_fail(err, RAML_ENOMEM, "no memory for a record");
}

/* Settings that a set is made with; one that is replayed has its own. */
static bool add_settings(const struct raml_exits_files_options *opt, json_t *o)
{
    return set(o, "stride", json_integer((json_int_t)opt->stride)) &&
           set(o, "waits", json_string(opt->waits ? opt->waits : "")) &&
           set(o, "probe_tokens", json_integer((json_int_t)opt->probe_tokens)) &&
           set(o, "rest", json_integer((json_int_t)opt->rest)) &&
           set(o, "join", json_string(opt->join == RAML_JOIN_SPLIT ? "split" : "joint")) &&
           set(o, "score_end", json_boolean(opt->score_end));
}

static bool add_expected(const struct raml_exits_files_options *opt, json_t *o)
{
    return (!opt->set_stride || set(o, "stride", json_integer((json_int_t)opt->set_stride))) &&
           (!opt->set_probe_tokens || set(o, "probe_tokens", json_integer((json_int_t)opt->set_probe_tokens))) &&
           (!opt->set_waits || set(o, "waits", json_string(opt->set_waits)));
}

enum raml_code raml_exits_header(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                                 json_t **out, struct raml_err *err)
{
    json_t *o = json_object();
    bool made = !opt->probes;
    enum raml_code rc = o ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    bool ok = o && (!made || (set(o, "raml", json_string("exit probes")) && set(o, "version", json_integer(2))));
    if (ok && job->model) ok = set(o, "model", hex(job->model_hash)) && set(o, "dtype", json_string(job->dtype));
    if (ok && job->questions) ok = set(o, "data", hex(data_hash(job, opt)));
    if (ok && job->tokenizer) rc = add_prompting(job, o, err);
    if (!rc && ok) ok = made ? add_settings(opt, o) : add_expected(opt, o);
    if (!rc && !ok) rc = raml_fail(err, RAML_ENOMEM, "no memory for a record");
    if (rc) json_decref(o);
    else *out = o;
    return rc;
}

enum raml_code raml_exits_header_texts(json_t *header, size_t n, uint64_t hash, struct raml_err *err)
{
    bool ok = set(header, "texts", hex(hash)) && set(header, "trajectories", json_integer((json_int_t)n));
    return ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a record");
}
