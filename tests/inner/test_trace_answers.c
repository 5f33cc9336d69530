/* Loss curves of several answers, at given places, by layer, with the trajectory's own tokens. */
#include "inner/oracle.h"
#include "inner/trace_rig.h"

#include "raml/completion.h"

static void same_bits(const struct raml_loss_curve *a, const struct raml_loss_curve *b)
{
    assert_int_equal(a->n_points, b->n_points);
    assert_int_equal(a->n_answer, b->n_answer);
    assert_memory_equal(a->loss, b->loss, a->n_points * sizeof *a->loss);
    assert_memory_equal(a->greedy, b->greedy, a->n_points * sizeof *a->greedy);
    assert_memory_equal(a->logp, b->logp, a->n_points * a->n_answer * sizeof *a->logp);
}

static void trace_with(const struct raml_model *model, const struct raml_trace_options *opt,
                       const struct raml_trace_input *in, size_t n, struct raml_loss_curve *out, uint64_t *passes)
{
    struct raml_err err = {0};
    struct raml_tracer *t;
    size_t cost = 0;
    must(raml_tracer_open(model, opt, &t, &err), &err);
    must(raml_tracer_run(t, in, n, out, &err), &err);
    for (size_t i = 0; i < n; i++) cost += raml_tracer_cost(t, &in[i]);
    assert_int_equal(raml_tracer_tokens(t), cost);
    if (passes) *passes = raml_tracer_passes(t);
    raml_tracer_close(t);
}

enum { MAX_LAYERS = 8, N_ORACLE_ANSWERS = 3 };

static void check_answer(const struct raml_loss_curve *c, const json_t *want)
{
    const json_t *layers = json_object_get(want, "by_layer");
    assert_int_equal(c->n_points, json_array_size(json_object_get(want, "loss")));
    assert_int_equal(c->n_answer, json_array_size(json_object_get(want, "tokens")));
    assert_int_equal(c->n_layers, json_array_size(layers));
    for (size_t k = 0; k < c->n_points; k++) {
        const json_t *logp = json_array_get(json_object_get(want, "logp"), k);
        CHECK_NEAR("loss", c->loss[k], json_number_value(json_array_get(json_object_get(want, "loss"), k)), 1e-4);
        assert_int_equal(c->greedy[k], json_is_true(json_array_get(json_object_get(want, "greedy"), k)));
        for (size_t j = 0; j < c->n_answer; j++)
            CHECK_NEAR("logp", c->logp[k * c->n_answer + j], json_number_value(json_array_get(logp, j)), 1e-4);
        for (size_t l = 0; l < c->n_layers; l++)
            CHECK_NEAR("layer", c->layer_loss[l * c->n_points + k],
                       json_number_value(json_array_get(json_array_get(layers, l), k)), 1e-4);
    }
    for (size_t k = 0; k < c->n_points; k++) /* after all layers: what the model itself reads */
        assert_true(c->layer_loss[(c->n_layers - 1) * c->n_points + k] == c->loss[k]);
}

static void check_trajectory(const struct golden *g, const json_t *model, const json_t *t)
{
    struct ids prompt = golden_ids(json_object_get(model, "prompt")), cue = golden_ids(json_object_get(model, "cue")),
               trajectory = {0}, answer[N_ORACLE_ANSWERS], probe[N_ORACLE_ANSWERS];
    struct raml_trace_probe other[N_ORACLE_ANSWERS];
    const json_t *order = json_object_get(t, "answer_order"), *answers = json_object_get(t, "answers");
    size_t layer[MAX_LAYERS], n_layers = (size_t)raml_model_config(g->model)->n_layers + 1;
    struct raml_loss_curve c;
    assert_int_equal(json_array_size(order), N_ORACLE_ANSWERS);
    if (json_array_size(json_object_get(t, "trajectory"))) trajectory = golden_ids(json_object_get(t, "trajectory"));
    for (size_t i = 0; i < N_ORACLE_ANSWERS; i++) {
        const char *name = json_string_value(json_array_get(order, i));
        answer[i] = golden_ids(json_object_get(json_object_get(answers, name), "tokens"));
        probe[i] = cue;
        memcpy(probe[i].id + cue.n, answer[i].id, answer[i].n * sizeof *cue.id);
        other[i] = (struct raml_trace_probe){probe[i].id, cue.n + answer[i].n, cue.n};
    }
    assert_true(n_layers <= MAX_LAYERS);
    for (size_t l = 0; l < n_layers; l++) layer[l] = l;
    struct raml_trace_options opt = raml_trace_default();
    opt.layer = layer;
    opt.n_layers = n_layers;
    struct raml_trace_input in =
        INPUT(prompt.id, trajectory.id, cue.id, answer[0].id, prompt.n, trajectory.n, cue.n, answer[0].n);
    in.other = other + 1;
    in.n_other = N_ORACLE_ANSWERS - 1;
    trace_with(g->model, &opt, &in, 1, &c, NULL);
    assert_int_equal(c.n_other, N_ORACLE_ANSWERS - 1);
    for (size_t i = 0; i < N_ORACLE_ANSWERS; i++)
        check_answer(i ? &c.other[i - 1] : &c, json_object_get(answers, json_string_value(json_array_get(order, i))));
    raml_loss_curve_deinit(&c);
}

