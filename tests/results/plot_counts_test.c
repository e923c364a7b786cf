/* Charts of counts: what stands in the .dat is what the record says. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "results/plots/plot.h"
#include "results/plots/plot_data.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ARM(n, role, label, more)                                                                  \
    "{\"kind\":\"arm\",\"arm\":" #n ",\"role\":\"" role "\",\"label\":\"" label                    \
    "\",\"workers\":2,\"row\":{\"threads\":2}" more "}\n"

static struct record *parse(const char *text) {
    struct error error;
    struct record *record = record_parse("charts", text, strlen(text), &error);
    if (!record) fail_msg("%s", error.message);
    return record;
}

static struct plot_set charts_of(struct record *record) {
    struct plot_set set;
    struct error error;
    if (!plot_make(&record, 1, &set, &error)) fail_msg("%s", error.message);
    return set;
}

static const struct chart *find_chart(const struct plot_set *set, const char *stem) {
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->charts[i].stem, stem) == 0) return &set->charts[i];
    return NULL;
}

static const struct chart *need_chart(const struct plot_set *set, const char *stem) {
    const struct chart *chart = find_chart(set, stem);
    if (!chart) fail_msg("there is no chart '%s'", stem);
    return chart;
}

struct bar {
    double row, value, low, high;
    char text[32];
};

/* The bar with this name under the series' heading, "# series: ...". */
static bool find_bar(const struct chart *chart, const char *series, const char *name,
                     struct bar *bar) {
    char heading[160], quoted[160];
    snprintf(heading, sizeof heading, "# %s: ", series);
    const char *at = strstr(chart->data, heading);
    if (!at) fail_msg("no series '%s' in\n%s", series, chart->data);
    const char *end = strstr(at, "\n\n");
    snprintf(quoted, sizeof quoted, " \"%s\" ", name);
    const char *found = strstr(at, quoted);
    if (!found || (end && found > end)) return false;
    const char *line = found;
    while (line > at && line[-1] != '\n')
        line--;
    bar->row = strtod(line, NULL);
    return sscanf(found + strlen(quoted), "%lf %lf %lf \"%31[^\"]\"", &bar->value, &bar->low,
                  &bar->high, bar->text) == 4;
}

static void expect_bar(const struct chart *chart, const char *series, const char *name, double row,
                       double value, const char *text) {
    struct bar bar;
    if (!find_bar(chart, series, name, &bar))
        fail_msg("no bar '%s' of '%s' in\n%s", name, series, chart->data);
    if (bar.row != row || fabs(bar.value - value) > 1e-4 * fabs(value) ||
        strcmp(bar.text, text) != 0)
        fail_msg("%s of %s: row %g, %g, '%s'", name, series, bar.row, bar.value, bar.text);
}

static void atomics_are_totals_per_1000_items_greatest_first(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1,\"provenance\":\"counted\"}\n" ARM(
            0, "baseline", "per item", "") ARM(1, "patched", "cap 8", "")
              /* 4 batches of 500: 2,000 items */
              "{\"kind\":\"ledger\",\"arm\":0,\"batches\":4,\"items\":500,\"totals\":{"
              "\"shared_rmw\":3000,\"epoch_rmw\":0,\"full_fences\":9000,\"loads\":77}}\n"
              "{\"kind\":\"ledger\",\"arm\":1,\"batches\":2,\"items\":1000,\"totals\":{"
              "\"shared_rmw\":150,\"lock_rmw\":10,\"full_fences\":700}}\n");
    struct plot_set set = charts_of(record);
    const struct chart *chart = need_chart(&set, "atomics");
    static const char shared[] = "read-modify-writes on shared words";
    struct bar bar;
    expect_bar(chart, "per item", "full fences", 0, 4500, "4500");
    expect_bar(chart, "per item", shared, 1, 1500, "1500");
    expect_bar(chart, "cap 8", "full fences", 0, 350, "350");
    expect_bar(chart, "cap 8", shared, 1, 75, "75.0");
    expect_bar(chart, "cap 8", "read-modify-writes of mutexes", 2, 5, "5.00");
    /* Nowhere more than 0, and not among the counts of a chart of read-modify-writes. */
    assert_false(find_bar(chart, "per item", "read-modify-writes of epoch pins", &bar));
    assert_null(strstr(chart->data, "loads"));
    assert_non_null(strstr(chart->values, "series = 2\nrows = 3\nhighest = 4500\n"));
    assert_non_null(strstr(chart->values, "x_title = \"operations per 1,000 items\""));
    assert_non_null(strstr(chart->values, "[\"per item\", \"cap 8\"]"));
    plot_set_free(&set);
    record_free(record);
}

