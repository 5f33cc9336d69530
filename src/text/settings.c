/* settings.c - what a tokenizer.json holds besides its tokens: normalizer, pre-tokenizer, decoder, post-processor
 * (source.h). What would change the ids but is not understood is refused, never ignored. */
#include "text/source.h"

#include "text/pretokenizers.h"
#include "text/metaspace.h"
#include "text/pattern.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 32 };

/* v.type; NULL with the error set when there is none. */
static const char *type_of(const struct raml_source *s, const json_t *v, const char *place)
{
    const char *type = json_string_value(json_object_get(v, "type"));
    if (!type) (void)raml_fail(s->err, RAML_EFORMAT, "%s: field '%s.type' is not a string", s->at.path, place);
    return type;
}

static enum raml_code refuse_type(const struct raml_source *s, const char *place, const char *type,
                                  const char *expected)
{
    char found[RAML_SHOWN_BYTES + 16];
    snprintf(found, sizeof found, "of type '%s'", raml_show(type).text);
    return raml_refuse(s, place, found, expected);
}

typedef enum raml_code step_fn(const struct raml_source *s, const json_t *v, const char *place, const char *type,
                               bool last);

/* Calls `step` with v, or with each member of the Sequence that v is. list: the name of its array. */
static enum raml_code each_step(const struct raml_source *s, const json_t *v, const char *field, const char *list,
                                step_fn *step)
{
    const char *type = type_of(s, v, field);
    if (!type) return RAML_EFORMAT;
    if (strcmp(type, "Sequence") != 0) return step(s, v, field, type, true);
    const json_t *steps = json_object_get(v, list);
    if (!json_is_array(steps))
        return raml_fail(s->err, RAML_EFORMAT, "%s: field '%s.%s' is not an array", s->at.path, field, list);
    size_t n = json_array_size(steps);
    if (n > MAX_STEPS)
        return raml_fail(s->err, RAML_ESUPPORT, "%s: field '%s.%s' has %zu entries; this version reads up to %d",
                         s->at.path, field, list, n, MAX_STEPS);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        char place[RAML_PLACE_BYTES];
        snprintf(place, sizeof place, "%s.%s[%zu]", field, list, i);
        type = type_of(s, json_array_get(steps, i), place);
        rc = type ? step(s, json_array_get(steps, i), place, type, i + 1 == n) : RAML_EFORMAT;
    }
    return rc;
}

static enum raml_code normalizer_step(const struct raml_source *s, const json_t *v, const char *place, const char *type,
                                      bool last)
{
    (void)v;
    (void)last;
    if (strcmp(type, "NFC") != 0) return refuse_type(s, place, type, "type 'NFC'");
    s->t->nfc = true;
    return RAML_OK;
}

static enum raml_code add_pattern_to(const struct raml_source *s, struct raml_patterns **to, const char *place,
                                     const char *regex, size_t n)
{
    char what[1024];
    snprintf(what, sizeof what, "%s: field '%s'", s->at.path, place);
    return raml_patterns_add(to, what, regex, n, s->err);
}

static enum raml_code add_pattern(const struct raml_source *s, const char *place, const char *regex, size_t n)
{
    return add_pattern_to(s, &s->t->patterns, place, regex, n);
}

static enum raml_code read_split(const struct raml_source *s, const json_t *v, const char *place)
{
    char in[RAML_PLACE_BYTES + 16];
    snprintf(in, sizeof in, "%s.pattern", place);
    const json_t *regex = json_object_get(json_object_get(v, "pattern"), "Regex");
    if (!json_is_string(regex)) return raml_refuse(s, in, "no 'Regex'", "patterns that are");
    const char *behavior = json_string_value(json_object_get(v, "behavior"));
    if (!behavior || strcmp(behavior, "Isolated") != 0) {
        char found[RAML_SHOWN_BYTES + 8];
        snprintf(found, sizeof found, "'%s'", behavior ? raml_show(behavior).text : "");
        snprintf(in, sizeof in, "%s.behavior", place);
        return raml_refuse(s, in, found, "'Isolated'");
    }
    snprintf(in, sizeof in, "%s.", place);
    enum raml_code rc = raml_need_off(s, v, in, "invert");
    return rc ? rc : add_pattern(s, place, json_string_value(regex), json_string_length(regex));
}

