/* Option tables: parsing and help; see options.h. Command lines are parsed by getopt_long. */
#define _GNU_SOURCE
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT = 96, HELP_COLUMN = 30, HELP_WIDTH = 100 };

static bool is_value(const struct grainbench_option *row) {
    return row->type != GRAINBENCH_OPTION_HEADING;
}

static const struct grainbench_option *find_row(const struct grainbench_option *table,
                                                const char *name) {
    for (const struct grainbench_option *row = table; row->type; row++)
        if (is_value(row) && strcmp(row->name, name) == 0) return row;
    return NULL;
}

static bool in_limits(const struct grainbench_option *row, double value) {
    if (row->minimum == 0 && row->maximum == 0) return true;
    return value >= row->minimum && value <= row->maximum;
}

/* The power of 1,000 or 1,024 that a suffix stands for; 0 if it is none. */
static int64_t suffix_factor(const char *suffix) {
    static const struct {
        const char *text;
        int64_t factor;
    } factors[] = {{"", 1},           {"k", 1000},          {"K", 1000},         {"M", 1000000},
                   {"G", 1000000000}, {"Ki", 1024},         {"Mi", 1024 * 1024}, {"Gi", 1 << 30},
                   {"KiB", 1024},     {"MiB", 1024 * 1024}, {"GiB", 1 << 30}};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        if (strcmp(suffix, factors[i].text) == 0) return factors[i].factor;
    return 0;
}

static bool assign_integer(const struct grainbench_option *row, int64_t *target, const char *value,
                           struct error *error) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    int64_t factor = suffix_factor(end);
    int64_t product;
    if (end == value || !factor || errno || __builtin_mul_overflow(number, factor, &product))
        return error_set(error, "%s: '%s' is not a whole number", row->name, value);
    if (!in_limits(row, (double)product))
        return error_set(error, "%s: %s is out of range, %.0f to %.0f", row->name, value,
                         row->minimum, row->maximum);
    *target = product;
    return true;
}

static bool assign_real(const struct grainbench_option *row, double *target, const char *value,
                        struct error *error) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return error_set(error, "%s: '%s' is not a number", row->name, value);
    if (!in_limits(row, number))
        return error_set(error, "%s: %s is out of range, %g to %g", row->name, value, row->minimum,
                         row->maximum);
    *target = number;
    return true;
}

static bool assign_flag(const struct grainbench_option *row, bool *target, const char *value,
                        struct error *error) {
    static const char *const yes[] = {"1", "true", "yes", "on", ""};
    static const char *const no[] = {"0", "false", "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (strcmp(value, yes[i]) == 0) {
            *target = true;
            return true;
        }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (strcmp(value, no[i]) == 0) {
            *target = false;
            return true;
        }
    return error_set(error, "%s: '%s' is neither 0 nor 1", row->name, value);
}

static bool assign_choice(const struct grainbench_option *row, int *target, const char *value,
                          struct error *error) {
    size_t length = strlen(value);
    const char *word = row->choices;
    for (int index = 0; word; index++) {
        const char *bar = strchr(word, '|');
        size_t word_length = bar ? (size_t)(bar - word) : strlen(word);
        if (length && word_length == length && memcmp(word, value, length) == 0) {
            *target = index;
            return true;
        }
        word = bar ? bar + 1 : NULL;
    }
    return error_set(error, "%s: '%s' is not one of %s", row->name, value, row->choices);
}

static bool assign_row(const struct grainbench_option *row, void *target, const char *value,
                       struct error *error) {
    void *field = (char *)target + row->offset;
    switch (row->type) {
    case GRAINBENCH_OPTION_FLAG:
        return assign_flag(row, field, value, error);
    case GRAINBENCH_OPTION_INTEGER:
        return assign_integer(row, field, value, error);
    case GRAINBENCH_OPTION_REAL:
        return assign_real(row, field, value, error);
    case GRAINBENCH_OPTION_CHOICE:
        return assign_choice(row, field, value, error);
    case GRAINBENCH_OPTION_TEXT:
        *(const char **)field = value;
        return true;
    default:
        return error_set(error, "%s: the option table is broken", row->name);
    }
}

