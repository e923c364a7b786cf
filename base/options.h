/* Reads values into structs by option tables (grainbench/option.h), from command lines and from
 * "name=value" lists, and prints the tables as help. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/error.h"
#include <grainbench/option.h>
#include <stdio.h>

/* Sets every field of `target` from its row's default. A bad default is a programming error and
 * reported like any other. */
bool options_set_defaults(const struct grainbench_option *table, void *target, struct error *error);

/* Sets one value by name. TEXT values are borrowed: `value` must outlive `target`. */
bool options_assign(const struct grainbench_option *table, void *target, const char *name,
                    const char *value, struct error *error);

/* Defaults, then "name=value" pairs separated by `separator`. `list` is cut up in place and must
 * outlive `target` (TEXT values point into it); NULL or "" gives the defaults. `subject` begins
 * error messages ("scheduler rayon"). */
bool options_parse_list(const struct grainbench_option *table, void *target, char *list,
                        char separator, const char *subject, struct error *error);

/* Defaults, then a command line in the manner of getopt_long: --name VALUE, --name=VALUE, -x VALUE,
 * --no-FLAG. Non-options are moved behind; *first_operand tells where they begin. */
bool options_parse_arguments(const struct grainbench_option *table, void *target, int argc,
                             char **argv, int *first_operand, struct error *error);

/* One aligned line a row, wrapped at 100 columns, with defaults and choices. */
void options_print_help(const struct grainbench_option *table, FILE *out);
/* The same for the options of a scheduler or an encoder: "name=VALUE". */
void options_print_component_help(const struct grainbench_option *table, FILE *out);

/* "1,500" style helpers shared by tables: the plain text of a row's current value. `text` gets at
 * most `size` bytes. */
void options_value_text(const struct grainbench_option *row, const void *target, char *text,
                        size_t size);

#endif
