/* fuzz_journal.c - the journal of a landscape's grid: bytes as a file, and once more with every line's hash made right, so
 * that what follows it is read too. A file that is read goes on and comes back the same; one that is refused keeps
 * its bytes. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"

#include "core/file.h"
#include "study/landscape_journal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 6, FRAMES = 2, HASH = 16, MAX_BYTES = 1 << 13 };
static const char settings[] = "{\"weights\": \"0a\", \"grid\": [3, 2], \"range\": 0.5}";

static void fill(struct raml_landscape_journal *j)
{
    struct raml_err err = {0};
    const double loss[FRAMES] = {1.0 / 3, NAN};
    for (size_t i = 0; i < POINTS; i++)
        if (!j->done[i]) FUZZ_MUST(raml_landscape_journal_add(j, i, loss, &err), &err);
}

static void whole(const char *path, const struct raml_landscape_journal *j)
{
    struct raml_err err = {0};
    struct raml_landscape_journal again;
    FUZZ_MUST(raml_landscape_journal_open(&again, path, settings, POINTS, FRAMES, &err), &err);
    FUZZ_CHECK(again.n_done == POINTS, "%zu points after all were added", again.n_done);
    for (size_t i = 0; i < (size_t)POINTS * FRAMES; i++)
        FUZZ_CHECK(isnan(j->loss[i]) ? isnan(again.loss[i]) : again.loss[i] == j->loss[i], "loss %zu is %g, then %g", i,
                   j->loss[i], again.loss[i]);
    raml_landscape_journal_close(&again);
}

static int read_file(const char *path)
{
    struct raml_err err = {0};
    struct raml_landscape_journal j;
    uint64_t before = 0, after = 0;
    size_t done = 0;
    FUZZ_MUST(raml_hash_path(path, &before, &err), &err);
    enum raml_code rc = raml_landscape_journal_open(&j, path, settings, POINTS, FRAMES, &err);
    if (rc) {
        struct raml_err other = {0};
        fuzz_refused(rc, &err);
        FUZZ_MUST(raml_hash_path(path, &after, &other), &other);
        FUZZ_CHECK(before == after, "a file that is refused was changed");
        return FUZZ_REFUSED;
    }
    for (size_t i = 0; i < POINTS; i++) done += j.done[i];
    FUZZ_CHECK(done == j.n_done, "%zu points are done, %zu counted", done, j.n_done);
    fill(&j);
    struct raml_landscape_journal kept = j;
    kept.loss = malloc(sizeof(double) * POINTS * FRAMES);
    if (kept.loss) memcpy(kept.loss, j.loss, sizeof(double) * POINTS * FRAMES);
    raml_landscape_journal_close(&j);
    if (kept.loss) whole(path, &kept);
    free(kept.loss);
    return FUZZ_READ;
}

/* The same lines, each with the hash of what follows its first 17 bytes. */
static void rehash(const uint8_t *data, size_t size, struct raml_buf *out)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t len = end ? (size_t)(end - data) - at : size - at, skip = len < HASH + 1 ? len : HASH + 1;
        raml_buf_addf(out, "%016" PRIx64 " ", raml_hash(data + at + skip, len - skip, 0));
        raml_buf_add(out, data + at + skip, len - skip);
        if (end) raml_buf_adds(out, "\n");
        at += len + 1;
    }
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct raml_buf b;
    int first = read_file(fuzz_file("grid.journal", data, size, path));
    raml_buf_init(&b, 16 * MAX_BYTES);
    raml_buf_add(&b, "", 0);
    rehash(data, size, &b);
    if (!b.code) {
        int second = read_file(fuzz_file("grid.journal", (const uint8_t *)b.data, b.len, path));
        if (second == FUZZ_READ) first = second;
    }
    raml_buf_deinit(&b);
    return first;
}

static void seeds(struct fuzz_corpus *c)
{
    struct raml_err err = {0};
    struct raml_landscape_journal j;
    char path[FUZZ_PATH];
    fuzz_path("seed.journal", path);
    FUZZ_MUST(raml_landscape_journal_open(&j, path, settings, POINTS, FRAMES, &err), &err);
    fuzz_seed_file(c, "begun", path);
    const double loss[FRAMES] = {6.5284264106672962, 1e-300};
    FUZZ_MUST(raml_landscape_journal_add(&j, 4, loss, &err), &err);
    fuzz_seed_file(c, "one", path);
    fill(&j);
    raml_landscape_journal_close(&j);
    fuzz_seed_file(c, "whole", path);
    fuzz_seed_text(c, "empty", "");
}

static const char *const words[] = {"\n",          " ",          "nan", "-nan", "inf", "1e999",
                                    "0x1p-3",      "4294967296", "-1",  "6",    "0",   "\"grid\": [3, 2]",
                                    "\"range\": ", "{",          "}",   NULL};

const struct fuzz_target raml_fuzz_journal = {
    .name = "journal",
    .about = "the journal of a landscape's grid",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = MAX_BYTES,
};