bool options_set_defaults(const struct grainbench_option *table, void *target,
                          struct error *error) {
    if (!table) return true;
    for (const struct grainbench_option *row = table; row->type; row++)
        if (is_value(row) && row->fallback && !assign_row(row, target, row->fallback, error))
            return false;
    return true;
}

bool options_assign(const struct grainbench_option *table, void *target, const char *name,
                    const char *value, struct error *error) {
    const struct grainbench_option *row = table ? find_row(table, name) : NULL;
    if (!row) return error_set(error, "there is no option '%s'", name);
    return assign_row(row, target, value, error);
}

static void list_names(const struct grainbench_option *table, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    for (const struct grainbench_option *row = table; row && row->type; row++) {
        if (!is_value(row) || used + strlen(row->name) + 3 > size) continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", row->name);
    }
}

bool options_parse_list(const struct grainbench_option *table, void *target, char *list,
                        char separator, const char *subject, struct error *error) {
    if (!options_set_defaults(table, target, error)) return false;
    while (list && *list) {
        char *next = strchr(list, separator);
        if (next) *next++ = 0;
        char *value = strchr(list, '=');
        if (value) *value++ = 0;
        struct error detail;
        if (!table || !find_row(table, list)) {
            char names[256];
            list_names(table, names, sizeof names);
            return error_set(error, "%s has no option '%s'; it has %s", subject, list,
                             names[0] ? names : "none");
        }
        if (!options_assign(table, target, list, value ? value : "", &detail))
            return error_set(error, "%s: %s", subject, detail.message);
        list = next;
    }
    return true;
}

/* getopt_long's view of a table. Row i is returned as 256 + i, its negation as 512 + i. */
struct getopt_view {
    struct option long_options[2 * ROW_LIMIT + 1];
    char short_options[3 * ROW_LIMIT + 2];
    char negations[ROW_LIMIT][40];
};

static void make_getopt_view(const struct grainbench_option *table, struct getopt_view *view) {
    size_t count = 0, letters = 0;
    view->short_options[letters++] = ':';
    for (int i = 0; table[i].type && i < ROW_LIMIT; i++) {
        if (!is_value(&table[i])) continue;
        bool flag = table[i].type == GRAINBENCH_OPTION_FLAG;
        view->long_options[count++] =
            (struct option){table[i].name, flag ? no_argument : required_argument, NULL, 256 + i};
        if (flag) {
            snprintf(view->negations[i], sizeof view->negations[i], "no-%s", table[i].name);
            view->long_options[count++] =
                (struct option){view->negations[i], no_argument, NULL, 512 + i};
        }
        if (table[i].letter) {
            view->short_options[letters++] = table[i].letter;
            if (!flag) view->short_options[letters++] = ':';
        }
    }
    view->long_options[count] = (struct option){0};
    view->short_options[letters] = 0;
}

static const struct grainbench_option *row_of_letter(const struct grainbench_option *table,
                                                     int letter) {
    for (const struct grainbench_option *row = table; row->type; row++)
        if (is_value(row) && row->letter == letter) return row;
    return NULL;
}

bool options_parse_arguments(const struct grainbench_option *table, void *target, int argc,
                             char **argv, int *first_operand, struct error *error) {
    struct getopt_view view;
    if (!options_set_defaults(table, target, error)) return false;
    make_getopt_view(table, &view);
    optind = 0; /* glibc: start over, also in the order of operands */
    opterr = 0;
    for (;;) {
        int code = getopt_long(argc, argv, view.short_options, view.long_options, NULL);
        if (code == -1) break;
        if (code == ':') return error_set(error, "%s needs a value", argv[optind - 1]);
        if (code == '?') {
            bool letter = optopt > 0 && optopt < 256;
            const char word[] = {'-', (char)optopt, 0};
            return error_set(error, "unknown option '%s'", letter ? word : argv[optind - 1]);
        }
        const struct grainbench_option *row = code >= 512   ? &table[code - 512]
                                              : code >= 256 ? &table[code - 256]
                                                            : row_of_letter(table, code);
        const char *value = code >= 512 ? "0" : optarg ? optarg : "1";
        struct error detail;
        if (!assign_row(row, target, value, &detail))
            return error_set(error, "--%s", detail.message);
    }
    *first_operand = optind;
    return true;
}

