/* The patched network, really run: every layer's output against the trajectory's, and subsets of patches that fail. */
#include "inner/update_oracle.h"

#include "inner/update_parts.h"

enum { MATRICES = RAML_UPDATE_MATRICES, L = 2, V = 160 };

static const char *const lab_names[] = {"qwen2-tied", "qwen3", "llama", "llama3-scaled"}; /* in update.json */

/* -- Patched weights ---------------------------------------------------------------------------------- */

/* All places of the golden trees' trajectories, each token of answer prefix and answer but the last as x. */
static void patched_network(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT(golden_names); m++) {
        struct golden g;
        struct raml_err err = {0};
        struct raml_update_checked one = {0}, span;
        uint32_t at[MAX_IDS + 1];
        double most = 0, of_span = 0, of_logp = 0;
        golden_open(&g, golden_names[m]);
        for (uint32_t i = 0; i <= MAX_IDS; i++) at[i] = i;
        for (size_t k = 0; k < N_TRAJECTORIES; k++) {
            struct raml_update_input in = {.text = {.prompt = g.prompt.id,
                                                    .trajectory = g.trajectory[k].id,
                                                    .answer_prefix = g.answer_prefix.id,
                                                    .answer = g.answer.id,
                                                    .n_prompt = g.prompt.n,
                                                    .n_trajectory = g.trajectory[k].n,
                                                    .n_answer_prefix = g.answer_prefix.n,
                                                    .n_answer = g.answer.n}};
            size_t n = g.trajectory[k].n + 1;
            must(raml_update_check(g.model, &in, at, n, true, &span, &err), &err);
            CHECK_NEAR(golden_names[m], span.block, 0, 1e-4);
            CHECK_NEAR(golden_names[m], span.logp, 0, 1e-4);
            of_span = fmax(of_span, span.block);
            of_logp = fmax(of_logp, span.logp);
            for (; in.probe + 1 < g.answer_prefix.n + g.answer.n; in.probe++) {
                must(raml_update_check(g.model, &in, at, n, false, &one, &err), &err);
                assert_true(one.scale > 0.5);
                CHECK_NEAR(golden_names[m], one.block, 0, 1e-4);
                most = fmax(most, one.block);
            }
        }
        printf("%-14s largest difference of a layer's output %.1e (of up to %.1f); span %.1e, its log p %.1e\n",
               golden_names[m], most, one.scale, of_span, of_logp);
        golden_close(&g);
    }
}

/* A number that is not one is not lost among the others: the last layer's down projection gives it to the first of the
 * output's numbers, of both networks. */
static void not_a_number(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_err err = {0};
    struct raml_update_checked c;
    oracle_open(&o, "qwen2-tied");
    const uint32_t at[] = {0, 2};
    const float nan = NAN;
    size_t down = raml_layer_matrix_offset(o.g.model, L - 1, RAML_LAYER_DOWN);
    must(raml_array_write(o.g.dev, raml_model_weights(o.g.model) + down, &nan, sizeof nan, &err), &err);
    must(raml_model_refresh(o.g.model, &err), &err);
    must(raml_update_check(o.g.model, &o.in, at, 2, false, &c, &err), &err);
    assert_true(isnan(c.block));
    assert_true(isnan(c.scale));
    must(raml_update_check(o.g.model, &o.in, at, 2, true, &c, &err), &err);
    assert_true(isnan(c.logp));
    oracle_close(&o);
}

/* -- What else could be done with patches, and fails --------------------------------------------------------------- */

struct lab { /* one place, i = T, of a golden model */
    struct oracle o;
    struct raml_pass *pass;
    struct raml_update_batch batch;
    struct raml_update_rows rows[L], plain[L]; /* plain: nothing is taken */
    float gate[2][L][112], up[2][L][112];
    struct raml_patch patch[2][L * MATRICES];
    double logits[V]; /* with the trajectory */
};

static enum raml_code keep(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    struct raml_update_rows *rows = user;
    struct raml_config c = {.hidden_size = 48, .intermediate_size = 112};
    (void)err;
    raml_update_rows_take(&rows[t->layer], &c, t, 0, 1, 0, 1);
    return RAML_OK;
}

