/* test_report_rollouts.c - the report of runs on rollouts and on pairs: headline, figures, groups of samples. */
#include "raml/report.h"

#include "core/file.h"
#include "study/html_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "study/folder.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *dir, const char *name, const char *text)
{
    char path[256];
    struct raml_err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    *strrchr(path, '/') = 0;
    if (raml_make_dir(path, &err)) fail_msg("%s", err.msg);
    path[strlen(path)] = '/';
    if (raml_file_write(path, text, strlen(text), &err)) fail_msg("%s", err.msg);
}

static char *get(const char *dir, const char *name)
{
    char path[256];
    struct raml_err err = {0};
    struct raml_buf b;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    raml_buf_init(&b, 1 << 26);
    if (raml_file_read(path, &b, &err)) fail_msg("%s", err.msg);
    return raml_buf_take(&b);
}

static char *report(const char *dir)
{
    char why[300];
    struct raml_err err = {0};
    if (raml_report(dir, NULL, NULL, &err)) fail_msg("%s", err.msg);
    char *page = get(dir, "report.html");
    const char *fault = html_fault(page, why, sizeof why);
    if (fault) fail_msg("%s", fault);
    return page;
}

static void expect(const char *page, const char *text)
{
    if (!strstr(page, text)) fail_msg("not on the page: %s", text);
}

static void expect_none(const char *page, const char *text)
{
    if (strstr(page, text)) fail_msg("on the page: %s", text);
}

static size_t count(const char *page, const char *text)
{
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, text)); at++) n++;
    return n;
}

/* Ten lines: reward 0, 0.1, .. 0.9, so that its first and last fifths are 0.05 and 0.85. */
static void put_policy_run(const char *dir, const char *name)
{
    char path[64], *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    for (int i = 0; i < 10; i++)
        fprintf(f,
                "{\"step\":%d,\"reward\":%g,\"accuracy\":%g,\"frac_reward_zero_std\":0.25,\"kl\":%g,"
                "\"clip_ratio/high_mean\":%g,\"clip_ratio/low_mean\":0,\"clip_ratio/region_mean\":%g,"
                "\"completions/mean_length\":%d,\"completions/max_length\":%d,\"entropy\":%g,\"loss\":%g,"
                "\"logp_gap/max\":0,\"eval_accuracy\":%g,\"exact\":%d}\n",
                i + 1, 0.1 * i, 0.1 * i, 0.01 * i, 0.02 * i, 0.02 * i, 20 + i, 30 + i, 0.5 - 0.01 * i, -0.0001 * i,
                0.05 * i, i);
    fclose(f);
    snprintf(path, sizeof path, "%s/metrics.jsonl", name);
    put(dir, path, text);
    free(text);
    snprintf(path, sizeof path, "%s/timing.jsonl", name);
    put(dir, path,
        "{\"step\":5,\"seconds\":9,\"tokens_per_s\":700,\"seconds/sampling\":1,\"seconds/training\":2}\n"
        "{\"step\":10,\"seconds\":20,\"tokens_per_s\":900,\"seconds/sampling\":2,\"seconds/training\":2,"
        "\"seconds/evaluation\":1}\n");
}

