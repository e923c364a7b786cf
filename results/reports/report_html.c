/* A report as one HTML page that needs no network: pictures are embedded for both colour schemes.
 * See report.h. */
#define _GNU_SOURCE
#include "results/reports/report_parts.h"
#include "results/reports/report_texts.h"
#include "results/tables/table.h"
#include "results/tables/table_json.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static void put_text(FILE *out, const char *text) {
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

static void put_base64(FILE *out, const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                        (left > 2 ? data[i + 2] : 0);
        fputc(digits[bits >> 18 & 63], out);
        fputc(digits[bits >> 12 & 63], out);
        fputc(left > 1 ? digits[bits >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[bits & 63] : '=', out);
    }
}

static bool put_picture_data(const struct report *report, const struct chart *chart,
                             const char *theme, FILE *out, struct error *error) {
    char path[4096], *data;
    size_t size;
    snprintf(path, sizeof path, "%s/%s-%s.svg", report->folder, chart->stem, theme);
    if (!file_read(path, &data, &size, error)) return false;
    fputs("data:image/svg+xml;base64,", out);
    put_base64(out, (const unsigned char *)data, size);
    free(data);
    return true;
}

static bool put_pictures(const struct report *report, FILE *out, struct error *error) {
    fputs("<h2>Pictures</h2>\n", out);
    if (!report->drawn) {
        fputs("<p class=\"muted\">No pictures: ", out);
        put_text(out, report->why_not_drawn);
        fputs(".</p>\n", out);
        return true;
    }
    for (size_t i = 0; i < report->charts->count; i++) {
        const struct chart *chart = &report->charts->charts[i];
        fputs("<figure><picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"", out);
        if (!put_picture_data(report, chart, "dark", out, error)) return false;
        fputs("\"><img alt=\"", out);
        put_text(out, chart->heading);
        fputs("\" src=\"", out);
        if (!put_picture_data(report, chart, "light", out, error)) return false;
        fputs("\"></picture><figcaption>", out);
        put_text(out, chart->caption);
        fputs(".</figcaption></figure>\n", out);
    }
    return true;
}

/* ---- the table ---- */

static void put_number(FILE *out, const json_t *row, const char *key, const char *format) {
    const json_t *value = json_object_get(row, key);
    fputs("<td>", out);
    if (json_is_number(value))
        fprintf(out, format, json_number_value(value));
    else
        fputs("n/a", out);
    fputs("</td>", out);
}

static void put_cell(FILE *out, const char *text) {
    fputs("<td class=\"text\">", out);
    put_text(out, text ? text : "");
    fputs("</td>", out);
}

static const char *text_member(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

static void put_row(FILE *out, const json_t *row) {
    char threads[96];
    const char *name = text_member(row, "row");
    long long count = (long long)json_integer_value(json_object_get(row, "threads"));
    if (count)
        snprintf(threads, sizeof threads, "%lld%s%s%s", count, name[0] ? " (" : "", name,
                 name[0] ? ")" : "");
    else
        snprintf(threads, sizeof threads, "%s", name);
    fputs("<tr>", out);
    put_cell(out, threads);
    put_cell(out, text_member(row, "patched"));
    put_number(out, row, "baseline_throughput", "%.4g");
    put_number(out, row, "patched_throughput", "%.4g");
    put_number(out, row, "change_percent", "%+.2f %%");
    const json_t *low = json_object_get(row, "low_percent");
    const json_t *high = json_object_get(row, "high_percent");
    if (json_is_number(low) && json_is_number(high))
        fprintf(out, "<td>[%+.2f, %+.2f]</td>", json_number_value(low), json_number_value(high));
    else
        fputs("<td>n/a</td>", out);
    fputs("<td class=\"text\"><strong>", out);
    put_text(out, text_member(row, "verdict"));
    fputs("</strong>", out);
    fputs("</td></tr>\n", out);
}

static void put_table_head(FILE *out, const json_t *row, const char *unit) {
    const char *group = text_member(row, "group");
    fputs("<h3>", out);
    put_text(out, group[0] ? group : "Results");
    fputs("</h3>\n<p class=\"muted\">baseline: ", out);
    put_text(out, text_member(row, "baseline"));
    fputs("</p>\n<div class=\"scroll\"><table>\n<tr><th class=\"text\">threads</th>"
          "<th class=\"text\">patched</th><th>baseline ",
          out);
    put_text(out, unit);
    fputs("</th><th>patched ", out);
    put_text(out, unit);
    fputs("</th><th>change</th><th>95 % interval</th><th class=\"text\">verdict</th></tr>\n", out);
}

static bool put_tables(const struct record *record, FILE *out, struct error *error) {
    struct verdicts verdicts;
    if (!verdicts_decide(record, &verdict_defaults, &verdicts, error)) return false;
    json_t *table = table_json(record, &verdicts);
    verdicts_free(&verdicts);
    if (!table) return error_set(error, "out of memory for the report");
    const json_t *rows = json_object_get(table, "rows");
    const char *group = NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (!group || strcmp(group, text_member(row, "group")) != 0) {
            if (group) fputs("</table></div>\n", out);
            put_table_head(out, row, text_member(table, "unit"));
            group = text_member(row, "group");
        }
        put_row(out, row);
    }
    if (group) fputs("</table></div>\n", out);
    const json_t *floor = json_object_get(table, "noise_floor_percent");
    if (json_is_number(floor))
        fprintf(out,
                "<p>Noise floor of this run (A/A): %.2f %%. A change is called faster or slower "
                "only beyond it.</p>\n",
                json_number_value(floor));
    json_decref(table);
    return true;
}

static void put_environment(const struct record *record, FILE *out) {
    struct report_fact facts[REPORT_FACT_LIMIT];
    char command[4096];
    size_t count = report_facts(record, facts);
    fputs("<details open><summary>Environment</summary>\n<div class=\"scroll\"><table>\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs("<tr><th class=\"text\">", out);
        put_text(out, facts[i].name);
        fputs("</th>", out);
        put_cell(out, facts[i].value);
        fputs("</tr>\n", out);
    }
    fputs("</table></div></details>\n", out);
    report_command(record, command, sizeof command);
    if (!command[0]) return;
    fputs("<h3>How to reproduce</h3>\n<pre><code>", out);
    put_text(out, command);
    fputs("</code></pre>\n", out);
}

