/* test_exits_set.c - stored sets of probes: what is read, what is refused, which half a question is on. */
#include "study/exits_lines.h"

enum { MAX_TEXT = 1 << 20, MANY = 4000 };

static const double sure[] = {0.5, 0.75, 1, 1};

static enum raml_code read_file(struct raml_exits_set *s, const char *text, size_t n, size_t *end, struct raml_err *err)
{
    char *dir = lines_dir(), path[300];
    struct raml_err own = {0};
    snprintf(path, sizeof path, "%s/probes.jsonl", dir);
    assert_int_equal(raml_file_write(path, text, n, &own), RAML_OK);
    enum raml_code rc = raml_exits_set_init(s, err);
    if (!rc) rc = raml_exits_set_read(s, path, end, err);
    assert_int_equal(raml_remove_tree(dir, &own), RAML_OK);
    free(dir);
    return rc;
}

static enum raml_code read_text(struct raml_exits_set *s, const char *text, size_t n, size_t *end, struct raml_err *err)
{
    struct raml_buf sealed;
    raml_buf_init(&sealed, MAX_TEXT);
    raml_buf_add(&sealed, "", 0);
    lines_seal(text, n, &sealed);
    enum raml_code rc = read_file(s, sealed.data, sealed.len, end, err);
    raml_buf_deinit(&sealed);
    return rc;
}

static void three_lines(struct raml_buf *b)
{
    raml_buf_init(b, MAX_TEXT);
    lines_header(b, 5);
    lines_trajectory(b, "a", "one?", 0, "W-RR", sure);
    lines_trajectory(b, "a", "one?", 1, "R", sure);
    lines_trajectory(b, "b", "two?", 0, "WW", sure);
}

static size_t after_lines(const struct raml_buf *b, size_t n) /* bytes of the first n lines */
{
    size_t at = 0;
    for (size_t i = 0; i < b->len && n; i++)
        if (b->data[i] == '\n' && --n == 0) at = i + 1;
    return at;
}

static void a_set_is_read(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_exits_set s;
    struct raml_buf lines, b;
    size_t end;
    three_lines(&lines);
    raml_buf_init(&b, MAX_TEXT);
    lines_seal(lines.data, lines.len, &b);
    size_t first = after_lines(&b, 1), third = after_lines(&b, 3);
    raml_buf_deinit(&lines);
    CHECK_OK(read_file(&s, b.data, b.len, &end, &err));
    assert_int_equal(end, b.len);
    assert_true(s.n == 3 && s.n_questions == 2 && s.n_planned == 5);
    assert_true(s.stride == 10 && s.cost.cue == 2 && s.cost.entropy == 2 && !s.has_waits);
    const struct raml_exits_trajectory *t = &s.trajectory[0];
    assert_true(t->n_tokens == 30 && t->n_probes == 4 && t->number == 0 && t->from == first);
    assert_true(t->correct == RAML_EQUAL && s.trajectory[2].correct == RAML_DIFFERENT && !t->family);
    assert_string_equal(t->piece[2], "piece 2 ");
    assert_string_equal(t->probe[0].answer, "8");
    assert_string_equal(t->probe[1].answer, "");
    assert_true(t->probe[2].at == 20 && t->probe[2].right && !t->probe[1].right);
    CHECK_NEAR("p", t->probe[0].prob[0], 0.5, 0);
    CHECK_NEAR("entropy", t->probe[1].entropy, 0.25, 0);
    CHECK_NEAR("loss", t->probe[2].loss, 0.1, 0);
    assert_true(s.trajectory[1].number == 0 && s.trajectory[1].sample == 1 && s.trajectory[1].n_tokens == 0);
    assert_true(s.trajectory[2].number == 1 && s.trajectory[2].from == third);
    raml_exits_set_deinit(&s);

    /* a torn last line is not there */
    CHECK_OK(read_file(&s, b.data, b.len - 1, &end, &err));
    assert_int_equal(s.n, 2);
    assert_int_equal(end, third);
    raml_exits_set_deinit(&s);
    raml_buf_deinit(&b);
}

static const char header[] =
    "{\"raml\":\"exit probes\",\"version\":2,\"cue_tokens\":2,\"entropy_tokens\":2,\"stride\":10,"
    "\"trajectories\":1}\n";
#define LINE(probes)                                                                                                   \
    "{\"id\":\"a\",\"sample\":0,\"question\":\"?\",\"answer\":\"7\",\"n_tokens\":10,\"pieces\":[\"x\"],\"probes\":"    \
    "[" probes "]}\n"
#define PROBE(at, more)                                                                                                \
    "{\"at\":" at                                                                                                      \
    ",\"wait\":true,\"answer\":\"7\",\"text\":\"7}\",\"p\":[0.5],\"p_all\":[0.5,0.25],\"to_end\":1," more "}"