static void headline_and_figures(void **state)
{
    const char *dir = *state;
    put_policy_run(dir, "a");
    put(dir, "b/metrics.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n");
    char *page = report(dir);
    /* validation first, its first and last evaluation; the rate is that of the whole run */
    expect(page, "<span>right answers in validation, a</span><b>0.0\u00A0%\u00A0\u2192 45.0\u00A0%</b><span>first "
                 "evaluation after step 1</span><span>reward in training "
                 "0.05\u00A0\u2192 0.85</span><span>after 10 steps, 900 tokens/s</span>");
    expect(page, "<span>training loss, b</span><b>1</b>");
    expect_none(page, "training loss, a");
    /* the table has the run on rollouts alone; first and last fifths, shares in percent; the loss last */
    expect(page, "<th class=\"t\">start \u2192 end</th><th>a</th></tr>");
    expect(page, "<tr><td class=\"t\">mean reward</td><td>0.05\u00A0\u2192\u00A00.85</td></tr>");
    expect(page, "<td class=\"t\">right samples</td><td>5.0\u00A0%\u00A0\u2192\u00A085.0\u00A0%</td>");
    expect(
        page,
        "<td class=\"t\">right answers in validation</td><td>0.0\u00A0%\u00A0\u2192\u00A045.0\u00A0%<br><small>first "
        "after step 1</small></td>");
    expect(page, "<td class=\"t\">groups without signal</td><td>25.0\u00A0%");
    expect(page, "<td class=\"t\">KL to the reference, nats per token</td><td>0.005\u00A0\u2192\u00A00.085</td>");
    expect(page, "<td class=\"t\">clipped ratios</td><td>1.0\u00A0%\u00A0\u2192\u00A017.0\u00A0%</td>");
    expect(page, "<td class=\"t\">tokens per sample</td><td>20.5\u00A0\u2192\u00A028.5</td>");
    expect(page, "<td class=\"t\">entropy, nats per token</td><td>0.495\u00A0\u2192\u00A00.415</td></tr>\n"
                 "<tr><td class=\"t\">loss</td><td>\u22125e-05\u00A0\u2192\u00A0\u22120.001</td></tr>\n</table>");
    expect_none(page, "truncated samples</td>");
    expect(page, "A policy-gradient loss near 0 is normal");
    /* reward, right answers, length, entropy, KL, clipped ratios, loss, speed, time, the component: what never changes is in words */
    assert_int_equal(count(page, "<figure>"), 10);
    expect(page, "The same in every line: frac_reward_zero_std\u00A00.25, logp_gap/max\u00A00.");
    free(page);
    char *tsv = get(dir, "figures/training-loss.gp");
    expect_none(tsv, "nats per trained token");
    free(tsv);
    tsv = get(dir, "figures/training-accuracy.tsv");
    expect(tsv, "a, training\t10\t0.9\tnan\tnan\n");
    expect(tsv, "a, validation\t10\t0.45\tnan\tnan\n");
    free(tsv);
    tsv = get(dir, "figures/training-clip_ratio_high_mean.tsv");
    expect(tsv, "a, above\t10\t0.18\tnan\tnan\n");
    expect(tsv, "a, below\t10\t0\tnan\tnan\n");
    free(tsv);
    tsv = get(dir, "figures/training-exact.gp");
    expect(tsv, "'Reward: exact'");
    free(tsv);
    tsv = get(dir, "figures/training-time.tsv"); /* 3 + 4 + 1 seconds */
    expect(tsv, "37.5\t");
    expect(tsv, "50\t");
    expect(tsv, "12.5\t");
    free(tsv);
}

static void pairs(void **state)
{
    const char *dir = *state;
    put(dir, "metrics.jsonl",
        "{\"step\":1,\"loss\":0.69,\"rewards/chosen\":0,\"rewards/rejected\":0,\"rewards/margins\":0,"
        "\"rewards/accuracies\":0,\"logps/chosen\":-3,\"logps/rejected\":-4}\n"
        "{\"step\":2,\"loss\":0.5,\"rewards/chosen\":0.25,\"rewards/rejected\":-0.5,\"rewards/margins\":0.75,"
        "\"rewards/accuracies\":1,\"logps/chosen\":-2,\"logps/rejected\":-200,\"eval_accuracy\":0.75}\n");
    char *page = report(dir);
    expect(page, "<span>pairs in the right order, validation</span><b>75.0\u00A0%</b><span>margin "
                 "0\u00A0\u2192 0.75</span><span>after 2 steps</span>");
    expect(page, "<td class=\"t\">pairs in the right order</td><td>0.0\u00A0%\u00A0\u2192\u00A0100.0\u00A0%</td>");
    expect(page, "<td class=\"t\">margin of implicit rewards</td><td>0\u00A0\u2192\u00A00.75</td>");
    expect(page, "<td class=\"t\">log p of rejected responses, nats</td><td>\u22124\u00A0\u2192\u00A0\u2212200</td>");
    expect(page, "<td class=\"t\">pairs in the right order, validation</td><td>75.0\u00A0%</td>");
    expect_none(page, "right answers in validation");
    expect_none(page, "Right answers");
    expect_none(page, "policy-gradient loss");
    assert_int_equal(count(page, "<figure>"), 5);
    free(page);
    char *tsv = get(dir, "figures/training-rewards_chosen.tsv");
    expect(tsv, "this run, chosen\t2\t0.25");
    expect(tsv, "this run, rejected\t2\t-0.5");
    free(tsv);
}

static char *figure_of(const char *dir, const char *metrics, const char *recipe, const char *name)
{
    put(dir, "metrics.jsonl", metrics);
    put(dir, "recipe.yaml", recipe);
    free(report(dir));
    return get(dir, name);
}

