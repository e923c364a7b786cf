/* Charts of bars, one an arm: shares of groups and symbols, atomic operations, counted events. */
#define _GNU_SOURCE
#include "results/grid.h"
#include "results/plots/plot_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT = 14, CHART_WIDTH = 840 };

/* One series of a bar chart: an arm, and the rows that it has. */
struct bar_row {
    const char *name;
    double value, low, high;
};

struct bar_series {
    char name[128];
    int color;
    struct bar_row rows[64];
    size_t count;
};

struct bars {
    struct bar_series series[CHART_SERIES_LIMIT];
    size_t count;
};

static struct bar_series *add_series(struct bars *bars, const struct plot_series *series,
                                     const struct arm_record *arm, bool with_threads) {
    if (bars->count == CHART_SERIES_LIMIT) return NULL;
    struct bar_series *added = &bars->series[bars->count];
    *added = (struct bar_series){.color = series->color};
    if (with_threads)
        plot_row_name(series, arm, added->name, sizeof added->name);
    else
        snprintf(added->name, sizeof added->name, "%s", series->name);
    /* The same arm at another thread count needs another colour. */
    for (size_t i = 0; i < bars->count; i++)
        if (bars->series[i].color == added->color) added->color = (int)bars->count + 1;
    bars->count++;
    return added;
}

static const struct bar_row *find_row(const struct bar_series *series, const char *name) {
    for (size_t i = 0; i < series->count; i++)
        if (strcmp(series->rows[i].name, name) == 0) return &series->rows[i];
    return NULL;
}

static void add_row(struct bar_series *series, struct bar_row row) {
    if (row.name && series->count < sizeof series->rows / sizeof series->rows[0])
        series->rows[series->count++] = row;
}

/* The names of all series' rows, greatest value first. */
static size_t order_rows(const struct bars *bars, const char **names) {
    double values[64 * CHART_SERIES_LIMIT];
    size_t count = 0;
    for (size_t s = 0; s < bars->count; s++)
        for (size_t i = 0; i < bars->series[s].count; i++) {
            const struct bar_row *row = &bars->series[s].rows[i];
            size_t at = 0;
            while (at < count && strcmp(names[at], row->name) != 0)
                at++;
            if (at == count) {
                names[count] = row->name;
                values[count++] = isfinite(row->value) ? row->value : 0;
            } else if (row->value > values[at])
                values[at] = row->value;
        }
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && values[k - 1] < values[k]; k--) {
            const char *name = names[k];
            double value = values[k];
            names[k] = names[k - 1], values[k] = values[k - 1];
            names[k - 1] = name, values[k - 1] = value;
        }
    while (count && values[count - 1] <= 0)
        count--;
    return count < ROW_LIMIT ? count : ROW_LIMIT;
}

/* "12.3": three digits that matter. */
static void put_value(char *text, size_t size, double value) {
    double magnitude = fabs(value);
    int decimals = magnitude >= 100 || magnitude == 0 ? 0
                   : magnitude >= 10                  ? 1
                   : magnitude >= 0.1                 ? 2
                                                      : 4;
    snprintf(text, size, "%.*f", decimals, value);
}

static double put_bars(FILE *out, const struct bars *bars, const char **names, size_t rows) {
    double highest = 0;
    for (size_t s = 0; s < bars->count; s++) {
        fprintf(out, "# %s: row, name, value, low, high, text\n", bars->series[s].name);
        for (size_t i = 0; i < rows; i++) {
            const struct bar_row *row = find_row(&bars->series[s], names[i]);
            char text[32] = "0";
            bool known = row && isfinite(row->value);
            if (known) put_value(text, sizeof text, row->value);
            if (row && !known) snprintf(text, sizeof text, "n/a");
            fprintf(out, "%zu ", i);
            chart_put_word(out, names[i]);
            fprintf(out, " %.6g %.6g %.6g ", known ? row->value : 0, known ? row->low : 0,
                    known ? row->high : 0);
            chart_put_word(out, text);
            fputc('\n', out);
            if (known && row->high > highest) highest = row->high;
        }
        fputs("\n\n", out);
    }
    return highest;
}

struct bar_texts {
    const char *stem, *name, *heading, *subheading, *caption, *x_title;
};

/* Rows that the legend takes: gnuplot puts it over the bars, in columns as wide as its longest
 * name. */