static void golden_answers_and_layers(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *model, *t;
    const char *name;
    size_t i, seen = 0;
    json_object_foreach (json_object_get(root, "models"), name, model) {
        struct golden g;
        golden_open(&g, name);
        json_array_foreach (json_object_get(model, "trajectories"), i, t) {
            check_trajectory(&g, model, t);
            seen++;
        }
        golden_close(&g);
    }
    assert_int_equal(seen, 16);
    json_decref(root);
}

/* Further answers: one with the whole prefix of the first, one that shares a part, one that shares nothing and is
 * longer, one without a prefix, and those that begin as earlier ones do. */
enum { N_OTHER = 9 };
struct others {
    int32_t token[N_OTHER][20];
    struct raml_trace_probe probe[N_OTHER];
};
static void make_others(const struct raml_trace_input *in, struct others *o)
{
    static const size_t shared[] = {2, 1, 0, 0}, prefix[] = {2, 2, 3, 0}, n[] = {4, 6, 11, 2};
    size_t p = in->n_answer_prefix, whole = p + in->n_answer;
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < n[i]; j++) o->token[i][j] = (int32_t)(200 + 17 * i + j);
        size_t same = shared[i] < p ? shared[i] : p;
        if (same) memcpy(o->token[i], in->answer_prefix, same * sizeof *o->token[i]);
        o->probe[i] = (struct raml_trace_probe){o->token[i], n[i], prefix[i]};
    }
    /* the second with another end, and without its end; the first with one token more; the third again; the first,
     * its prefix one token shorter */
    for (size_t i = 4; i < N_OTHER; i++) memcpy(o->token[i], o->token[i == 7 ? 2 : 1], sizeof o->token[i]);
    o->token[4][5] = 300;
    for (size_t i = 6; i < N_OTHER; i += 2) {
        if (p) memcpy(o->token[i], in->answer_prefix, p * sizeof *o->token[i]);
        memcpy(o->token[i] + p, in->answer, in->n_answer * sizeof *o->token[i]);
        o->token[i][whole] = 301;
    }
    o->probe[4] = (struct raml_trace_probe){o->token[4], 6, 2};
    o->probe[5] = (struct raml_trace_probe){o->token[5], 4, 2};
    o->probe[6] = (struct raml_trace_probe){o->token[6], whole + 1, p};
    o->probe[7] = (struct raml_trace_probe){o->token[7], 11, 3};
    o->probe[8] = (struct raml_trace_probe){o->token[8], whole, p ? p - 1 : 0};
}

static struct raml_trace_input alone(const struct raml_trace_input *in, const struct raml_trace_probe *p)
{
    struct raml_trace_input x = *in;
    x.other = NULL;
    x.n_other = 0;
    x.answer_prefix = p->token;
    x.n_answer_prefix = p->n_prefix;
    x.answer = p->token + p->n_prefix;
    x.n_answer = p->n - p->n_prefix;
    return x;
}

static void several_answers(void **state)
{
    struct fixture *f = *state;
    struct raml_trace_options opt = raml_trace_default();
    for (size_t n = 0; n < N_INPUTS; n++) {
        struct others o;
        struct raml_trace_input in = f->in[n];
        make_others(&in, &o);
        for (size_t m = 1; m <= N_OTHER; m++) {
            struct raml_loss_curve c, one;
            in.other = o.probe;
            in.n_other = m;
            opt.tokens = m == 2;
            trace_with(f->model, &opt, &in, 1, &c, NULL);
            opt.tokens = false;
            trace_with(f->model, &opt, &f->in[n], 1, &one, NULL);
            same_bits(&c, &one);
            raml_loss_curve_deinit(&one);
            for (size_t i = far_asked() ? m - 1 : 0; i < m; i++) {
                const struct raml_trace_input x = alone(&in, &o.probe[i]);
                trace_with(f->model, &opt, &x, 1, &one, NULL);
                same_bits(&c.other[i], &one);
                raml_loss_curve_deinit(&one);
            }
            raml_loss_curve_deinit(&c);
        }
    }
}