static void counters_show_what_was_counted_and_leave_out_what_was_not(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1,\"provenance\":\"counted\"}\n" ARM(0, "baseline",
                                                                                    "per item", "")
                  ARM(1, "patched", "cap 8",
                      "") "{\"kind\":\"counter\",\"arm\":0,\"events\":[{\"name\":\"task-clock\","
                          "\"per_item\":9e5},"
                          "{\"name\":\"page-faults\",\"per_item\":0.25},{\"name\":\"cycles\",\"per_"
                          "item\":5000}]}\n"
                          "{\"kind\":\"counter\",\"arm\":1,\"events\":[{\"name\":\"page-faults\","
                          "\"per_item\":0.5},{\"name\":\"cycles\"}]}\n"); /* cycles: refused */
    struct plot_set set = charts_of(record);
    const struct chart *chart = need_chart(&set, "counters");
    struct bar bar;
    expect_bar(chart, "per item", "cycles", 0, 5e6, "5000000");
    expect_bar(chart, "per item", "page-faults", 1, 250, "250");
    expect_bar(chart, "cap 8", "page-faults", 1, 500, "500");
    expect_bar(chart, "cap 8", "cycles", 0, 0, "n/a"); /* and not "0" */
    assert_false(find_bar(chart, "per item", "task-clock", &bar));
    assert_non_null(strstr(chart->values, "x_title = \"events per 1,000 items\""));
    plot_set_free(&set);
    record_free(record);
}

/* A row an event and arm; an arm of which a phase was refused, and an event that nobody counted,
 * have none. */
static void events_are_shared_out_to_phases(void **state) {
    (void)state;
    struct record *record = parse(
        "{\"kind\":\"header\",\"schema\":1,\"provenance\":\"counted\"}\n" ARM(
            0, "baseline", "per item", "") ARM(1, "patched", "cap 8", "")
            ARM(2, "control", "A/A",
                ",\"control_of\":0") "{\"kind\":\"counter\",\"arm\":0,\"items\":2000,\"events\":"
                                     "[{\"name\":\"task-clock\"},{\"name\":\"page-faults\"},"
                                     "{\"name\":\"cpu-migrations\"}],\"phases\":{"
                                     "\"run\":{\"counts\":[3e6,10,0]},"
                                     "\"drop\":{\"counts\":[1e6,30,0]}}}\n"
                                     "{\"kind\":\"counter\",\"arm\":1,\"items\":2000,\"events\":"
                                     "[{\"name\":\"task-clock\"},{\"name\":\"page-faults\"}],"
                                     "\"phases\":{\"run\":{\"counts\":[1e6,null]},"
                                     "\"drop\":{\"counts\":[1e6,3]}}}\n"
                                     "{\"kind\":\"counter\",\"arm\":2,\"unavailable\":\"x\"}\n");
    struct plot_set set = charts_of(record);
    const struct chart *chart = need_chart(&set, "event-phases");
    assert_non_null(strstr(chart->data, "\n0 \"task-clock: 2 threads, per item\" 0 75 0 0 25 "
                                        "\"2000 us\"\n"));
    assert_non_null(strstr(chart->data, "\n1 \"task-clock: 2 threads, cap 8\" 0 50 0 0 50 "
                                        "\"1000 us\"\n"));
    assert_non_null(strstr(chart->data, "\n2 \"page-faults: 2 threads, per item\" 0 25 0 0 75 "
                                        "\"20.0\"\n"));
    assert_non_null(strstr(chart->values, "parts = 5\nrows = 3\nhighest = 100\n"));
    plot_set_free(&set);
    record_free(record);
}

static void shares_keep_their_intervals(void **state) {
    (void)state;
    struct record *record = parse("{\"kind\":\"header\",\"schema\":1}\n" ARM(
        0, "baseline", "per item",
        "") "{\"kind\":\"profile\",\"arm\":0,\"source\":\"cpu-clock\",\"groups\":[{\"name\":"
            "\"idle\","
            "\"share\":0.143,\"low\":0.12,\"high\":0.17}],\"symbols\":[{\"name\":\"with_handle\","
            "\"share\":0.0497,\"low\":0.04,\"high\":0.06}]}\n");
    struct plot_set set = charts_of(record);
    struct bar bar;
    assert_true(find_bar(need_chart(&set, "groups"), "per item", "idle", &bar));
    assert_true(fabs(bar.value - 14.3) < 1e-6 && fabs(bar.low - 12) < 1e-6);
    assert_true(fabs(bar.high - 17) < 1e-6);
    assert_true(find_bar(need_chart(&set, "symbols"), "per item", "with_handle", &bar));
    assert_true(fabs(bar.value - 4.97) < 1e-6 && fabs(bar.high - 6) < 1e-6);
    assert_string_equal(bar.text, "4.97");
    /* The axis holds the interval's end. */
    assert_non_null(strstr(need_chart(&set, "symbols")->values, "highest = 6\n"));
    plot_set_free(&set);
    record_free(record);
}