static size_t legend_rows(const struct bars *bars, double left_share) {
    size_t longest = 1, columns;
    for (size_t i = 0; i < bars->count; i++)
        if (text_width(bars->series[i].name) > longest) longest = text_width(bars->series[i].name);
    columns = (size_t)((0.985 - left_share) * CHART_WIDTH / (6.6 * (double)longest + 44));
    if (columns < 1) columns = 1;
    return (bars->count + columns - 1) / columns;
}

static bool add_bar_chart(struct plot_set *set, const struct bars *bars,
                          const struct bar_texts *texts, struct error *error) {
    const char *names[64 * CHART_SERIES_LIMIT], *series_names[CHART_SERIES_LIMIT];
    int colors[CHART_SERIES_LIMIT];
    char file[64];
    size_t rows = order_rows(bars, names), longest = 8;
    struct chart_builder builder;
    if (!rows) return true;
    struct chart *chart = plot_set_add(set, error);
    snprintf(file, sizeof file, "%s%s", texts->stem, texts->name);
    if (!chart || !chart_begin(&builder, chart, "bars", file, error)) return false;
    double highest = put_bars(builder.data, bars, names, rows);
    for (size_t i = 0; i < rows; i++)
        if (strlen(names[i]) > longest) longest = strlen(names[i]);
    if (longest > 52) longest = 52;
    for (size_t i = 0; i < bars->count; i++) {
        series_names[i] = bars->series[i].name;
        colors[i] = bars->series[i].color;
    }
    snprintf(chart->heading, sizeof chart->heading, "%s", texts->heading);
    snprintf(chart->subheading, sizeof chart->subheading, "%s", texts->subheading);
    snprintf(chart->caption, sizeof chart->caption, "%s", texts->caption);
    double left_share = 0.03 + 0.0093 * (double)longest;
    size_t legend = legend_rows(bars, left_share);
    chart->height = 150 + (int)(rows * (14 + 15 * bars->count) + 16 * (legend - 1));
    fprintf(builder.values,
            "series = %zu\nrows = %zu\nhighest = %.6g\nleft_share = %.3f\nleft_characters = %zu\n"
            "legend_rows = %zu\n",
            bars->count, rows, highest, left_share, longest + 2, legend);
    chart_put_text(builder.values, "x_title", texts->x_title);
    chart_put_texts(builder.values, "series_name", series_names, bars->count);
    chart_put_integers(builder.values, "series_color", colors, bars->count);
    return chart_end(&builder, error);
}

static double real(const json_t *object, const char *key) {
    const json_t *member = json_object_get(object, key);
    return json_is_number(member) ? json_number_value(member) : 0;
}

static bool several_threads(const struct plot_block *block) {
    unsigned first = 0;
    for (size_t i = 0; i < block->series_count; i++)
        for (size_t k = 0; k < block->series[i].arm_count; k++) {
            unsigned threads = plot_threads(block->series[i].arms[k]);
            if (first && threads != first) return true;
            first = threads;
        }
    return false;
}

/* ---- profiles ---- */

static bool add_share_chart(struct plot_set *set, const struct plot_block *block, const char *stem,
                            const char *member, struct error *error) {
    struct bars *bars = calloc(1, sizeof *bars);
    char subheading[600] = "", origin[256];
    bool threads = several_threads(block);
    if (!bars) return error_set(error, "out of memory for charts");
    plot_origin(block->record, origin, sizeof origin);
    for (size_t i = 0; i < block->series_count; i++)
        for (size_t k = 0; k < block->series[i].arm_count; k++) {
            const struct arm_record *arm = block->series[i].arms[k];
            const json_t *line = plot_line_of(block->record, "profile", arm->arm);
            const json_t *rows = json_object_get(line, member);
            struct bar_series *series =
                line ? add_series(bars, &block->series[i], arm, threads) : NULL;
            if (!series) continue;
            for (size_t row = 0; row < json_array_size(rows); row++) {
                const json_t *object = json_array_get(rows, row);
                add_row(series,
                        (struct bar_row){json_string_value(json_object_get(object, "name")),
                                         100 * real(object, "share"), 100 * real(object, "low"),
                                         100 * real(object, "high")});
            }
            const char *source = json_string_value(json_object_get(line, "source"));
            snprintf(subheading, sizeof subheading,
                     "self time, share of all samples, %s, bars: 95 %% interval%s%s · %s",
                     source ? source : "sampled", block->name[0] ? " · " : "", block->name, origin);
        }
    bool symbols = strcmp(member, "symbols") == 0;
    struct bar_texts texts = {stem,
                              symbols ? "symbols" : "groups",
                              symbols ? "Where the samples land: symbols"
                                      : "Where the samples land: groups of symbols",
                              subheading,
                              "Shares of samples with intervals, one bar an arm",
                              "share of samples (%)"};
    bool ok = add_bar_chart(set, bars, &texts, error);
    free(bars);
    return ok;
}

