/* data_show.c - `raml data show`: rows as the trainer sees them, token by token, and which tokens it trains on. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/data.h"

#include "raml/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SHOWN_BYTES = 1 << 28 };

struct show_settings {
    const char *map, *tokenizer;
    struct prompting_settings prompting;
    int64_t n, line, trajectories, max_length;
    bool pieces;
};

struct show { /* the row being shown */
    const struct cli *cli;
    const struct show_settings *set;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_question *q;
    struct raml_tree tree;
    struct raml_segments segments;
    struct raml_buf out;
    size_t *selected;
    bool colour;
};

#define AT(field) offsetof(struct show_settings, field)
static const struct raml_setting options[] = {
    {"n", NULL, RAML_INT, AT(n), "1", 1, 1e9, NULL, "Rows to show."},
    {"line", NULL, RAML_INT, AT(line), "0", 0, 1e15, NULL,
     "Start with the question on this line of the file; 0: the first."},
    {"trajectories", "num_trajectories", RAML_INT, AT(trajectories), "1", 0, 1e6, NULL,
     "Trajectories per row, the file's first ones; 0: only the answer."},
    {"max_length", NULL, RAML_INT, AT(max_length), "0", 0, 1e9, NULL,
     "Maximum tokens, prompt and one trajectory with its answer; a longer row is an error. 0: no limit."},
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "Model's folder or GGUF file, or tokenizer.json. Default: the built-in tokenizer, one token per byte."},
    PROMPTING_OPTIONS(AT(prompting)),
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL,
     "Fields by role where detection fails: question=Problem,answer=Gold."},
    {"pieces", NULL, RAML_FLAG, AT(pieces), NULL, 0, 0, NULL, "Put | between tokens."},
};

/* Bytes as text that can't move a terminal's cursor: control characters are written as escapes. */
static void add_shown(struct raml_buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '\n') raml_buf_adds(b, "\\n");
        else if (c == '\t') raml_buf_adds(b, "\\t");
        else if (c < 0x20 || c == 0x7f) raml_buf_addf(b, "\\x%02x", c);
        else raml_buf_add(b, s + i, 1);
    }
}

/* One token as a line of JSON. A token that is not UTF-8 by itself is given as "bytes", in hexadecimal. */
static enum raml_code add_token_json(struct show *s, size_t span, uint32_t offset, struct raml_err *err)
{
    const struct raml_span *sp = &s->tree.span[span];
    size_t i = sp->start + offset, len;
    const char *piece;
    enum raml_code rc = raml_tokenizer_piece(s->tokenizer, s->tree.token[i], &piece, &len, err);
    if (rc) return rc;
    json_t *text = json_stringn(piece, len);
    if (!text) {
        struct raml_buf hex;
        raml_buf_init(&hex, MAX_SHOWN_BYTES);
        for (size_t j = 0; j < len; j++) raml_buf_addf(&hex, "%02x", (unsigned char)piece[j]);
        text = json_pack("{s:s}", "bytes", hex.data ? hex.data : "");
        raml_buf_deinit(&hex);
    } else {
        text = json_pack("{s:o}", "text", text);
    }
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:i}", "id", s->q->id, "line", (json_int_t)s->q->line, "span",
                          (json_int_t)span, "position", (json_int_t)sp->depth + (json_int_t)offset, "index",
                          (json_int_t)i, "token", (int)s->tree.token[i]);
    int bad =
        !o || !text || json_object_update(o, text) ||
        json_object_set_new(o, "role", json_string(raml_segment_name((enum raml_segment)s->segments.segment[i]))) ||
        json_object_set_new(o, "trained", json_boolean(offset >= sp->first_target));
    char *line = bad ? NULL : json_dumps(o, JSON_COMPACT);
    if (line) raml_buf_addf(&s->out, "%s\n", line);
    free(line);
    json_decref(text);
    json_decref(o);
    return line ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the result");
}

/* The run of tokens of one segment from `offset` on, as one line; *end: where it ends. */
static enum raml_code add_run(struct show *s, size_t span, uint32_t offset, uint32_t *end, struct raml_err *err)
{
    static const char *const colour[] = {"2", "36", "35", "1;32", "33"}; /* by segment; dim: not trained */
    const struct raml_span *sp = &s->tree.span[span];
    const uint8_t *segment = s->segments.segment + sp->start;
    bool trained = offset >= sp->first_target;
    uint32_t to = offset;
    while (to < sp->n && segment[to] == segment[offset] && (to >= sp->first_target) == trained) to++;
    raml_buf_addf(&s->out, "  %-13s %6u  %-7s  ", raml_segment_name((enum raml_segment)segment[offset]), to - offset,
                  trained ? "trained" : "");
    if (s->colour) raml_buf_addf(&s->out, "\033[%sm", trained ? colour[segment[offset]] : "2");
    enum raml_code rc = RAML_OK;
    for (uint32_t i = offset; !rc && i < to; i++) {
        const char *piece = "";
        size_t len = 0;
        rc = raml_tokenizer_piece(s->tokenizer, s->tree.token[sp->start + i], &piece, &len, err);
        if (s->set->pieces && i > offset) raml_buf_adds(&s->out, "|");
        if (!rc) add_shown(&s->out, piece, len);
    }
    raml_buf_adds(&s->out, s->colour ? "\033[0m\n" : "\n");
    *end = to;
    return rc;
}