/* What the loss is in, by method. */
static void labels_of_the_loss(void **state)
{
    static const struct {
        const char *has, *recipe, *label;
    } cases[] = {
        {"", "a: 1\n", "'loss, nats per trained token'"},
        {"\"nll\":0.5,", "objective: dft\n", "'\u2212p log p, per trained token'"},
        {"\"reward\":0.5,", "a: 1\n", "'loss, nats per trained token'"},
        {"\"reward\":0.5,\"policy_loss\":0.5,", "a: 1\n", "'policy loss'"},
        {"\"reward\":0.5,\"reverse_kl\":2,", "a: 1\n", "'reverse KL, nats per trained token'"},
        {"\"rewards/margins\":1,", "loss_type: \"sigmoid\"\n", "'loss per pair'"},
        {"\"rewards/margins\":1,", "beta: 1\nloss_type: \"ipo_sum\"\n", "'loss per pair, a squared distance'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"step\":1,%s\"loss\":2}\n{\"step\":2,%s\"loss\":1}\n", cases[i].has,
                 cases[i].has);
        char *script = figure_of(*state, text, cases[i].recipe, "figures/training-loss.gp");
        expect(script, cases[i].label);
        free(script);
    }
    put(*state, "pairs/metrics.jsonl", "{\"step\":1,\"reward\":1,\"policy_loss\":0,\"loss\":2}\n");
    free(report(*state)); /* runs of two methods */
    char *script = get(*state, "figures/training-loss.gp");
    expect(script, "set ylabel 'loss'");
    free(script);
}

/* Self-distillation: the teacher's numbers, and no advantages. */
static void distillation(void **state)
{
    const char *dir = *state;
    put(dir, "metrics.jsonl",
        "{\"step\":1,\"reward\":0.5,\"accuracy\":0.5,\"reverse_kl\":0.75,\"student_nll\":1,\"teacher_nll\":1.75,"
        "\"log_ratio_max\":3,\"loss\":0.75,\"eval_accuracy\":0.25}\n"
        "{\"step\":2,\"reward\":0.6,\"accuracy\":0.6,\"reverse_kl\":0.5,\"student_nll\":1,\"teacher_nll\":1.5,"
        "\"log_ratio_max\":4,\"loss\":0.5,\"eval_accuracy\":0.5}\n");
    put(dir, "rollouts.jsonl",
        "{\"question\":\"1+1\",\"answer\":\"2\",\"step\":1,\"used\":true,\"trajectories\":[{\"text\":\"2\",\"answer\":"
        "\"2\","
        "\"correct\":true,\"reward\":1,\"reverse_kl\":0.125,\"n_tokens\":1,\"trained\":true}]}\n");
    char *page = report(dir);
    expect(page, "<span>reverse KL in nats per token 0.75\u00A0\u2192 0.5</span>");
    expect(page, "<td class=\"t\">reverse KL to the teacher, nats per token</td><td>0.75\u00A0\u2192\u00A00.5</td>");
    expect(page, " \u00B7 reward 1 \u00B7 reverse KL 0.125 \u00B7 tokens 1");
    free(page);
    char *tsv = get(dir, "figures/training-student_nll.tsv");
    expect(tsv, "this run, teacher\t2\t1.5");
    free(tsv);
    tsv = get(dir, "figures/training-reverse_kl.gp");
    expect(tsv, "Reverse KL to the teacher");
    free(tsv);
}

/* Meta-learning: the query's loss before and after adapting, of the runs that have both. */
static void queries(void **state)
{
    const char *dir = *state;
    put(dir, "a/metrics.jsonl",
        "{\"step\":1,\"loss\":2,\"query_loss_before\":3,\"displacement\":0.5,\"eval_loss\":1,"
        "\"eval_query_loss_before\":1.5,\"eval_query_loss_after\":1.25}\n"
        "{\"step\":2,\"loss\":1,\"query_loss_before\":2.5,\"displacement\":0.25,\"eval_loss\":0.5,"
        "\"eval_query_loss_before\":0.75,\"eval_query_loss_after\":0.625}\n");
    put(dir, "b/metrics.jsonl", "{\"step\":1,\"loss\":4}\n{\"step\":2,\"loss\":3}\n");
    char *page = report(dir);
    expect(page, "<span>loss of validation queries after adapting, a</span><b>0.625</b><span>before adapting 0.75");
    free(page);
    char *tsv = get(dir, "figures/training-query_loss_before.tsv");
    expect(tsv, "a, after adapting\t2\t1\t");
    expect(tsv, "a, before\t2\t2.5\t");
    expect_none(tsv, "b,");
    free(tsv);
    tsv = get(dir, "figures/training-loss.tsv");
    expect(tsv, "b, training\t2\t3\t");
    free(tsv);
    put(dir, "a/metrics.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n");
    page = report(dir);
    expect_none(page, "Loss of a task&#39;s query");
    expect_none(page, "Loss of a task's query");
    free(page);
}

