/* tensors.c - see tensors.h. */
#include "store/tensors.h"

#include "core/array.h"
#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INDEX_BYTES = 1 << 28, MAX_FILES = 4096 };

struct file {
    char *name;
    struct raml_safetensors *s;
};
struct raml_tensors {
    char path[RAML_PATH_BYTES];
    struct file *file;
    size_t n_files, cap_files, n;
};

void raml_tensors_close(struct raml_tensors *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_files; i++) {
        raml_safetensors_close(t->file[i].s);
        free(t->file[i].name);
    }
    free(t->file);
    free(t);
}

/* Opens dir/name as one more file. */
static enum raml_code add_file(struct raml_tensors *t, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (t->n_files == MAX_FILES) return raml_fail(err, RAML_ESUPPORT, "%s: more than %d files", t->path, MAX_FILES);
    enum raml_code rc = RAML_GROW(t->file, t->cap_files, t->n_files + 1, "files", err);
    if (rc) return raml_wrap(err, rc, "%s", t->path);
    struct file *f = &t->file[t->n_files];
    *f = (struct file){.name = strdup(name)};
    if (!f->name) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a file's name", t->path);
    t->n_files++;
    rc = raml_path_join(path, dir, name, err);
    if (!rc) rc = raml_safetensors_open(path, &f->s, err);
    if (!rc) t->n += raml_safetensors_count(f->s);
    return rc;
}

static struct file *find_file(const struct raml_tensors *t, const char *name)
{
    for (size_t i = 0; i < t->n_files; i++)
        if (!strcmp(t->file[i].name, name)) return &t->file[i];
    return NULL;
}

/* One entry of the map: the file is opened when it is first named; the tensor must be in it. */
static enum raml_code add_entry(struct raml_tensors *t, const char *dir, const char *tensor, const json_t *where,
                                struct raml_err *err)
{
    const char *name = json_string_value(where);
    if (!name) return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': expected the name of a file", t->path, tensor);
    if (!*name || *name == '.' || strchr(name, '/') || strlen(name) != json_string_length(where))
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': found '%.80s', expected a file of the same folder",
                         t->path, tensor, name);
    struct file *f = find_file(t, name);
    if (!f) {
        enum raml_code rc = add_file(t, dir, name, err);
        if (rc) return raml_wrap(err, rc, "%s", t->path);
        f = &t->file[t->n_files - 1];
    }
    if (raml_safetensors_find(f->s, tensor)) return RAML_OK;
    return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' is not in %s", t->path, tensor, name);
}

/* The files hold nothing that the map does not name, or names elsewhere. */
static enum raml_code check_files(const struct raml_tensors *t, const json_t *map, struct raml_err *err)
{
    for (size_t i = 0; i < t->n_files; i++)
        for (size_t k = 0; k < raml_safetensors_count(t->file[i].s); k++) {
            const char *tensor = raml_safetensors_at(t->file[i].s, k)->name;
            const char *name = json_string_value(json_object_get(map, tensor));
            if (!name || strcmp(name, t->file[i].name) != 0)
                return raml_fail(err, RAML_EFORMAT, "%s: %s holds tensor '%s', which the index %s%s", t->path,
                                 t->file[i].name, tensor, name ? "places in " : "does not name", name ? name : "");
        }
    return RAML_OK;
}

static enum raml_code read_index(struct raml_tensors *t, const char *dir, struct raml_err *err)
{
    json_t *index, *where;
    const char *tensor;
    enum raml_code rc = raml_json_load(t->path, MAX_INDEX_BYTES, &index, err);
    if (rc) return rc;
    json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map) || json_object_size(map) == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: field 'weight_map': expected an object that names tensors", t->path);
    if (!rc) {
        json_object_foreach (map, tensor, where) {
            rc = add_entry(t, dir, tensor, where, err);
            if (rc) break;
        }
    }
    if (!rc) rc = check_files(t, map, err);
    json_decref(index);
    return rc;
}

enum raml_code raml_tensors_open(const char *dir, struct raml_tensors **out, struct raml_err *err)
{
    char index[RAML_PATH_BYTES];
    struct raml_tensors *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", dir);
    enum raml_code rc = raml_path_join(t->path, dir, "model.safetensors", err);
    if (!rc) rc = raml_path_join(index, dir, "model.safetensors.index.json", err);
    if (!rc && !raml_is_file(t->path) && raml_is_file(index)) {
        memcpy(t->path, index, sizeof index);
        rc = read_index(t, dir, err);
    } else if (!rc) {
        rc = add_file(t, dir, "model.safetensors", err);
    }
    if (rc) raml_tensors_close(t);
    else *out = t;
    return rc;
}

const char *raml_tensors_path(const struct raml_tensors *t)
{
    return t->path;
}

size_t raml_tensors_count(const struct raml_tensors *t)
{
    return t->n;
}

const struct raml_tensor_view *raml_tensors_at(const struct raml_tensors *t, size_t i)
{
    size_t f = 0;
    while (f + 1 < t->n_files && i >= raml_safetensors_count(t->file[f].s)) i -= raml_safetensors_count(t->file[f++].s);
    return raml_safetensors_at(t->file[f].s, i);
}

const struct raml_tensor_view *raml_tensors_find(const struct raml_tensors *t, const char *name)
{
    const struct raml_tensor_view *v = NULL;
    for (size_t i = 0; i < t->n_files && !v; i++) v = raml_safetensors_find(t->file[i].s, name);
    return v;
}