static enum raml_code add_text(struct show *s, struct raml_err *err)
{
    add_shown(&s->out, s->q->id, strlen(s->q->id));
    raml_buf_addf(&s->out, " (line %zu): %zu tokens, %zu trained", s->q->line, s->tree.n_tokens, s->tree.n_targets);
    if (s->q->n_trajectories != 1) raml_buf_addf(&s->out, "; %zu trajectories in the file", s->q->n_trajectories);
    raml_buf_adds(&s->out, "\n");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < s->tree.n_spans; i++) {
        if (s->tree.n_spans > 2 && i > 0) raml_buf_addf(&s->out, "  -- trajectory %zu\n", i);
        for (uint32_t j = 0; !rc && j < s->tree.span[i].n;) rc = add_run(s, i, j, &j, err);
    }
    return rc;
}

static enum raml_code show_row(struct show *s, struct raml_err *err)
{
    struct raml_row_options opt = raml_row_default(s->tokenizer, s->format);
    opt.max_tokens = (size_t)s->set->max_length;
    size_t k = (size_t)s->set->trajectories;
    if (k > s->q->n_trajectories) k = s->q->n_trajectories;
    free(s->selected);
    s->selected = calloc(k ? k : 1, sizeof *s->selected);
    if (!s->selected) return raml_fail(err, RAML_ENOMEM, "no memory for %zu trajectories", k);
    for (size_t i = 0; i < k; i++) s->selected[i] = i;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): s owns selected */
    enum raml_code rc = raml_row_build(&s->tree, s->q, s->selected, k, &opt, &s->segments, err);
    if (rc) return rc;
    raml_buf_clear(&s->out);
    if (!s->cli->json) rc = add_text(s, err);
    for (size_t i = 0; s->cli->json && !rc && i < s->tree.n_spans; i++)
        for (uint32_t j = 0; !rc && j < s->tree.span[i].n; j++) rc = add_token_json(s, i, j, err);
    if (!rc) rc = raml_buf_status(&s->out, err);
    if (!rc) fwrite(s->out.data, 1, s->out.len, stdout);
    return rc;
}

static enum raml_code show_file(struct show *s, const char *path, struct raml_err *err)
{
    struct raml_questions qs;
    struct raml_read_options opt = {.map = s->set->map, .limit = s->set->line ? 0 : (size_t)s->set->n};
    raml_questions_init(&qs);
    enum raml_code rc = cli_read_questions(s->cli, &qs, path, &opt, NULL, err);
    size_t i = 0;
    while (!rc && i < qs.n && qs.question[i].line < (size_t)s->set->line) i++;
    if (!rc && i == qs.n)
        rc = raml_fail(err, RAML_ERANGE, "%s: no question at or after line %lld; the last is on line %zu", path,
                       (long long)s->set->line, qs.question[qs.n - 1].line);
    for (size_t end = i + (size_t)s->set->n; !rc && i < end && i < qs.n; i++) {
        s->q = &qs.question[i];
        rc = show_row(s, err);
        if (rc) rc = raml_wrap(err, rc, "%s", path);
    }
    raml_questions_deinit(&qs);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const char *no_color = getenv("NO_COLOR");
    struct show s = {.cli = cli, .set = settings};
    if (cli->n_args != 1) return raml_fail(err, RAML_EUSAGE, "data show takes one FILE; found %zu", cli->n_args);
    struct raml_tokenizer *tokenizer = NULL;
    struct prompting prompting = {0};
    enum raml_code rc = cli_data_open(s.set->tokenizer, &s.set->prompting, &tokenizer, &prompting, err);
    if (rc) return rc;
    s.format = prompting.format;
    s.tokenizer = tokenizer;
    s.colour = isatty(STDOUT_FILENO) && !(no_color && *no_color);
    raml_buf_init(&s.out, MAX_SHOWN_BYTES);
    rc = show_file(&s, cli->arg[0], err);
    raml_buf_deinit(&s.out);
    raml_segments_deinit(&s.segments);
    raml_tree_deinit(&s.tree);
    free(s.selected);
    cli_prompting_close(&prompting);
    raml_tokenizer_close(tokenizer);
    return rc;
}

const struct cli_command cli_data_show = {
    .name = "data show",
    .about = "rows as tokens, and which are trained on",
    .args = "FILE",
    .detail = "Shows rows exactly as the trainer builds them: each run of tokens with its segment (prompt, trajectory, "
              "answer_prefix, answer, end), how many tokens it has and whether they are trained on. A row that trains "
              "on nothing or on everything is an error. With --json one token per line.",
    .example = "raml data show train.jsonl --n 2",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct show_settings),
    .pipes = true,
    .run = run,
};