static bool put_record(struct record *record, bool one_of_several, FILE *out, struct error *error) {
    char heading[400];
    char *findings = report_findings(record, "", "\n", error);
    if (!findings) return false;
    report_heading(record, heading, sizeof heading);
    if (one_of_several) {
        fputs("<h2>", out);
        put_text(out, heading);
        fputs("</h2>\n", out);
    }
    const char *provenance = record_header_text(record, "provenance");
    const char *created = record_header_text(record, "created");
    fputs("<p class=\"muted\">", out);
    put_text(out, provenance ? provenance : "measured");
    fputs(created ? ", " : "", out);
    put_text(out, created ? created : "");
    fputs("</p>\n", out);
    if (record->warning[0]) {
        fputs("<p><strong>", out);
        put_text(out, record->warning);
        fputs("</strong></p>\n", out);
    }
    if (findings[0]) fputs("<ul>\n", out);
    for (char *line = findings; *line;) {
        char *end = strchr(line, '\n');
        *end = 0;
        fputs("<li>", out);
        put_text(out, line);
        fputs("</li>\n", out);
        line = end + 1;
    }
    if (findings != NULL && strlen(findings)) fputs("</ul>\n", out);
    free(findings);
    if (!put_tables(record, out, error)) return false;
    char *explanation = report_explanation(record, false, error);
    if (!explanation) return false;
    if (explanation[0]) {
        fputs("<details><summary>Where the time goes</summary>\n<pre><code>", out);
        put_text(out, explanation);
        fputs("</code></pre></details>\n", out);
    }
    free(explanation);
    put_environment(record, out);
    return true;
}

bool report_write_html(const struct report *report, const char *path, struct error *error) {
    char *text = NULL, heading[400];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) return error_set(error, "%s: out of memory", path);
    report_heading(report->records[0], heading, sizeof heading);
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    put_text(out, heading);
    fprintf(out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1>", report_text("style"));
    put_text(out, heading);
    fputs("</h1>\n", out);
    bool ok = true;
    for (size_t i = 0; ok && i < report->record_count; i++)
        ok = put_record(report->records[i], report->record_count > 1, out, error);
    ok = ok && put_pictures(report, out, error);
    fputs("<p class=\"muted\">Made by grainbench from the record alone; the numbers behind each "
          "picture are in the .dat files beside this page.</p>\n</body></html>\n",
          out);
    if (fclose(out) != 0 && ok) ok = error_set(error, "%s: out of memory", path);
    ok = ok && file_write(path, text, size, error);
    free(text);
    return ok;
}
