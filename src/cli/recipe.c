/* recipe.c - settings from and to YAML: one flat mapping of names to scalar values.
 *
 *     # recipe.yaml
 *     learning_rate: 3.0e-4     keys are the names of options, with underscores or dashes
 *     out: "runs/first"         text may be quoted; numbers, true and false may not
 *     raml_version: "0.1.0"     keys that begin with raml_ are notes of the program and are skipped,
 *     raml_command: train sft   except this one, the command: another refuses the recipe, 'raml train' runs it,
 *     raml_arguments: [a.jsonl] and this: the nameless arguments where the command line has none
 *
 * Uses libyaml's events and not libcyaml, which gives line numbers only inside its log messages (and, for a key given
 * twice, the line of the first), reads "1e" as 1 and NaN as a number, and cannot name the nearest key.
 */
#include "cli/options.h"

#include "core/file.h"

#include "core/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Deeper notes are refused: libyaml's time grows with the square of the depth. */
enum { MAX_FILE = 1 << 20, MAX_DEPTH = 16 };

/* -- reading ------------------------------------------------------------------------------------------------------- */

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; deleted when the next is read */
    const char *path;
};

static size_t line_of(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

static enum raml_code next(struct reader *r, struct raml_err *err)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event)) return RAML_OK;
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", r->path);
    if (p->error == YAML_READER_ERROR)
        return raml_fail(err, RAML_EUSAGE, "%s: byte %zu: not UTF-8 text (%s)", r->path, p->problem_offset, p->problem);
    return raml_fail(err, RAML_EUSAGE, "%s:%zu: not YAML: %s", r->path, p->problem_mark.line + 1,
                     p->problem ? p->problem : "unreadable");
}

static const char *kind(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SEQUENCE_START_EVENT: return "a list";
    case YAML_MAPPING_START_EVENT: return "a nested mapping";
    case YAML_ALIAS_EVENT: return "an alias (*name)";
    default: return "a plain value";
    }
}

/* Skips the value that the current event begins. */
static enum raml_code skip(struct reader *r, struct raml_err *err)
{
    size_t depth = 0;
    for (;;) {
        yaml_event_type_t t = r->event.type;
        if (t == YAML_SEQUENCE_START_EVENT || t == YAML_MAPPING_START_EVENT) depth++;
        if (t == YAML_SEQUENCE_END_EVENT || t == YAML_MAPPING_END_EVENT) depth--;
        if (depth == 0) return RAML_OK;
        if (depth > MAX_DEPTH)
            return raml_fail(err, RAML_EUSAGE, "%s:%zu: nested deeper than %d levels", r->path, line_of(r), MAX_DEPTH);
        enum raml_code rc = next(r, err);
        if (rc) return rc;
    }
}

static bool is_null(const yaml_event_t *e)
{
    const char *v = (const char *)e->data.scalar.value;
    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    return !*v || strcmp(v, "~") == 0 || strcmp(v, "null") == 0 || strcmp(v, "Null") == 0 || strcmp(v, "NULL") == 0;
}

/* The current event is the value of `slot`. */
static enum raml_code read_value(struct cli_parsed *p, struct reader *r, struct cli_slot *slot, struct raml_err *err)
{
    const struct raml_setting *o = slot->option;
    const yaml_event_t *e = &r->event;
    char want[RAML_EXPECTED];
    raml_setting_expected(o, want);
    if (e->type != YAML_SCALAR_EVENT) return raml_fail(err, RAML_EUSAGE, "found %s, expected %s", kind(e), want);
    if (e->data.scalar.tag || e->data.scalar.anchor)
        return raml_fail(err, RAML_EUSAGE, "tags (!) and anchors (&) are not supported; expected %s", want);
    if (is_null(e)) {
        if (!o->value) return RAML_OK; /* not given, as by default */
        return raml_fail(err, RAML_EUSAGE, "found no value (null), expected %s", want);
    }
    bool text = raml_setting_holds_text(o) || raml_setting_has_words(o);
    const char *value = (const char *)e->data.scalar.value;
    if (!text && e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        char shown[RAML_SHOWN];
        raml_shown(value, e->data.scalar.length, shown);
        return raml_fail(err, RAML_EUSAGE, "found the quoted text '%s', expected %s", shown, want);
    }
    return cli_slot_set(p, slot, value, e->data.scalar.length, err);
}

