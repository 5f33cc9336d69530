/* declared_read.c - a study's file: values, arms and steps; declared_claims.c has the rest. See study.h, declared.h. */
#include "study/declared.h"

#include "core/nearest.h"

#include <sha2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MEMORY = 512 << 20, MAX_NAME = 64 };

/* -- Checks of the tree --------------------------------------------------------------------------------------------- */

enum raml_code raml_study_check_name(const struct raml_study *s, const struct raml_yaml *y, const char *what,
                                     struct raml_err *err)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strlen(y->key);
    if (n == 0 || n > MAX_NAME || strspn(y->key, letters) != n || y->key[0] == '-')
        return raml_study_fail(s, y, err, "%s: as the name of %s expected letters, digits, _ and -, at most %d", y->key,
                               what, MAX_NAME);
    if (!strcmp(y->key, "seed") || !strcmp(y->key, "out"))
        return raml_study_fail(s, y, err, "%s: {%s} has a meaning of its own; expected another name", y->key, y->key);
    return RAML_OK;
}

/* A mapping of the root; NULL where it is missing. Its children are mappings or, where allowed, values. */
static enum raml_code section(const struct raml_study *s, const char *name, bool needed, const struct raml_yaml **out,
                              struct raml_err *err)
{
    *out = raml_yaml_find(s->root, name);
    if (!*out) return needed ? raml_study_fail(s, s->root, err, "%s is missing", name) : RAML_OK;
    if ((*out)->kind != RAML_YAML_MAP || !(*out)->n)
        return raml_study_fail(s, *out, err, "%s: expected a mapping with something in it", name);
    return RAML_OK;
}

/* Names with plain values, or nothing at all. */
static enum raml_code check_values(const struct raml_study *s, const struct raml_yaml *map, struct raml_err *err)
{
    if (map->kind == RAML_YAML_VALUE && !*map->text) return RAML_OK; /* an arm in which nothing differs */
    if (map->kind != RAML_YAML_MAP)
        return raml_study_fail(s, map, err, "found %s, expected a mapping of values", raml_yaml_kind_name(map));
    for (const struct raml_yaml *y = map->child; y; y = y->next) {
        enum raml_code rc = raml_study_check_name(s, y, "a value", err);
        if (rc) return rc;
        if (y->kind != RAML_YAML_VALUE)
            return raml_study_fail(s, y, err, "%s: found %s, expected a value", y->key, raml_yaml_kind_name(y));
        for (size_t i = 0; i < s->n_steps; i++)
            if (!strcmp(s->step[i].at->key, y->key))
                return raml_study_fail(s, y, err, "%s: a step has that name, in line %zu", y->key, s->step[i].at->line);
    }
    return RAML_OK;
}

/* -- Arms ----------------------------------------------------------------------------------------------------------- */

static enum raml_code read_axis(struct raml_study *s, const char *name, const struct raml_yaml *map,
                                struct raml_err *err)
{
    if (s->n_axes == STUDY_MAX_AXES) return raml_study_fail(s, map, err, "more than %d axes", STUDY_MAX_AXES);
    if (map->kind != RAML_YAML_MAP || !map->n)
        return raml_study_fail(s, map, err, "%s: expected a mapping of at least one arm", name);
    struct study_axis *axis = &s->axis[s->n_axes];
    axis->name = name;
    axis->point = raml_arena_alloc(s->arena, map->n, sizeof *axis->point);
    if (!axis->point) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its arms", s->path);
    for (const struct raml_yaml *y = map->child; y; y = y->next) {
        enum raml_code rc = raml_study_check_name(s, y, "an arm", err);
        if (!rc) rc = check_values(s, y, err);
        if (rc) return rc;
        axis->point[axis->n++] = y;
    }
    s->n_axes++;
    return RAML_OK;
}

/* All points of the grid, the last axis fastest. */
static enum raml_code make_arms(struct raml_study *s, struct raml_err *err)
{
    size_t n = 1;
    for (size_t a = 0; a < s->n_axes; a++) {
        n *= s->axis[a].n;
        if (n > STUDY_MAX_ARMS) return raml_study_fail(s, s->root, err, "more than %d arms", STUDY_MAX_ARMS);
    }
    s->arm = raml_arena_alloc(s->arena, n, sizeof *s->arm);
    if (!s->arm) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its arms", s->path);
    s->n_arms = n;
    for (size_t i = 0; i < n; i++) {
        struct study_arm *arm = &s->arm[i];
        char name[STUDY_MAX_AXES * (MAX_NAME + 1) + 1] = "";
        for (size_t a = s->n_axes, rest = i; a-- > 0; rest /= s->axis[a].n) arm->point[a] = rest % s->axis[a].n;
        for (size_t a = 0; a < s->n_axes; a++) {
            if (a) strcat(name, "/");
            strcat(name, s->axis[a].point[arm->point[a]]->key);
        }
        arm->name = raml_arena_text(s->arena, name, strlen(name));
        if (!arm->name) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its arms", s->path);
    }
    return RAML_OK;
}