#define FINE "\"entropy\":null,\"loss\":0.5,\"right\":true"

/* Policies that need the answer alone pay for no more. */
static void what_policies_pay_for(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_exits_set s;
    char text[2000];
    size_t end;
    snprintf(text, sizeof text, "%s%s", header, LINE(PROBE("0", FINE) "," PROBE("10", FINE)));
    CHECK_OK(read_text(&s, text, strlen(text), &end, &err));
    const struct raml_exit_policy stable = {.kind = RAML_EXIT_STABILITY}, certain = {.kind = RAML_EXIT_DYNASOR},
                                  released = {.kind = RAML_EXIT_CONFIDENCE, .released = true};
    assert_int_equal(raml_exits_stored(s.trajectory, &stable).probe[0].n_tokens, 1);
    assert_int_equal(raml_exits_stored(s.trajectory, &certain).probe[0].n_tokens, 2);
    assert_int_equal(raml_exits_stored(s.trajectory, &released).probe[0].n_tokens, 2);
    assert_true(isnan(s.trajectory->probe[0].entropy) && s.trajectory->correct == RAML_UNKNOWN);
    assert_true(s.has_waits);
    raml_exits_set_deinit(&s);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *head, *line, *why;
    } cases[] = {
        {"", "", "has no line; expected a stored set"},
        {"{\"id\":3}\n", "", "probes.jsonl:1: field 'raml' is missing"},
        {"{\"raml\":\"curves\"}\n", "", "field 'raml' is 'curves'; expected 'exit probes'"},
        {"{\"raml\":\"exit probes\",\"version\":1}\n", "", "version 1 of a stored set; this program reads 2"},
        {"{\"raml\":\"exit probes\",\"version\":2,\"stride\":0}\n", "", "field 'stride'"},
        {NULL, "no json\n", "probes.jsonl:2: not valid JSON"},
        {NULL, "{\"id\":\"a\"}\n", "field 'sample' is missing"},
        {NULL, LINE("3"), "probes.jsonl:2: probe 1: expected an object"},
        {NULL, LINE(""), "probe 1: expected places from 0 to the end"},
        {NULL, LINE(PROBE("0", FINE)), "probe 1: expected places from 0 to the end"},
        {NULL, LINE(PROBE("5", FINE) "," PROBE("10", FINE)), "probe 1: expected places from 0 to the end"},
        {NULL, LINE(PROBE("0", FINE) "," PROBE("0", FINE)), "probe 2: places do not rise"},
        {NULL, LINE(PROBE("0", FINE) "," PROBE("5", FINE) "," PROBE("10", FINE)),
         "1 pieces; expected 2, one between each two of 3 probes"},
        {NULL, LINE(PROBE("0", "\"entropy\":1,\"loss\":1,\"right\":1") "," PROBE("10", FINE)),
         "probe 1: field 'right' is not true or false"},
        {NULL, LINE(PROBE("0", "\"entropy\":\"x\",\"loss\":1,\"right\":true") "," PROBE("10", FINE)),
         "field 'entropy'"},
        {NULL,
         LINE("{\"at\":0,\"wait\":true,\"answer\":\"7\",\"text\":\"\",\"p\":[1.5],\"p_all\":[1],\"to_end\":1," FINE
              "}"),
         "probe 1: expected probabilities between 0 and 1"},
        {NULL,
         LINE("{\"at\":0,\"wait\":true,\"answer\":\"7\",\"text\":\"\",\"p\":[1,1],\"p_all\":[1,1],\"to_end\":1," FINE
              "}"),
         "probe 1: p, to_end and p_all disagree"},
        {NULL,
         LINE("{\"at\":0,\"wait\":true,\"answer\":\"7\",\"text\":\"\",\"p\":[1],\"p_all\":[1],\"to_end\":2," FINE "}"),
         "probe 1: p, to_end and p_all disagree"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_exits_set s = {0};
        char text[3000];
        size_t end;
        snprintf(text, sizeof text, "%s%s", cases[i].head ? cases[i].head : header, cases[i].line);
        enum raml_code rc = read_text(&s, text, strlen(text), &end, &err);
        assert_int_not_equal(rc, RAML_OK);
        if (!strstr(err.msg, cases[i].why)) fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, cases[i].why);
        raml_exits_set_deinit(&s);
    }
}