/* Places given by an input are those of the whole curve, to the last bit, as long as one pass holds either. */
static void given_places(void **state)
{
    struct fixture *f = *state;
    static const uint32_t at[][8] = {{0, 150}, {0, 1, 2, 149, 150}, {0, 5, 63, 64, 65, 127, 150}};
    static const size_t n_at[] = {2, 5, 7};
    struct raml_trace_options opt = raml_trace_default();
    struct raml_loss_curve whole, c;
    opt.max_batch_tokens = 1 << 20;
    opt.tokens = true;
    trace_with(f->model, &opt, f->in, 1, &whole, NULL);
    for (size_t i = 0; i < COUNT(at); i++) {
        struct raml_trace_input in = f->in[0];
        in.at = at[i];
        in.n_at = n_at[i];
        trace_with(f->model, &opt, &in, 1, &c, NULL);
        assert_int_equal(c.n_points, n_at[i]);
        assert_memory_equal(c.at, at[i], n_at[i] * sizeof *c.at);
        assert_int_equal(c.n_tokens, T_LONG);
        for (size_t k = 0; k < c.n_points; k++) {
            assert_true(c.loss[k] == whole.loss[at[i][k]]);
            assert_memory_equal(c.logp + 5 * k, whole.logp + 5 * at[i][k], 5 * sizeof *c.logp);
        }
        assert_memory_equal(c.token_logp, whole.token_logp, T_LONG * sizeof *c.token_logp);
        raml_loss_curve_deinit(&c);
    }
    raml_loss_curve_deinit(&whole);
}

/* Every trajectory token by itself, as a completion of what comes before it. */
static void tokens_alone(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_trace_options opt = raml_trace_default();
    struct raml_completion_evaluator *s;
    struct raml_loss_curve c[N_INPUTS];
    opt.tokens = true;
    trace_with(f->model, &opt, f->in, N_INPUTS, c, NULL);
    must(raml_completion_open(f->model, 1 << 20, &s, &err), &err);
    for (size_t n = 0; n < N_INPUTS; n++) {
        const struct raml_trace_input *in = &f->in[n];
        assert_true(c[n].token_logp && c[n].token_entropy);
        for (size_t i = 0; i < in->n_trajectory; i += far_asked() ? 13 : 1) {
            int32_t text[2 * T_LONG];
            float logp, entropy;
            memcpy(text, in->prompt, in->n_prompt * sizeof *text);
            memcpy(text + in->n_prompt, in->trajectory, i * sizeof *text);
            struct raml_completion one = {in->trajectory + i, 1, &logp, &entropy, 0};
            const struct raml_completions job = {text, in->n_prompt + i, &one, 1};
            must(raml_completion_logprobs(s, &job, 1, &err), &err);
            CHECK_NEAR("token", c[n].token_logp[i], logp, 1e-5);
            CHECK_NEAR("entropy", c[n].token_entropy[i], entropy, 1e-5);
            assert_true(entropy > 0);
        }
    }
    raml_completion_close(s);
    deinit_all(c);
}

/* Over several passes every probe, answer, layer and token has its place, however often the trajectory is read. */
static void everything_over_passes(void **state)
{
    struct fixture *f = *state;
    static const size_t bound[] = {1, 60, 300, 900, 2500}, layer[] = {0, 2};
    struct raml_trace_options opt = raml_trace_default();
    struct others o;
    struct raml_trace_input in = f->in[0];
    struct raml_loss_curve whole, c;
    uint64_t passes;
    make_others(&in, &o);
    in.other = o.probe;
    in.n_other = N_OTHER;
    opt.tokens = true;
    opt.layer = layer;
    opt.n_layers = 2;
    opt.max_batch_tokens = 1 << 20;
    trace_with(f->model, &opt, &in, 1, &whole, &passes);
    assert_int_equal(passes, 1);
    for (size_t i = far_asked() ? 3 : 0; i < COUNT(bound); i++) {
        opt.max_batch_tokens = bound[i];
        trace_with(f->model, &opt, &in, 1, &c, &passes);
        assert_true(passes > 1);
        same_curve(&c, &whole, 1e-5);
        for (size_t k = 0; k < T_LONG; k++) {
            CHECK_NEAR("token", c.token_logp[k], whole.token_logp[k], 1e-5);
            CHECK_NEAR("entropy", c.token_entropy[k], whole.token_entropy[k], 1e-5);
        }
        for (size_t k = 0; k < 2 * c.n_points; k++) CHECK_NEAR("layer", c.layer_loss[k], whole.layer_loss[k], 1e-5);
        for (size_t m = 0; m < N_OTHER; m++)
            for (size_t k = 0; k < c.n_points; k++) {
                CHECK_NEAR("other", c.other[m].loss[k], whole.other[m].loss[k], 1e-5);
                CHECK_NEAR("other", c.other[m].layer_loss[k], whole.other[m].layer_loss[k], 1e-5);
            }
        raml_loss_curve_deinit(&c);
    }
    raml_loss_curve_deinit(&whole);
}

