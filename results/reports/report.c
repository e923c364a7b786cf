/* Reports: charts, then the two documents; and what both are made of. See report.h. */
#define _GNU_SOURCE
#include "results/reports/report.h"

#include "base/draft.h"
#include "results/explain.h"
#include "results/plots/plot_data.h"
#include "results/reports/report_parts.h"
#include "results/tables/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_fact(struct report_fact *facts, size_t *count, const char *name,
                     const char *value) {
    if (!value || !value[0] || *count == REPORT_FACT_LIMIT) return;
    snprintf(facts[*count].name, sizeof facts->name, "%s", name);
    snprintf(facts[*count].value, sizeof facts->value, "%s", value);
    ++*count;
}

/* A member of the header as text, whatever its type; false if it is absent or unavailable. */
static bool member_text(const struct record *record, const char *path, char *text, size_t size) {
    json_t *member = record_header_member(record, path);
    if (json_is_string(member))
        snprintf(text, size, "%s", json_string_value(member));
    else if (json_is_integer(member))
        snprintf(text, size, "%lld", (long long)json_integer_value(member));
    else if (json_is_boolean(member))
        snprintf(text, size, json_is_true(member) ? "yes" : "no");
    else
        return false;
    return true;
}

size_t report_facts(const struct record *record, struct report_fact facts[REPORT_FACT_LIMIT]) {
    static const struct {
        const char *path, *name;
    } members[] = {{"machine.topology", "topology"},
                   {"machine.kernel", "kernel"},
                   {"machine.libc", "libc"},
                   {"machine.hypervisor", "virtual machine"},
                   {"environment.governor", "frequency governor"},
                   {"environment.boost", "boost"},
                   {"environment.smt_active", "SMT active"},
                   {"environment.numa_balancing", "NUMA balancing"},
                   {"environment.transparent_hugepage", "huge pages"},
                   {"environment.load_average", "load average"},
                   {"placement.rule", "placement"},
                   {"placement.text", "placement"},
                   {"placement.pinned", "workers bound"},
                   {"corpus.name", "corpus"},
                   {"tokenizer.name", "tokenizer"},
                   {"program.version", "grainbench"},
                   {"program.commit", "commit"},
                   {"program.compiler", "compiler"},
                   {"program.flags", "flags"},
                   {"source", "source of the figures"},
                   {"seed", "seed"}};
    size_t count = 0;
    char text[400];
    add_fact(facts, &count, "machine", plot_machine(record));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (member_text(record, members[i].path, text, sizeof text))
            add_fact(facts, &count, members[i].name, text);
    json_t *warnings = record_header_member(record, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++)
        add_fact(facts, &count, "warning", json_string_value(json_array_get(warnings, i)));
    return count;
}

void report_command(const struct record *record, char *text, size_t size) {
    json_t *command = record_header_member(record, "command");
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < json_array_size(command); i++) {
        const char *word = json_string_value(json_array_get(command, i));
        if (!word || used + strlen(word) + 4 > size) return;
        const char *slash = i == 0 ? strrchr(word, '/') : NULL;
        if (slash) word = slash + 1;
        bool plain = word[0] && word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                                                  "WXYZ0123456789-_=+:,./%@")] == 0;
        used += (size_t)snprintf(text + used, size - used, plain ? "%s%s" : "%s'%s'", i ? " " : "",
                                 word);
    }
}

void report_heading(const struct record *record, char *text, size_t size) {
    const char *scenario = record_header_text(record, "scenario");
    snprintf(text, size, "%s on %s", scenario ? scenario : "grainbench", plot_machine(record));
}

static void put_finding(FILE *out, const struct record *record,
                        const struct comparison *comparison) {
    const struct arm_record *arm = &record->arms[comparison->patched];
    char change[48], interval[64], group[192];
    arm_group(arm, group, sizeof group);
    if (group[0]) fprintf(out, "%s: ", group);
    text_of_change(comparison->change, change, sizeof change);
    text_of_interval(&comparison->series, interval, sizeof interval);
    fputs(arm_label(arm), out);
    if (arm->threads)
        fprintf(out, " at %u thread%s", arm->threads, arm->threads == 1 ? "" : "s");
    else if (arm->row_name)
        fprintf(out, " at %s", arm->row_name);
    fprintf(out, " is %s", verdict_names[comparison->verdict]);
    if (isfinite(comparison->change) && comparison->verdict != VERDICT_IDENTICAL)
        fprintf(out, ", %s%s%s", change, comparison->series.has_interval ? " " : "",
                comparison->series.has_interval ? interval : "");
    if (comparison->reason[0]) fprintf(out, " (%s)", comparison->reason);
}

char *report_findings(const struct record *record, const char *before, const char *after,
                      struct error *error) {
    struct verdicts verdicts;
    char *text = NULL;
    size_t size;
    if (!verdicts_decide(record, &verdict_defaults, &verdicts, error)) return NULL;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < verdicts.count; i++) {
        fputs(before, out);
        put_finding(out, record, &verdicts.comparisons[i]);
        fputs(after, out);
    }
    verdicts_free(&verdicts);
    if (out && fclose(out) == 0) return text;
    free(text);
    error_set(error, "out of memory for the report");
    return NULL;
}

char *report_explanation(struct record *record, bool markdown, struct error *error) {
    char *text = NULL;
    size_t size;
    unsigned tables;
    FILE *out = open_memstream(&text, &size);
    bool ok = out && explain_print(&record, 1, markdown, out, &tables, error);
    if (out && fclose(out) == 0 && ok) return text;
    if (!out) error_set(error, "out of memory for the report");
    free(text);
    return NULL;
}

static bool draw_charts(const struct plot_set *charts, const char *folder, struct error *error) {
    struct chart_output output = {folder, CHART_BOTH, true};
    for (size_t i = 0; i < charts->count; i++)
        if (!chart_write(&charts->charts[i], &output, error)) return false;
    return true;
}

static bool write_files(struct record *const *records, size_t count, const struct plot_set *charts,
                        const char *folder, struct error *error) {
    struct error reason = {""};
    char page[DRAFT_PATH_SIZE + 16], markdown[DRAFT_PATH_SIZE + 16];
    struct report report = {.records = records,
                            .record_count = count,
                            .charts = charts,
                            .folder = folder,
                            .drawn = chart_can_draw(&reason),
                            .why_not_drawn = reason.message};
    snprintf(page, sizeof page, "%s/report.html", folder);
    snprintf(markdown, sizeof markdown, "%s/report.md", folder);
    return draw_charts(charts, folder, error) && report_write_html(&report, page, error) &&
           report_write_markdown(&report, markdown, error);
}

bool report_write(struct record *const *records, size_t count, const char *folder,
                  struct error *error) {
    struct plot_set charts;
    struct folder_draft draft;
    if (!plot_make(records, count, &charts, error)) return false;
    bool ok = folder_draft_open(&draft, folder, error);
    if (ok)
        ok = write_files(records, count, &charts, draft.path, error)
                 ? folder_draft_publish(&draft, error)
                 : folder_draft_fail(&draft, error);
    plot_set_free(&charts);
    return ok;
}
