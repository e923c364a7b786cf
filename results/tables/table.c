/* The table of one record; see table.h. */
#define _GNU_SOURCE
#include "results/tables/table.h"

#include "results/grid.h"
#include "results/speeds.h"
#include "results/tables/table_events.h"
#include "results/tables/table_figures.h"
#include "results/tables/table_json.h"
#include "results/tables/table_ledger.h"
#include "results/tables/table_shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct table_options table_defaults = {
    .format = TABLE_TEXT,
    .verdict = {
        .confidence = 0.95, .threshold = 0, .same_margin = 0.01, .metric = METRIC_THROUGHPUT}};

#define SLOW_SHARE_SAID 0.05 /* less is what any machine has */

enum { TEXT_SIZE = 256 };

struct printer {
    const struct record *record;
    const struct table_options *options;
    const struct verdicts *verdicts;
    FILE *out;
    struct error *error;
};

static const struct arm_record *patched_arm(const struct printer *printer, size_t i) {
    return &printer->record->arms[printer->verdicts->comparisons[i].patched];
}

static bool is_first_of_group(const struct printer *printer, size_t i) {
    char group[TEXT_SIZE], other[TEXT_SIZE];
    arm_group(patched_arm(printer, i), group, sizeof group);
    for (size_t j = 0; j < i; j++) {
        arm_group(patched_arm(printer, j), other, sizeof other);
        if (strcmp(group, other) == 0) return false;
    }
    return true;
}

/* Indices of the comparisons in the group of `first`, rows in order of first appearance. */
static size_t list_group(const struct printer *printer, size_t first, size_t *members) {
    char group[TEXT_SIZE], other[TEXT_SIZE];
    size_t count = 0, total = printer->verdicts->count;
    bool *taken = calloc(total + 1, 1);
    arm_group(patched_arm(printer, first), group, sizeof group);
    for (size_t i = first; taken && i < total; i++) {
        arm_group(patched_arm(printer, i), other, sizeof other);
        if (taken[i] || strcmp(group, other) != 0) continue;
        for (size_t j = i; j < total; j++) {
            arm_group(patched_arm(printer, j), other, sizeof other);
            if (strcmp(group, other) == 0 &&
                arms_share_row(patched_arm(printer, i), patched_arm(printer, j))) {
                taken[j] = true;
                members[count++] = j;
            }
        }
    }
    free(taken);
    return count;
}

static bool has_many_labels(const struct printer *printer, const size_t *members, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (strcmp(arm_label(patched_arm(printer, members[i])),
                   arm_label(patched_arm(printer, members[0]))) != 0)
            return true;
    return false;
}

static void add_row(const struct printer *printer, const struct comparison *comparison, bool many,
                    struct grid *grid) {
    const struct record *record = printer->record;
    const struct arm_record *patched = &record->arms[comparison->patched];
    char text[TEXT_SIZE];
    text_of_row(patched, text, sizeof text);
    grid_add(grid, "%s", text);
    if (many) grid_add(grid, "%s", arm_label(patched));
    text_of_rate(comparison->baseline_rate, text, sizeof text);
    grid_add(grid, "%s", text);
    text_of_rate(comparison->patched_rate, text, sizeof text);
    grid_add(grid, "%s", text);
    bool identical = comparison->verdict == VERDICT_IDENTICAL;
    text_of_change(identical ? NAN : comparison->change, text, sizeof text);
    grid_add(grid, "%s", text);
    text_of_interval(&comparison->series, text, sizeof text);
    grid_add(grid, "%s", identical ? "n/a" : text);
    grid_add(grid, "%s", verdict_names[comparison->verdict]);
}

/* Reasons below the table, equal ones of several rows together. */
static void print_reasons(const struct printer *printer, const size_t *members, size_t count,
                          bool many) {
    const struct verdicts *verdicts = printer->verdicts;
    for (size_t i = 0; i < count; i++) {
        const char *reason = verdicts->comparisons[members[i]].reason;
        bool told = !reason[0];
        for (size_t j = 0; j < i && !told; j++)
            told = strcmp(reason, verdicts->comparisons[members[j]].reason) == 0;
        if (told) continue;
        size_t sharing = 0;
        for (size_t j = 0; j < count; j++)
            sharing += strcmp(reason, verdicts->comparisons[members[j]].reason) == 0;
        fputs(printer->options->format == TABLE_MARKDOWN ? "\n*" : "  ", printer->out);
        const char *comma = "";
        if (sharing == count && count > 1) fputs("every row", printer->out);
        for (size_t j = i; j < count && (sharing < count || count == 1); j++) {
            if (strcmp(reason, verdicts->comparisons[members[j]].reason) != 0) continue;
            char row[TEXT_SIZE];
            text_of_row(patched_arm(printer, members[j]), row, sizeof row);
            fprintf(printer->out, "%s%s%s%s", comma, row, many ? " " : "",
                    many ? arm_label(patched_arm(printer, members[j])) : "");
            comma = ", ";
        }
        fprintf(printer->out, ": %s%s\n", reason,
                printer->options->format == TABLE_MARKDOWN ? "*" : "");
    }
}

