/* Records: written line by line, read whole, cut at any byte, refused when not understood. */
#define _GNU_SOURCE
#include "cmocka_all.h"

#include "base/file.h"
#include "results/record.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sample make_sample(unsigned arm, unsigned round) {
    struct sample sample = {.arm = arm,
                            .round = round,
                            .position = arm,
                            .duration_ns = 1000000 + arm,
                            .bytes = 6488666,
                            .items = 128457,
                            .cpu_ns = RECORD_UNAVAILABLE};
    for (int i = 0; i < PHASE_COUNT; i++)
        sample.phases_ns[i] = RECORD_UNAVAILABLE;
    sample.phases_ns[PHASE_RUN] = 900000;
    return sample;
}

static void write_small_record(const char *path) {
    struct error error;
    struct record_writer *writer = record_create(
        path, json_pack("{s:s, s:{s:s}}", "scenario", "hf-2077", "machine", "cpu", "test"), &error);
    assert_non_null(writer);
    struct arm_record arm = {.role = ROLE_BASELINE,
                             .control_of = -1,
                             .compared_with = -1,
                             .threads = 2,
                             .row_name = "physical",
                             .label = "baseline",
                             .scheduler = "rayon",
                             .workers = 2};
    assert_true(record_append_arm(writer, &arm, &error));
    arm.arm = 1;
    arm.role = ROLE_CONTROL;
    arm.control_of = 0;
    arm.label = "again \xe2\x80\x9c"
                "A\xe2\x80\x9d";
    assert_true(record_append_arm(writer, &arm, &error));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 2; i++) {
            struct sample sample = make_sample(i, round);
            if (round == 2) sample.tainted = "steal";
            assert_true(record_append_sample(writer, &sample, &error));
        }
    assert_true(record_append(
        writer, json_pack("{s:s, s:i, s:i}", "kind", "ledger", "arm", 1, "rmw", 7), &error));
    assert_true(
        record_append(writer, json_pack("{s:s, s:i}", "kind", "of the future", "x", 1), &error));
    assert_true(record_end(writer, &error));
}

