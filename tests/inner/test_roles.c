/* Roles of tokens and steps at words: against an independent implementation; and what is easily counted wrong. */
#include "inner/pieces_of.h"

#include "check_near.h"
#include "inner/role_steps.h"

static struct raml_token_text oracle_text(const json_t *root, const struct pieces *p, const char **word,
                                          const char **delimiter)
{
    const json_t *words = json_object_get(root, "words"), *delimiters = json_object_get(root, "delimiters");
    struct raml_token_text t = {p->piece, p->n, word, json_array_size(words), delimiter, json_array_size(delimiters)};
    for (size_t i = 0; i < t.n_words; i++) word[i] = json_string_value(json_array_get(words, i));
    for (size_t i = 0; i < t.n_delimiters; i++) delimiter[i] = json_string_value(json_array_get(delimiters, i));
    return t;
}

static void check_moments(const char *what, const struct raml_moments *got, const json_t *want)
{
    assert_int_equal(got->n, json_integer_value(json_object_get(want, "n")));
    oracle_near(what, got->mean, json_object_get(want, "mean"), 1e-12);
    oracle_near(what, got->median, json_object_get(want, "median"), 1e-12);
    oracle_near(what, got->deviation, json_object_get(want, "deviation"), 1e-12);
}

static void check_summary(const char *what, struct raml_steps *s, const json_t *want)
{
    struct raml_steps_summary x = raml_steps_summarise(s);
    assert_non_null(want);
    assert_int_equal(x.n_units, json_integer_value(json_object_get(want, "units")));
    assert_int_equal(x.n_tokens, json_integer_value(json_object_get(want, "tokens")));
    check_moments(what, &x.delta, json_object_get(want, "delta"));
    check_moments(what, &x.log_ratio, json_object_get(want, "log_ratio"));
    check_moments(what, &x.relative, json_object_get(want, "relative"));
    oracle_near(what, x.share_falling, json_object_get(want, "share_falling"), 1e-12);
    raml_steps_deinit(s);
}

static void check_steps(const json_t *c, const struct raml_token_roles *r, const struct raml_token_text *text,
                        const double *loss)
{
    struct raml_err err = {0};
    size_t seen = 0;
    for (enum raml_token_role role = 0; role <= RAML_TOKEN_ROLES; role++) {
        const char *name = role == RAML_TOKEN_ROLES ? "all" : raml_token_role_name(role);
        struct raml_steps s = {0};
        must(raml_steps_add_role(&s, r, role, loss, &err), &err);
        check_summary(name, &s, json_object_get(json_object_get(c, "stats"), name));
    }
    for (size_t w = 0; w < text->n_words; w++) {
        struct raml_steps s = {0};
        const json_t *want = json_object_get(json_object_get(c, "by_word"), text->word[w]);
        must(raml_steps_add_word(&s, r, w, loss, &err), &err);
        assert_int_equal(s.n > 0, want != NULL);
        if (want) check_summary(text->word[w], &s, want);
        seen += want != NULL;
    }
    assert_int_equal(seen, json_object_size(json_object_get(c, "by_word")));
}

/* Each token as a unit, all at once, is each token as a unit. */
static void check_match_tokens(const struct raml_matching *m)
{
    struct raml_err err = {0};
    struct raml_matched *all = calloc(m->roles->n + 1, sizeof *all);
    assert_non_null(all);
    must(raml_match_tokens(m, all, &err), &err);
    for (size_t k = 1; k <= m->roles->n; k++) {
        struct raml_matched one = raml_match(m, k, k);
        assert_int_equal(all[k - 1].n_windows, one.n_windows);
        assert_true(all[k - 1].delta == one.delta);
        if (one.n_windows) CHECK_NEAR("effect of a token", all[k - 1].effect, one.effect, 1e-12);
        else assert_true(isnan(all[k - 1].effect) && isnan(all[k - 1].control_mean));
    }
    free(all);
}