/* "pcre2:cost=lean, bench tokenizer, entry batch, heap, freed by caller": what the rows' arms are.
 */
static void text_of_work(const struct arm_record *arm, char *text, size_t size) {
    const char *tokenizer = json_string_value(json_path(arm->json, "spec.tokenizer"));
    const struct {
        const char *before, *value, *after;
    } parts[] = {{"", arm->encoder, ""},      {"", tokenizer, " tokenizer"},
                 {"entry ", arm->entry, ""},  {"", arm->cost, " cost"},
                 {"", arm->storage, ""},      {"cache ", arm->cache, ""},
                 {"freed by ", arm->free, ""}};
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const char *told =
            arm->encoder && parts[i].value ? strstr(arm->encoder, parts[i].value) : NULL;
        if (!parts[i].value || used >= size || (i && told)) continue;
        int length = snprintf(text + used, size - used, "%s%s%s%s", used ? ", " : "",
                              parts[i].before, parts[i].value, parts[i].after);
        if (length > 0) used += (size_t)length;
    }
}

static void print_block_title(const struct printer *printer, const struct comparison *first,
                              bool many) {
    const struct record *record = printer->record;
    const struct arm_record *baseline = &record->arms[first->baseline];
    const struct arm_record *patched = &record->arms[first->patched];
    char group[TEXT_SIZE], work[TEXT_SIZE];
    bool named = json_is_string(json_object_get(patched->json, "group"));
    bool markdown = printer->options->format == TABLE_MARKDOWN;
    arm_group(patched, group, sizeof group);
    text_of_work(baseline, work, sizeof work);
    fprintf(printer->out, "%s%s%sbaseline %s%s%s%s%s\n", markdown ? "**" : "", named ? group : "",
            named ? "; " : "", arm_label(baseline), many ? "" : ", patched ",
            many ? "" : arm_label(patched),
            first->verdict == VERDICT_PUBLISHED ? " (published figures)" : "",
            markdown ? "**" : "");
    if (work[0]) fprintf(printer->out, "%s%s\n", markdown ? "\n" : "", work);
    fputc('\n', printer->out);
}

static bool print_block(const struct printer *printer, const size_t *members, size_t count) {
    bool many = has_many_labels(printer, members, count);
    char before[64], after[64], interval[64];
    const char *unit = record_unit(printer->record);
    snprintf(before, sizeof before, "baseline %s", unit);
    snprintf(after, sizeof after, "patched %s", unit);
    snprintf(interval, sizeof interval, "%g %% interval",
             100 * printer->options->verdict.confidence);
    const char *row = patched_arm(printer, members[0])->threads ? "<threads" : "<row";
    const char *one[] = {row, before, after, "change", interval, "<verdict", NULL};
    const char *several[] = {row, "<patched", before, after, "change", interval, "<verdict", NULL};
    struct grid *grid = grid_create(many ? several : one);
    if (!grid) return error_set(printer->error, "out of memory for a table");
    for (size_t i = 0; i < count; i++) {
        if (many && i &&
            !arms_share_row(patched_arm(printer, members[i - 1]), patched_arm(printer, members[i])))
            grid_gap(grid);
        add_row(printer, &printer->verdicts->comparisons[members[i]], many, grid);
    }
    static const enum grid_format formats[] = {
        [TABLE_TEXT] = GRID_TEXT, [TABLE_MARKDOWN] = GRID_MARKDOWN};
    print_block_title(printer, &printer->verdicts->comparisons[members[0]], many);
    bool printed =
        grid_print(grid, formats[printer->options->format], printer->out, printer->error);
    grid_free(grid);
    if (printed) {
        print_reasons(printer, members, count, many);
        fputc('\n', printer->out);
    }
    return printed;
}

static void print_fact(const struct printer *printer, const char *name, const char *text) {
    if (printer->options->format == TABLE_MARKDOWN)
        fprintf(printer->out, "- %s%s%s\n", name, name[0] ? ": " : "", text);
    else
        fprintf(printer->out, "%-12s %s\n", name, text);
}

