/* Exports as lines of text: Go's benchmark format and CSV; see export.h. */
#define _GNU_SOURCE
#include "results/exports/export.h"

#include "results/pairs.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- Go: https://go.dev/design/14313-benchmark-format ---- */

static void print_count(void *context, const char *name, double value) {
    fprintf(context, "\t%.12g %s", value, name);
}

static void print_exact_unit(void *context, const char *name, double value) {
    (void)value;
    fprintf(context, "Unit %s assume=exact better=lower\n", name);
}

static void print_unit(void *context, const char *name, double value) {
    (void)value;
    fprintf(context, "Unit %s better=lower\n", name);
}

/* The name and the number of iterations. Fields are set apart by tabs, as `go test` does it. */
static void begin_go_line(const struct record *record, const struct arm_record *arm,
                          long long iterations, FILE *out) {
    char name[512];
    export_arm_name(record, arm, name, sizeof name);
    name[0] = (char)toupper((unsigned char)name[0]);
    fprintf(out, "Benchmark%s\t%lld", name, iterations);
}

/* An arm that was counted or published and not timed. */
static void print_go_figures(const struct record *record, const struct arm_record *arm, FILE *out) {
    size_t line = record_find_line(record, 0, "ledger", (int)arm->arm);
    double rate = arm_throughput(record, arm->arm);
    for (size_t i = 0; i < record->sample_count; i++)
        if (record->samples[i].arm == arm->arm) return;
    if (line == record->line_count && !isfinite(rate)) return;
    json_int_t batches = 0;
    if (line < record->line_count)
        batches = json_integer_value(json_object_get(record->lines[line].json, "batches"));
    begin_go_line(record, arm, batches > 0 ? (long long)batches : 1, out);
    if (isfinite(rate)) fprintf(out, "\t%.9g %s", rate, record_unit(record));
    export_visit_counts(record, arm->arm, print_count, out);
    fputc('\n', out);
}

static void print_go_header(const struct record *record, FILE *out) {
    static const char *const members[][2] = {
        {"commit", "program.commit"}, {"compiler", "program.compiler"},
        {"cpu", "machine.cpu"},       {"fingerprint", "machine.fingerprint"},
        {"corpus", "corpus.name"},    {"scenario", "scenario"},
        {"provenance", "provenance"}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = record_header_text(record, members[i][1]);
        if (text) fprintf(out, "%s: %s\n", members[i][0], text);
    }
    if (record->sample_count)
        fprintf(out, "tainted-samples: %s\n", export_keeps_tainted(record) ? "kept" : "left out");
    fputs("Unit ns/item better=lower\n", out);
    fprintf(out, "Unit %s better=higher\n", record_unit(record));
}

static void print_go_sample(const struct record *record, const struct sample *sample, FILE *out) {
    begin_go_line(record, &record->arms[sample->arm], 1, out);
    fprintf(out, "\t%" PRIu64 " ns/op\t%.9g %s", sample->duration_ns,
            sample_throughput(record, sample), record_unit(record));
    if (sample->items)
        fprintf(out, "\t%.9g ns/item", (double)sample->duration_ns / (double)sample->items);
    export_visit_counts(record, sample->arm, print_count, out);
    fputc('\n', out);
}

bool export_go(const struct record *record, FILE *out, struct error *error) {
    (void)error;
    print_go_header(record, out);
    bool exact = export_counts_are_exact(record), keeps = export_keeps_tainted(record);
    for (unsigned i = 0; i < record->arm_count; i++) {
        size_t line = record_find_line(record, 0, "ledger", (int)i);
        if (line == record->line_count) continue;
        export_visit_counts(record, i, exact ? print_exact_unit : print_unit,
                            out); /* all arms have the same counts */
        break;
    }
    fputc('\n', out);
    /* Arm by arm: benchstat takes the first that it meets as the base. */
    for (unsigned arm = 0; arm < record->arm_count; arm++) {
        print_go_figures(record, &record->arms[arm], out);
        for (size_t i = 0; i < record->sample_count; i++)
            if (export_has_sample(&record->samples[i], arm, keeps))
                print_go_sample(record, &record->samples[i], out);
    }
    return true;
}

/* ---- CSV ---- */

static void print_csv_text(const char *text, FILE *out) {
    fputc('"', out);
    for (; text && *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_known(uint64_t value, FILE *out) {
    if (value != RECORD_UNAVAILABLE)
        fprintf(out, ",%" PRIu64, value);
    else
        fputc(',', out);
}

bool export_csv(const struct record *record, FILE *out, struct error *error) {
    (void)error;
    fputs("arm,name,role,threads,round,position,process,duration_ns,bytes,items,cpu_ns", out);
    for (int p = 0; p < PHASE_COUNT; p++)
        fprintf(out, ",%s_ns", phase_names[p]);
    fputs(",throughput,unit,tainted\r\n", out);
    for (size_t i = 0; i < record->sample_count; i++) {
        const struct sample *sample = &record->samples[i];
        const struct arm_record *arm = &record->arms[sample->arm];
        char name[512];
        export_arm_name(record, arm, name, sizeof name);
        fprintf(out, "%u,", sample->arm);
        print_csv_text(name, out);
        fprintf(out, ",%s,%u,%u,%u,%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64, role_names[arm->role],
                arm->threads, sample->round, sample->position, sample->process, sample->duration_ns,
                sample->bytes, sample->items);
        print_known(sample->cpu_ns, out);
        for (int p = 0; p < PHASE_COUNT; p++)
            print_known(sample->phases_ns[p], out);
        fprintf(out, ",%.9g,%s,", sample_throughput(record, sample), record_unit(record));
        print_csv_text(sample->tainted, out);
        fputs("\r\n", out);
    }
    return true;
}
