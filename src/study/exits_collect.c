/* exits_collect.c - probes of all trajectories, kept question by question, so that a run that was stopped goes on where
 * it was. See exits_parts.h.
 */
#include "study/exits_parts.h"

#include "core/array.h"
#include "core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { BATCH_PROBES = 512, BATCH_TOKENS = 1 << 22, MAX_LINES = 1 << 30 };

struct collect {
    const struct raml_exits_files_job *job;
    const struct raml_exits_files_options *opt;
    struct raml_exits_maker maker;
    struct raml_exits_set *set;
    struct append file;
    const char *path;
    struct raml_exits_item **item; /* [n_items] of the batch being gathered */
    size_t n_items, cap_items, n_made;
    size_t n_probes, n_tokens; /* of the batch */
    size_t n_skipped, n_planned;
    struct raml_err first_skipped;
    uint64_t texts; /* hash */
    struct raml_buf lines;
    size_t n_lines; /* of the file */
};

/* -- Walking over the questions ------------------------------------------------------------------------------------- */

/* Fills an item; *skipped: it is left out, and counted. */
static enum raml_code fill(struct collect *c, size_t question, size_t sample, struct raml_exits_item *it, bool *skipped,
                           struct raml_err *err)
{
    const struct raml_question *q = &c->job->questions->question[question];
    struct raml_err why = {0};
    *skipped = false;
    it->question = question;
    enum raml_code rc = raml_exits_item_fill(&c->maker, q, sample, it, &why);
    if (!rc) return RAML_OK;
    bool answer = q->answer && *q->answer;
    *skipped = rc == RAML_ERANGE && (!answer || c->opt->skip_long);
    if (*skipped && c->n_skipped++ == 0) c->first_skipped = why;
    return *skipped ? RAML_OK : raml_fail(err, rc, "%s", why.msg);
}

/* What is wrong with any trajectory shows before the first pass. */
static enum raml_code survey(struct collect *c, struct raml_err *err)
{
    struct raml_exits_item it = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < c->job->questions->n; i++) {
        size_t n = raml_exits_wanted(c->opt, &c->job->questions->question[i]);
        for (size_t k = 0; !rc && k < n; k++) {
            bool skipped;
            rc = fill(c, i, k, &it, &skipped, err);
            if (rc || skipped) continue;
            const struct raml_tokens *list[] = {&it.text.prompt, &it.text.trajectory, &it.text.answer_prefix,
                                                &it.text.answer};
            for (size_t j = 0; j < sizeof list / sizeof *list; j++)
                c->texts = raml_hash(list[j]->id, list[j]->n * sizeof *list[j]->id, c->texts + list[j]->n);
            c->n_planned++;
        }
    }
    raml_exits_item_deinit(&it);
    if (!rc && c->n_planned == 0)
        rc = raml_fail(err, RAML_ERANGE, "nothing to probe: %zu question%s, %zu %s skipped%s%s", c->job->questions->n,
                       c->job->questions->n == 1 ? "" : "s", c->n_skipped,
                       c->n_skipped == 1 ? "trajectory" : "trajectories", c->n_skipped ? "; the first: " : "",
                       c->n_skipped ? c->first_skipped.msg : "");
    return rc;
}

/* -- The file ------------------------------------------------------------------------------------------------------ */

static bool is_of(const struct raml_exits_trajectory *t, const struct raml_question *q, size_t sample)
{
    return !strcmp(t->id, q->id) && !strcmp(t->question, q->question) && t->sample == sample;
}

/* How many trajectories of the set are of whole questions, in the order of the file of trajectories. */
static enum raml_code whole_questions(struct collect *c, size_t *n_kept, struct raml_err *err)
{
    struct raml_exits_item it = {0};
    size_t at = 0;
    enum raml_code rc = RAML_OK;
    bool more = true;
    *n_kept = 0;
    for (size_t i = 0; !rc && more && i < c->job->questions->n; i++) {
        const struct raml_question *q = &c->job->questions->question[i];
        size_t n = raml_exits_wanted(c->opt, q);
        for (size_t k = 0; !rc && more && k < n; k++) {
            bool skipped;
            rc = fill(c, i, k, &it, &skipped, err);
            if (rc || skipped) continue;
            more = at < c->set->n;
            if (more && !is_of(&c->set->trajectory[at], q, k))
                rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: found '%.100s', sample %zu; expected '%.100s', sample %zu",
                               c->path, at + 2, c->set->trajectory[at].id, c->set->trajectory[at].sample, q->id, k);
            at += more;
        }
        if (!rc && more) *n_kept = at;
    }
    raml_exits_item_deinit(&it);
    return rc;
}

