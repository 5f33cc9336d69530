/* added.c - see added.h.
 *
 * The library's rule (AddedVocabulary::add_tokens of tokenizers 0.22.2): a token of model.vocab keeps its id; another
 * gets the largest id of the added ones so far plus one, or the number of model.vocab's entries where that is larger. */
#include "text/added.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 22 }; /* an id: vocab.c refuses larger ones */

/* Marks the id in the set; false: it is none, or was marked before. */
static bool mark(unsigned char *set, const json_t *id)
{
    json_int_t i = json_is_integer(id) ? json_integer_value(id) : -1;
    if (i < 0 || i >= MOST || set[i / 8] >> i % 8 & 1) return false;
    set[i / 8] = (unsigned char)(set[i / 8] | 1 << i % 8);
    return true;
}

/* Are all ids sound, and the vocabulary's those from 0 on? Where they are not, the library's numbers could be those of
 * other tokens. */
static bool is_dense(const json_t *vocab, const json_t *added)
{
    unsigned char *set = calloc(MOST / 8, 1);
    json_int_t n = (json_int_t)json_object_size(vocab);
    bool yes = set != NULL;
    for (void *it = json_object_iter((json_t *)vocab); it && yes; it = json_object_iter_next((json_t *)vocab, it)) {
        const json_t *id = json_object_iter_value(it);
        yes = mark(set, id) && json_integer_value(id) < n;
    }
    for (size_t i = 0; i < json_array_size(added) && yes; i++) {
        const json_t *a = json_array_get(added, i), *id = json_object_get(a, "id");
        const char *text = json_string_value(json_object_get(a, "content"));
        const json_t *same = text ? json_object_get(vocab, text) : NULL;
        yes = text && (same ? json_equal(same, id) : mark(set, id));
    }
    free(set);
    return yes;
}

void raml_added_number(json_t *root)
{
    json_t *added = json_object_get(root, "added_tokens");
    const json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    json_int_t next = (json_int_t)json_object_size(vocab);
    if (!json_is_object(vocab) || !is_dense(vocab, added)) return;
    for (size_t i = 0; i < json_array_size(added); i++) {
        json_t *a = json_array_get(added, i), *id = json_object_get(a, "id");
        const json_t *known = json_object_get(vocab, json_string_value(json_object_get(a, "content")));
        json_integer_set(id, json_is_integer(known) ? json_integer_value(known) : next);
        if (json_integer_value(id) >= next) next = json_integer_value(id) + 1;
    }
}

/* -- From tokenizer_config.json ------------------------------------------------------------------------------------ */
struct missing {
    const struct raml_source *s;
    json_t *added;
    const json_t *vocab;
    json_int_t next; /* the id of a new one */
    bool more;
};

static bool is_there(const struct missing *m, const char *content)
{
    for (size_t i = 0; i < json_array_size(m->added); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(m->added, i), "content"));
        if (text && !strcmp(text, content)) return true;
    }
    return false;
}

/* token: a text, or an object with content and flags. named: as bos_token and its like; of these only what the vocabulary
 * has and is more than a character, which may be a byte's token, since a new one would have no row in the model. */
static enum raml_code add(struct missing *m, const json_t *token, bool named)
{
    static const char *const flags[] = {"single_word", "lstrip", "rstrip", "normalized"};
    const char *content = json_string_value(json_is_object(token) ? json_object_get(token, "content") : token);
    if (!content || !*content || is_there(m, content)) return RAML_OK;
    if (named && (!json_object_get(m->vocab, content) || content[raml_utf8_bytes((unsigned char)content[0])] == 0))
        return RAML_OK;
    const json_t *own = json_object_get(token, "special");
    const json_t *known = json_object_get(m->vocab, content);
    json_int_t id = json_is_integer(known) ? json_integer_value(known) : m->next;
    if (id >= m->next) m->next = id + 1;
    json_t *a = json_pack("{s:I, s:s, s:b}", "id", id, "content", content, "special", named || json_is_true(own));
    int bad = !a;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !bad; i++)
        bad = json_object_set_new(a, flags[i], json_boolean(json_is_true(json_object_get(token, flags[i]))));
    if (bad || json_array_append_new(m->added, a)) {
        if (bad) json_decref(a);
        return raml_fail(m->s->err, RAML_ENOMEM, "%s: no memory for its tokens", m->s->at.path);
    }
    m->more = true;
    return RAML_OK;
}

static int by_id(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    long i = strtol(*x, NULL, 10), j = strtol(*y, NULL, 10);
    return i < j ? -1 : i > j;
}

static enum raml_code add_decoder(struct missing *m, const json_t *decoder)
{
    size_t n = json_object_size(decoder), k = 0;
    const char **key = malloc((n + 1) * sizeof *key);
    if (!key) return raml_fail(m->s->err, RAML_ENOMEM, "%s: no memory for its tokens", m->s->at.path);
    for (void *it = json_object_iter((json_t *)decoder); it; it = json_object_iter_next((json_t *)decoder, it))
        key[k++] = json_object_iter_key(it);
    qsort(key, n, sizeof *key, by_id);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = add(m, json_object_get(decoder, key[i]), false);
    free(key);
    return rc;
}

static json_int_t first_free(const json_t *vocab, const json_t *added)
{
    json_int_t next = (json_int_t)json_object_size(vocab);
    for (void *it = json_object_iter((json_t *)vocab); it; it = json_object_iter_next((json_t *)vocab, it)) {
        json_int_t id = json_integer_value(json_object_iter_value(it));
        if (id >= next && id < MOST) next = id + 1;
    }
    for (size_t i = 0; i < json_array_size(added); i++) {
        json_int_t id = json_integer_value(json_object_get(json_array_get(added, i), "id"));
        if (id >= next && id < MOST) next = id + 1;
    }
    return next;
}

enum raml_code raml_added_complete(const struct raml_source *s, json_t *root, const json_t *config, bool *more)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
    json_t *added = json_object_get(root, "added_tokens");
    *more = false;
    if (raml_absent(added)) {
        added = json_array();
        if (json_object_set_new(root, "added_tokens", added))
            return raml_fail(s->err, RAML_ENOMEM, "%s: no memory for its tokens", s->at.path);
    }
    if (!json_is_array(added)) return RAML_OK; /* its reader says so */
    struct missing m = {.s = s, .added = added, .vocab = json_object_get(json_object_get(root, "model"), "vocab")};
    m.next = first_free(m.vocab, added);
    enum raml_code rc = add_decoder(&m, json_object_get(config, "added_tokens_decoder"));
    for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++)
        rc = add(&m, json_object_get(config, names[i]), true);
    for (size_t i = 0; i < sizeof lists / sizeof *lists && !rc; i++) {
        const json_t *list = json_object_get(config, lists[i]);
        for (size_t k = 0; k < json_array_size(list) && !rc; k++) rc = add(&m, json_array_get(list, k), true);
    }
    *more = m.more;
    return rc;
}
