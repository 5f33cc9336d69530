/* declared_parts.c - studies that run in one store. See study.h. */
#include "study/declared.h"

#include "core/nearest.h"
#include "core/path.h"

#include <sha2.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MEMORY = 64 << 20 };

struct part {
    const char *name, *path;
    char hash[RAML_STUDY_HASH];
    bool chosen;
};

struct raml_study_parts {
    struct raml_arena *arena;
    struct raml_study file; /* name, text and hash of the file of parts; nothing else */
    struct part part[RAML_STUDY_MAX_PARTS];
    struct raml_study_part open[RAML_STUDY_MAX_PARTS]; /* those that were asked for */
    size_t *work_of[RAML_STUDY_MAX_PARTS];             /* of each of these: the works of its steps */
    size_t n_parts, n_open, n_works;
    struct raml_study_work *work;
    const char *scale;
    size_t n_seeds, first_seed;
};

/* -- The file ------------------------------------------------------------------------------------------------------- */

static enum raml_code no_memory(const struct raml_study_parts *p, struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", p->file.path);
}

/* A part's path is seen from its file's folder. */
static enum raml_code path_of(struct raml_study_parts *p, const char *name, const char **out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    const char *end = *name == '/' ? NULL : strrchr(p->file.path, '/');
    enum raml_code rc =
        raml_path_format(path, err, "%.*s%s", end ? (int)(end - p->file.path + 1) : 0, p->file.path, name);
    if (rc) return rc;
    *out = raml_arena_text(p->arena, path, strlen(path));
    return *out ? RAML_OK : no_memory(p, err);
}

static enum raml_code read_part(struct raml_study_parts *p, const struct raml_yaml *y, struct raml_err *err)
{
    static const char *const taken[] = {"steps", "figures"}; /* folders of the results */
    if (p->n_parts == RAML_STUDY_MAX_PARTS)
        return raml_study_fail(&p->file, y, err, "more than %d parts", RAML_STUDY_MAX_PARTS);
    struct part *part = &p->part[p->n_parts++];
    enum raml_code rc = raml_study_check_name(&p->file, y, "a part", err);
    for (size_t i = 0; i < sizeof taken / sizeof *taken && !rc; i++)
        if (!strcmp(y->key, taken[i]))
            rc = raml_study_fail(&p->file, y, err, "%s: results have a folder of that name; expected another", y->key);
    if (!rc && (!y->text || !*y->text))
        rc = raml_study_fail(&p->file, y, err, "%s: found %s, expected a study's file", y->key,
                             y->text ? "nothing" : raml_yaml_kind_name(y));
    if (rc) return rc;
    part->name = y->key;
    struct raml_yaml *tree = NULL;
    const char *text = NULL;
    size_t len = 0;
    rc = path_of(p, y->text, &part->path, err);
    if (!rc) rc = raml_yaml_load(p->arena, part->path, &tree, &text, &len, err);
    if (rc) return raml_wrap(err, rc, "part %s (%s:%zu)", y->key, p->file.path, y->line);
    SHA256Data((const uint8_t *)text, len, part->hash);
    const struct raml_yaml *scales = raml_yaml_find(tree, "scales");
    bool first = p->n_parts == 1 && !p->scale && scales && scales->kind == RAML_YAML_MAP && scales->child;
    if (first) p->scale = scales->child->key;
    return RAML_OK;
}

static void hash(struct raml_study_parts *p)
{
    SHA2_CTX c;
    SHA256Init(&c);
    SHA256Update(&c, (const uint8_t *)p->file.text, p->file.text_len);
    for (size_t i = 0; i < p->n_parts; i++) {
        SHA256Update(&c, (const uint8_t *)p->part[i].name, strlen(p->part[i].name));
        SHA256Update(&c, (const uint8_t *)" ", 1);
        SHA256Update(&c, (const uint8_t *)p->part[i].hash, RAML_STUDY_HASH - 1);
        SHA256Update(&c, (const uint8_t *)"\n", 1);
    }
    SHA256End(&c, p->file.hash);
}

static enum raml_code choose(struct raml_study_parts *p, const struct raml_study_options *o, struct raml_err *err)
{
    const char *names[RAML_STUDY_MAX_PARTS];
    for (size_t i = 0; i < p->n_parts; i++) {
        names[i] = p->part[i].name;
        p->part[i].chosen = o->n_parts == 0;
    }
    for (size_t k = 0; k < o->n_parts; k++) {
        size_t i = 0;
        while (i < p->n_parts && strcmp(names[i], o->part[k])) i++;
        if (i == p->n_parts)
            return raml_wrap(err, raml_fail_unknown(err, "part", o->part[k], names, p->n_parts), "%s", p->file.path);
        p->part[i].chosen = true;
    }
    return RAML_OK;
}

