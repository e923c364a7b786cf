/* Components by name and options; see components.h. */
#define _GNU_SOURCE
#include "harness/components.h"

#include "base/options.h"
#include "harness/modules/modules.h"
#include "schedulers/schedulers.h"
#include "tokenizer/encoders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts "name:options" in two in place and returns the options, or NULL. A ':' in a module's path is
 * not supported. */
static char *cut_name(char *text) {
    char *colon = strchr(text, ':');
    if (!colon) return NULL;
    *colon = 0;
    return colon + 1;
}

static bool parse_options(struct component *component, size_t options_size, char *list,
                          const char *kind, struct error *error) {
    char subject[128];
    static const struct grainbench_option none[] = {{0}};
    snprintf(subject, sizeof subject, "%s %s", kind, component->text);
    component->options = calloc(1, options_size + 1);
    if (!component->options) return error_set(error, "out of memory");
    if (!component->table) component->table = none;
    return options_parse_list(component->table, component->options, list, ':', subject, error);
}

bool component_parse_scheduler(const char *text, struct component *out, struct error *error) {
    *out = (struct component){.text = strdup(text)};
    if (!out->text) return error_set(error, "out of memory");
    char *list = cut_name(out->text);
    out->scheduler = schedulers_find(SCHEDULERS_NATIVE, out->text);
    if (!out->scheduler && modules_exist(out->text))
        out->scheduler = modules_find_scheduler(out->text, error);
    else if (!out->scheduler)
        error_set(error, "there is no scheduler '%s' ('grainbench list schedulers' shows them)",
                  out->text);
    if (!out->scheduler) {
        component_free(out);
        return false;
    }
    out->table = out->scheduler->options;
    if (parse_options(out, out->scheduler->options_size, list, "scheduler", error)) return true;
    component_free(out);
    return false;
}

bool component_parse_encoder(const char *text, struct component *out, struct error *error) {
    *out = (struct component){.text = strdup(text)};
    if (!out->text) return error_set(error, "out of memory");
    char *list = cut_name(out->text);
    out->encoder = encoders_find(out->text);
    if (!out->encoder && modules_exist(out->text))
        out->encoder = modules_find_encoder(out->text, error);
    else if (!out->encoder)
        error_set(error, "there is no encoder '%s' ('grainbench list encoders' shows them)",
                  out->text);
    if (!out->encoder) {
        component_free(out);
        return false;
    }
    out->table = out->encoder->options;
    if (parse_options(out, out->encoder->options_size, list, "encoder", error)) return true;
    component_free(out);
    return false;
}

void component_free(struct component *component) {
    free(component->text);
    free(component->options);
    *component = (struct component){0};
}

json_t *component_to_json(const struct component *component) {
    json_t *object = json_pack("{s:s}", "name", component->text);
    json_t *options = json_object();
    for (const struct grainbench_option *row = component->table; row && row->type; row++) {
        char value[512];
        if (row->type == GRAINBENCH_OPTION_HEADING) continue;
        options_value_text(row, component->options, value, sizeof value);
        json_object_set_new(options, row->name, json_string(value));
    }
    json_object_set_new(object, "options", options);
    return object;
}

const char *component_option(const struct component *component, const char *name, char *text,
                             size_t size) {
    text[0] = 0;
    for (const struct grainbench_option *row = component->table; row && row->type; row++)
        if (row->type != GRAINBENCH_OPTION_HEADING && strcmp(row->name, name) == 0)
            options_value_text(row, component->options, text, size);
    return text;
}
