/* planted.c - a target with known faults, to see that the driver finds them (tests/script/test_fuzz.sh). In no list. */
#include "fuzz/check.h"
#include "fuzz/target.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static bool has(const uint8_t *data, size_t size, const char *word)
{
    return memmem(data, size, word, strlen(word)) != NULL;
}

static int run(const uint8_t *data, size_t size)
{
    FUZZ_CHECK(!has(data, size, "crash"), "the fault that was planted");
    while (has(data, size, "hang")) pause();
    for (clock_t from = clock(); has(data, size, "slow") && clock() - from < CLOCKS_PER_SEC / 4;) {
    }
    if (!has(data, size, "no")) return FUZZ_READ;
    struct raml_err err = {0};
    return fuzz_refused(raml_fail(&err, RAML_EFORMAT, "planted: a refusal"), &err);
}

static void seeds(struct fuzz_corpus *c)
{
    fuzz_seed_text(c, "good", "good\n");
}

static const char *const words[] = {"yes", "no", "crash", NULL};

const struct fuzz_target raml_fuzz_planted = {
    .name = "planted",
    .about = "known faults",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 10,
};