/* Multi-step loss: over the trajectory at the start and at the end of the probes, and over their steps. */
static void probes(void **state)
{
    const char *dir = *state;
    put(dir, "a/metrics.jsonl",
        "{\"step\":1,\"loss\":2,\"probe_loss/1\":4,\"probe_loss/2\":3}\n"
        "{\"step\":2,\"loss\":1,\"probe_loss/1\":3.5,\"probe_loss/2\":0.25}\n{\"step\":3,\"loss\":1}\n");
    put(dir, "b/metrics.jsonl", "{\"step\":1,\"loss\":4}\n{\"step\":2,\"loss\":3}\n");
    char *page = report(dir);
    expect(page, "Loss of the answer after cuts of the trajectory");
    expect_none(page, "probe_loss/1");
    free(page);
    char *tsv = get(dir, "figures/training-probes.tsv");
    expect(tsv, "a, start\t0.5\t4\t");
    expect(tsv, "a, end\t1\t0.25\t");
    expect_none(tsv, "b,");
    free(tsv);
    tsv = get(dir, "figures/training-probes_by_step.tsv");
    expect(tsv, "1/2\t2\t3.5\t");
    expect(tsv, "2/2\t1\t3\t");
    free(tsv);
    put(dir, "b/metrics.jsonl", "{\"step\":1,\"probe_loss/1\":4,\"probe_loss/2\":3}\n");
    page = report(dir); /* of two runs, one of them logged once */
    expect_none(page, "training-probes_by_step");
    free(page);
    tsv = get(dir, "figures/training-probes.tsv");
    expect(tsv, "a, start\t1\t3\t");
    expect_none(tsv, "b, start");
    expect(tsv, "b, end\t1\t3\t");
    free(tsv);
}

/* Rounding is no curve, one line is shown in words, bytes are drawn in MiB, validation alone is drawn. */
static void small_numbers_and_few(void **state)
{
    const char *dir = *state;
    put(dir, "metrics.jsonl",
        "{\"step\":0,\"eval_accuracy\":0.25}\n"
        "{\"step\":1,\"reward\":0.5,\"policy_loss\":-1.8e-16,\"loss\":0.5}\n"
        "{\"step\":2,\"reward\":0.6,\"policy_loss\":3e-12,\"loss\":0.4,\"eval_accuracy\":0.5}\n");
    put(dir, "timing.jsonl",
        "{\"step\":1,\"peak_memory_bytes\":1048576}\n{\"step\":2,\"peak_memory_bytes\":3145728}\n");
    char *page = report(dir);
    expect(page, "The same in every line: policy_loss\u00A00.");
    expect(page, "<span>right answers in validation</span><b>25.0\u00A0%\u00A0\u2192 50.0\u00A0%</b><span>reward");
    expect_none(page, "first after step");
    free(page);
    char *tsv = get(dir, "figures/training-peak_memory_bytes.tsv");
    expect(tsv, "this run\t2\t3\t");
    free(tsv);
    put(dir, "metrics.jsonl", "{\"step\":1,\"reward\":0.5,\"policy_loss\":0.25,\"loss\":0.5}\n");
    put(dir, "timing.jsonl", "{\"step\":1,\"tokens_per_s\":7}\n");
    page = report(dir);
    expect(page, "Logged once: reward\u00A00.5, policy_loss\u00A00.25, loss\u00A00.5, tokens_per_s\u00A07.");
    expect(page, "<span>reward in training</span><b>0.5</b><span>after 1 step, 7 tokens/s</span>");
    expect(page, "<td class=\"t\">mean reward</td><td>0.5</td>");
    assert_int_equal(count(page, "<figure>"), 0);
    free(page);
    put(dir, "metrics.jsonl",
        "{\"step\":5,\"eval_loss\":0.5,\"eval_nll\":2}\n{\"step\":6,\"eval_loss\":0.25,\"eval_nll\":1}\n");
    page = report(dir);
    expect(page, "<span>negative log-likelihood in validation</span><b>1</b><span>after 6 steps, 7 tokens/s</span>");
    free(page);
    tsv = get(dir, "figures/training-loss.tsv");
    expect(tsv, "this run, validation\t6\t0.25\t");
    free(tsv);
    tsv = get(dir, "figures/training-nll.tsv");
    expect(tsv, "this run, validation\t6\t1\t");
    free(tsv);
}