/* A set that is there already: its whole questions are kept. */
static enum raml_code take_up(struct collect *c, const json_t *header, struct raml_err *err)
{
    size_t end, n = 0;
    enum raml_code rc = raml_exits_set_read(c->set, c->path, &end, err);
    if (!rc) rc = raml_exits_set_same(c->set, c->path, header, err);
    if (!rc) rc = whole_questions(c, &n, err);
    if (rc) return rc;
    if (n < c->set->n) {
        end = c->set->trajectory[n].from;
        raml_exits_set_cut(c->set, n);
    }
    if (ftruncate(c->file.fd, (off_t)end)) return raml_fail_errno(err, "%s: its torn end can't be removed", c->path);
    if (n) raml_say(c->job->sink, "%s: %zu of %zu trajectories are there already", c->path, n, c->n_planned);
    return RAML_OK;
}

static enum raml_code begin(struct collect *c, json_t *header, struct raml_err *err)
{
    const struct raml_place at = {c->path, 1};
    enum raml_code rc = raml_exits_set_header(c->set, &at, header, err);
    raml_buf_clear(&c->lines);
    raml_json_add(&c->lines, header);
    raml_buf_adds(&c->lines, "\n");
    if (!rc) rc = raml_buf_status(&c->lines, err);
    if (rc) return rc;
    raml_exits_set_begun(c->set, c->lines.data, c->lines.len - 1);
    return raml_append_add(&c->file, c->lines.data, c->lines.len, err);
}