/* An answer that was changed, a number of the first line, a line taken out, two exchanged: each is one error at its line. */
static void what_was_changed_is_seen(void **state)
{
    (void)state;
    struct raml_buf lines, b;
    three_lines(&lines);
    raml_buf_init(&b, MAX_TEXT);
    lines_seal(lines.data, lines.len, &b);
    size_t one = after_lines(&b, 1), two = after_lines(&b, 2), three = after_lines(&b, 3);
    static const char *const why[] = {"probes.jsonl:3: its check does not match", "probes.jsonl:2: its check",
                                      "probes.jsonl:2: its check", "probes.jsonl:2: its check",
                                      "probes.jsonl:4: its check"};
    for (size_t k = 0; k < COUNT(why); k++) {
        struct raml_err err = {0};
        struct raml_exits_set s;
        struct raml_buf x;
        size_t end;
        raml_buf_init(&x, MAX_TEXT);
        raml_buf_add(&x, b.data, k == 2 ? one : k == 3 ? one : b.len);
        if (k == 0) memcpy(strstr(x.data + two, "\"answer\":\"7\",\"text\""), "\"answer\":\"9\"", 12);
        if (k == 1) memcpy(strstr(x.data, "\"cue_tokens\":2"), "\"cue_tokens\":3", 14);
        if (k == 2) raml_buf_add(&x, b.data + two, b.len - two);
        if (k == 3) {
            raml_buf_add(&x, b.data + two, three - two);
            raml_buf_add(&x, b.data + one, two - one);
        }
        if (k == 4) memcpy(x.data + x.len - 4, "x", 1);
        assert_int_equal(read_file(&s, x.data, x.len, &end, &err), RAML_EFORMAT);
        if (!strstr(err.msg, why[k])) fail_msg("case %zu: '%s' does not say '%s'", k, err.msg, why[k]);
        raml_exits_set_deinit(&s);
        raml_buf_deinit(&x);
    }
    raml_buf_deinit(&lines);
    raml_buf_deinit(&b);
}

static void sets_of_another_kind(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_exits_set s;
    size_t end;
    CHECK_OK(read_text(&s, header, strlen(header), &end, &err));
    json_t *same = json_pack("{s:i, s:i}", "stride", 10, "cue_tokens", 2), *other = json_pack("{s:s}", "model", "aa");
    CHECK_OK(raml_exits_set_same(&s, "p.jsonl", same, &err));
    assert_int_equal(raml_exits_set_same(&s, "p.jsonl", other, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "p.jsonl: the stored set was made from another model: nothing there, \"aa\" here"));
    json_decref(same);
    json_decref(other);
    raml_exits_set_deinit(&s);
}

/* Every question is on one half, all its trajectories with it, and on the validation half are as many as asked for. */
static void halves_are_disjoint(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_exits_trajectory *t = calloc(MANY, sizeof *t);
    char(*text)[24] = calloc(MANY, sizeof *text);
    assert_true(t && text);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "question %zu", i / 2);
        t[i].question = text[i];
    }
    struct raml_exits_set s = {.trajectory = t, .n = MANY};
    const double share[] = {0.5, 0.2};
    for (size_t k = 0; k < COUNT(share); k++) {
        size_t n = 0;
        CHECK_OK(raml_exits_set_split(&s, share[k], 3, &err));
        for (size_t i = 0; i < MANY; i += 2) {
            assert_int_equal(t[i].half, t[i + 1].half);
            n += t[i].half == RAML_EXITS_VALIDATION;
        }
        assert_int_equal(n, share[k] * MANY / 2);
    }
    static const struct {
        size_t n_questions;
        double share;
        size_t want;
    } few[] = {{1, 0.5, 0}, {2, 0.01, 1}, {2, 0.99, 1}, {3, 0.5, 2}, {5, 0.3, 2}, {7, 0.2, 1}, {7, 0.95, 6}};
    for (size_t k = 0; k < COUNT(few); k++) {
        struct raml_exits_set some = {.trajectory = t, .n = 2 * few[k].n_questions};
        size_t n = 0;
        CHECK_OK(raml_exits_set_split(&some, few[k].share, 3, &err));
        for (size_t i = 0; i < some.n; i += 2) n += t[i].half == RAML_EXITS_VALIDATION;
        if (n != few[k].want) fail_msg("%zu of %zu questions; expected %zu", n, few[k].n_questions, few[k].want);
    }
    size_t moved = 0;
    CHECK_OK(raml_exits_set_split(&s, 0.5, 3, &err));
    for (size_t i = 0; i < MANY; i++) t[i].n_probes = t[i].half;
    CHECK_OK(raml_exits_set_split(&s, 0.5, 4, &err));
    for (size_t i = 0; i < MANY; i += 2) moved += t[i].n_probes != t[i].half;
    CHECK_NEAR("questions that another seed moves", (double)moved, MANY / 4, 4 * sqrt(MANY / 8.0));
    free(t);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_read),
        cmocka_unit_test(what_policies_pay_for),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_was_changed_is_seen),
        cmocka_unit_test(sets_of_another_kind),
        cmocka_unit_test(halves_are_disjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
