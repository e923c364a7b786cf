/* The schema in docs/ and the records that the project holds and writes agree. Checks the part of
 * JSON Schema (draft 7) that docs/record.schema.json uses; an unknown keyword fails the test, so
 * that nothing is passed over in silence. */
#define _GNU_SOURCE
#include "cmocka_all.h"

#include "base/file.h"
#include "results/record.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *schema;

static bool is_of_type(const json_t *value, const char *type) {
    if (strcmp(type, "object") == 0) return json_is_object(value);
    if (strcmp(type, "array") == 0) return json_is_array(value);
    if (strcmp(type, "string") == 0) return json_is_string(value);
    if (strcmp(type, "integer") == 0) return json_is_integer(value);
    if (strcmp(type, "number") == 0) return json_is_number(value);
    if (strcmp(type, "null") == 0) return json_is_null(value);
    fail_msg("the schema names an unknown type '%s'", type);
    return false;
}

static bool matches(json_t *value, json_t *rule, char *why);

static bool has_type(const json_t *value, json_t *types) {
    size_t index;
    json_t *type;
    if (json_is_string(types)) return is_of_type(value, json_string_value(types));
    json_array_foreach(types, index, type) {
        if (is_of_type(value, json_string_value(type))) return true;
    }
    return false;
}

static bool is_listed(json_t *value, json_t *list) {
    size_t index;
    json_t *one;
    json_array_foreach(list, index, one) {
        if (json_equal(value, one)) return true;
    }
    return false;
}

static bool has_members(json_t *value, json_t *names, char *why) {
    size_t index;
    json_t *name;
    json_array_foreach(names, index, name) {
        if (json_object_get(value, json_string_value(name))) continue;
        sprintf(why, "member '%s' is missing", json_string_value(name));
        return false;
    }
    return true;
}

static bool members_match(json_t *value, json_t *rules, char *why) {
    const char *key;
    json_t *rule;
    json_object_foreach(rules, key, rule) {
        json_t *member = json_object_get(value, key);
        /* What cannot be had may be said so in place of any value. */
        if (!member || json_object_get(member, "unavailable")) continue;
        if (!matches(member, rule, why)) {
            char inner[200];
            snprintf(inner, sizeof inner, "%s", why);
            snprintf(why, 256, "%s: %s", key, inner);
            return false;
        }
    }
    return true;
}

static bool all_match(json_t *value, json_t *rules, char *why) {
    size_t index;
    json_t *rule;
    json_array_foreach(rules, index, rule) {
        if (!matches(value, rule, why)) return false;
    }
    return true;
}

static bool items_match(json_t *value, json_t *rule, char *why) {
    size_t index;
    json_t *item;
    json_array_foreach(value, index, item) {
        if (!matches(item, rule, why)) return false;
    }
    return true;
}

static bool refuse(char *why, const char *keyword) {
    sprintf(why, "fails '%s'", keyword);
    return false;
}

static bool matches(json_t *value, json_t *rule, char *why) {
    const char *keyword;
    json_t *wanted;
    json_object_foreach(rule, keyword, wanted) {
        bool ok = true;
        if (strcmp(keyword, "type") == 0)
            ok = has_type(value, wanted);
        else if (strcmp(keyword, "const") == 0)
            ok = json_equal(value, wanted);
        else if (strcmp(keyword, "enum") == 0)
            ok = is_listed(value, wanted);
        else if (strcmp(keyword, "minimum") == 0)
            ok = json_number_value(value) >= json_number_value(wanted);
        else if (strcmp(keyword, "maximum") == 0)
            ok = json_number_value(value) <= json_number_value(wanted);
        else if (strcmp(keyword, "required") == 0) {
            if (!has_members(value, wanted, why)) return false;
        } else if (strcmp(keyword, "properties") == 0) {
            if (!members_match(value, wanted, why)) return false;
        } else if (strcmp(keyword, "items") == 0) {
            if (!items_match(value, wanted, why)) return false;
        } else if (strcmp(keyword, "allOf") == 0) {
            if (!all_match(value, wanted, why)) return false;
        } else if (strcmp(keyword, "if") == 0) {
            char ignored[256];
            json_t *then = json_object_get(rule, "then");
            if (matches(value, wanted, ignored) && !matches(value, then, why)) return false;
        } else if (strcmp(keyword, "$ref") == 0) {
            const char *name = strrchr(json_string_value(wanted), '/') + 1;
            json_t *target = json_object_get(json_object_get(schema, "definitions"), name);
            assert_non_null(target);
            if (!matches(value, target, why)) return false;
        } else if (strcmp(keyword, "then") != 0 && strcmp(keyword, "definitions") != 0 &&
                   strcmp(keyword, "title") != 0 && strcmp(keyword, "description") != 0 &&
                   strcmp(keyword, "$schema") != 0) {
            fail_msg("the schema uses '%s', which this test does not know", keyword);
        }
        if (!ok) return refuse(why, keyword);
    }
    return true;
}