static void pipeline_stages_are_milliseconds_by_arm_without_controls(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1,\"scenario\":\"prefetch\"}\n" ARM(
            0, "baseline", "depth 0", "") ARM(1, "patched", "depth 2", "")
                  ARM(2, "control", "A/A",
                      ",\"control_of\":0") "{\"kind\":\"observation\",\"arm\":0,\"medians\":{"
                                           "\"total_s\":0.9,\"read_s\":0.1,"
                                           "\"preprocess_s\":0.3,\"predict_s\":0.5}}\n"
                                           "{\"kind\":\"observation\",\"arm\":1,\"medians\":{"
                                           "\"total_s\":0.52,\"read_s\":0.01,"
                                           "\"predict_s\":0.51}}\n"
                                           "{\"kind\":\"observation\",\"arm\":2,\"medians\":{"
                                           "\"total_s\":7,\"predict_s\":7}}\n");
    struct plot_set set = charts_of(record);
    const struct chart *chart = need_chart(&set, "pipeline");
    assert_non_null(strstr(chart->data, "\n0 \"depth 0\" 100 300 500 \"900 ms\"\n"));
    assert_non_null(strstr(chart->data, "\n1 \"depth 2\" 10 0 510 \"520 ms\"\n"));
    assert_null(strstr(chart->data, "A/A"));
    assert_non_null(strstr(chart->values, "parts = 3\nrows = 2\nhighest = 900\n"));
    assert_non_null(strstr(chart->values, "[\"read\", \"preprocess\", \"predict\"]"));
    assert_non_null(strstr(chart->values, "x_title = \"milliseconds a run\""));
    plot_set_free(&set);
    record_free(record);
}

static void a_record_without_counts_has_no_charts_of_them(void **state) {
    (void)state;
    struct record *record =
        parse("{\"kind\":\"header\",\"schema\":1}\n" ARM(0, "baseline", "per item", ""));
    struct plot_set set = charts_of(record);
    static const char *const stems[] = {"atomics", "counters", "event-phases",
                                        "groups",  "symbols",  "pipeline"};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
        assert_null(find_chart(&set, stems[i]));
    plot_set_free(&set);
    record_free(record);
}

/* Names too long to stand side by side take rows of their own, and the chart grows by them. */
static void a_long_legend_gets_room_above_the_bars(void **state) {
    (void)state;
    static const char short_names[] = "{\"kind\":\"header\",\"schema\":1}\n" ARM(0, "baseline", "a",
                                                                                 "")
        ARM(1, "patched", "b",
            "") "{\"kind\":\"counter\",\"arm\":0,\"events\":[{\"name\":\"x\",\"per_item\":1}]}\n"
                "{\"kind\":\"counter\",\"arm\":1,\"events\":[{\"name\":\"x\",\"per_item\":2}]}\n";
    static const char long_names[] = "{\"kind\":\"header\",\"schema\":1}\n" ARM(
        0, "baseline", "a baseline with a name that hardly fits into half of a chart", "")
        ARM(1, "patched", "a patched arm with a name that is not much shorter than that",
            "") "{\"kind\":\"counter\",\"arm\":0,\"events\":[{\"name\":\"x\",\"per_item\":1}]}\n"
                "{\"kind\":\"counter\",\"arm\":1,\"events\":[{\"name\":\"x\",\"per_item\":2}]}\n";
    struct record *narrow = parse(short_names), *wide = parse(long_names);
    struct plot_set one = charts_of(narrow), two = charts_of(wide);
    assert_non_null(strstr(need_chart(&one, "counters")->values, "legend_rows = 1\n"));
    assert_non_null(strstr(need_chart(&two, "counters")->values, "legend_rows = 2\n"));
    assert_true(need_chart(&two, "counters")->height > need_chart(&one, "counters")->height);
    plot_set_free(&one);
    plot_set_free(&two);
    record_free(narrow);
    record_free(wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atomics_are_totals_per_1000_items_greatest_first),
        cmocka_unit_test(counters_show_what_was_counted_and_leave_out_what_was_not),
        cmocka_unit_test(events_are_shared_out_to_phases),
        cmocka_unit_test(shares_keep_their_intervals),
        cmocka_unit_test(pipeline_stages_are_milliseconds_by_arm_without_controls),
        cmocka_unit_test(a_long_legend_gets_room_above_the_bars),
        cmocka_unit_test(a_record_without_counts_has_no_charts_of_them),
    };
    return cmocka_run_group_tests_name("plots of counts", tests, NULL, NULL);
}