static enum raml_code read_arms(struct raml_study *s, struct raml_err *err)
{
    const struct raml_yaml *arms = NULL, *axes = NULL;
    enum raml_code rc = section(s, "arms", false, &arms, err);
    if (!rc) rc = section(s, "axes", false, &axes, err);
    if (!rc && !arms == !axes) rc = raml_study_fail(s, s->root, err, "expected either arms or axes");
    if (!rc && arms) rc = read_axis(s, "arms", arms, err);
    for (const struct raml_yaml *y = axes ? axes->child : NULL; y && !rc; y = y->next) {
        rc = raml_study_check_name(s, y, "an axis", err);
        if (!rc) rc = read_axis(s, y->key, y, err);
    }
    return rc ? rc : make_arms(s, err);
}

/* -- Steps ---------------------------------------------------------------------------------------------------------- */

static enum raml_code add_command(struct raml_study *s, struct study_template *t, const struct raml_yaml *y,
                                  struct raml_err *err)
{
    if (y->kind != RAML_YAML_VALUE || !*y->text)
        return raml_study_fail(s, y, err, "run: found %s, expected a command without the leading raml",
                               y->kind == RAML_YAML_VALUE ? "nothing" : raml_yaml_kind_name(y));
    if (t->n == STUDY_MAX_COMMANDS) return raml_study_fail(s, y, err, "more than %d commands", STUDY_MAX_COMMANDS);
    t->command[t->n++] = y;
    return RAML_OK;
}

static enum raml_code read_step(struct raml_study *s, const struct raml_yaml *y, struct raml_err *err)
{
    static const char *const known[] = {"run", "minutes"};
    if (s->n_steps == STUDY_MAX_STEPS) return raml_study_fail(s, y, err, "more than %d steps", STUDY_MAX_STEPS);
    struct study_template *t = &s->step[s->n_steps];
    t->at = y;
    enum raml_code rc = raml_study_check_name(s, y, "a step", err);
    const struct raml_yaml *run = y, *minutes = NULL;
    if (!rc && y->kind == RAML_YAML_MAP) {
        rc = raml_study_check_fields(s, y, known, sizeof known / sizeof *known, err);
        run = raml_yaml_find(y, "run");
        minutes = raml_yaml_find(y, "minutes");
    }
    if (!rc && !run) rc = raml_study_fail(s, y, err, "step %s: run is missing", y->key);
    if (!rc && minutes && minutes->kind != RAML_YAML_VALUE)
        rc = raml_study_fail(s, minutes, err, "minutes: found %s, expected a number", raml_yaml_kind_name(minutes));
    if (!rc && run->kind != RAML_YAML_LIST) rc = add_command(s, t, run, err);
    else
        for (const struct raml_yaml *c = rc ? NULL : run->child; c && !rc; c = c->next) rc = add_command(s, t, c, err);
    if (!rc && t->n == 0) rc = raml_study_fail(s, y, err, "step %s: no command", y->key);
    t->minutes = minutes ? minutes->text : NULL;
    s->n_steps++;
    return rc;
}

static enum raml_code read_steps(struct raml_study *s, struct raml_err *err)
{
    const struct raml_yaml *steps = NULL;
    enum raml_code rc = section(s, "steps", true, &steps, err);
    for (const struct raml_yaml *y = steps ? steps->child : NULL; y && !rc; y = y->next) rc = read_step(s, y, err);
    return rc;
}

/* -- Values, scale, seeds ------------------------------------------------------------------------------------------- */

static enum raml_code choose_scale(struct raml_study *s, const struct raml_study_options *o, struct raml_err *err)
{
    const struct raml_yaml *scales = NULL;
    enum raml_code rc = section(s, "scales", false, &scales, err);
    if (rc) return rc;
    if (!scales && !o->scale) return RAML_OK;
    if (!scales) return raml_fail(err, RAML_EUSAGE, "%s has no scales; found the scale '%s'", s->path, o->scale);
    const char *names[STUDY_MAX_STEPS];
    size_t n = 0;
    for (const struct raml_yaml *y = scales->child; y && !rc; y = y->next) {
        if (n == STUDY_MAX_STEPS) return raml_study_fail(s, y, err, "more than %d scales", STUDY_MAX_STEPS);
        names[n++] = y->key;
        rc = raml_study_check_name(s, y, "a scale", err);
        if (!rc) rc = check_values(s, y, err);
    }
    s->scale = o->scale ? raml_yaml_find(scales, o->scale) : scales->child;
    if (!rc && !s->scale) rc = raml_fail_unknown(err, "scale", o->scale, names, n);
    return rc;
}