static enum raml_code read_file(struct raml_study_parts *p, const struct raml_study_options *o, struct raml_err *err)
{
    static const char *const known[] = {"name", "about", "parts"};
    const struct raml_yaml *root = p->file.root, *map = raml_yaml_find(root, "parts");
    const struct raml_yaml *name = raml_yaml_find(root, "name"), *about = raml_yaml_find(root, "about");
    enum raml_code rc = raml_study_check_fields(&p->file, root, known, sizeof known / sizeof *known, err);
    if (!rc && (!name || name->kind != RAML_YAML_VALUE || !*name->text))
        rc = raml_study_fail(&p->file, name ? name : root, err, "name: expected the study's name");
    if (!rc && about && about->kind != RAML_YAML_VALUE)
        rc = raml_study_fail(&p->file, about, err, "about: found %s, expected text", raml_yaml_kind_name(about));
    if (!rc && (map->kind != RAML_YAML_MAP || !map->n))
        rc = raml_study_fail(&p->file, map, err, "parts: expected a mapping of names to studies' files");
    if (rc) return rc;
    p->file.name = name->text;
    p->file.about = about ? about->text : "";
    for (const struct raml_yaml *y = map->child; y && !rc; y = y->next) rc = read_part(p, y, err);
    if (rc) return rc;
    hash(p);
    return choose(p, o, err);
}

/* -- Its parts ------------------------------------------------------------------------------------------------------ */

static enum raml_code open_parts(struct raml_study_parts *p, const struct raml_study_options *given,
                                 struct raml_err *err)
{
    struct raml_study_options o = *given;
    bool *taken = raml_arena_alloc(p->arena, o.n_set + 1, sizeof *taken);
    enum raml_code rc = taken ? RAML_OK : no_memory(p, err);
    o.scale = p->scale;
    for (size_t i = 0; i < p->n_parts && !rc; i++) {
        struct raml_study *s = NULL;
        if (!p->part[i].chosen) continue;
        rc = raml_study_open_part(p->part[i].path, &o, taken, &s, err);
        if (rc) return raml_wrap(err, rc, "part %s", p->part[i].name);
        p->open[p->n_open++] = (struct raml_study_part){p->part[i].name, s};
        if (strcmp(s->hash, p->part[i].hash))
            rc = raml_fail(err, RAML_EUSAGE, "part %s: %s changed while it was read", p->part[i].name, s->path);
    }
    for (size_t i = 0; i < o.n_set && !rc; i++)
        if (!taken[i])
            rc = raml_fail(err, RAML_EUSAGE, "no part of %s has a value called '%.*s'", p->file.path,
                           (int)strcspn(o.set[i], "="), o.set[i]);
    return rc;
}

/* The works of a part's steps: those that no earlier part has are added. */
static enum raml_code add_works(struct raml_study_parts *p, size_t part, struct raml_err *err)
{
    const struct raml_study *s = p->open[part].study;
    size_t *of = p->work_of[part] = raml_arena_alloc(p->arena, s->n_instances, sizeof *of), n_before = p->n_works;
    if (!of) return no_memory(p, err);
    for (size_t i = 0; i < s->n_instances; i++) {
        const struct raml_study_step *t = &s->instance[i].step;
        for (of[i] = 0; of[i] < n_before; of[i]++) {
            const struct raml_study_work *w = &p->work[of[i]];
            if (!strcmp(raml_study_step(w->part.study, w->step)->id, t->id)) break;
        }
        if (of[i] < n_before) continue;
        of[i] = p->n_works++;
        size_t *needs = raml_arena_alloc(p->arena, t->n_needs + 1, sizeof *needs);
        if (!needs) return no_memory(p, err);
        for (size_t k = 0; k < t->n_needs; k++) needs[k] = of[t->needs[k]];
        p->work[of[i]] =
            (struct raml_study_work){.part = p->open[part], .step = i, .needs = needs, .n_needs = t->n_needs};
    }
    return RAML_OK;
}

static enum raml_code join(struct raml_study_parts *p, struct raml_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_open; i++) n += p->open[i].study->n_instances;
    p->work = raml_arena_alloc(p->arena, n, sizeof *p->work);
    enum raml_code rc = p->work ? RAML_OK : no_memory(p, err);
    for (size_t i = 0; i < p->n_open && !rc; i++) rc = add_works(p, i, err);
    return rc;
}