static void check_matched(const json_t *list, const struct raml_token_roles *r, const double *loss,
                          const float *entropy)
{
    size_t i, k;
    const json_t *b, *u;
    json_array_foreach (list, i, b) {
        const struct raml_matching m = {r, loss, entropy,
                                        (size_t)json_integer_value(json_object_get(b, "position_buckets"))};
        assert_int_equal(json_array_size(json_object_get(b, "units")), r->n_matches);
        check_match_tokens(&m);
        json_array_foreach (json_object_get(b, "units"), k, u) {
            size_t first = r->match[k].first, last = r->match[k].last, n = 0;
            const json_t *windows = json_object_get(u, "controls");
            struct raml_matched x = raml_match(&m, first, last);
            oracle_near("delta", x.delta, json_object_get(u, "delta"), 1e-12);
            oracle_near("control mean", x.control_mean, json_object_get(u, "control_mean"), 1e-12);
            oracle_near("effect", x.effect, json_object_get(u, "effect"), 1e-12);
            assert_int_equal(x.n_windows, json_array_size(windows));
            for (size_t g = 1; g <= r->n; g++)
                if (raml_matches(&m, first, last, g))
                    assert_int_equal(g, json_integer_value(json_array_get(windows, n++)));
        }
    }
}

static void check_case(const json_t *root, const json_t *c)
{
    const char *word[32], *delimiter[8];
    struct raml_err err = {0};
    struct pieces p = pieces_of_oracle(json_object_get(c, "pieces"));
    struct raml_token_text text = oracle_text(root, &p, word, delimiter);
    struct raml_token_roles r = {0};
    must(raml_token_roles(&text, &r, &err), &err);
    assert_int_equal(r.n, json_array_size(json_object_get(c, "roles")));
    for (size_t k = 0; k < r.n; k++)
        assert_string_equal(raml_token_role_name(r.role[k]),
                            json_string_value(json_array_get(json_object_get(c, "roles"), k)));
    const json_t *matches = json_object_get(c, "matches");
    assert_int_equal(r.n_matches, json_array_size(matches));
    for (size_t k = 0; k < r.n_matches; k++) {
        const json_t *want = json_array_get(matches, k);
        assert_string_equal(word[r.match[k].word], json_string_value(json_object_get(want, "word")));
        assert_int_equal(r.match[k].first, json_integer_value(json_object_get(want, "first")));
        assert_int_equal(r.match[k].last, json_integer_value(json_object_get(want, "last")));
    }
    size_t n_loss, n_entropy;
    double *loss = oracle_numbers(json_object_get(c, "loss"), &n_loss),
           *given = oracle_numbers(json_object_get(c, "entropy"), &n_entropy);
    float *entropy = calloc(n_entropy + 1, sizeof *entropy);
    assert_true(n_loss == r.n + 1 && n_entropy == r.n && entropy);
    for (size_t k = 0; k < n_entropy; k++) entropy[k] = (float)given[k];
    check_steps(c, &r, &text, loss);
    check_matched(json_object_get(c, "controls"), &r, loss, entropy);
    free(loss);
    free(given);
    free(entropy);
    raml_token_roles_deinit(&r);
    pieces_deinit(&p);
}

static void against_the_oracle(void **state)
{
    (void)state;
    json_t *root = oracle_open("roles.json"), *c;
    size_t i, n;
    const char *const *words = raml_reflection_words(&n);
    const json_t *want = json_object_get(root, "words");
    assert_int_equal(n, json_array_size(want));
    for (i = 0; i < n; i++) assert_string_equal(words[i], json_string_value(json_array_get(want, i)));
    json_array_foreach (json_object_get(root, "cases"), i, c) check_case(root, c);
    assert_int_equal(i, 12);
    json_decref(root);
}

/* The step of a word of one token is one step of the curve, from before it to after it, not two; of a word of several,
 * from before its first token to after its last; and nothing after the last token is read. */