static void match_vectors(struct lab *a, struct matched *k)
{
    for (size_t l = 0; l < L; l++) {
        const json_t *want = json_array_get(json_object_get(a->o.of, "vectors_at_T"), l);
        const json_t *z0 = json_object_get(want, "z0"), *zC = json_object_get(want, "zC");
        const json_t *r0 = json_object_get(want, "r0"), *rC = json_object_get(want, "rC");
        assert_int_equal(json_array_size(z0), 48);
        for (size_t i = 0; i < 48; i++) {
            double dr = json_number_value(json_array_get(rC, i)) - json_number_value(json_array_get(r0, i));
            match(k, "z0", a->rows[l].z0[i], json_array_get(z0, i), 1e-4);
            match(k, "zC", (double)a->rows[l].z0[i] + (double)a->rows[l].dz[i], json_array_get(zC, i), 1e-4);
            CHECK_NEAR("rC - r0", a->rows[l].dr[i], dr, 1e-4);
        }
    }
}

static void make(struct lab *a, struct raml_update_rows *rows, size_t which)
{
    static const enum raml_layer_matrix matrix[] = {RAML_LAYER_GATE, RAML_LAYER_UP, RAML_LAYER_DOWN};
    struct raml_err err = {0};
    for (size_t l = 0; l < L; l++) {
        struct raml_update_factors f;
        must(raml_update_rows_factors(&rows[l], a->o.g.model, l, a->gate[which][l], a->up[which][l], &f, &err), &err);
        for (size_t i = 0; i < MATRICES; i++)
            a->patch[which][l * MATRICES + i] = (struct raml_patch){.layer = l,
                                                                    .matrix = matrix[i],
                                                                    .rank = 1,
                                                                    .left = f.u[i],
                                                                    .right = f.w[i],
                                                                    .row = &a->batch.row[1],
                                                                    .n_rows = 1};
    }
}

static void logits_of(struct lab *a, size_t row, double out[V])
{
    float z[V];
    struct raml_err err = {0};
    must(raml_pass_logits(a->pass, a->batch.row[row], 1, z, &err), &err);
    for (size_t i = 0; i < V; i++) out[i] = (double)z[i];
}

/* Largest difference of a logit of the twin, with these patches, from what the trajectory gives. */
static double off_by(struct lab *a, const struct raml_patch *patch, size_t n)
{
    struct raml_err err = {0};
    const struct raml_hooks hooks = {.patch = patch, .n_patches = n};
    double z[V], most = 0;
    must(raml_update_batch_run(&a->batch, a->pass, &hooks, &err), &err);
    logits_of(a, 1, z);
    for (size_t i = 0; i < V; i++) most = worse_of(most, fabs(z[i] - a->logits[i]));
    return most;
}

static void lab_open(struct lab *a, const char *name)
{
    struct raml_err err = {0};
    memset(a, 0, sizeof *a);
    oracle_open(&a->o, name);
    const struct raml_config *c = raml_model_config(a->o.g.model);
    const uint32_t at = (uint32_t)a->o.trajectory.n;
    const struct raml_update_places places = {&a->o.in, &at, 1, raml_update_twins_of(&a->o.in, false)};
    must(raml_pass_open(a->o.g.model, false, &a->pass, &err), &err);
    must(raml_update_batch_add(&a->batch, &places, &err), &err);
    for (size_t l = 0; l < L; l++) {
        must(raml_update_rows_init(&a->rows[l], c, 1, &err), &err);
        must(raml_update_rows_init(&a->plain[l], c, 1, &err), &err);
    }
    struct raml_tap tap = {.z = true, .inner = true, .residual = true, .read = keep, .user = a->plain};
    struct raml_hooks hooks = {.tap = &tap};
    must(raml_update_batch_run(&a->batch, a->pass, &hooks, &err), &err);
    logits_of(a, 0, a->logits);
    tap.user = a->rows;
    hooks.take = a->batch.take;
    hooks.n_takes = a->batch.n_takes;
    must(raml_update_batch_run(&a->batch, a->pass, &hooks, &err), &err);
}

static void lab_close(struct lab *a)
{
    for (size_t l = 0; l < L; l++) {
        raml_update_rows_deinit(&a->rows[l]);
        raml_update_rows_deinit(&a->plain[l]);
    }
    raml_update_batch_deinit(&a->batch);
    raml_pass_close(a->pass);
    oracle_close(&a->o);
}

/* Gate and up alone are patched, the second layer's for what the first then gives. */
static double without_carrier(struct lab *a)
{
    struct raml_err err = {0};
    const struct raml_tap tap = {.z = true, .inner = true, .residual = true, .read = keep, .user = a->plain};
    struct raml_patch inner[2 * L] = {a->patch[0][0], a->patch[0][1]};
    const struct raml_hooks hooks = {.tap = &tap, .patch = inner, .n_patches = 2};
    must(raml_update_batch_run(&a->batch, a->pass, &hooks, &err), &err);
    make(a, a->plain, 1);
    inner[2] = a->patch[1][MATRICES];
    inner[3] = a->patch[1][MATRICES + 1];
    return off_by(a, inner, 2 * L);
}

