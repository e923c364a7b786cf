/* Charts from a record: what they show, and that pictures are drawn where gnuplot is. */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "base/file.h"
#include "results/plots/plot.h"
#include "results/plots/plot_data.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct record *record;
static struct plot_set set;

static int make_charts(void **state) {
    struct error error = {""};
    (void)state;
    record = record_read(GRAINBENCH_SOURCE_DIR "/tests/data/demo-record.jsonl", &error);
    if (!record || !plot_make(&record, 1, &set, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    return 0;
}

static int discard_charts(void **state) {
    (void)state;
    plot_set_free(&set);
    record_free(record);
    return 0;
}

static const struct chart *find_chart(const char *stem) {
    for (size_t i = 0; i < set.count; i++)
        if (strcmp(set.charts[i].stem, stem) == 0) return &set.charts[i];
    fail_msg("there is no chart '%s'", stem);
    return NULL;
}

static void throughput_has_a_row_for_every_thread_count_of_every_series(void **state) {
    (void)state;
    const struct chart *chart = find_chart("throughput");
    size_t rows = 0;
    for (const char *line = chart->data; *line; line = strchr(line, '\n') + 1)
        rows += *line >= '0' && *line <= '9';
    assert_int_equal(rows, 3 * 6);
    assert_non_null(strstr(chart->values, "cores = 8\nlast_x = 16\n"));
    assert_non_null(strstr(chart->values, "[\"per item\", \"min-len cap 8\", \"counter\"]"));
    assert_non_null(strstr(chart->subheading, "(demo data)"));
}

static void phases_add_up_to_the_wall_time(void **state) {
    (void)state;
    const struct chart *chart = find_chart("phases");
    const char *row = strstr(chart->data, "\n0 \"1 thread, per item\"");
    double part[6], sum = 0;
    assert_non_null(row);
    assert_int_equal(sscanf(strstr(row, "per item\"") + 9, "%lf %lf %lf %lf %lf %lf", &part[0],
                            &part[1], &part[2], &part[3], &part[4], &part[5]),
                     6);
    for (int i = 0; i < 6; i++)
        sum += part[i];
    assert_true(sum > 99.9 && sum < 100.1);
    assert_true(part[1] > 80);
}

static void every_kind_of_line_has_its_chart(void **state) {
    (void)state;
    assert_non_null(strstr(find_chart("change")->data, "+"));
    assert_non_null(strstr(find_chart("change")->data, "faster"));
    assert_non_null(strstr(find_chart("workers")->data, "% useful"));
    assert_non_null(strstr(find_chart("leaves")->data, "\"8-15\""));
    assert_non_null(strstr(find_chart("groups")->data, "\"idle\" 35 "));
    assert_non_null(strstr(find_chart("symbols")->data, "crossbeam_epoch::default::with_handle"));
    assert_non_null(strstr(find_chart("counters")->data, "context-switches"));
}

static void history_needs_arms_that_come_again(void **state) {
    (void)state;
    struct error error;
    struct plot_set two;
    struct record *later =
        record_read(GRAINBENCH_SOURCE_DIR "/tests/data/demo-record.jsonl", &error);
    assert_non_null(later);
    struct record *both[] = {record, later};
    assert_true(plot_make(both, 2, &two, &error));
    const struct chart *history = NULL;
    for (size_t i = 0; i < two.count; i++)
        if (strcmp(two.charts[i].stem, "history") == 0) history = &two.charts[i];
    assert_non_null(history);
    assert_non_null(strstr(history->data, "# per item, 1 threads: record"));
    plot_set_free(&two);
    for (size_t i = 0; i < later->arm_count; i++)
        later->arms[i].label = "something else";
    assert_true(plot_make(both, 2, &two, &error));
    for (size_t i = 0; i < two.count; i++)
        assert_string_not_equal(two.charts[i].stem, "history");
    plot_set_free(&two);
    record_free(later);
}

static void an_interval_of_the_median_holds_the_median(void **state) {
    (void)state;
    double few[] = {3, 1, 2}, many[] = {9, 1, 8, 2, 7, 3, 6, 4, 5, 10, 11, 12};
    struct plot_summary summary = plot_summarise(few, 3);
    assert_true(summary.median == 2 && summary.low == 1 && summary.high == 3);
    summary = plot_summarise(many, 12);
    assert_true(summary.median == 6.5 && summary.low > 1 && summary.high < 12);
    assert_int_equal(plot_summarise(few, 0).count, 0);
}

static void text_cannot_break_out_of_a_script(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    chart_put_text(out, "x", "a\"; system(\"rm\") \\ \n b");
    fclose(out);
    assert_string_equal(text, "x = \"a'; system('rm') \\\\   b\"\n");
    free(text);
}

static void expect_file(const char *folder, const char *name, const char *content) {
    char path[256], *data;
    size_t size;
    struct error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_read(path, &data, &size, &error)) fail_msg("%s", error.message);
    if (!memmem(data, size, content, strlen(content))) fail_msg("%s lacks %s", path, content);
    free(data);
    unlink(path);
}

static void pictures_come_in_both_themes_with_their_numbers(void **state) {
    (void)state;
    char folder[] = "plot-test-XXXXXX";
    struct error error;
    if (!chart_can_draw(&error)) {
        print_message("%s\n", error.message);
        skip();
    }
    assert_non_null(mkdtemp(folder));
    struct chart_output output = {folder, CHART_BOTH, true};
    if (!chart_write(find_chart("throughput"), &output, &error)) fail_msg("%s", error.message);
    expect_file(folder, "throughput-light.svg", "#ffffff");
    expect_file(folder, "throughput-dark.svg", "#0d1117");
    expect_file(folder, "throughput-dark.png", "PNG");
    expect_file(folder, "throughput-light.png", "PNG");
    expect_file(folder, "throughput.dat", "# per item: threads, median, low, high");
    expect_file(folder, "throughput.gp", "plot ");
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throughput_has_a_row_for_every_thread_count_of_every_series),
        cmocka_unit_test(phases_add_up_to_the_wall_time),
        cmocka_unit_test(every_kind_of_line_has_its_chart),
        cmocka_unit_test(history_needs_arms_that_come_again),
        cmocka_unit_test(an_interval_of_the_median_holds_the_median),
        cmocka_unit_test(text_cannot_break_out_of_a_script),
        cmocka_unit_test(pictures_come_in_both_themes_with_their_numbers),
    };
    return cmocka_run_group_tests_name("plots", tests, make_charts, discard_charts);
}