/* Prints `text` wrapped, starting at `column`, with continuation lines indented to HELP_COLUMN. */
static void print_wrapped(FILE *out, const char *text, int column) {
    while (*text) {
        int length = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += fprintf(out, "%s%.*s", column > HELP_COLUMN ? " " : "", length, text);
        text += length;
        while (*text == ' ')
            text++;
    }
    fputc('\n', out);
}

/* "  -x, --name ARGUMENT" of a command line, or "      name=ARGUMENT" of a component. */
static void make_head(const struct grainbench_option *row, bool component, char *head,
                      size_t size) {
    const char *argument = row->argument ? row->argument : component ? "0|1" : "";
    if (component)
        snprintf(head, size, "      %s=%s", row->name, argument);
    else if (row->letter)
        snprintf(head, size, "  -%c, --%s %s", row->letter, row->name, argument);
    else
        snprintf(head, size, "      --%s %s", row->name, argument);
    size_t length = strlen(head);
    if (head[length - 1] == ' ') head[length - 1] = 0;
}

static void print_row(const struct grainbench_option *row, bool component, FILE *out) {
    char head[128], text[1024];
    make_head(row, component, head, sizeof head);
    bool flag = row->type == GRAINBENCH_OPTION_FLAG;
    bool named = row->fallback && row->fallback[0] && !(flag && strcmp(row->fallback, "0") == 0);
    snprintf(text, sizeof text, "%s%s%s%s%s%s%s", row->help,
             row->type == GRAINBENCH_OPTION_CHOICE ? ": " : "",
             row->type == GRAINBENCH_OPTION_CHOICE ? row->choices : "", named ? " [default: " : "",
             named ? (flag ? "on" : row->fallback) : "", named ? "]" : "", "");
    int column = fprintf(out, "%s", head);
    if (column >= HELP_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", HELP_COLUMN - column, "");
    print_wrapped(out, text, HELP_COLUMN);
}

static void print_rows(const struct grainbench_option *table, bool component, FILE *out) {
    for (const struct grainbench_option *row = table; row && row->type; row++) {
        if (row->type == GRAINBENCH_OPTION_HEADING)
            fprintf(out, "%s%s:\n", row == table ? "" : "\n", row->help);
        else
            print_row(row, component, out);
    }
}

void options_print_help(const struct grainbench_option *table, FILE *out) {
    print_rows(table, false, out);
}

void options_print_component_help(const struct grainbench_option *table, FILE *out) {
    print_rows(table, true, out);
}

static void choice_text(const struct grainbench_option *row, int index, char *text, size_t size) {
    const char *word = row->choices;
    while (word && index-- > 0) {
        word = strchr(word, '|');
        if (word) word++;
    }
    snprintf(text, size, "%.*s", word ? (int)strcspn(word, "|") : 0, word ? word : "");
}

void options_value_text(const struct grainbench_option *row, const void *target, char *text,
                        size_t size) {
    const void *field = (const char *)target + row->offset;
    switch (row->type) {
    case GRAINBENCH_OPTION_FLAG:
        snprintf(text, size, "%d", *(const bool *)field);
        break;
    case GRAINBENCH_OPTION_INTEGER:
        snprintf(text, size, "%" PRId64, *(const int64_t *)field);
        break;
    case GRAINBENCH_OPTION_REAL:
        snprintf(text, size, "%.17g", *(const double *)field);
        break;
    case GRAINBENCH_OPTION_TEXT: {
        const char *value = *(const char *const *)field;
        snprintf(text, size, "%s", value ? value : "");
        break;
    }
    case GRAINBENCH_OPTION_CHOICE:
        choice_text(row, *(const int *)field, text, size);
        break;
    default:
        snprintf(text, size, "%s", "");
        break;
    }
}