static void subsets_of_patches(void **state)
{
    (void)state;
    struct matched k = {0};
    for (size_t m = 0; m < COUNT(lab_names); m++) {
        struct lab a;
        lab_open(&a, lab_names[m]);
        const json_t *want = json_object_get(a.o.of, "checks_at_T");
        for (size_t i = 0; i < V; i++)
            match(&k, "logits", a.logits[i], json_array_get(json_object_get(a.o.of, "logits_at_T"), i), 1e-4);
        match_vectors(&a, &k);
        make(&a, a.rows, 0);
        make(&a, a.plain, 1);
        struct raml_patch all[L * MATRICES];
        memcpy(all, a.patch[0], sizeof all);
        for (size_t i = 0; i < L * MATRICES; i++) all[i].row = NULL;
        match(&k, "no patch", off_by(&a, NULL, 0), json_object_get(want, "no_patch"), 1e-4);
        match(&k, "all rows", off_by(&a, all, L * MATRICES),
              json_object_get(want, "probe_row_patches_used_in_all_rows"), 1e-4);
        assert_true(off_by(&a, a.patch[1], L * MATRICES) > 0.1);
        for (size_t l = 0; l < L; l++) a.patch[1][l * MATRICES + RAML_UPDATE_DOWN].right = NULL; /* as a bias */
        match(&k, "plain z_0", off_by(&a, a.patch[1], L * MATRICES), json_object_get(want, "plain_z0_in_every_layer"),
              1e-4);
        CHECK_NEAR("all patches", off_by(&a, a.patch[0], L * MATRICES), 0, 1e-4);
        match(&k, "no carrier", without_carrier(&a), json_object_get(want, "no_carrier"), 1e-4);
        lab_close(&a);
    }
    printf("update.json: %zu numbers at T matched, largest difference %.1e\n", k.n, k.most);
}

/* The patches of the whole span: distance of the last token of the answer prefix. */
static void oracle_span(void **state)
{
    (void)state;
    struct matched k = {0};
    for (size_t m = 0; m < COUNT(lab_names); m++) {
        struct lab a;
        struct raml_err err = {0};
        lab_open(&a, lab_names[m]);
        const uint32_t at = (uint32_t)a.o.trajectory.n;
        const struct raml_update_places places = {&a.o.in, &at, 1, raml_update_twins_of(&a.o.in, true)};
        size_t n = places.twins.n_rows, x = a.o.cue.n - 1;
        raml_update_batch_clear(&a.batch);
        must(raml_update_batch_add(&a.batch, &places, &err), &err);
        a.batch.row[0] = a.batch.row[x]; /* read x's two rows alone */
        a.batch.row[1] = a.batch.row[n + x];
        a.batch.n_rows = 2;
        const struct raml_tap tap = {.z = true, .inner = true, .residual = true, .read = keep, .user = a.rows};
        const struct raml_hooks hooks = {.tap = &tap, .take = a.batch.take, .n_takes = a.batch.n_takes};
        must(raml_update_batch_run(&a.batch, a.pass, &hooks, &err), &err);
        make(&a, a.rows, 0);
        const json_t *want = json_object_get(json_object_get(a.o.of, "span"), "distance_at_T");
        for (size_t i = 0; i < L * MATRICES; i++) {
            const struct raml_patch *p = &a.patch[0][i];
            struct raml_layer_shape s = raml_layer_shape(raml_model_config(a.o.g.model), p->matrix);
            double u, w, norm;
            raml_update_norms(p->left, 1, s.n_out, &u);
            raml_update_norms(p->right, 1, s.n_in, &w);
            must(raml_layer_matrix_norm(a.o.g.model, p->layer, p->matrix, &norm, &err), &err);
            match(
                &k, "span", u * w / norm,
                json_array_get(json_object_get(want, raml_update_matrix_name((enum raml_update_matrix)(i % MATRICES))),
                               p->layer),
                1e-5);
        }
        lab_close(&a);
    }
    printf("update.json: %zu distances of the span matched, largest difference %.1e\n", k.n, k.most);
    assert_int_equal(k.n, 4 * 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patched_network),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(subsets_of_patches),
        cmocka_unit_test(oracle_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