static char *temporary(void) {
    static char path[64];
    strcpy(path, "/tmp/grainbench-record-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    return path;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    struct error error;
    char *path = temporary();
    write_small_record(path);
    struct record *record = record_read(path, &error);
    assert_non_null(record);
    assert_string_equal(record->warning, "");
    assert_true(record->ended);
    assert_int_equal(record->schema, RECORD_SCHEMA);
    assert_string_equal(record_header_text(record, "machine.cpu"), "test");
    assert_string_equal(record_header_text(record, "provenance"), "measured");
    assert_null(record_header_text(record, "machine.nothing.at.all"));
    assert_int_equal(record->arm_count, 2);
    assert_int_equal(record->arms[0].role, ROLE_BASELINE);
    assert_int_equal(record->arms[0].control_of, -1);
    assert_int_equal(record->arms[0].threads, 2);
    assert_string_equal(record->arms[0].row_name, "physical");
    assert_int_equal(record->arms[1].control_of, 0);
    assert_int_equal(record->sample_count, 6);
    assert_int_equal(record->samples[5].duration_ns, 1000001);
    assert_int_equal(record->samples[5].round, 2);
    assert_string_equal(record->samples[5].tainted, "steal");
    assert_null(record->samples[0].tainted);
    assert_true(record->samples[0].cpu_ns == RECORD_UNAVAILABLE);
    assert_true(record->samples[0].phases_ns[PHASE_FORK] == RECORD_UNAVAILABLE);
    assert_int_equal(record->samples[0].phases_ns[PHASE_RUN], 900000);
    assert_int_equal(record_find_line(record, 0, "ledger", 1), 0);
    assert_int_equal(record_find_line(record, 0, "ledger", 0), record->line_count);
    record_free(record);
    unlink(path);
}

/* Whole lines within the first `size` bytes: those ended by a newline, and a last one that lacks
 * only its newline. */
static size_t whole_lines(const char *data, size_t size, size_t full) {
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines + (size < full && data[size] == '\n');
}

static void a_record_cut_at_any_byte_is_read_up_to_its_last_whole_line(void **state) {
    (void)state;
    struct error error;
    char *path = temporary(), *data;
    size_t size;
    write_small_record(path);
    assert_true(file_read(path, &data, &size, &error));
    unlink(path);
    size_t total = whole_lines(data, size, size);
    for (size_t cut = 0; cut < size; cut++) {
        size_t lines = whole_lines(data, cut, size);
        struct record *record = record_parse("cut", data, cut, &error);
        if (lines == 0) {
            assert_null(record);
            assert_non_null(strstr(error.message, "cut: "));
            continue;
        }
        assert_non_null(record);
        size_t read = 1 + record->arm_count + record->sample_count + record->line_count;
        assert_int_equal(read, lines);
        if (lines < total) assert_true(record->warning[0]);
        assert_int_equal(record->ended, lines == total);
        record_free(record);
    }
    free(data);
}

static void refuses(const char *text, const char *sentence) {
    struct error error = {""};
    struct record *record = record_parse("file", text, strlen(text), &error);
    assert_null(record);
    assert_string_equal(error.message, sentence);
}

static void what_is_no_record_is_refused_with_file_and_line(void **state) {
    (void)state;
    refuses("", "file: the file is empty");
    refuses("{\"kind\":\"arm\"}\n", "file: line 1: a record begins with a header line, and this is "
                                    "none; is it a record of grainbench?");
    refuses("{\"kind\":\"header\"}\n", "file: line 1: the header names no schema number");
    refuses("{\"kind\":\"header\",\"schema\":999}\n",
            "file: the record has schema 999, and this program reads up to 1; use a newer "
            "grainbench");
    refuses("{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"sample\",\"arm\":0}\n",
            "file: line 2: the sample's arm has no arm line before it");
    refuses("{\"kind\":\"header\",\"schema\":1}\n[1]\n", "file: line 2: not a JSON object");
    refuses("\x7f"
            "ELF",
            "file: line 1: not JSON; is it a record of grainbench?");
    refuses(
        "{\"kind\":\"header\",\"schema\":1}\n{bad\n{\"kind\":\"end\"}\n",
        "file: line 2: not JSON (string or '}' expected near 'bad'); the file was changed after it "
        "was written: get it again, or remove the line");
    refuses("{\"kind\":\"header\",\"schema\":1}\n{\"kind\":\"arm\",\"arm\":1}\n",
            "file: line 2: arms must be numbered 0, 1, 2, ... in the order of their lines");
    struct error error;
    assert_null(record_read("/nonexistent/x.jsonl", &error));
    assert_string_equal(error.message,
                        "/nonexistent/x.jsonl: cannot open: No such file or directory");
}

static void a_full_disk_is_one_clear_sentence(void **state) {
    (void)state;
    struct error error;
    struct record_writer *writer = record_create("/dev/full", json_object(), &error);
    assert_non_null(writer);
    assert_false(record_append(writer, json_pack("{s:s}", "kind", "figure"), &error));
    record_abandon(writer);
    assert_string_equal(error.message,
                        "/dev/full: cannot write to the record: No space left on device");
    assert_null(record_create("/nonexistent/x.jsonl", json_object(), &error));
    assert_string_equal(
        error.message, "/nonexistent/x.jsonl: cannot create the record: No such file or directory");
}

static void a_record_without_a_result_leaves_what_was_there(void **state) {
    (void)state;
    struct error error;
    char path[] = "/tmp/record-test-XXXXXX", *data;
    size_t size;
    close(mkstemp(path));
    assert_true(file_write(path, "older", 5, &error));
    struct record_writer *writer = record_create(path, json_object(), &error);
    struct arm_record arm = {.control_of = -1, .compared_with = -1};
    assert_true(record_append_arm(writer, &arm, &error));
    record_abandon(writer);
    assert_true(file_read(path, &data, &size, &error));
    assert_string_equal(data, "older");
    free(data);
    writer = record_create(path, json_object(), &error);
    assert_true(record_append_arm(writer, &arm, &error));
    assert_true(record_append(writer, json_pack("{s:s, s:i}", "kind", "figure", "arm", 0), &error));
    record_abandon(writer);
    struct record *record = record_read(path, &error);
    assert_non_null(record);
    assert_int_equal(record->arm_count, 1);
    assert_int_equal(record->line_count, 1);
    record_free(record);
    unlink(path);
}

static void what_is_no_number_is_never_written_as_one(void **state) {
    (void)state;
    json_t *object = json_object();
    assert_true(record_set_real(object, "a", NAN, "no data"));
    assert_true(record_set_real(object, "b", INFINITY, "too much"));
    assert_true(record_set_real(object, "c", 1.5, ""));
    char *text = json_dumps(object, JSON_COMPACT);
    assert_string_equal(text, "{\"a\":{\"unavailable\":\"no data\"},\"b\":{\"unavailable\":\"too "
                              "much\"},\"c\":1.5}");
    free(text);
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_record_cut_at_any_byte_is_read_up_to_its_last_whole_line),
        cmocka_unit_test(what_is_no_record_is_refused_with_file_and_line),
        cmocka_unit_test(a_full_disk_is_one_clear_sentence),
        cmocka_unit_test(a_record_without_a_result_leaves_what_was_there),
        cmocka_unit_test(what_is_no_number_is_never_written_as_one),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