static void a_word_is_its_own_step(void **state)
{
    (void)state;
    static const char *const list[] = {"So", " wait", ".", " Let", " me", " check", NULL};
    const double loss[] = {8, 7, 3, 2.5, 2.25, 2.125, 2};
    struct raml_str piece[MAX_PIECES];
    const struct raml_token_text text = text_of(list, piece);
    struct raml_token_roles r = {0};
    struct raml_steps s = {0};
    assert_int_equal(raml_token_roles(&text, &r, NULL), RAML_OK);
    assert_int_equal(r.n_matches, 2);
    assert_int_equal(raml_steps_add_role(&s, &r, RAML_TOKEN_REFLECTION, loss, NULL), RAML_OK);
    assert_int_equal(s.n, 2);
    assert_true(s.delta[0] == 3 - 7.0); /* L(2) - L(1); L(3) - L(1) would be two steps */
    assert_true(s.delta[1] == 2 - 2.5); /* L(6) - L(3): the trajectory ends with the word */
    assert_int_equal(s.n_tokens, 4);
    raml_steps_deinit(&s);
    raml_token_roles_deinit(&r);
}

/* "Wait", " Wait", " wait" and "wait" in the middle of a sentence are one word, whatever their tokens. */
static void every_form_of_a_word_counts(void **state)
{
    (void)state;
    static const char *const list[] = {"Wait", ",",  " Wait",  ",", " so",   " wait",
                                       "\nwa", "it", " (WAIT", ")", "await", NULL};
    static const size_t first[] = {1, 3, 6, 7, 9}, last[] = {1, 3, 6, 8, 9};
    struct raml_str piece[MAX_PIECES];
    const struct raml_token_text text = text_of(list, piece);
    struct raml_token_roles r = {0};
    assert_int_equal(raml_token_roles(&text, &r, NULL), RAML_OK);
    assert_int_equal(r.n_matches, COUNT(first));
    for (size_t i = 0; i < COUNT(first); i++) {
        assert_int_equal(r.match[i].first, first[i]);
        assert_int_equal(r.match[i].last, last[i]);
        assert_string_equal(text.word[r.match[i].word], "wait");
    }
    raml_token_roles_deinit(&r);
}

/* Of several words at a place the longest counts, of equals the first; what would cover a delimiter is none. */
static void which_word(void **state)
{
    (void)state;
    static const char *const word[] = {"let me", "let me check", "let me che", "think", "Let ME"};
    static const char *const list[] = {"<think>", "let me", " check", ".", " Let", " me", "<think", ">", NULL};
    struct raml_str piece[MAX_PIECES];
    struct raml_token_text text = text_of(list, piece);
    struct raml_token_roles r = {0};
    text.word = word;
    text.n_words = COUNT(word);
    assert_int_equal(raml_token_roles(&text, &r, NULL), RAML_OK);
    assert_int_equal(r.n_matches, 3);
    assert_true(r.match[0].word == 1 && r.match[0].first == 2 && r.match[0].last == 3);
    assert_true(r.match[1].word == 0 && r.match[1].first == 5 && r.match[1].last == 6);
    assert_true(r.match[2].word == 3 && r.match[2].first == 7); /* of a delimiter's text, but no delimiter */
    assert_int_equal(r.role[0], RAML_TOKEN_DELIMITER);
    raml_token_roles_deinit(&r);
}

/* Losses of 0 stay in their places and their steps count in nats; only the ratios, which have none, leave them out. */
static void zero_losses_are_kept(void **state)
{
    (void)state;
    static const char *const list[] = {"a", "b", "c", "d", NULL};
    const double loss[] = {1, 0, 0, 0.5, 0.25};
    struct raml_str piece[MAX_PIECES];
    const struct raml_token_text text = text_of(list, piece);
    struct raml_token_roles r = {0};
    struct raml_steps s = {0};
    assert_int_equal(raml_token_roles(&text, &r, NULL), RAML_OK);
    assert_int_equal(raml_steps_add_role(&s, &r, RAML_TOKEN_ROLES, loss, NULL), RAML_OK);
    assert_int_equal(s.n, 4);
    assert_true(s.delta[0] == -1 && s.delta[1] == 0 && s.delta[2] == 0.5 && s.delta[3] == -0.25);
    assert_int_equal(s.n_relative, 2); /* from 1 and from 0.5 */
    assert_int_equal(s.n_log_ratio, 1);
    struct raml_steps_summary x = raml_steps_summarise(&s);
    assert_true(x.share_falling == 0.75 && x.delta.median == -0.125);
    raml_steps_deinit(&s);
    raml_token_roles_deinit(&r);
}

