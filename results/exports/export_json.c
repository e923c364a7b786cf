/* Exports as JSON: Bencher, Google Benchmark, github-action-benchmark, hyperfine; see export.h. */
#define _GNU_SOURCE
#include "results/exports/export.h"

#include "results/pairs.h"
#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the formats want to know of an arm: its clean samples. */
struct arm_values {
    double *rates; /* in the record's unit */
    size_t count;
    struct interval rate;
    bool has_interval;
    double items; /* of a sample */
};

static bool read_arm_values(const struct record *record, unsigned arm, struct arm_values *values) {
    *values = (struct arm_values){0};
    if (!arm_throughputs(record, arm, &values->rates, &values->count, NULL)) return false;
    values->has_interval =
        statistics_median_interval(values->rates, values->count, 0.95, &values->rate);
    if (!values->count) values->rate.estimate = arm_throughput(record, arm); /* published */
    for (size_t i = 0; i < record->sample_count && !values->items; i++)
        if (record->samples[i].arm == arm) values->items = (double)record->samples[i].items;
    return true;
}

/* Sets `key` only to finite numbers. */
static void set_real(json_t *object, const char *key, double value) {
    if (isfinite(value)) json_object_set_new(object, key, json_real(value));
}

/* ---- Bencher Metric Format: {benchmark: {measure: {value, lower_value, upper_value}}} ---- */

/* "MiB/s" as a slug. */
static const char *rate_slug(const struct record *record) {
    return record_counts_items(record) ? "items-per-second" : "mib-per-second";
}

static void add_bmf_count(void *context, const char *name, double value) {
    char slug[64]; /* measure slugs are at most 64 characters: letters, digits, dashes */
    snprintf(slug, sizeof slug, "%s", name);
    for (char *c = slug; *c; c++)
        if (*c == '_' || *c == ' ') *c = '-';
    json_object_set_new(context, slug, json_pack("{s:f}", "value", value));
}

json_t *export_bmf(const struct record *record) {
    json_t *benchmarks = json_object();
    for (unsigned i = 0; i < record->arm_count; i++) {
        struct arm_values values;
        char name[512];
        if (!read_arm_values(record, i, &values)) continue;
        json_t *measure = json_object(), *measures = json_object();
        set_real(measure, "value", values.rate.estimate);
        if (values.has_interval) {
            set_real(measure, "lower_value", values.rate.low);
            set_real(measure, "upper_value", values.rate.high);
        }
        if (json_object_size(measure)) json_object_set(measures, rate_slug(record), measure);
        json_decref(measure);
        export_visit_counts(record, i, add_bmf_count, measures);
        export_arm_name(record, &record->arms[i], name, sizeof name);
        if (json_object_size(measures)) json_object_set(benchmarks, name, measures);
        json_decref(measures);
        free(values.rates);
    }
    return benchmarks;
}

/* ---- Google Benchmark: a row a sample, none pre-averaged ---- */

static json_t *google_context(const struct record *record) {
    const char *commit = record_header_text(record, "program.commit");
    const char *created = record_header_text(record, "created");
    const char *cpu = record_header_text(record, "machine.cpu");
    json_int_t pus = json_integer_value(record_header_member(record, "machine.pus"));
    return json_pack("{s:s, s:s, s:s, s:I, s:i, s:b, s:[], s:[], s:s, s:i, s:s, s:s, s:s}", "date",
                     created ? created : "", "host_name", cpu ? cpu : "", "executable",
                     "grainbench", "num_cpus", pus ? pus : (json_int_t)1, "mhz_per_cpu", 0,
                     "cpu_scaling_enabled", 0, "load_avg", "caches", "library_build_type",
                     "release", "json_schema_version", 1, "library_version", "grainbench",
                     "grainbench_commit", commit ? commit : "", "grainbench_tainted_samples",
                     export_keeps_tainted(record) ? "kept" : "left out");
}

static json_t *google_row(const struct record *record, const struct sample *sample,
                          size_t repetition, size_t repetitions) {
    const struct arm_record *arm = &record->arms[sample->arm];
    char name[512];
    export_arm_name(record, arm, name, sizeof name);
    double cpu_ns =
        (double)(sample->cpu_ns == RECORD_UNAVAILABLE ? sample->duration_ns : sample->cpu_ns);
    json_t *row =
        json_pack("{s:s, s:I, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:s}", "name", name,
                  "family_index", (json_int_t)sample->arm, "per_family_instance_index", 0,
                  "run_name", name, "run_type", "iteration", "repetitions", (json_int_t)repetitions,
                  "repetition_index", (json_int_t)repetition, "threads",
                  (json_int_t)(arm->threads ? arm->threads : 1), "iterations", (json_int_t)1,
                  "real_time", (double)sample->duration_ns, "cpu_time", cpu_ns, "time_unit", "ns");
    double seconds = (double)sample->duration_ns / 1e9;
    set_real(row, "items_per_second", (double)sample->items / seconds);
    if (sample->bytes) set_real(row, "bytes_per_second", (double)sample->bytes / seconds);
    return row;
}