/* {seeds} of the scale, or the file's; the command line wins. */
static enum raml_code read_seeds(struct raml_study *s, const struct raml_study_options *o, struct raml_err *err)
{
    const struct raml_yaml *y = raml_yaml_find(s->root, "seeds"), *in_scale = raml_yaml_find(s->scale, "seeds");
    if (in_scale) y = in_scale;
    s->n_seeds = o->seeds;
    s->first_seed = o->first_seed ? o->first_seed : 1;
    char *end = NULL;
    unsigned long n = y && y->text ? strtoul(y->text, &end, 10) : 0;
    if (y && (y->kind != RAML_YAML_VALUE || end == y->text || *end || n < 1 || n > RAML_STUDY_MAX_SEEDS))
        return raml_study_fail(s, y, err, "seeds: expected a number from 1 to %d", RAML_STUDY_MAX_SEEDS);
    if (!s->n_seeds) s->n_seeds = n ? n : 1;
    if (s->n_seeds > RAML_STUDY_MAX_SEEDS)
        return raml_fail(err, RAML_EUSAGE, "%zu seeds; expected at most %d", s->n_seeds, RAML_STUDY_MAX_SEEDS);
    return RAML_OK;
}

static bool names_value(const struct raml_yaml *map, const char *name, size_t n)
{
    for (const struct raml_yaml *y = map ? map->child : NULL; y; y = y->next)
        if (y->key && strlen(y->key) == n && !memcmp(y->key, name, n)) return true;
    return false;
}

static bool has_value(const struct raml_study *s, const char *name, size_t n)
{
    bool is = names_value(s->scale, name, n) || names_value(s->values, name, n);
    for (size_t a = 0; a < s->n_axes; a++)
        for (size_t k = 0; k < s->axis[a].n; k++) is = is || names_value(s->axis[a].point[k], name, n);
    return is;
}

/* Not what the arms differ in, and once: set[i], n bytes of name. */
static enum raml_code check_one_set(const struct raml_study *s, const char **set, size_t i, size_t n,
                                    struct raml_err *err)
{
    for (size_t k = 0; k < i; k++)
        if (!strncmp(set[k], set[i], n + 1))
            return raml_fail(err, RAML_EUSAGE, "'%.*s' is set twice: %s, %s", (int)n, set[i], set[k], set[i]);
    for (size_t a = 0; a < s->n_axes; a++)
        for (size_t k = 0; k < s->axis[a].n; k++)
            for (const struct raml_yaml *y = s->axis[a].point[k]->child; y; y = y->next)
                if (strlen(y->key) == n && !strncmp(y->key, set[i], n))
                    return raml_fail(err, RAML_EUSAGE, "%s:%zu: '%s' is what the arms differ in, and can't be set",
                                     s->path, y->line, y->key);
    return RAML_OK;
}

/* A value that is set is one that the file has somewhere: else a slip of the pen would change nothing. */
static enum raml_code check_set(struct raml_study *s, const char **set, struct raml_err *err)
{
    size_t n_kept = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < s->n_set; i++) {
        size_t n = strcspn(set[i], "=");
        if (!set[i][n] || n == 0) return raml_fail(err, RAML_EUSAGE, "found '%s', expected name=value", set[i]);
        bool is = has_value(s, set[i], n);
        if (!is && !s->taken)
            return raml_fail(err, RAML_EUSAGE, "%s has no value called '%.*s'", s->path, (int)n, set[i]);
        if (!is) continue;
        rc = check_one_set(s, set, i, n, err);
        if (rc) return rc;
        if (s->taken) s->taken[i] = true;
        set[n_kept++] = set[i];
    }
    s->n_set = n_kept;
    return RAML_OK;
}

/* What a slope is against is a number at every point: known before anything runs. */
static enum raml_code check_slopes(const struct raml_study *s, struct raml_err *err)
{
    for (const struct study_claim *c = s->claim; c < s->claim + s->n_claims; c++) {
        double x = 0, least = INFINITY, most = -INFINITY;
        for (size_t k = 0; c->over >= 0 && k < s->axis[c->over].n; k++) {
            enum raml_code rc = raml_study_x(s, c, k, &x, err);
            if (rc) return rc;
            least = fmin(least, x);
            most = fmax(most, x);
        }
        if (c->over >= 0 && !(most > least))
            return raml_study_fail(s, c->at, err, "x: %s is %g at every point of %s; a slope needs two values", c->x,
                                   least, s->axis[c->over].name);
    }
    return RAML_OK;
}