static void print_noise(const struct printer *printer) {
    char text[TEXT_SIZE * 4], change[64], interval[64], row[TEXT_SIZE];
    const struct verdicts *verdicts = printer->verdicts;
    if (isnan(verdicts->floor)) {
        print_fact(printer, "noise floor",
                   "not known: the record holds no A/A control with pairs enough");
        return;
    }
    bool all = verdicts->noise_count <= 3;
    int length = snprintf(text, sizeof text, "%.2f %% (%s", 100 * change_of_log(verdicts->floor),
                          all ? "A/A" : "greatest of the A/A controls");
    for (size_t i = 0; i < verdicts->noise_count && length < (int)sizeof text; i++) {
        const struct noise *noise = &verdicts->noises[i];
        if (!all && noise->floor != verdicts->floor) continue;
        text_of_row(&printer->record->arms[noise->of], row, sizeof row);
        text_of_change(noise->series.change.estimate, change, sizeof change);
        text_of_interval(&noise->series, interval, sizeof interval);
        length += snprintf(
            text + length, sizeof text - (size_t)length, "%s%s %s: %s %s", all && i ? ";" : "",
            printer->record->arms[noise->of].threads ? " threads" : "", row, change, interval);
    }
    if (length < (int)sizeof text) snprintf(text + length, sizeof text - (size_t)length, ")");
    print_fact(printer, "noise floor", text);
}

static void print_pairs(const struct printer *printer) {
    size_t least = SIZE_MAX, most = 0, dropped = 0, all = 0, outliers = 0, ties = 0;
    size_t waited = 0;
    bool busy = false;
    const char *cause = "";
    for (size_t i = 0; i < printer->verdicts->count; i++) {
        const struct comparison *comparison = &printer->verdicts->comparisons[i];
        const struct pairs *pairs = &comparison->pairs;
        if (pairs->count < least) least = pairs->count;
        if (pairs->count > most) most = pairs->count;
        dropped += pairs->dropped;
        all += pairs->count + (pairs->tainted_kept ? 0 : pairs->dropped);
        outliers += comparison->series.mild + comparison->series.severe;
        ties += pairs->ties;
        busy |= pairs->busy;
        if (pairs->busy) waited += pairs->waited;
        if (!cause[0]) cause = pairs->cause;
    }
    char text[TEXT_SIZE], range[64];
    if (least == most)
        snprintf(range, sizeof range, "%zu", least);
    else
        snprintf(range, sizeof range, "%zu to %zu", least, most);
    int length =
        snprintf(text, sizeof text, "%s used a row; %zu of %zu dropped%s%s%s; %zu outliers kept",
                 range, dropped, all, cause[0] && dropped ? " (" : "", dropped ? cause : "",
                 cause[0] && dropped ? ")" : "", outliers);
    if (ties && length < (int)sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, "; %zu ties", ties);
    print_fact(printer, "pairs", text);
    if (!busy) return;
    snprintf(text, sizeof text,
             "busy machine: %zu pairs waited for a processor and were kept; the interval bears it",
             waited);
    print_fact(printer, "", text);
}

static void print_corpus(const struct printer *printer) {
    const char *name = record_header_text(printer->record, "corpus.name");
    double bytes = json_number_value(record_header_member(printer->record, "corpus.bytes"));
    char text[TEXT_SIZE];
    if (!name) return;
    if (bytes > 0)
        snprintf(text, sizeof text, "%s, %.2f MiB", name, bytes / 0x1p20);
    else
        snprintf(text, sizeof text, "%s", name);
    print_fact(printer, "corpus", text);
    if (json_is_true(record_header_member(printer->record, "corpus.built_in")))
        print_fact(printer, "CAUTION",
                   "made on the BUILT-IN CORPUS, not on big.txt: do not compare absolute numbers");
}

static void print_placement(const struct printer *printer) {
    const char *rule = record_header_text(printer->record, "placement.rule");
    const char *reason = record_header_text(printer->record, "placement.unpinned_reason");
    json_t *pinned = record_header_member(printer->record, "placement.pinned");
    char text[TEXT_SIZE];
    if (rule) {
        snprintf(text, sizeof text, "%s%s", rule, json_is_true(pinned) ? "; pinned" : "");
        print_fact(printer, "placement", text);
    }
    if (!json_is_false(pinned)) return;
    snprintf(text, sizeof text, "workers were NOT pinned to processing units%s%s",
             reason ? ": " : "", reason ? reason : "");
    print_fact(printer, "CAUTION", text);
}

/* What no counter of a virtual machine says. */
static void print_speeds(const struct printer *printer) {
    struct speeds speeds;
    char text[TEXT_SIZE];
    if (!speeds_of(printer->record, &speeds) || speeds.slow_share < SLOW_SHARE_SAID) return;
    snprintf(
        text, sizeof text,
        "processing units were slow in %.0f %% of %zu readings, as where somebody else uses them",
        100 * speeds.slow_share, speeds.readings);
    print_fact(printer, "", text);
}