json_t *export_google(const struct record *record) {
    json_t *rows = json_array();
    bool keeps = export_keeps_tainted(record);
    for (unsigned arm = 0; arm < record->arm_count; arm++) {
        size_t repetitions = 0, repetition = 0;
        for (size_t i = 0; i < record->sample_count; i++)
            repetitions += export_has_sample(&record->samples[i], arm, keeps);
        for (size_t i = 0; i < record->sample_count; i++) {
            const struct sample *sample = &record->samples[i];
            if (export_has_sample(sample, arm, keeps))
                json_array_append_new(rows, google_row(record, sample, repetition++, repetitions));
        }
    }
    return json_pack("{s:o, s:o}", "context", google_context(record), "benchmarks", rows);
}

/* ---- github-action-benchmark: [{name, value, unit, range, extra}], one direction a file ---- */

static void add_github_count(void *context, const char *name, double value) {
    json_t *const *pair = context; /* the array, and the arm's name */
    char full[640];
    snprintf(full, sizeof full, "%s/%s", json_string_value(pair[1]), name);
    json_array_append_new(
        pair[0], json_pack("{s:s, s:f, s:s}", "name", full, "value", value, "unit", "operations"));
}

json_t *export_github(const struct record *record, bool bigger) {
    json_t *rows = json_array();
    for (unsigned i = 0; i < record->arm_count; i++) {
        struct arm_values values;
        char name[512], range[64] = "";
        if (!read_arm_values(record, i, &values)) continue;
        export_arm_name(record, &record->arms[i], name, sizeof name);
        double value = values.rate.estimate;
        const char *unit = record_unit(record);
        if (!bigger) {
            double bytes = 0;
            for (size_t s = 0; s < record->sample_count && !bytes; s++)
                if (record->samples[s].arm == i) bytes = (double)record->samples[s].bytes;
            double work = record_counts_items(record) ? values.items : bytes / 0x1p20;
            value = values.items > 0 ? work / value / values.items * 1e9 : NAN;
            unit = "ns/item";
        }
        if (values.has_interval)
            snprintf(range, sizeof range, "%+.2f/%+.2f %%",
                     100 * (values.rate.low / values.rate.estimate - 1),
                     100 * (values.rate.high / values.rate.estimate - 1));
        if (isfinite(value)) {
            json_t *row = json_pack("{s:s, s:f, s:s}", "name", name, "value", value, "unit", unit);
            if (range[0]) json_object_set_new(row, "range", json_string(range));
            json_array_append_new(rows, row);
        }
        json_t *pair[2] = {rows, json_string(name)};
        if (!bigger) export_visit_counts(record, i, add_github_count, pair);
        json_decref(pair[1]);
        free(values.rates);
    }
    return rows;
}

/* ---- hyperfine: seconds of every sample ---- */

static json_t *hyperfine_result(const struct record *record, unsigned arm, const double *times,
                                size_t count, double user_s) {
    const struct arm_record *about = &record->arms[arm];
    char name[512], threads[16];
    json_t *list = json_array(), *codes = json_array();
    double *sorted = statistics_sorted(times, count);
    export_arm_name(record, about, name, sizeof name);
    snprintf(threads, sizeof threads, "%u", about->threads);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_real(times[i]));
        json_array_append_new(codes, json_integer(0));
    }
    double deviation = statistics_deviation(times, count);
    json_t *result =
        json_pack("{s:s, s:f, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:{s:s}}", "command", name,
                  "mean", statistics_mean(times, count), "stddev",
                  isfinite(deviation) ? json_real(deviation) : json_null(), "median",
                  statistics_median(times, count), "user", user_s, "system", 0.0, "min",
                  sorted ? sorted[0] : times[0], "max", sorted ? sorted[count - 1] : times[0],
                  "times", list, "exit_codes", codes, "parameters", "threads", threads);
    free(sorted);
    return result;
}

json_t *export_hyperfine(const struct record *record) {
    json_t *results = json_array();
    bool keeps = export_keeps_tainted(record);
    double *times = malloc((record->sample_count + 1) * sizeof *times);
    for (unsigned arm = 0; times && arm < record->arm_count; arm++) {
        size_t count = 0, timed = 0;
        double cpu_s = 0;
        for (size_t i = 0; i < record->sample_count; i++) {
            const struct sample *sample = &record->samples[i];
            if (!export_has_sample(sample, arm, keeps)) continue;
            times[count++] = (double)sample->duration_ns / 1e9;
            if (sample->cpu_ns == RECORD_UNAVAILABLE) continue;
            cpu_s += (double)sample->cpu_ns / 1e9;
            timed++;
        }
        if (count)
            json_array_append_new(results, hyperfine_result(record, arm, times, count,
                                                            timed ? cpu_s / (double)timed : 0));
    }
    free(times);
    return json_pack("{s:o}", "results", results);
}