/* One nameless argument, into p->arg unless the command line has its own. */
static enum raml_code add_argument(struct cli_parsed *p, const yaml_event_t *e, size_t *room, struct raml_err *err)
{
    if (e->type != YAML_SCALAR_EVENT) return raml_fail(err, RAML_EUSAGE, "found %s, expected text", kind(e));
    const char *arg = raml_arena_text(p->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
    if (!arg) return raml_fail(err, RAML_ENOMEM, "no memory for arguments");
    if (strlen(arg) != e->data.scalar.length) return raml_fail(err, RAML_EUSAGE, "found a zero byte inside the value");
    enum raml_code rc = cli_refuse_argument(p, arg, err);
    if (rc || p->args_given) return rc;
    if (p->n_args == *room) {
        *room = 2 * *room + 8;
        const char **more = raml_arena_alloc(p->arena, *room, sizeof *more);
        if (!more) return raml_fail(err, RAML_ENOMEM, "no memory for arguments");
        if (p->n_args) memcpy(more, p->arg, p->n_args * sizeof *more);
        p->arg = more;
    }
    p->arg[p->n_args++] = arg;
    return RAML_OK;
}

/* The current event begins the list of nameless arguments; afterwards it is its end. */
static enum raml_code read_arguments(struct cli_parsed *p, struct reader *r, struct raml_err *err)
{
    size_t room = 0;
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: raml_arguments: found %s, expected a list", r->path, line_of(r),
                         kind(&r->event));
    if (!p->args_given) p->n_args = 0;
    for (;;) {
        enum raml_code rc = next(r, err);
        if (rc || r->event.type == YAML_SEQUENCE_END_EVENT) return rc;
        rc = add_argument(p, &r->event, &room, err);
        if (rc) return raml_wrap(err, rc, "%s:%zu: raml_arguments", r->path, line_of(r));
    }
}

/* A key of the program's own notes. raml_command must match; raml_arguments is read. */
static enum raml_code read_note(struct cli_parsed *p, struct reader *r, const char *key, struct raml_err *err)
{
    const yaml_event_t *e = &r->event;
    bool command = strcmp(key, "raml_command") == 0;
    if (strcmp(key, "raml_arguments") == 0) return read_arguments(p, r, err);
    if (command && e->type == YAML_SCALAR_EVENT && strcmp((const char *)e->data.scalar.value, p->cmd->name) != 0) {
        char shown[RAML_SHOWN];
        raml_shown((const char *)e->data.scalar.value, e->data.scalar.length, shown);
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: this recipe is for 'raml %s', not for 'raml %s'", r->path,
                         line_of(r), shown, p->cmd->name);
    }
    return skip(r, err);
}

static enum raml_code unknown_key(const struct cli_parsed *p, const struct reader *r, const char *key,
                                  struct raml_err *err)
{
    const char *more, *near = cli_slot_nearest(p, key, &more);
    if (near)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: unknown key '%s'; did you mean '%s'?%s", r->path, line_of(r), key,
                         near, more);
    return raml_fail(err, RAML_EUSAGE, "%s:%zu: unknown key '%s'; 'raml %s --help' lists them", r->path, line_of(r),
                     key, p->cmd->name);
}

/* The current event is a key; afterwards it is the last event of its value. */
static enum raml_code read_pair(void *user, struct reader *r, struct raml_err *err)
{
    struct cli_parsed *p = user;
    if (r->event.type != YAML_SCALAR_EVENT)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: found %s, expected the name of a setting", r->path, line_of(r),
                         kind(&r->event));
    const char *name = (const char *)r->event.data.scalar.value;
    size_t len = r->event.data.scalar.length, line = line_of(r);
    char key[RAML_SHOWN];
    raml_shown(name, len, key);
    struct cli_slot *slot = cli_slot_find(p, name, len);
    bool note = !slot && strncmp(name, "raml_", 5) == 0;
    if (!slot && !note) return unknown_key(p, r, key, err);
    if (slot && (slot->field == &p->common.config || slot->field == &p->common.help))
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: '%s' belongs on the command line, not in a recipe", r->path, line,
                         key);
    if (slot && slot->line)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: '%s' is given twice (first on line %zu)", r->path, line,
                         slot->option->name, slot->line);
    enum raml_code rc = next(r, err);
    if (rc) return rc;
    if (note) return read_note(p, r, key, err);
    slot->line = line;
    rc = read_value(p, r, slot, err);
    return rc ? raml_wrap(err, rc, "%s:%zu: %s", r->path, line_of(r), slot->option->name) : RAML_OK;
}

