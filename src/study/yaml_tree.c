/* yaml_tree.c - built from libyaml's events, which have lines (its documents follow aliases, without a bound). */
#include "study/yaml_tree.h"

#include "core/file.h"

#include <string.h>
#include <yaml.h>

enum { MAX_FILE = 1 << 20 };

struct builder {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *path;
    struct raml_arena *arena;
};

static enum raml_code next(struct builder *b, struct raml_err *err)
{
    yaml_event_delete(&b->event);
    if (yaml_parser_parse(&b->parser, &b->event)) return RAML_OK;
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", b->path);
    if (p->error == YAML_READER_ERROR)
        return raml_fail(err, RAML_EUSAGE, "%s: byte %zu: not UTF-8 text (%s)", b->path, p->problem_offset, p->problem);
    return raml_fail(err, RAML_EUSAGE, "%s:%zu: not YAML: %s", b->path, p->problem_mark.line + 1,
                     p->problem ? p->problem : "unreadable");
}

static size_t line_of(const struct builder *b)
{
    return b->event.start_mark.line + 1;
}

static struct raml_yaml *new_node(struct builder *b, enum raml_yaml_kind kind, struct raml_err *err)
{
    struct raml_yaml *y = raml_arena_alloc(b->arena, 1, sizeof *y);
    if (!y) {
        if (raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", b->path)) return NULL;
    } else {
        y->kind = kind;
        y->line = line_of(b);
    }
    return y;
}

static enum raml_code text_of(struct builder *b, const char **out, struct raml_err *err)
{
    const char *value = (const char *)b->event.data.scalar.value;
    size_t len = b->event.data.scalar.length;
    if (b->event.data.scalar.anchor || b->event.data.scalar.tag)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: anchors (&) and tags (!) are not supported", b->path, line_of(b));
    if (memchr(value, 0, len)) return raml_fail(err, RAML_EUSAGE, "%s:%zu: a zero byte in a text", b->path, line_of(b));
    *out = raml_arena_text(b->arena, value, len);
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", b->path);
}

static enum raml_code check_key(struct builder *b, const struct raml_yaml *map, const char *key, struct raml_err *err)
{
    const struct raml_yaml *had = raml_yaml_find(map, key);
    if (!had) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "%s:%zu: %s is given twice, first in line %zu", b->path, line_of(b), key,
                     had->line);
}

/* The containers that are open while events are read: no recursion, a bound on depth. */
struct open {
    struct raml_yaml *node, **tail;
    const char *key; /* of the next child, where node is a mapping; NULL: a key is expected */
};

static enum raml_code add(struct builder *b, struct open *in, struct raml_yaml *y, struct raml_err *err)
{
    if (!y) return err ? err->code : RAML_ENOMEM;
    if (in->node->kind == RAML_YAML_MAP && !in->key)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: %s as a key; expected text", b->path, y->line,
                         raml_yaml_kind_name(y));
    y->key = in->key;
    in->key = NULL;
    *in->tail = y;
    in->tail = &y->next;
    in->node->n++;
    return RAML_OK;
}

static enum raml_code scalar(struct builder *b, struct open *in, struct raml_err *err)
{
    const char *text = NULL;
    enum raml_code rc = text_of(b, &text, err);
    if (rc) return rc;
    if (in->node->kind == RAML_YAML_MAP && !in->key) {
        in->key = text;
        return check_key(b, in->node, text, err);
    }
    struct raml_yaml *y = new_node(b, RAML_YAML_VALUE, err);
    if (y) y->text = text;
    return add(b, in, y, err);
}

static enum raml_code begin(struct builder *b, struct open *stack, size_t *depth, enum raml_yaml_kind kind,
                            struct raml_err *err)
{
    const yaml_event_t *e = &b->event;
    bool marked = kind == RAML_YAML_MAP ? e->data.mapping_start.anchor || e->data.mapping_start.tag
                                        : e->data.sequence_start.anchor || e->data.sequence_start.tag;
    if (marked)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: anchors (&) and tags (!) are not supported", b->path, line_of(b));
    if (*depth == RAML_YAML_DEPTH)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: nested deeper than %d levels", b->path, line_of(b),
                         RAML_YAML_DEPTH);
    struct raml_yaml *y = new_node(b, kind, err);
    enum raml_code rc = add(b, &stack[*depth], y, err);
    if (!rc) stack[++*depth] = (struct open){.node = y, .tail = &y->child};
    return rc;
}

/* One event into the innermost open container. */
static enum raml_code take(struct builder *b, struct open *stack, size_t *depth, struct raml_err *err)
{
    switch (b->event.type) {
    case YAML_SCALAR_EVENT: return scalar(b, &stack[*depth], err);
    case YAML_MAPPING_START_EVENT: return begin(b, stack, depth, RAML_YAML_MAP, err);
    case YAML_SEQUENCE_START_EVENT: return begin(b, stack, depth, RAML_YAML_LIST, err);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: --*depth; return RAML_OK;
    case YAML_ALIAS_EVENT:
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: aliases (*name) are not supported", b->path, line_of(b));
    default: return RAML_OK;
    }
}

static enum raml_code build(struct builder *b, struct raml_yaml **out, struct raml_err *err)
{
    struct raml_yaml document = {.kind = RAML_YAML_LIST};
    struct open stack[RAML_YAML_DEPTH + 1] = {{.node = &document, .tail = &document.child}};
    size_t depth = 0, documents = 0;
    do {
        enum raml_code rc = next(b, err);
        if (!rc && b->event.type == YAML_DOCUMENT_START_EVENT && documents++)
            rc = raml_fail(err, RAML_EUSAGE, "%s:%zu: a second document; expected one", b->path, line_of(b));
        if (!rc) rc = take(b, stack, &depth, err);
        if (rc) return rc;
    } while (b->event.type != YAML_STREAM_END_EVENT);
    if (!document.child) return raml_fail(err, RAML_EUSAGE, "%s: is empty", b->path);
    *out = document.child;
    return RAML_OK;
}

enum raml_code raml_yaml_load(struct raml_arena *a, const char *path, struct raml_yaml **out, const char **text,
                              size_t *len, struct raml_err *err)
{
    struct builder b = {.path = path, .arena = a};
    struct raml_buf file;
    raml_buf_init(&file, MAX_FILE);
    enum raml_code rc = raml_file_read(path, &file, err);
    if (rc == RAML_ENOMEM || (!rc && file.len > MAX_FILE)) rc = raml_wrap(err, rc, "a study has at most 1 MiB");
    if (!rc && !yaml_parser_initialize(&b.parser)) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    if (!rc) {
        yaml_parser_set_input_string(&b.parser, (const unsigned char *)(file.data ? file.data : ""), file.len);
        rc = build(&b, out, err);
        yaml_event_delete(&b.event);
        yaml_parser_delete(&b.parser);
    }
    *text = rc ? NULL : raml_arena_text(a, file.data ? file.data : "", file.len);
    *len = file.len;
    if (!rc && !*text) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    raml_buf_deinit(&file);
    return rc;
}

const struct raml_yaml *raml_yaml_find(const struct raml_yaml *map, const char *key)
{
    for (const struct raml_yaml *y = map ? map->child : NULL; y; y = y->next)
        if (y->key && !strcmp(y->key, key)) return y;
    return NULL;
}

const char *raml_yaml_kind_name(const struct raml_yaml *y)
{
    return y->kind == RAML_YAML_VALUE ? "a value" : y->kind == RAML_YAML_LIST ? "a list" : "a mapping";
}