/* Rows of a place: those of the first answer but the last; what a further answer adds is its own tokens but the last,
 * from where it differs from the earlier one that it has most in common with. */
static void cost_of_answers(void **state)
{
    struct fixture *f = *state;
    struct others o;
    struct raml_trace_input in = f->in[0];
    struct raml_tracer *t = open_tracer(f->model, 1, 1 << 20);
    static const size_t rows[N_OTHER] = {4 - 1 - 2, 6 - 1 - 1, 11 - 1, 2 - 1, 0, 0, 1, 0, 7 - 1 - 1};
    size_t want = 40 + T_LONG + (T_LONG + 1) * 6;
    assert_int_equal(raml_tracer_cost(t, &in), want);
    make_others(&in, &o);
    in.other = o.probe;
    for (in.n_other = 1; in.n_other <= N_OTHER; in.n_other++) {
        want += (T_LONG + 1) * rows[in.n_other - 1];
        assert_int_equal(raml_tracer_cost(t, &in), want);
    }
    raml_tracer_close(t);
}

static void bad_choices(void **state)
{
    struct fixture *f = *state;
    static const uint32_t late[] = {1, 2}, early[] = {0, 1}, falls[] = {0, 2, 2}, over[] = {0, 3};
    static const size_t falling[] = {1, 1}, deep[] = {0, 99};
    const int32_t bad = 512, *const parent[] = {&bad, &bad};
    size_t context = (size_t)raml_model_config(f->model)->max_positions;
    const struct raml_trace_probe none = {f->token, 2, 2}, foreign = {&bad, 1, 0}, endless = {f->token, context, 1};
    const struct raml_trace_input base = INPUT(f->token, f->token, f->token, f->token, 2, 2, 1, 1);
    struct raml_trace_input in[10];
    static const char *const message[] = {
        "answer 2 has no token",
        "answer 2, with its prefix: token 1 is 512",
        "and answer 2 (",
        "places to probe: number 1 of 2 is 1; expected strictly rising places, the first 0, the last 2",
        "number 2 of 2 is 1",
        "number 3 of 3 is 2",
        "number 2 of 2 is 3",
        "there is no place to probe",
        "need places",
        "parent of probe 2: token 1 is 512",
    };
    for (size_t i = 0; i < COUNT(in); i++) in[i] = base;
    for (size_t i = 0; i < 3; i++) in[i].n_other = 1;
    in[0].other = &none;
    in[1].other = &foreign;
    in[2].other = &endless;
    for (size_t i = 3; i < 8; i++) in[i].n_at = i == 5 ? 3 : i == 7 ? 0 : 2;
    in[3].at = late;
    in[4].at = early;
    in[5].at = falls;
    in[6].at = over;
    in[7].at = late;
    in[8].parent = parent;
    in[9].parent = parent;
    in[9].at = early;
    in[9].n_at = 2;
    in[9].n_trajectory = 1;
    struct raml_tracer *t = open_tracer(f->model, 1, 4096);
    struct raml_loss_curve c = {0};
    for (size_t i = 0; i < COUNT(message); i++) {
        struct raml_err err = {0};
        assert_int_equal(raml_tracer_check(t, &in[i], &err), RAML_ERANGE);
        assert_true(has(err.msg, message[i]));
        assert_int_equal(raml_tracer_run(t, &in[i], 1, &c, NULL), RAML_ERANGE);
        assert_null(c.loss);
    }
    assert_int_equal(raml_tracer_tokens(t), 0);
    raml_tracer_close(t);
    struct raml_trace_options opt = raml_trace_default();
    struct raml_err err = {0};
    opt.layer = falling;
    opt.n_layers = 2;
    assert_int_equal(raml_tracer_open(f->model, &opt, &t, &err), RAML_ERANGE);
    assert_true(has(err.msg, "layers: number 2 is 1; expected strictly rising numbers from 0"));
    opt.layer = deep;
    assert_int_equal(raml_tracer_open(f->model, &opt, &t, &err), RAML_ERANGE);
    assert_true(has(err.msg, "layers: number 2 is 99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_answers_and_layers),
        cmocka_unit_test(several_answers),
        cmocka_unit_test(given_places),
        cmocka_unit_test(tokens_alone),
        cmocka_unit_test(everything_over_passes),
        cmocka_unit_test(cost_of_answers),
        cmocka_unit_test(bad_choices),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