static enum raml_code read_all(struct raml_study *s, const struct raml_study_options *o, const char **set,
                               struct raml_err *err)
{
    static const char *const known[] = {"name", "about", "values", "scales",   "seeds",
                                        "arms", "axes",  "steps",  "measures", "claims"};
    enum raml_code rc = raml_study_check_fields(s, s->root, known, sizeof known / sizeof *known, err);
    const struct raml_yaml *name = raml_yaml_find(s->root, "name"), *about = raml_yaml_find(s->root, "about");
    if (!rc && (!name || name->kind != RAML_YAML_VALUE || !*name->text))
        rc = raml_study_fail(s, name ? name : s->root, err, "name: expected the study's name");
    if (!rc && about && about->kind != RAML_YAML_VALUE)
        rc = raml_study_fail(s, about, err, "about: found %s, expected text", raml_yaml_kind_name(about));
    if (!rc && (strchr(name->text, '/') || strchr("-.", *name->text) || strlen(name->text) > MAX_NAME)) /* a folder */
        rc = raml_study_fail(s, name, err,
                             "name: found '%.80s', expected at most %d bytes without /, not begun by - or .",
                             name->text, MAX_NAME);
    if (rc) return rc;
    s->name = name->text;
    s->about = about ? about->text : "";
    rc = read_steps(s, err);
    if (!rc) rc = section(s, "values", false, &s->values, err);
    if (!rc && s->values) rc = check_values(s, s->values, err);
    if (!rc) rc = choose_scale(s, o, err);
    if (!rc) rc = read_seeds(s, o, err);
    if (!rc) rc = read_arms(s, err);
    if (!rc) rc = check_set(s, set, err);
    if (!rc) rc = raml_study_read_measures(s, err);
    if (!rc) rc = raml_study_read_claims(s, err);
    if (!rc) rc = check_slopes(s, err);
    if (rc) return rc;
    s->of = raml_arena_alloc(s->arena, s->n_arms * s->n_seeds * s->n_steps, sizeof *s->of);
    s->instance = raml_arena_alloc(s->arena, STUDY_MAX_INSTANCES, sizeof *s->instance);
    if (!s->of || !s->instance) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its steps", s->path);
    return raml_study_plan(s, err);
}

static enum raml_code keep(struct raml_study *s, const char *text, const char **out, struct raml_err *err)
{
    *out = raml_arena_text(s->arena, text, strlen(text));
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", text);
}

enum raml_code raml_study_open(const char *path, const struct raml_study_options *o, struct raml_study **out,
                               struct raml_err *err)
{
    return raml_study_open_part(path, o, NULL, out, err);
}

enum raml_code raml_study_open_part(const char *path, const struct raml_study_options *o, bool *taken,
                                    struct raml_study **out, struct raml_err *err)
{
    *out = NULL;
    struct raml_arena *arena = raml_arena_open(MAX_MEMORY);
    struct raml_study *s = arena ? raml_arena_alloc(arena, 1, sizeof *s) : NULL;
    if (!s) {
        raml_arena_close(arena);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    }
    s->arena = arena;
    s->path = path;
    s->taken = taken;
    struct raml_yaml *root = NULL;
    const char **set = raml_arena_alloc(arena, o->n_set + 1, sizeof *set);
    enum raml_code rc = set ? keep(s, path, &s->path, err) : raml_fail(err, RAML_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < o->n_set && !rc; i++) rc = keep(s, o->set[i], &set[i], err);
    s->set = set;
    s->n_set = o->n_set;
    if (!rc) rc = raml_yaml_load(arena, s->path, &root, &s->text, &s->text_len, err);
    if (!rc) {
        SHA256Data((const uint8_t *)s->text, s->text_len, s->hash);
        s->root = root;
        rc = read_all(s, o, set, err);
    }
    if (rc) raml_study_close(s);
    else *out = s;
    return rc;
}

void raml_study_close(struct raml_study *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_instances; i++) raml_buf_deinit(&s->instance[i].used);
    raml_arena_close(s->arena);
}

const char *raml_study_name(const struct raml_study *s)
{
    return s->name;
}

const char *raml_study_about(const struct raml_study *s)
{
    return s->about;
}

const char *raml_study_hash(const struct raml_study *s)
{
    return s->hash;
}

const char *raml_study_text(const struct raml_study *s, size_t *len)
{
    *len = s->text_len;
    return s->text;
}

json_t *raml_study_declaration(const struct raml_study *s)
{
    json_t *set = json_array();
    int bad = !set;
    for (size_t i = 0; i < s->n_set; i++) bad |= json_array_append_new(set, json_string(s->set[i]));
    json_t *o = json_pack("{s:s, s:s, s:s?, s:I, s:o}", "name", s->name, "sha256", s->hash, "scale",
                          s->scale ? s->scale->key : NULL, "seeds", (json_int_t)s->n_seeds, "set", set);
    if (s->first_seed > 1) bad |= json_object_set_new(o, "first_seed", json_integer((json_int_t)s->first_seed));
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}