/* Of raml_command: the text and its line. */
struct named_command {
    char *name;
    size_t *line;
};

/* As read_pair, of raml_command alone: all else is skipped. */
static enum raml_code find_command(void *user, struct reader *r, struct raml_err *err)
{
    const struct named_command *found = user;
    const yaml_event_t *e = &r->event;
    bool command = e->type == YAML_SCALAR_EVENT && strcmp((const char *)e->data.scalar.value, "raml_command") == 0;
    enum raml_code rc = command ? RAML_OK : skip(r, err); /* a key may be a list */
    if (!rc) rc = next(r, err);
    if (rc || !command) return rc ? rc : skip(r, err);
    if (e->type != YAML_SCALAR_EVENT)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: raml_command: found %s, expected text", r->path, line_of(r),
                         kind(e));
    raml_shown((const char *)e->data.scalar.value, e->data.scalar.length, found->name);
    *found->line = line_of(r);
    return RAML_OK;
}

/* What a pair is read by: the current event is its key, and afterwards the last event of its value. */
typedef enum raml_code (*pair_reader)(void *user, struct reader *r, struct raml_err *err);

/* stream start, [document start, mapping, document end], stream end */
static enum raml_code read_document(pair_reader pair, void *user, struct reader *r, struct raml_err *err)
{
    enum raml_code rc = next(r, err);
    if (!rc) rc = next(r, err);
    if (rc || r->event.type == YAML_STREAM_END_EVENT) return rc; /* only comments: no settings */
    rc = next(r, err);
    if (rc) return rc;
    bool empty = r->event.type == YAML_SCALAR_EVENT && is_null(&r->event);
    if (!empty && r->event.type != YAML_MAPPING_START_EVENT)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: found %s, expected lines of the form 'name: value'", r->path,
                         line_of(r), kind(&r->event));
    while (!empty) {
        rc = next(r, err);
        if (rc) return rc;
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        rc = pair(user, r, err);
        if (rc) return rc;
    }
    rc = next(r, err); /* document end */
    if (!rc) rc = next(r, err);
    if (rc) return rc;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: a second document begins; expected one", r->path, line_of(r));
    return RAML_OK;
}

static enum raml_code read_file(const char *path, pair_reader pair, void *user, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_FILE);
    struct reader r = {.path = path};
    enum raml_code rc = raml_file_read(path, &text, err);
    const char *other = !rc && text.len ? raml_file_no_text(text.data, text.len) : NULL;
    if (other) rc = raml_fail(err, RAML_EUSAGE, "%s: %s", path, other);
    if (rc) {
        raml_buf_deinit(&text);
        return raml_wrap(err, rc, "--config");
    }
    if (!yaml_parser_initialize(&r.parser)) {
        raml_buf_deinit(&text);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to read it", path);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.data ? text.data : ""), text.len);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    rc = read_document(pair, user, &r, err);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    raml_buf_deinit(&text);
    return rc;
}

enum raml_code cli_recipe_read(struct cli_parsed *p, const char *path, struct raml_err *err)
{
    return read_file(path, read_pair, p, err);
}

enum raml_code cli_recipe_command(const char *path, char name[RAML_SHOWN], size_t *line, struct raml_err *err)
{
    struct named_command found = {.name = name, .line = line};
    name[0] = 0;
    *line = 0;
    return read_file(path, find_command, &found, err);
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static int append(void *user, unsigned char *bytes, size_t n)
{
    struct raml_buf *out = user;
    raml_buf_add(out, bytes, n);
    return out->code == RAML_OK;
}

static bool emit(yaml_emitter_t *e, int initialised, yaml_event_t *event)
{
    return initialised && yaml_emitter_emit(e, event);
}

static bool emit_scalar(yaml_emitter_t *e, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    if (!text) text = "";
    int ok =
        yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, style);
    return emit(e, ok, &event);
}

