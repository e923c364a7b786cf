/* Reports: complete, self-contained, safe against what records hold, and shown by a real browser.
 */
#define _GNU_SOURCE
#include "tests/results/cmocka_all.h"

#include "base/file.h"
#include "results/plots/plot_chart.h"
#include "results/reports/report.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "report-test-XXXXXX";
static char *page, *markdown;

static char *read_text(const char *name) {
    char path[256], *text;
    size_t size;
    struct error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!file_read(path, &text, &size, &error)) fprintf(stderr, "%s\n", error.message);
    return text;
}

static int make_report(void **state) {
    struct error error = {""};
    (void)state;
    struct record *record =
        record_read(GRAINBENCH_SOURCE_DIR "/tests/data/demo-record.jsonl", &error);
    if (!record || !mkdtemp(folder) || !report_write(&record, 1, folder, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    record_free(record);
    page = read_text("report.html");
    markdown = read_text("report.md");
    return page && markdown ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int discard_report(void **state) {
    (void)state;
    free(page);
    free(markdown);
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void the_page_holds_findings_table_environment_and_pictures(void **state) {
    (void)state;
    static const char *const parts[] = {"<title>hf-2077 on made-up machine, 8 cores</title>",
                                        "name=\"viewport\"",
                                        "min-len cap 8 at 16 threads is faster, +",
                                        "<th>95 % interval</th>",
                                        "Noise floor of this run (A/A)",
                                        "<summary>Where the time goes</summary>",
                                        "<summary>Environment</summary>",
                                        "prefers-color-scheme: dark"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(page, parts[i])) fail_msg("the page lacks '%s'", parts[i]);
    if (chart_can_draw(NULL))
        assert_non_null(strstr(page, "data:image/svg+xml;base64,"));
    else
        assert_non_null(strstr(page, "No pictures: gnuplot cannot be run"));
}

static void the_page_names_nothing_outside_itself(void **state) {
    (void)state;
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<link"));
}

static void the_markdown_has_a_table_and_pictures_for_both_schemes(void **state) {
    (void)state;
    assert_non_null(strstr(markdown, "|:--"));
    assert_non_null(strstr(markdown, "<details><summary>Environment and how to reproduce"));
    if (!chart_can_draw(NULL)) return;
    assert_non_null(strstr(markdown, "<source media=\"(prefers-color-scheme: dark)\" "
                                     "srcset=\"throughput-dark.png\">"));
    assert_non_null(strstr(markdown, "src=\"throughput-light.png\""));
}

static void texts_of_a_record_cannot_become_markup(void **state) {
    (void)state;
    static const char data[] =
        "{\"kind\":\"header\",\"schema\":1,\"scenario\":\"<script>alert(1)</script>\","
        "\"machine\":{\"name\":\"a & \\\"b\\\"\"}}\n"
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"baseline\",\"label\":\"<b>\"}\n";
    struct error error;
    char other[] = "report-test-XXXXXX", path[64], *text;
    size_t size;
    struct record *record = record_parse("evil", data, sizeof data - 1, &error);
    assert_non_null(record);
    assert_non_null(mkdtemp(other));
    if (!report_write(&record, 1, other, &error)) fail_msg("%s", error.message);
    snprintf(path, sizeof path, "%s/report.html", other);
    assert_true(file_read(path, &text, &size, &error));
    assert_null(strstr(text, "<script>"));
    assert_non_null(strstr(text, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_non_null(strstr(text, "a &amp; &quot;b&quot;"));
    free(text);
    record_free(record);
    nftw(other, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A copy of the page that writes what the browser made of it into an attribute. */
static void write_checked_copy(void) {
    static const char probe[] =
        "<script>addEventListener('load', () => {"
        "const images = [...document.images];"
        "document.body.dataset.check = ["
        "images.length + ' images',"
        "images.filter(i => !i.complete || i.naturalWidth < 1).length + ' broken',"
        "performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
        " + ' loaded from elsewhere',"
        "document.documentElement.scrollWidth > innerWidth ? 'too wide' : 'fits'].join(', ');"
        "});</script></body>";
    char path[256], *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    char *end = strstr(page, "</body>");
    assert_non_null(end);
    fwrite(page, 1, (size_t)(end - page), out);
    fputs(probe, out);
    fputs(end + strlen("</body>"), out);
    fclose(out);
    snprintf(path, sizeof path, "%s/checked.html", folder);
    assert_true(file_write(path, text, size, NULL));
    free(text);
}

static void a_browser_shows_the_page_at_the_width_of_a_phone(void **state) {
    (void)state;
    char command[2048], here[512], line[4096], result[256] = "";
    if (!chart_can_draw(NULL) || system("command -v chromium >/dev/null 2>&1") != 0) {
        print_message("chromium or gnuplot is not installed\n");
        skip();
    }
    write_checked_copy();
    assert_non_null(getcwd(here, sizeof here));
    snprintf(command, sizeof command,
             "timeout 50 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir=%s/"
             "%s/profile --window-size=500,900 --virtual-time-budget=5000 --dump-dom "
             "file://%s/%s/checked.html 2>/dev/null",
             here, folder, here, folder);
    FILE *dom = popen(command, "r");
    assert_non_null(dom);
    while (fgets(line, sizeof line, dom)) {
        const char *found = strstr(line, "data-check=\"");
        if (found) sscanf(found, "data-check=\"%255[^\"]", result);
    }
    pclose(dom);
    if (!result[0]) {
        print_message("chromium did not start here\n");
        skip();
    }
    print_message("%s\n", result);
    assert_non_null(strstr(result, " 0 broken, 0 loaded from elsewhere, fits"));
    assert_null(strstr(result, "0 images"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_holds_findings_table_environment_and_pictures),
        cmocka_unit_test(the_page_names_nothing_outside_itself),
        cmocka_unit_test(the_markdown_has_a_table_and_pictures_for_both_schemes),
        cmocka_unit_test(texts_of_a_record_cannot_become_markup),
        cmocka_unit_test(a_browser_shows_the_page_at_the_width_of_a_phone),
    };
    return cmocka_run_group_tests_name("report", tests, make_report, discard_report);
}