static enum raml_code pre_tokenizer_step(const struct raml_source *s, const json_t *v, const char *place,
                                         const char *type, bool last)
{
    char in[RAML_PLACE_BYTES + 16];
    snprintf(in, sizeof in, "%s.", place);
    if (!last && strcmp(type, "Split") == 0) return read_split(s, v, place);
    if (!last && strcmp(type, "Digits") == 0) {
        bool one = false;
        enum raml_code rc = raml_read_flag(s, v, in, "individual_digits", false, &one);
        return rc ? rc : add_pattern(s, place, one ? "\\p{N}" : "\\p{N}+", one ? 5 : 6);
    }
    if (!last) return refuse_type(s, place, type, "types 'Split' and 'Digits' before the last");
    if (strcmp(type, "ByteLevel") != 0) return refuse_type(s, place, type, "type 'ByteLevel'");
    bool regex = false;
    enum raml_code rc = raml_read_flag(s, v, in, "add_prefix_space", true, &s->t->spaced);
    if (!rc) rc = raml_read_flag(s, v, in, "use_regex", true, &regex);
    if (!rc && regex)
        rc = add_pattern_to(s, s->t->spaced ? &s->t->after_space : &s->t->patterns, place, raml_pattern_gpt2,
                            strlen(raml_pattern_gpt2));
    return rc;
}

static enum raml_code decoder_step(const struct raml_source *s, const json_t *v, const char *place, const char *type,
                                   bool last)
{
    (void)v;
    (void)last;
    return strcmp(type, "ByteLevel") == 0 ? RAML_OK : refuse_type(s, place, type, "type 'ByteLevel'");
}

/* The token in front of every text. */
static enum raml_code read_begin(const struct raml_source *s, const json_t *v, const char *place)
{
    const json_t *first = json_object_get(json_array_get(json_object_get(v, "single"), 0), "SpecialToken");
    const char *id = json_string_value(json_object_get(first, "id"));
    const json_t *all = json_object_get(json_object_get(v, "special_tokens"), id ? id : "");
    const char *text = json_string_value(json_array_get(json_object_get(all, "tokens"), 0));
    if (!first || s->t->begin) return RAML_OK;
    if (!text) text = id;
    if (!text) return raml_fail(s->err, RAML_EFORMAT, "%s: field '%s.single' names no token", s->at.path, place);
    s->t->begin = strdup(text);
    return s->t->begin ? RAML_OK : raml_fail(s->err, RAML_ENOMEM, "%s: no memory for a token", s->at.path);
}

/* A template adds tokens around a text only if the caller of `tokenizers` asks for them; _encode never does. */
static enum raml_code post_processor_step(const struct raml_source *s, const json_t *v, const char *place,
                                          const char *type, bool last)
{
    (void)v;
    (void)last;
    if (strcmp(type, "TemplateProcessing") == 0) return read_begin(s, v, place);
    if (strcmp(type, "ByteLevel") == 0) return RAML_OK;
    return refuse_type(s, place, type, "types 'ByteLevel' and 'TemplateProcessing'");
}

/* Normalizer, pre-tokenizer and decoder of byte-level BPE. */
static enum raml_code read_byte_level(const struct raml_source *s, const json_t *root)
{
    const json_t *normalizer = json_object_get(root, "normalizer"), *pre = json_object_get(root, "pre_tokenizer");
    const json_t *decoder = json_object_get(root, "decoder"), *steps = json_object_get(pre, "pretokenizers");
    enum raml_code rc = RAML_OK;
    if (!raml_absent(normalizer)) rc = each_step(s, normalizer, "normalizer", "normalizers", normalizer_step);
    if (!rc && raml_absent(pre)) rc = raml_refuse(s, "pre_tokenizer", "null", "type 'ByteLevel'");
    if (!rc) rc = each_step(s, pre, "pre_tokenizer", "pretokenizers", pre_tokenizer_step);
    if (!rc && steps && json_array_size(steps) == 0)
        rc = raml_refuse(s, "pre_tokenizer.pretokenizers", "empty", "sequences that end in type 'ByteLevel'");
    if (!rc && raml_absent(decoder)) rc = raml_refuse(s, "decoder", "null", "type 'ByteLevel'");
    return rc ? rc : each_step(s, decoder, "decoder", "decoders", decoder_step);
}

enum raml_code raml_read_settings(const struct raml_source *s, const json_t *root)
{
    static const char *const known[] = {"version",       "truncation",     "padding", "added_tokens", "normalizer",
                                        "pre_tokenizer", "post_processor", "decoder", "model"};
    for (void *it = json_object_iter((json_t *)root); it; it = json_object_iter_next((json_t *)root, it)) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], json_object_iter_key(it)) != 0) i++;
        if (i == sizeof known / sizeof *known)
            return raml_refuse(s, raml_show(json_object_iter_key(it)).text, "unknown", "files without it");
    }
    const json_t *post = json_object_get(root, "post_processor");
    /* truncation and padding are what a tokenizer was last used with: transformers turns both off unless a call asks */
    enum raml_code rc = s->t->byte_fallback ? raml_read_metaspace(s, root) : read_byte_level(s, root);
    if (!rc && !raml_absent(post)) rc = each_step(s, post, "post_processor", "processors", post_processor_step);
    return rc;
}
