/* Records of `run` and of `pipeline` cut off at every byte, through everything that reads records:
 * what is left is read up to the last whole line, each reader says that, none crashes, and what
 * cannot be made of the rest is a sentence. */
#define _GNU_SOURCE
#include "cmocka_all.h"

#include "base/file.h"
#include "results/compare.h"
#include "results/explain.h"
#include "results/exports/export.h"
#include "results/gate.h"
#include "results/history.h"
#include "results/plots/plot.h"
#include "results/record.h"
#include "results/scale.h"
#include "results/tables/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cut {
    struct record *record, *whole;
    size_t bytes, lines;
};

static bool holds_word(const char *text, const char *word) {
    for (const char *at = text; (at = strcasestr(at, word)); at++)
        if ((at == text || !isalpha((unsigned char)at[-1])) &&
            !isalpha((unsigned char)at[strlen(word)]))
            return true;
    return false;
}

/* Runs `reader` with a stream that keeps what it writes; its failure must be a sentence. */
static bool run_reader(bool (*reader)(struct cut *cut, FILE *out, struct error *error),
                       struct cut *cut, char **text) {
    size_t size = 0;
    struct error error = {""};
    FILE *out = open_memstream(text, &size);
    assert_non_null(out);
    bool done = reader(cut, out, &error);
    fclose(out);
    if (!done && !error.message[0]) fail_msg("cut at byte %zu: failed without a word", cut->bytes);
    if (holds_word(*text, "nan") || holds_word(*text, "inf"))
        fail_msg("cut at byte %zu: a number that is none: %s", cut->bytes, *text);
    return done;
}

static bool read_text_table(struct cut *cut, FILE *out, struct error *error) {
    return table_print(cut->record, &table_defaults, out, error);
}

static bool read_json_table(struct cut *cut, FILE *out, struct error *error) {
    struct table_options options = table_defaults;
    options.format = TABLE_JSON;
    return table_print(cut->record, &options, out, error);
}

static bool read_across(struct cut *cut, FILE *out, struct error *error) {
    const struct record *records[] = {cut->record, cut->whole};
    return table_print_across(records, 2, &table_defaults, out, error);
}

static bool read_comparison(struct cut *cut, FILE *out, struct error *error) {
    return records_compare(cut->record, cut->whole, out, error);
}

static bool read_scale(struct cut *cut, FILE *out, struct error *error) {
    return scale_print(cut->record, out, error);
}

static bool read_explanation(struct cut *cut, FILE *out, struct error *error) {
    unsigned tables = 0;
    return explain_print(&cut->record, 1, false, out, &tables, error);
}

static bool read_gate(struct cut *cut, FILE *out, struct error *error) {
    struct gate_rule rule = {
        .metric = "throughput", .arms = "*", .threshold = 0.02, .higher_is_better = true};
    struct gate_result result;
    if (!gate_apply(cut->record, &rule, 1, 0.95, &result, error)) return false;
    bool printed = gate_print(cut->record, &result, out, error);
    /* What was not measured whole never passes for want of evidence: two rounds are too few. */
    assert_int_not_equal(result.outcome, GATE_PASSED);
    gate_free(&result);
    return printed;
}

static bool read_exports(struct cut *cut, FILE *out, struct error *error) {
    bool any = false;
    for (int format = 0; format < EXPORT_COUNT; format++)
        any |= export_record(cut->record, (enum export_format)format, out, error);
    return any;
}

static bool read_plots(struct cut *cut, FILE *out, struct error *error) {
    struct plot_set set = {0};
    (void)out;
    if (!plot_make(&cut->record, 1, &set, error)) return false;
    plot_set_free(&set);
    return true;
}

static void read_by_all(struct cut *cut) {
    static bool (*const readers[])(struct cut *, FILE *, struct error *) = {
        read_text_table,  read_json_table, read_across,  read_comparison, read_scale,
        read_explanation, read_gate,       read_exports, read_plots};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        char *text = NULL;
        bool done = run_reader(readers[i], cut, &text);
        if (readers[i] == read_text_table) {
            assert_true(done);
            assert_non_null(strstr(text, "CAUTION"));
        }
        if (readers[i] == read_json_table) {
            json_t *table = json_loads(text, 0, NULL);
            assert_true(done && json_is_string(json_object_get(table, "warning")));
            json_decref(table);
        }
        free(text);
    }
}

static size_t count_lines(const char *data, size_t size) {
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

static void add_to_history(struct history *history, const char *data, size_t size) {
    char path[] = "/tmp/grainbench-cut-XXXXXX";
    int file = mkstemp(path);
    struct error error = {""};
    long long id;
    bool known;
    assert_true(file >= 0 && write(file, data, size) == (ssize_t)size);
    close(file);
    assert_true(history_add(history, path, &id, &known, &error));
    struct record *record = history_load(history, id, &error);
    assert_non_null(record);
    assert_true(record->warning[0]);
    record_free(record);
    unlink(path);
}

static void cut_everywhere(const char *path) {
    struct error error;
    char *data;
    size_t size, past = 0;
    assert_true(file_read(path, &data, &size, &error));
    struct record *before = NULL;
    struct cut cut = {.whole = record_read(path, &error)};
    assert_non_null(cut.whole);
    struct history *history = history_open(":memory:", &error);
    assert_non_null(history);
    for (cut.bytes = 1; cut.bytes + 1 < size; cut.bytes++) {
        /* A last line that lacks its newline alone is whole. */
        size_t lines = count_lines(data, cut.bytes) + (data[cut.bytes] == '\n');
        cut.record = record_parse("cut", data, cut.bytes, &error);
        if (!lines) {
            assert_null(cut.record);
            assert_string_equal(error.message,
                                "cut: cut off in its first line; nothing can be read from it");
            continue;
        }
        assert_non_null(cut.record);
        assert_int_equal(lines, 1 + cut.record->arm_count + cut.record->sample_count +
                                    cut.record->line_count);
        assert_true(cut.record->warning[0] && !cut.record->ended);
        if (lines != past) add_to_history(history, data, cut.bytes);
        past = lines;
        /* Readers see nothing but this: where it is what it was a byte before, so is what they do.
         */
        if (before && strcmp(before->warning, cut.record->warning) == 0 &&
            json_equal(before->storage, cut.record->storage)) {
            record_free(cut.record);
            continue;
        }
        read_by_all(&cut);
        record_free(before);
        before = cut.record;
    }
    record_free(before);
    assert_int_equal(past, count_lines(data, size) - 1);
    history_close(history);
    record_free(cut.whole);
    free(data);
}

static void a_run_cut_at_any_byte_is_read_by_every_reader(void **state) {
    (void)state;
    cut_everywhere(GRAINBENCH_SOURCE_DIR "/tests/data/small-run-record.jsonl");
}

static void a_pipeline_cut_at_any_byte_is_read_by_every_reader(void **state) {
    (void)state;
    cut_everywhere(GRAINBENCH_SOURCE_DIR "/tests/data/small-pipeline-record.jsonl");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_cut_at_any_byte_is_read_by_every_reader),
        cmocka_unit_test(a_pipeline_cut_at_any_byte_is_read_by_every_reader),
    };
    return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
