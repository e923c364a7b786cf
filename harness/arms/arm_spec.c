/* Arm specifications as values and as JSON; see arm_spec.h. One option table does both ways. */
#define _GNU_SOURCE
#include "harness/arms/arm_spec.h"

#include "base/options.h"

#include <stdio.h>
#include <string.h>

void arm_spec_init(struct arm_spec *spec) {
    *spec = (struct arm_spec){.scheduler = "rayon", .encoder = "fast", .workers = 1};
}

const char *arm_spec_choice(const char *choices, int index, char *text, size_t size) {
    while (index-- > 0 && choices) {
        choices = strchr(choices, '|');
        if (choices) choices++;
    }
    snprintf(text, size, "%.*s", choices ? (int)strcspn(choices, "|") : 0, choices ? choices : "");
    return text;
}

enum member_type { TEXT, COUNT, NUMBER64, CHOICE, FLAG };

static const struct member {
    const char *name;
    enum member_type type;
    size_t offset, size;
    const char *choices;
} members[] = {
#define FIELD(field) offsetof(struct arm_spec, field), sizeof(((struct arm_spec *)0)->field)
    {"label", TEXT, FIELD(label), NULL},
    {"scheduler", TEXT, FIELD(scheduler), NULL},
    {"encoder", TEXT, FIELD(encoder), NULL},
    {"workers", COUNT, FIELD(workers), NULL},
    {"placement", CHOICE, FIELD(plan), PLACEMENT_PLANS},
    {"entry", CHOICE, FIELD(entry), ARM_ENTRIES},
    {"tokenizer", CHOICE, FIELD(tokenizer), ARM_TOKENIZERS},
    {"free", CHOICE, FIELD(free_by), ARM_FREES},
    {"whole_batch", FLAG, FIELD(whole_batch), NULL},
    {"batch_lines", NUMBER64, FIELD(batch_lines), NULL},
    {"gap_ns", NUMBER64, FIELD(gap_ns), NULL},
    {"dose", NUMBER64, FIELD(dose), NULL},
    {"dose_line", CHOICE, FIELD(dose_line), ARM_DOSE_LINES},
    {"scratch", CHOICE, FIELD(scratch), ARM_SCRATCHES},
    {"slowdown_ppm", NUMBER64, FIELD(slowdown_ppm), NULL},
    {"seed", NUMBER64, FIELD(seed), NULL},
    {"preload", TEXT, FIELD(preload), NULL},
    {"program", TEXT, FIELD(program), NULL},
#undef FIELD
};
enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

json_t *arm_spec_to_json(const struct arm_spec *spec) {
    json_t *object = json_object();
    char word[64];
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const void *field = (const char *)spec + members[i].offset;
        json_t *value = NULL;
        switch (members[i].type) {
        case TEXT:
            if (!*(const char *)field) continue;
            value = json_string(field);
            break;
        case COUNT:
            value = json_integer(*(const unsigned *)field);
            break;
        case NUMBER64:
            value = json_integer((json_int_t) * (const uint64_t *)field);
            break;
        case CHOICE:
            value = json_string(
                arm_spec_choice(members[i].choices, *(const int *)field, word, sizeof word));
            break;
        case FLAG:
            value = json_boolean(*(const bool *)field);
            break;
        }
        json_object_set_new(object, members[i].name, value);
    }
    return object;
}

static bool read_choice(const struct member *member, const char *word, int *field,
                        struct error *error) {
    struct grainbench_option row = {
        .name = member->name, .type = GRAINBENCH_OPTION_CHOICE, .choices = member->choices};
    const struct grainbench_option table[] = {row, {0}};
    return options_assign(table, field, member->name, word, error);
}

static bool read_text(const struct member *member, const char *text, char *field,
                      struct error *error) {
    if (strlen(text) >= member->size)
        return error_set(error, "%s: longer than %zu bytes", member->name, member->size - 1);
    strcpy(field, text);
    return true;
}

static bool read_member(const struct member *member, const json_t *value, void *field,
                        struct error *error) {
    bool textual = member->type == TEXT || member->type == CHOICE;
    if (textual && !json_is_string(value))
        return error_set(error, "%s: must be a string", member->name);
    if (member->type == FLAG && !json_is_boolean(value))
        return error_set(error, "%s: must be true or false", member->name);
    bool numeric = member->type == COUNT || member->type == NUMBER64;
    if (numeric && (!json_is_integer(value) || json_integer_value(value) < 0))
        return error_set(error, "%s: must be a whole number, 0 or more", member->name);
    switch (member->type) {
    case TEXT:
        return read_text(member, json_string_value(value), field, error);
    case CHOICE:
        return read_choice(member, json_string_value(value), field, error);
    case FLAG:
        *(bool *)field = json_is_true(value);
        return true;
    case COUNT:
        *(unsigned *)field = (unsigned)json_integer_value(value);
        return true;
    case NUMBER64:
        *(uint64_t *)field = (uint64_t)json_integer_value(value);
        return true;
    }
    return true;
}

bool arm_spec_from_json(const json_t *object, struct arm_spec *spec, struct error *error) {
    if (!json_is_object(object)) return error_set(error, "an arm must be a JSON object");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        const struct member *member = NULL;
        for (size_t i = 0; i < MEMBER_COUNT; i++)
            if (strcmp(members[i].name, key) == 0) member = &members[i];
        if (!member) return error_set(error, "an arm has no member '%s'", key);
        if (!read_member(member, value, (char *)spec + member->offset, error)) return false;
    }
    return true;
}
