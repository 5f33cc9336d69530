/* declared_whole.c - the results of a study of parts: those of each, and over all of them. See study.h. */
#include "study/declared.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdlib.h>

/* The results of one part, in a folder of its own. */
static enum raml_code part_results(const struct raml_study_parts *p, size_t i, const char *store, const char *out,
                                   const bool *done, const struct raml_sink *sink, json_t **doc, struct raml_err *err)
{
    const struct raml_study_part part = raml_study_parts_get(p, i);
    char dir[RAML_PATH_BYTES];
    size_t n = raml_study_n_steps(part.study);
    bool *own = malloc(n * sizeof *own);
    enum raml_code rc = own ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    for (size_t k = 0; k < n && !rc; k++) own[k] = !done || done[raml_study_parts_work_of(p, i, k)];
    if (!rc) rc = *part.name ? raml_path_join(dir, out, part.name, err) : raml_path_format(dir, err, "%s", out);
    if (!rc) rc = raml_make_dir(dir, err);
    if (!rc) rc = raml_study_results(part.study, store, dir, own, sink, doc, err);
    free(own);
    return rc;
}

/* Each of `from`, with the part's name in front, to `to`. */
static int add_named(json_t *to, const json_t *from, const char *part)
{
    int bad = 0;
    for (size_t i = 0; i < json_array_size(from); i++) {
        json_t *o = json_pack("{s:s}", "part", part);
        bad |= !o || json_object_update(o, json_array_get(from, i)) || json_array_append(to, o);
        json_decref(o);
    }
    return bad;
}

/* A part's results in the whole's: all but its values, which stay with it. */
static int add_part(json_t *doc, const struct raml_study_part *part, const json_t *results)
{
    json_t *o = json_pack("{s:s, s:O, s:O}", "part", part->name, "study", json_object_get(results, "study"), "about",
                          json_object_get(results, "about"));
    return json_array_append_new(json_object_get(doc, "parts"), o) |
           add_named(json_object_get(doc, "claims"), json_object_get(results, "claims"), part->name) |
           add_named(json_object_get(doc, "missing"), json_object_get(results, "missing"), part->name);
}

enum raml_code raml_study_parts_results(const struct raml_study_parts *p, const char *store, const char *out,
                                        const bool *done, const struct raml_sink *sink, json_t **doc,
                                        struct raml_err *err)
{
    *doc = NULL;
    if (!*raml_study_parts_get(p, 0).name) return part_results(p, 0, store, out, done, sink, doc, err);
    struct study_claims_table claims;
    raml_study_claims_begin(&claims, true);
    json_t *whole = json_pack("{s:o, s:s, s:[], s:[], s:[]}", "study", raml_study_parts_declaration(p), "about",
                              raml_study_parts_about(p), "parts", "claims", "missing");
    enum raml_code rc = whole ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    for (size_t i = 0; i < raml_study_parts_n(p) && !rc; i++) {
        const struct raml_study_part part = raml_study_parts_get(p, i);
        json_t *own = NULL;
        rc = part_results(p, i, store, out, done, sink, &own, err);
        if (!rc) raml_study_claims_add(&claims, part.name, json_object_get(own, "claims"));
        if (!rc && add_part(whole, &part, own)) rc = raml_fail(err, RAML_ENOMEM, "no memory for results");
        json_decref(own);
    }
    if (rc) raml_buf_deinit(&claims.text);
    else rc = raml_study_claims_write(&claims, out, err);
    if (!rc) rc = raml_study_write_json(out, whole, err);
    if (!rc) *doc = whole;
    else json_decref(whole);
    return rc;
}