bool plot_add_shares(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error) {
    return add_share_chart(set, block, stem, "groups", error) &&
           add_share_chart(set, block, stem, "symbols", error);
}

/* ---- counters and the ledger ---- */

/* A chart of counts per 1,000 items, from a line of every arm. */
struct counted_chart {
    const char *kind; /* of the lines */
    const char *name, *heading, *how, *caption, *x_title;
    void (*add_rows)(struct bar_series *series, const json_t *line);
};

static bool add_counted_chart(struct plot_set *set, const struct plot_block *block,
                              const char *stem, const struct counted_chart *what,
                              struct error *error) {
    struct bars *bars = calloc(1, sizeof *bars);
    char subheading[600], origin[256];
    bool threads = several_threads(block);
    if (!bars) return error_set(error, "out of memory for charts");
    for (size_t i = 0; i < block->series_count; i++)
        for (size_t k = 0; k < block->series[i].arm_count; k++) {
            const struct arm_record *arm = block->series[i].arms[k];
            const json_t *line = plot_line_of(block->record, what->kind, arm->arm);
            struct bar_series *series =
                line ? add_series(bars, &block->series[i], arm, threads) : NULL;
            if (series) what->add_rows(series, line);
        }
    plot_origin(block->record, origin, sizeof origin);
    snprintf(subheading, sizeof subheading, "%s%s%s · %s", what->how, block->name[0] ? " · " : "",
             block->name, origin);
    struct bar_texts texts = {stem,       what->name,    what->heading,
                              subheading, what->caption, what->x_title};
    bool ok = add_bar_chart(set, bars, &texts, error);
    free(bars);
    return ok;
}

static void add_event_rows(struct bar_series *series, const json_t *line) {
    const json_t *events = json_object_get(line, "events"), *event;
    size_t index;
    json_array_foreach(events, index, event) {
        const json_t *per_item = json_object_get(event, "per_item");
        double value = json_is_number(per_item) ? 1000 * json_number_value(per_item) : NAN;
        const char *name = json_string_value(json_object_get(event, "name"));
        /* Nanoseconds would dwarf counts. */
        if (name && strncmp(name, "task-clock", strlen("task-clock")) == 0) continue;
        add_row(series, (struct bar_row){name, value, value, value});
    }
}

bool plot_add_counters(struct plot_set *set, const struct plot_block *block, const char *stem,
                       struct error *error) {
    static const struct counted_chart what = {
        .kind = "counter",
        .name = "counters",
        .heading = "Events per 1,000 items",
        .how = "counted on every thread in a run of its own",
        .caption = "Counted events per 1,000 items, one bar an arm",
        .x_title = "events per 1,000 items",
        .add_rows = add_event_rows,
    };
    return add_counted_chart(set, block, stem, &what, error);
}

/* Totals of a ledger line, per 1,000 items. */
static void add_ledger_rows(struct bar_series *series, const json_t *line) {
    static const struct {
        const char *member, *name;
    } totals[] = {{"shared_rmw", "read-modify-writes on shared words"},
                  {"epoch_rmw", "read-modify-writes of epoch pins"},
                  {"lock_rmw", "read-modify-writes of mutexes"},
                  {"pool_rmw", "read-modify-writes of the pool"},
                  {"full_fences", "full fences"}};
    const json_t *counts = json_object_get(line, "totals");
    double items = real(line, "items") * real(line, "batches");
    if (items <= 0) return;
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        if (!json_object_get(counts, totals[i].member)) continue;
        double value = 1000 * real(counts, totals[i].member) / items;
        add_row(series, (struct bar_row){totals[i].name, value, value, value});
    }
}

bool plot_add_atomics(struct plot_set *set, const struct plot_block *block, const char *stem,
                      struct error *error) {
    static const struct counted_chart what = {
        .kind = "ledger",
        .name = "atomics",
        .heading = "Atomic operations of the scheduler",
        .how = "counted one by one, not timed",
        .caption = "Atomic operations per 1,000 items, one bar an arm",
        .x_title = "operations per 1,000 items",
        .add_rows = add_ledger_rows,
    };
    return add_counted_chart(set, block, stem, &what, error);
}