/* Is there a first line that is whole? The beginning of one is what a kill left of it, and goes; anything else stays. */
static enum raml_code has_line(const char *path, bool *any, struct raml_err *err)
{
    static const char begins[] = "{\"raml\":\"exit probes\",";
    struct raml_buf file;
    *any = false;
    if (!raml_is_file(path)) return RAML_OK;
    raml_buf_init(&file, SIZE_MAX / 2);
    raml_buf_add(&file, "", 0);
    enum raml_code rc = raml_file_read(path, &file, err);
    *any = !rc && memchr(file.data, '\n', file.len);
    size_t n = file.len < sizeof begins - 1 ? file.len : sizeof begins - 1;
    if (!rc && !*any && memcmp(file.data, begins, n) != 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: is no stored set of probes; --overwrite replaces it", path);
    raml_buf_deinit(&file);
    return rc;
}

static enum raml_code open_file(struct collect *c, struct raml_err *err)
{
    json_t *header = NULL;
    bool any;
    enum raml_code rc = raml_exits_header(c->job, c->opt, &header, err);
    if (!rc) rc = raml_exits_header_texts(header, c->n_planned, c->texts, err);
    if (!rc) rc = has_line(c->path, &any, err);
    if (rc == RAML_EFORMAT && c->job->overwrite) rc = RAML_OK; /* any is false */
    if (!rc) rc = raml_append_init(&c->file, c->path, err);
    if (!rc && flock(c->file.fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        rc = raml_fail(err, RAML_EIO, "%s: another process is writing this set", c->path);
    if (!rc && any) {
        rc = take_up(c, header, err);
        if (c->job->overwrite && (rc == RAML_EUSAGE || rc == RAML_EFORMAT)) { /* of other settings, or broken */
            any = false;
            raml_exits_set_deinit(c->set);
            rc = raml_exits_set_init(c->set, err);
        }
    }
    if (!rc && !any && ftruncate(c->file.fd, 0)) rc = raml_fail_errno(err, "%s: can't be emptied", c->path);
    else if (!rc && !any) rc = begin(c, header, err);
    json_decref(header);
    return rc;
}

/* Lines [first, n) of the batch, those of one question, in one piece. */
static enum raml_code keep_question(struct collect *c, size_t first, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    raml_buf_clear(&c->lines);
    uint64_t check = c->set->check;
    for (size_t i = first; !rc && i < n; i++) {
        size_t begin = c->lines.len;
        rc = raml_exits_item_line(&c->maker, c->item[i], &c->lines, err);
        if (!rc) raml_exits_seal(&c->lines, begin, &check);
    }
    if (!rc) rc = raml_buf_status(&c->lines, err);
    size_t from = 0;
    for (size_t i = first; !rc && i < n; i++) { /* as whoever replays it reads it */
        const struct raml_place at = {c->path, c->set->n + 2};
        const char *line = c->lines.data + from;
        size_t length = strcspn(line, "\n");
        rc = raml_exits_set_add(c->set, &at, line, length, err);
        from += length + 1;
    }
    return rc ? rc : raml_append_add(&c->file, c->lines.data, c->lines.len, err);
}

/* -- Batches of whole questions ------------------------------------------------------------------------------------- */

static enum raml_code run_batch(struct collect *c, struct raml_err *err)
{
    size_t n = c->n_items;
    if (n == 0) return RAML_OK;
    c->n_items = c->n_probes = c->n_tokens = 0;
    enum raml_code rc = raml_exits_measure(&c->maker, c->item, n, err);
    if (rc && rc != RAML_ESTOP)
        rc = raml_wrap(err, rc, "of the %zu trajectories from question '%.100s' on", n, c->item[0]->q->id);
    for (size_t first = 0, i = 1; !rc && i <= n; i++) {
        if (i < n && c->item[i]->question == c->item[first]->question) continue;
        rc = keep_question(c, first, i, err);
        first = i;
    }
    if (!rc) raml_progress(c->job->sink, "probes", (double)c->set->n, (double)c->n_planned, "trajectories", NULL);
    return rc;
}

static enum raml_code next_item(struct collect *c, struct raml_exits_item **out, struct raml_err *err)
{
    if (c->n_items == c->n_made) {
        enum raml_code rc = RAML_GROW(c->item, c->cap_items, c->n_made + 1, "trajectories", err);
        if (rc) return rc;
        c->item[c->n_made] = calloc(1, sizeof **c->item);
        if (!c->item[c->n_made]) return raml_fail(err, RAML_ENOMEM, "no memory for a trajectory");
        c->n_made++;
    }
    *out = c->item[c->n_items];
    return RAML_OK;
}

/* A question's trajectories join the batch. *left: trajectories that the set has already, counted down. */
static enum raml_code take_question(struct collect *c, size_t i, size_t *left, struct raml_err *err)
{
    size_t n = raml_exits_wanted(c->opt, &c->job->questions->question[i]);
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && k < n; k++) {
        struct raml_exits_item *it = NULL;
        bool skipped = false;
        rc = next_item(c, &it, err);
        if (!rc) rc = fill(c, i, k, it, &skipped, err);
        if (rc || skipped) continue;
        if (*left) {
            --*left;
            continue;
        }
        c->n_items++;
        c->n_probes += it->n_places;
        c->n_tokens += raml_exits_item_cost(&c->maker, it);
    }
    bool full = c->n_probes >= BATCH_PROBES || c->n_tokens >= BATCH_TOKENS;
    return rc || !full ? rc : run_batch(c, err);
}

static enum raml_code collect_all(struct collect *c, bool *stopped, struct raml_err *err)
{
    size_t left = c->set->n;
    enum raml_code rc = RAML_OK;
    c->n_skipped = 0;
    for (size_t i = 0; !rc && !*stopped && i < c->job->questions->n; i++) {
        rc = take_question(c, i, &left, err);
        *stopped = rc == RAML_ESTOP || raml_should_stop(c->job->sink);
    }
    if (!rc && !*stopped) rc = run_batch(c, err);
    if (rc == RAML_ESTOP) {
        *stopped = true;
        rc = RAML_OK;
    }
    return rc ? rc : raml_append_sync(&c->file, err);
}

static void collect_deinit(struct collect *c)
{
    for (size_t i = 0; i < c->n_made; i++) {
        raml_exits_item_deinit(c->item[i]);
        free(c->item[i]);
    }
    free(c->item);
    raml_append_deinit(&c->file);
    raml_buf_deinit(&c->lines);
    raml_exits_maker_deinit(&c->maker);
}

enum raml_code raml_exits_collect(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                                  const char *path, struct raml_exits_set *s, struct raml_exits_collected *out,
                                  struct raml_err *err)
{
    struct collect c = {.job = job, .opt = opt, .set = s, .path = path, .file = {.fd = -1}};
    bool stopped = false;
    raml_buf_init(&c.lines, MAX_LINES);
    enum raml_code rc = raml_exits_maker_init(&c.maker, job, opt, err);
    if (!rc) rc = survey(&c, err);
    if (rc && job->data_name) rc = raml_wrap(err, rc, "%s", job->data_name);
    size_t n_skipped = c.n_skipped;
    if (!rc) rc = open_file(&c, err);
    if (!rc) rc = collect_all(&c, &stopped, err);
    if (!rc && n_skipped)
        raml_say(job->sink, "%zu trajectories were skipped; the first: %s", n_skipped, c.first_skipped.msg);
    if (!rc) *out = (struct raml_exits_collected){.n_skipped = n_skipped, .n_read = c.maker.n_read, .stopped = stopped};
    collect_deinit(&c);
    return rc;
}