/* A hundred equal steps in nats, one of them where the loss is nearly 0: it alone decides the mean of |ΔL|/L, and
 * neither the steps in nats nor the median. */
static void small_losses_decide_relative_change(void **state)
{
    (void)state;
    enum { N = 100 };
    double loss[2];
    struct raml_steps s = {0};
    for (int i = 0; i < N; i++) {
        loss[0] = i == 40 ? 1e-6 : 2;
        loss[1] = loss[0] + 0.1;
        assert_int_equal(raml_steps_add(&s, loss, 1, 1, NULL), RAML_OK);
    }
    struct raml_steps_summary x = raml_steps_summarise(&s);
    assert_true(fabs(x.delta.mean - 0.1) <= 1e-12 && fabs(x.delta.median - 0.1) <= 1e-12 && x.delta.deviation < 1e-12);
    assert_true(fabs(x.relative.median - 0.05) <= 1e-12);
    assert_true(x.relative.mean > 500 && x.relative.deviation > 5000);
    assert_true(x.log_ratio.median < 0.05 && x.log_ratio.mean < 0.2);
    assert_true(x.share_falling == 0);
    raml_steps_deinit(&s);
}

/* A token that is no word of reflection is compared with the others, not with itself. */
static void no_unit_is_its_own_control(void **state)
{
    (void)state;
    static const char *const list[] = {"a", "b", " wait", " c", NULL};
    const double loss[] = {4, 3, 1, 5, 4.5};
    const float entropy[] = {0.2f, 0.2f, 0.2f, 3};
    struct raml_str piece[MAX_PIECES];
    const struct raml_token_text text = text_of(list, piece);
    struct raml_token_roles r = {0};
    assert_int_equal(raml_token_roles(&text, &r, NULL), RAML_OK);
    for (size_t B = 1; B <= 100000; B += 99999) { /* more parts than tokens, each token by itself */
        const struct raml_matching m = {&r, loss, entropy, B};
        struct raml_matched x = raml_match(&m, 1, 1);
        assert_int_equal(x.n_windows, B == 1);
        if (B == 1) CHECK_NEAR("effect", x.effect, -1 - -2.0, 0); /* beside b alone */
        x = raml_match(&m, 4, 4);
        assert_true(x.n_windows == 0 && isnan(x.effect)); /* no other of its entropy */
        check_match_tokens(&m);
    }
    raml_token_roles_deinit(&r);
}

static void places_without_a_probe(void **state)
{
    (void)state;
    const double loss[] = {3, NAN, 2, 1};
    struct raml_steps s = {0};
    for (size_t k = 1; k <= 3; k++) assert_int_equal(raml_steps_add(&s, loss, k, k, NULL), RAML_OK);
    assert_int_equal(s.n, 1);
    assert_true(s.delta[0] == -1);
    assert_int_equal(raml_steps_add(&s, loss, 1, 2, NULL), RAML_OK);
    assert_true(s.n == 2 && s.delta[1] == -1);
    struct raml_steps_summary none = raml_steps_summarise(&(struct raml_steps){0});
    assert_true(none.n_units == 0 && isnan(none.delta.mean) && isnan(none.share_falling));
    raml_steps_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_the_oracle),          cmocka_unit_test(a_word_is_its_own_step),
        cmocka_unit_test(every_form_of_a_word_counts), cmocka_unit_test(which_word),
        cmocka_unit_test(zero_losses_are_kept),        cmocka_unit_test(small_losses_decide_relative_change),
        cmocka_unit_test(no_unit_is_its_own_control),  cmocka_unit_test(places_without_a_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
