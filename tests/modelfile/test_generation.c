/* test_generation.c - how a model asks to be sampled: generation_config.json and general.sampling of GGUF, as transformers
 * and llama.cpp write them; what is out of range; and written again. */
#include "core/scratch.h"

#include <math.h>

#include "raml/generation.h"
#include "raml/gguf.h"

enum { T = 1, K = 2, P = 4, M = 8 }; /* which numbers are given */

static const struct {
    const char *text;
    int has;
    double temperature;
    int64_t top_k;
    double top_p, min_p;
    const char *ignored, *refused; /* refused: part of the message, NULL: read */
} cases[] = {
    {"{}", 0, 0, 0, 0, 0, "", NULL},
    {"{\"temperature\": 0.6, \"top_k\": 20, \"top_p\": 0.95, \"do_sample\": true, \"eos_token_id\": [1, 2]}", T | K | P,
     0.6, 20, 0.95, 0, "", NULL}, /* Qwen3 */
    {"{\"temperature\": null, \"top_k\": null, \"top_p\": null}", 0, 0, 0, 0, 0, "", NULL},
    {"{\"temperature\": 0}", T, 0, 0, 0, 0, "", NULL},
    {"{\"temperature\": 1}", T, 1, 0, 0, 0, "", NULL},
    {"{\"min_p\": 0.05}", M, 0, 0, 0, 0.05, "", NULL},
    {"{\"top_k\": -1}", K, 0, 0, 0, 0, "", NULL}, /* vLLM: all */
    {"{\"top_k\": 0}", K, 0, 0, 0, 0, "", NULL},
    {"{\"top_k\": 50, \"temperature\": 1.0}", T | K, 1, 50, 0, 0, "", NULL},
    {"{\"repetition_penalty\": 1.1}", 0, 0, 0, 0, 0, "repetition_penalty 1.1", NULL},
    {"{\"repetition_penalty\": 1.0, \"num_beams\": 1, \"typical_p\": 1.0, \"presence_penalty\": 0}", 0, 0, 0, 0, 0, "",
     NULL},
    {"{\"repetition_penalty\": 1.05, \"num_beams\": 4}", 0, 0, 0, 0, 0, "repetition_penalty 1.05, num_beams 4", NULL},
    {"{\"repetition_penalty\": \"1.1\"}", 0, 0, 0, 0, 0, "", NULL},
    {"{\"temperature\": -0.1}", 0, 0, 0, 0, 0, NULL, "'temperature' is -0.1; expected 0 to 100"},
    {"{\"temperature\": 1e400}", 0, 0, 0, 0, 0, "", NULL}, /* no number: not given */
    {"{\"temperature\": NaN}", 0, 0, 0, 0, 0, "", NULL},
    {"{\"temperature\": 101}", 0, 0, 0, 0, 0, NULL, "'temperature' is 101"},
    {"{\"temperature\": \"warm\"}", 0, 0, 0, 0, 0, NULL, "'temperature'"},
    {"{\"top_p\": 0}", 0, 0, 0, 0, 0, NULL, "'top_p' is 0"},
    {"{\"top_p\": 1.5}", 0, 0, 0, 0, 0, NULL, "'top_p' is 1.5"},
    {"{\"top_k\": -2}", 0, 0, 0, 0, 0, NULL, "'top_k' is -2"},
    {"{\"min_p\": 2}", 0, 0, 0, 0, 0, NULL, "'min_p' is 2"},
    {"{\"top_k\": 18446744073709551616}", 0, 0, 0, 0, 0, NULL, "'top_k' is 1.84467e+19"},
    {"[]", 0, 0, 0, 0, 0, "", NULL}, /* no object: no field */
    {"{", 0, 0, 0, 0, 0, NULL, "not valid JSON"},
};

static void check(const char *what, const struct raml_generation *g, size_t i)
{
    int has = g->has_temperature * T | g->has_top_k * K | g->has_top_p * P | g->has_min_p * M;
    bool same = has == cases[i].has && !strcmp(g->ignored, cases[i].ignored);
    if (has & T) same = same && fabs(g->temperature - cases[i].temperature) <= 1e-12;
    if (has & K) same = same && g->top_k == cases[i].top_k;
    if (has & P) same = same && fabs(g->top_p - cases[i].top_p) <= 1e-12;
    if (has & M) same = same && fabs(g->min_p - cases[i].min_p) <= 1e-12;
    if (!same)
        fail_msg("%s: %s: has %d: %g, %lld, %g, %g; ignored '%s'", what, cases[i].text, has, g->temperature,
                 (long long)g->top_k, g->top_p, g->min_p, g->ignored);
}