static void print_facts(const struct printer *printer) {
    const struct record *record = printer->record;
    char text[TEXT_SIZE];
    bool measured = false;
    for (size_t i = 0; i < printer->verdicts->count; i++)
        measured |= printer->verdicts->comparisons[i].pairs.count > 0;
    if (measured) {
        print_noise(printer);
        print_pairs(printer);
    }
    text_of_machine(record, text, sizeof text);
    print_fact(printer, "machine", text);
    size_t index;
    json_t *warning;
    json_array_foreach(record_header_member(record, "warnings"), index, warning) {
        if (json_is_string(warning)) print_fact(printer, "", json_string_value(warning));
    }
    print_speeds(printer);
    print_corpus(printer);
    print_placement(printer);
    const char *source = record_header_text(record, "source");
    if (source) print_fact(printer, "source", source);
    const char *created = record_header_text(record, "created");
    const char *version = record_header_text(record, "program.version");
    const char *commit = record_header_text(record, "program.commit");
    snprintf(text, sizeof text, "%s, %s%s%s%s%s%s", record->path, created ? created : "no date",
             version ? ", grainbench " : "", version ? version : "", commit ? " (" : "",
             commit ? commit : "", commit ? ")" : "");
    print_fact(printer, "record", text);
    if (text_of_code(record, text, sizeof text)) print_fact(printer, "code", text);
    if (record->warning[0]) print_fact(printer, "CAUTION", record->warning);
}

/* Arms that nothing is compared with still have a speed. */
static bool print_alone(const struct printer *printer) {
    const char *unit = record_unit(printer->record);
    const char *titles[] = {"<threads", "<arm", unit, "samples", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(printer->error, "out of memory for a table");
    for (size_t i = 0; i < printer->record->arm_count; i++) {
        const struct arm_record *arm = &printer->record->arms[i];
        char row[TEXT_SIZE], rate[64];
        size_t samples = 0;
        for (size_t j = 0; j < printer->record->sample_count; j++)
            samples += printer->record->samples[j].arm == i;
        text_of_row(arm, row, sizeof row);
        text_of_rate(arm_throughput(printer->record, arm->arm), rate, sizeof rate);
        grid_add(grid, "%s", row);
        grid_add(grid, "%s", arm_label(arm));
        grid_add(grid, "%s", rate);
        grid_add(grid, "%zu", samples);
    }
    bool printed =
        grid_print(grid, (enum grid_format)printer->options->format, printer->out, printer->error);
    grid_free(grid);
    fputc('\n', printer->out);
    return printed;
}

static bool print_blocks(const struct printer *printer) {
    const struct verdicts *verdicts = printer->verdicts;
    size_t *members = calloc(verdicts->count + 1, sizeof *members);
    if (!members) return error_set(printer->error, "out of memory for a table");
    bool printed = verdicts->count ? true : print_alone(printer);
    for (size_t i = 0; printed && i < verdicts->count; i++)
        if (is_first_of_group(printer, i))
            printed = print_block(printer, members, list_group(printer, i, members));
    free(members);
    return printed;
}

static void print_title(const struct printer *printer) {
    const char *scenario = record_header_text(printer->record, "scenario");
    if (!scenario) return;
    const char *title = record_header_text(printer->record, "title");
    fprintf(printer->out, "%s%s%s%s\n\n", printer->options->format == TABLE_MARKDOWN ? "### " : "",
            scenario, title ? ": " : "", title ? title : "");
}

static bool has_speeds(const struct record *record) {
    for (unsigned i = 0; i < record->arm_count; i++)
        if (isfinite(arm_throughput(record, i))) return true;
    return false;
}

/* Speeds, or what the record holds in their place. */
static bool print_body(const struct printer *printer) {
    const struct record *record = printer->record;
    enum grid_format format = (enum grid_format)printer->options->format;
    bool counted = record_is_of_ledgers(record);
    bool profiled = record_find_line(record, 0, "profile", -1) < record->line_count;
    if (counted && !table_print_ledgers(record, format, printer->out, printer->error)) return false;
    if ((!(profiled || counted) || has_speeds(record)) && !print_blocks(printer)) return false;
    return table_print_figures(record, format, printer->out, printer->error) &&
           shares_print_profiles(record, format, printer->out, printer->error);
}

bool table_print(const struct record *record, const struct table_options *options, FILE *out,
                 struct error *error) {
    struct verdicts verdicts;
    if (!verdicts_decide(record, &options->verdict, &verdicts, error)) return false;
    struct printer printer = {record, options, &verdicts, out, error};
    bool printed;
    if (options->format == TABLE_JSON) {
        printed = table_print_json(record, &verdicts, out, error);
    } else if (options->format == TABLE_CSV) {
        printed = table_print_csv(record, &verdicts, out, error);
    } else {
        print_title(&printer);
        printed = print_body(&printer);
        if (printed && record_has_events(record)) {
            printed = table_print_events(record, options->format == TABLE_MARKDOWN, out, error);
            fputc('\n', out);
        }
        if (printed) print_facts(&printer);
    }
    verdicts_free(&verdicts);
    return printed;
}
