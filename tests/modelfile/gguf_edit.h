/* gguf_edit.h - a GGUF file rewritten with one thing changed. Include after core/scratch.h. */
#ifndef RAML_TESTS_GGUF_EDIT_H
#define RAML_TESTS_GGUF_EDIT_H

#include "raml/gguf.h"

enum { EDIT_MAX = 96 };
struct gguf_edit { /* an open file's parts, to be changed and written */
    struct raml_gguf *g;
    struct raml_gguf_entry entry[EDIT_MAX];
    struct raml_gguf_string text[EDIT_MAX];
    size_t n_entries;
    struct raml_gguf_output tensor[EDIT_MAX];
    size_t n_tensors;
};

/* Files without arrays of strings; tensors in F32 or BF16. */
static inline void edit_open(struct gguf_edit *e, const char *path)
{
    struct raml_err err = {0};
    memset(e, 0, sizeof *e);
    must(raml_gguf_open(path, &e->g, &err), &err);
    assert_true(raml_gguf_n_values(e->g) < EDIT_MAX - 2 && raml_gguf_n_tensors(e->g) < EDIT_MAX - 2);
    for (size_t i = 0; i < raml_gguf_n_values(e->g); i++) {
        const struct raml_gguf_value *v = raml_gguf_value_at(e->g, i);
        struct raml_gguf_entry *to = &e->entry[e->n_entries++];
        *to = (struct raml_gguf_entry){v->key, v->type, v->element, v->n, v->data};
        if (v->type != RAML_GGUF_STRING) continue;
        must(raml_gguf_element_string(v, 0, &e->text[i], &err), &err);
        to->data = &e->text[i];
    }
    for (size_t i = 0; i < raml_gguf_n_tensors(e->g); i++) {
        const struct raml_gguf_tensor *t = raml_gguf_tensor_at(e->g, i);
        struct raml_gguf_output *to = &e->tensor[e->n_tensors++];
        to->type = (enum raml_ggml_type)t->type;
        to->view = (struct raml_tensor_view){.name = t->name,
                                             .dtype = t->type == RAML_GGML_BF16 ? RAML_BF16 : RAML_F32,
                                             .n_dims = t->n_dims,
                                             .n = t->n,
                                             .data = t->data};
        memcpy(to->view.shape, t->shape, sizeof t->shape);
    }
}

static inline void edit_write(struct gguf_edit *e, const char *path)
{
    struct raml_err err = {0};
    must(raml_gguf_write(path, e->entry, e->n_entries, e->tensor, e->n_tensors, &err), &err);
    raml_gguf_close(e->g);
}

/* The entry of a key; of a new one, a free one at the end. */
static inline struct raml_gguf_entry *edit_entry(struct gguf_edit *e, const char *key)
{
    for (size_t i = 0; i < e->n_entries; i++)
        if (!strcmp(e->entry[i].key, key)) return &e->entry[i];
    e->entry[e->n_entries] = (struct raml_gguf_entry){.key = key};
    return &e->entry[e->n_entries++];
}

static inline void edit_drop(struct gguf_edit *e, const char *key)
{
    struct raml_gguf_entry *at = edit_entry(e, key);
    *at = e->entry[--e->n_entries];
}

static inline struct raml_gguf_output *edit_tensor(struct gguf_edit *e, const char *name)
{
    for (size_t i = 0; i < e->n_tensors; i++)
        if (!strcmp(e->tensor[i].view.name, name)) return &e->tensor[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static inline void edit_drop_tensor(struct gguf_edit *e, const char *name)
{
    struct raml_gguf_output *at = edit_tensor(e, name);
    *at = e->tensor[--e->n_tensors];
}

#endif