static void check_file(const char *path) {
    char *data, why[256] = "";
    size_t size, number = 0;
    struct error error;
    if (!file_read(path, &data, &size, &error)) fail_msg("%s", error.message);
    for (char *line = strtok(data, "\n"); line; line = strtok(NULL, "\n")) {
        number++;
        json_t *json = json_loads(line, 0, NULL);
        if (!json) fail_msg("%s: line %zu is no JSON", path, number);
        if (!matches(json, schema, why)) fail_msg("%s: line %zu: %s", path, number, why);
        json_decref(json);
    }
    free(data);
}

static void every_record_of_the_tree_fits_the_schema(void **state) {
    (void)state;
    static const char *const patterns[] = {GRAINBENCH_SOURCE_DIR "/data/published/*.jsonl",
                                           GRAINBENCH_SOURCE_DIR "/tests/data/*record*.jsonl"};
    size_t files = 0;
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        glob_t found;
        assert_int_equal(glob(patterns[p], 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
            check_file(found.gl_pathv[i]);
        files += found.gl_pathc;
        globfree(&found);
    }
    assert_true(files >= 11);
}

static void lines_that_break_the_contract_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"kind\":\"header\",\"provenance\":\"measured\"}",
        "{\"kind\":\"header\",\"schema\":1,\"provenance\":\"guessed\"}",
        "{\"kind\":\"arm\",\"arm\":-1,\"role\":\"baseline\"}",
        "{\"kind\":\"arm\",\"arm\":0,\"role\":\"king\"}",
        "{\"kind\":\"sample\",\"arm\":0,\"round\":0,\"duration_ns\":0}",
        "{\"kind\":\"sample\",\"arm\":0,\"round\":0,\"duration_ns\":1.5}",
        "{\"kind\":\"sample\",\"arm\":0,\"round\":0,\"duration_ns\":1,\"phases_ns\":[]}",
        "{\"kind\":\"figure\",\"arm\":0,\"metric\":\"throughput\",\"value\":\"many\"}",
        "{\"kind\":\"counter\",\"arm\":0,\"phases\":{\"run\":{\"counts\":[1]}}}",
        "{\"kind\":\"counter\",\"arm\":0,\"phases\":{\"run\":{\"counts\":[\"many\"],"
        "\"standing\":\"counted\",\"running_over_enabled\":1}}}",
        "{\"kind\":\"counter\",\"arm\":0,\"events\":[{\"count\":1}]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char why[256];
        json_t *json = json_loads(bad[i], 0, NULL);
        assert_non_null(json);
        if (matches(json, schema, why)) fail_msg("passes: %s", bad[i]);
        json_decref(json);
    }
}

/* Written when schema 1 was new; it must read the same for ever. */
static void a_golden_record_of_schema_1_is_read_as_it_was(void **state) {
    (void)state;
    struct error error;
    struct record *record =
        record_read(GRAINBENCH_SOURCE_DIR "/tests/data/golden-record-schema-1.jsonl", &error);
    assert_non_null(record);
    assert_int_equal(record->schema, 1);
    assert_string_equal(record->warning, "");
    assert_int_equal(record->arm_count, 3);
    assert_int_equal(record->sample_count, 6);
    assert_int_equal(record->arms[1].control_of, 0);
    assert_int_equal(record->arms[2].role, ROLE_PATCHED);
    assert_int_equal(record->arms[2].threads, 2);
    assert_string_equal(record->arms[2].free, "worker");
    assert_int_equal(record->samples[1].duration_ns, 12345678);
    assert_int_equal(record->samples[1].cpu_ns, 24000000);
    assert_int_equal(record->samples[1].phases_ns[PHASE_DROP], 345678);
    assert_int_equal(json_array_size(record->samples[1].slices_ns), 2);
    assert_string_equal(record->samples[5].tainted, "steal 9.0 % of the sample");
    assert_int_equal(record_find_line(record, 0, "ledger", 2), 1);
    assert_string_equal(record_header_text(record, "machine.fingerprint"), "0123456789abcdef");
    record_free(record);
}

int main(void) {
    char *data;
    size_t size;
    struct error error;
    if (!file_read(GRAINBENCH_SOURCE_DIR "/docs/record.schema.json", &data, &size, &error) ||
        !(schema = json_loadb(data, size, 0, NULL))) {
        fprintf(stderr, "docs/record.schema.json cannot be read\n");
        return 1;
    }
    free(data);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_of_the_tree_fits_the_schema),
        cmocka_unit_test(lines_that_break_the_contract_are_refused),
        cmocka_unit_test(a_golden_record_of_schema_1_is_read_as_it_was),
    };
    int failed = cmocka_run_group_tests_name("schema", tests, NULL, NULL);
    json_decref(schema);
    return failed;
}