static enum raml_code keep(struct raml_study_parts *p, const char *path, const struct raml_study_options *o,
                           struct raml_err *err)
{
    const char **set = raml_arena_alloc(p->arena, o->n_set + 1, sizeof *set);
    p->file.path = raml_arena_text(p->arena, path, strlen(path));
    bool all = set && p->file.path;
    if (o->scale) all = (p->scale = raml_arena_text(p->arena, o->scale, strlen(o->scale))) && all;
    for (size_t i = 0; i < o->n_set && all; i++)
        all = (set[i] = raml_arena_text(p->arena, o->set[i], strlen(o->set[i])));
    p->file.set = set;
    p->file.n_set = o->n_set;
    p->n_seeds = o->seeds;
    p->first_seed = o->first_seed;
    return all ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
}

/* A study by itself. */
static enum raml_code open_alone(struct raml_study_parts *p, const struct raml_study_options *o, struct raml_err *err)
{
    struct raml_study *s = NULL;
    if (o->n_parts)
        return raml_fail(err, RAML_EUSAGE, "%s has no parts; found the part '%s'", p->file.path, o->part[0]);
    enum raml_code rc = raml_study_open(p->file.path, o, &s, err);
    if (!rc) p->open[p->n_open++] = (struct raml_study_part){"", s};
    return rc;
}

enum raml_code raml_study_parts_open(const char *path, const struct raml_study_options *o,
                                     struct raml_study_parts **out, struct raml_err *err)
{
    struct raml_arena *arena = raml_arena_open(MAX_MEMORY);
    struct raml_study_parts *p = arena ? raml_arena_alloc(arena, 1, sizeof *p) : NULL;
    struct raml_yaml *root = NULL;
    *out = NULL;
    if (!p) {
        raml_arena_close(arena);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    }
    p->arena = p->file.arena = arena;
    enum raml_code rc = keep(p, path, o, err);
    if (!rc) rc = raml_yaml_load(arena, p->file.path, &root, &p->file.text, &p->file.text_len, err);
    p->file.root = root;
    bool parts = !rc && raml_yaml_find(root, "parts");
    if (!rc && parts) rc = read_file(p, o, err);
    if (!rc) rc = parts ? open_parts(p, o, err) : open_alone(p, o, err);
    if (!rc) rc = join(p, err);
    if (rc) raml_study_parts_close(p);
    else *out = p;
    return rc;
}

void raml_study_parts_close(struct raml_study_parts *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n_open; i++) raml_study_close((struct raml_study *)(uintptr_t)p->open[i].study);
    raml_arena_close(p->arena);
}

/* -- What is known of it -------------------------------------------------------------------------------------------- */

static const struct raml_study *own(const struct raml_study_parts *p)
{
    return p->n_parts ? &p->file : p->open[0].study;
}

const char *raml_study_parts_name(const struct raml_study_parts *p)
{
    return own(p)->name;
}

const char *raml_study_parts_about(const struct raml_study_parts *p)
{
    return own(p)->about;
}

const char *raml_study_parts_hash(const struct raml_study_parts *p)
{
    return own(p)->hash;
}

const char *raml_study_parts_text(const struct raml_study_parts *p, size_t *len)
{
    return raml_study_text(own(p), len);
}

json_t *raml_study_parts_declaration(const struct raml_study_parts *p)
{
    if (!p->n_parts) return raml_study_declaration(p->open[0].study);
    json_t *set = json_array(), *parts = json_object();
    int bad = !set || !parts;
    for (size_t i = 0; i < p->file.n_set; i++) bad |= json_array_append_new(set, json_string(p->file.set[i]));
    for (size_t i = 0; i < p->n_parts; i++)
        bad |= json_object_set_new(parts, p->part[i].name, json_string(p->part[i].hash));
    json_t *o = json_pack("{s:s, s:s, s:s?, s:I, s:o, s:o}", "name", p->file.name, "sha256", p->file.hash, "scale",
                          p->scale, "seeds", (json_int_t)p->n_seeds, "set", set, "parts", parts);
    if (p->first_seed > 1) bad |= json_object_set_new(o, "first_seed", json_integer((json_int_t)p->first_seed));
    if (!bad) return o;
    json_decref(o);
    return NULL;
}

size_t raml_study_parts_n(const struct raml_study_parts *p)
{
    return p->n_open;
}

struct raml_study_part raml_study_parts_get(const struct raml_study_parts *p, size_t i)
{
    return p->open[i];
}

size_t raml_study_parts_n_works(const struct raml_study_parts *p)
{
    return p->n_works;
}

const struct raml_study_work *raml_study_parts_work(const struct raml_study_parts *p, size_t i)
{
    return &p->work[i];
}

size_t raml_study_parts_work_of(const struct raml_study_parts *p, size_t part, size_t step)
{
    return p->work_of[part][step];
}