static bool emit_pair(yaml_emitter_t *e, const char *key, const char *value, bool quoted)
{
    return emit_scalar(e, key, YAML_PLAIN_SCALAR_STYLE) &&
           emit_scalar(e, value, quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
}

/* The shortest decimal that reads back as x, with the point that YAML 1.1 wants in a real ("1.0e-05"). */
static void real_text(double x, char out[40])
{
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x) break;
    }
    size_t mantissa = strcspn(digits, "e");
    const char *point = memchr(digits, '.', mantissa) ? "" : ".0";
    snprintf(out, 40, "%.*s%s%s", (int)mantissa, digits, point, digits + mantissa);
}

static bool emit_slot(yaml_emitter_t *e, const struct cli_slot *s)
{
    const struct raml_setting *o = s->option;
    const void *field = s->field;
    const char *word;
    char number[40];
    bool text = raml_setting_holds_text(o);
    if (text ? !*(const char *const *)field : !o->value && !s->given && o->type != RAML_FLAG)
        return emit_pair(e, o->name, "null", false);
    switch (o->type) {
    case RAML_FLAG: return emit_pair(e, o->name, *(const bool *)field ? "true" : "false", false);
    case RAML_INT: snprintf(number, sizeof number, "%" PRId64, *(const int64_t *)field); break;
    case RAML_REAL: real_text(*(const double *)field, number); break;
    case RAML_TEXT:
    case RAML_PATH:
    case RAML_ONE: return emit_pair(e, o->name, *(const char *const *)field, true);
    case RAML_WORD: {
        int len = (int)raml_setting_word(o, (size_t) * (const int *)field, &word);
        snprintf(number, sizeof number, "%.*s", len, word);
        return emit_pair(e, o->name, number, true);
    }
    }
    return emit_pair(e, o->name, number, false);
}

static bool emit_arguments(yaml_emitter_t *e, const struct cli_parsed *p)
{
    yaml_event_t event;
    if (p->n_args == 0) return true;
    bool ok = emit_scalar(e, "raml_arguments", YAML_PLAIN_SCALAR_STYLE) &&
              emit(e, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE), &event);
    for (size_t i = 0; ok && i < p->n_args; i++) ok = emit_scalar(e, p->arg[i], YAML_DOUBLE_QUOTED_SCALAR_STYLE);
    return ok && emit(e, yaml_sequence_end_event_initialize(&event), &event);
}

static bool emit_all(yaml_emitter_t *e, const struct cli_parsed *p)
{
    yaml_event_t event;
    bool ok = emit(e, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event) &&
              emit(e, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event) &&
              emit(e, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), &event) &&
              emit_pair(e, "raml_command", p->cmd->name, true) && emit_pair(e, "raml_version", RAML_VERSION, true) &&
              emit_arguments(e, p);
    for (size_t i = 0; ok && i < p->n_slots; i++)
        if (!p->slot[i].display) ok = emit_slot(e, &p->slot[i]);
    return ok && emit(e, yaml_mapping_end_event_initialize(&event), &event) &&
           emit(e, yaml_document_end_event_initialize(&event, 1), &event) &&
           emit(e, yaml_stream_end_event_initialize(&event), &event) && yaml_emitter_flush(e);
}

/* libyaml refuses text that is not UTF-8: file names may be any bytes, so report which one it was. */
static const char *not_utf8(const struct cli_parsed *p)
{
    for (size_t i = 0; i < p->n_slots + p->n_args; i++) {
        bool slot = i < p->n_slots;
        if (slot && !raml_setting_holds_text(p->slot[i].option)) continue;
        const char *text = slot ? *(const char *const *)p->slot[i].field : p->arg[i - p->n_slots];
        if (text && raml_utf8_valid((const unsigned char *)text, strlen(text)) < strlen(text))
            return slot ? p->slot[i].option->name : "an argument";
    }
    return NULL;
}

enum raml_code cli_recipe_write(const struct cli_parsed *p, struct raml_buf *out, struct raml_err *err)
{
    const char *name = not_utf8(p);
    if (name) return raml_fail(err, RAML_EUSAGE, "%s: the text is not UTF-8", name);
    yaml_emitter_t e;
    if (!yaml_emitter_initialize(&e)) return raml_fail(err, RAML_ENOMEM, "no memory for the recipe");
    yaml_emitter_set_output(&e, append, out);
    yaml_emitter_set_unicode(&e, 1);
    yaml_emitter_set_width(&e, -1);
    bool ok = emit_all(&e, p);
    yaml_emitter_delete(&e);
    if (!ok) return raml_fail(err, RAML_ENOMEM, "the recipe's text does not fit in memory");
    return RAML_OK;
}