static void add_group(FILE *f, int step, const char *question, double second)
{
    fprintf(f,
            "{\"question\":\"%s\",\"answer\":\"9\",\"step\":%d,\"used\":true,\"trajectories\":["
            "{\"text\":\"right <b>\",\"answer\":\"9\",\"correct\":true,\"reward\":1,\"advantage\":0.5,\"n_tokens\":7,"
            "\"trained\":true},"
            "{\"text\":\"right <b>\",\"answer\":\"9\",\"correct\":true,\"reward\":1,\"advantage\":0.5,\"n_tokens\":7,"
            "\"trained\":true},"
            "{\"text\":\"wrong\",\"answer\":\"8\",\"correct\":false,\"reward\":%g,\"advantage\":-1,\"n_tokens\":9,"
            "\"finish_reason\":\"length\",\"trained\":false}]}\n",
            question, step, second);
}

static void groups_of_samples(void **state)
{
    const char *dir = *state;
    char *text = NULL, name[16];
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    for (int i = 0; i < 50; i++) { /* signal in lines 5, 17, 30 and 40: of the first and last 16, 5 and 40 */
        snprintf(name, sizeof name, "q%d", i);
        add_group(f, i, name, i == 5 || i == 17 || i == 30 || i == 40 ? 0 : 1);
    }
    fclose(f);
    put(dir, "rollouts.jsonl", text);
    free(text);
    char *page = report(dir);
    expect(page, "Found: this run: 50 groups of rollouts.");
    assert_int_equal(count(page, " \u00B7 step "), 2);
    expect(page, "<h3>q5</h3>\n<p class=\"dim\">3 samples \u00B7 answer 9 \u00B7 step 5</p>\n<div class=\"sample "
                 "right\"><p><b>right</b> \u00B7 2 samples \u00B7 reward 1 \u00B7 advantage 0.5 \u00B7 tokens 7 \u00B7 "
                 "answer 9</p>\n<pre>right &lt;b&gt;</pre>");
    expect(page, "<h3>q40</h3>");
    expect(page, "<div class=\"sample wrong\"><p><b>wrong</b> \u00B7 reward 0 \u00B7 advantage \u22121 \u00B7 tokens 9 "
                 "\u00B7 answer 8 \u00B7 truncated \u00B7 not trained on</p>");
    expect_none(page, "Skipped");
    free(page);
    put(dir, "metrics.jsonl",
        "{\"step\":1,\"reward\":1,\"loss\":1}\n"); /* of raml train rft, which has no advantages */
    page = report(dir);
    expect(page, " \u00B7 reward 1 \u00B7 tokens 7");
    expect_none(page, "advantage");
    free(page);
}

static void few_and_broken_lines(void **state)
{
    const char *dir = *state;
    put(dir, "rollouts.jsonl",
        "not json\n{\"question\":\"none\"}\n"
        "{\"question\":\"<i>\",\"trajectories\":[{\"text\":\"\xFF\"},{\"text\":7,\"reward\":\"x\",\"advantage\":1e999}]"
        "}\n"
        "{\"question\":\"equal\",\"trajectories\":[{\"text\":\"a\"},{\"reward\":0}]}\n"
        "{\"question\":\"odd\",\"trajectories\":[{\"text\":\"<script>\\u0001\\n\\nx\",\"correct\":null,\"reward\":0.25,"
        "\"fork\":{\"parent\":0,\"token\":18}},7]}\n");
    char *page = report(dir);
    expect(page, "rollouts.jsonl:1");
    expect(page, "3 lines were skipped for such reasons");
    expect(page, "<b>not graded</b> \u00B7 reward 0.25 \u00B7 fork of sample 0 at token 18</p>");
    expect(page, "<pre>&lt;script&gt;\\u{1}\n\nx</pre>");
    expect_none(page, "<h3>equal</h3>"); /* it has no signal, and another has */
    free(page);
    put(dir, "rollouts.jsonl", "{\"question\":\"alone\",\"trajectories\":[{\"text\":\"a\",\"reward\":1}]}\n");
    page = report(dir);
    expect(page, "<h3>alone</h3>"); /* where no group has signal, the first */
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headline_and_figures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(distillation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(probes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_of_the_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_numbers_and_few, set_up, tear_down),
        cmocka_unit_test_setup_teardown(groups_of_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(few_and_broken_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