static void from_folders(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[4200], again[4200];
        struct raml_generation g = {.has_top_p = true}, h = {0};
        struct raml_err err = {0};
        spill(in(*state, "generation_config.json", path), cases[i].text, strlen(cases[i].text));
        enum raml_code rc = raml_generation_read(*state, &g, &err);
        if (cases[i].refused) {
            if (!rc || !has(err.msg, cases[i].refused) || !has(err.msg, "generation_config.json") || !g.has_top_p)
                fail_msg("%s: code %d, '%s'", cases[i].text, rc, err.msg);
            continue;
        }
        must(rc, &err);
        check("read", &g, i);
        must(raml_generation_write(&g, NULL, in(*state, "generation_config.json", again), &err), &err);
        must(raml_generation_read(*state, &h, &err), &err);
        snprintf(h.ignored, sizeof h.ignored, "%s", g.ignored); /* what raml does not follow is not written */
        check("written", &h, i);
    }
}

static void no_file(void **state)
{
    struct raml_generation g = {.has_top_k = true};
    struct raml_err err = {0};
    must(raml_generation_read(*state, &g, &err), &err);
    assert_false(g.has_temperature || g.has_top_k || g.has_top_p || g.has_min_p || g.ignored[0]);
}

static void from_gguf(void **state)
{
    static const float temp = 0.6F, top_p = 0.95F, min_p = 0.05F, hot = 1000;
    static const int32_t top_k = 20, bad_k = -7;
    static const struct raml_gguf_string word = {"warm", 4};
    const struct {
        struct raml_gguf_entry entry[4];
        size_t n;
        int has;
        const char *refused;
    } files[] = {
        {{{"general.sampling.temp", RAML_GGUF_F32, RAML_GGUF_F32, 1, &temp},
          {"general.sampling.top_k", RAML_GGUF_I32, RAML_GGUF_I32, 1, &top_k},
          {"general.sampling.top_p", RAML_GGUF_F32, RAML_GGUF_F32, 1, &top_p},
          {"general.sampling.min_p", RAML_GGUF_F32, RAML_GGUF_F32, 1, &min_p}},
         4,
         T | K | P | M,
         NULL},
        {{{"general.sampling.top_p", RAML_GGUF_F32, RAML_GGUF_F32, 1, &top_p}}, 1, P, NULL},
        {{{"general.name", RAML_GGUF_STRING, RAML_GGUF_STRING, 1, &word}}, 1, 0, NULL},
        {{{"general.sampling.temp", RAML_GGUF_F32, RAML_GGUF_F32, 1, &hot}}, 1, 0, "'general.sampling.temp' is 1000"},
        {{{"general.sampling.top_k", RAML_GGUF_I32, RAML_GGUF_I32, 1, &bad_k}}, 1, 0, "'general.sampling.top_k' is -7"},
        {{{"general.sampling.temp", RAML_GGUF_STRING, RAML_GGUF_STRING, 1, &word}}, 1, 0, "general.sampling.temp"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        char path[4200];
        struct raml_generation g = {0};
        struct raml_err err = {0};
        must(raml_gguf_write(in(*state, "m.gguf", path), files[i].entry, files[i].n, NULL, 0, &err), &err);
        enum raml_code rc = raml_generation_read(path, &g, &err);
        if (files[i].refused) {
            if (!rc || !has(err.msg, files[i].refused)) fail_msg("file %zu: code %d, '%s'", i, rc, err.msg);
            continue;
        }
        must(rc, &err);
        int given = g.has_temperature * T | g.has_top_k * K | g.has_top_p * P | g.has_min_p * M;
        assert_int_equal(given, files[i].has);
        if (given & T) assert_true(fabs(g.temperature - 0.6) <= 1e-12); /* the decimal that was meant, not the float */
        if (given & P) assert_true(fabs(g.top_p - 0.95) <= 1e-12);
        if (given & M) assert_true(fabs(g.min_p - 0.05) <= 1e-12);
        if (given & K) assert_int_equal(g.top_k, 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_folders, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(no_file, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(from_gguf, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
