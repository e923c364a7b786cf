/* A report as Markdown for a pull request; see report.h. Pictures are named, not embedded: drop
 * them into the pull request, or commit them beside the file. */
#define _GNU_SOURCE
#include "results/reports/report_parts.h"
#include "results/tables/table.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static void put_pictures(const struct report *report, FILE *out) {
    if (!report->drawn) {
        fprintf(out, "\nNo pictures: %s.\n", report->why_not_drawn);
        return;
    }
    for (size_t i = 0; i < report->charts->count; i++) {
        const struct chart *chart = &report->charts->charts[i];
        fprintf(out,
                "\n<picture>\n"
                "  <source media=\"(prefers-color-scheme: dark)\" srcset=\"%s-dark.png\">\n"
                "  <img alt=\"%s: %s\" src=\"%s-light.png\" width=\"840\">\n"
                "</picture>\n",
                chart->stem, chart->heading, chart->caption, chart->stem);
    }
}

static bool put_record(struct record *record, FILE *out, struct error *error) {
    struct table_options options = table_defaults;
    struct report_fact facts[REPORT_FACT_LIMIT];
    char command[4096];
    options.format = TABLE_MARKDOWN;
    if (!table_print(record, &options, out, error)) return false;
    char *explanation = report_explanation(record, true, error);
    if (!explanation) return false;
    if (explanation[0])
        fprintf(out, "\n<details><summary>Where the time goes</summary>\n\n%s\n</details>\n",
                explanation);
    free(explanation);
    size_t count = report_facts(record, facts);
    fputs("\n<details><summary>Environment and how to reproduce</summary>\n\n| | |\n|:--|:--|\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "| %s | ", facts[i].name);
        for (const char *at = facts[i].value; *at; at++) /* a bar would end the cell */
            fprintf(out, *at == '|' ? "\\|" : "%c", *at);
        fputs(" |\n", out);
    }
    report_command(record, command, sizeof command);
    if (command[0]) fprintf(out, "\nMeasured with:\n\n```sh\n%s\n```\n", command);
    fprintf(out,
            "\nEvery sample is in `%s`; `grainbench table`, `plot` and `report` make all of this "
            "again from it.\n\n</details>\n",
            strrchr(record->path, '/') ? strrchr(record->path, '/') + 1 : record->path);
    return true;
}

bool report_write_markdown(const struct report *report, const char *path, struct error *error) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool ok = out != NULL || error_set(error, "%s: out of memory", path);
    for (size_t i = 0; ok && i < report->record_count; i++) {
        if (i) fputc('\n', out);
        ok = put_record(report->records[i], out, error);
    }
    if (ok) put_pictures(report, out);
    if (out && fclose(out) != 0 && ok) ok = error_set(error, "%s: out of memory", path);
    ok = ok && file_write(path, text, size, error);
    free(text);
    return ok;
}
