/* Chart: how many items run in one go, by size class of the leaves. */
#define _GNU_SOURCE
#include "results/plots/plot_parts.h"

#include <stdlib.h>
#include <string.h>

enum { CLASS_LIMIT = 13 };

/* Share of items by the size class of the leaf that ran them: 1, 2-3, 4-7, ... */
static bool leaf_classes(const json_t *line, double shares[CLASS_LIMIT]) {
    json_t *sizes = json_object_get(line, "leaf_sizes");
    double total = 0;
    const char *key;
    json_t *value;
    memset(shares, 0, CLASS_LIMIT * sizeof *shares);
    json_object_foreach(sizes, key, value) {
        double size = strtod(key, NULL), items = size * json_number_value(value);
        int class = 0;
        while (class + 1 < CLASS_LIMIT && size >= (double)(2 << class))
            class ++;
        shares[class] += items;
        total += items;
    }
    for (int i = 0; i < CLASS_LIMIT; i++)
        shares[i] = total > 0 ? 100 * shares[i] / total : 0;
    return total > 0;
}

static void class_name(int class, char *text, size_t size) {
    unsigned first = 1u << class;
    if (first == 1)
        snprintf(text, size, "1");
    else if (class == CLASS_LIMIT - 1)
        snprintf(text, size, "%u or more", first);
    else
        snprintf(text, size, "%u-%u", first, 2 * first - 1);
}

bool plot_add_leaves(struct plot_set *set, const struct plot_block *block, const char *stem,
                     struct error *error) {
    double shares[CHART_SERIES_LIMIT][CLASS_LIMIT];
    char names[CHART_SERIES_LIMIT][128], name[64], origin[256];
    const char *name_list[CHART_SERIES_LIMIT];
    int colors[CHART_SERIES_LIMIT], last_class = -1;
    size_t count = 0;
    /* The greatest thread count of each series: where grains differ most. */
    for (size_t i = 0; i < block->series_count && count < CHART_SERIES_LIMIT; i++) {
        const struct plot_series *series = &block->series[i];
        const struct arm_record *arm = series->arms[series->arm_count - 1];
        const json_t *line = plot_line_of(block->record, "observation", arm->arm);
        if (!line || !leaf_classes(line, shares[count])) continue;
        for (int class = 0; class < CLASS_LIMIT; class ++)
            if (shares[count][class] > 0 && class > last_class) last_class = class;
        plot_row_name(series, arm, names[count], sizeof names[count]);
        name_list[count] = names[count];
        colors[count++] = series->color;
    }
    if (!count) return true;
    struct chart_builder builder;
    struct chart *chart = plot_set_add(set, error);
    snprintf(name, sizeof name, "%sleaves", stem);
    if (!chart || !chart_begin(&builder, chart, "histogram", name, error)) return false;
    for (size_t i = 0; i < count; i++) {
        fprintf(builder.data, "# %s: class, items in one go, share of items in %%\n", names[i]);
        for (int class = 0; class <= last_class; class ++) {
            char text[32];
            class_name(class, text, sizeof text);
            fprintf(builder.data, "%d ", class);
            chart_put_word(builder.data, text);
            fprintf(builder.data, " %.5g\n", shares[i][class]);
        }
        fputs("\n\n", builder.data);
    }
    plot_origin(block->record, origin, sizeof origin);
    snprintf(chart->heading, sizeof chart->heading, "How many items run in one go");
    snprintf(chart->subheading, sizeof chart->subheading,
             "share of items by the size of the leaf that ran them%s%s · %s",
             block->name[0] ? " · " : "", block->name, origin);
    snprintf(chart->caption, sizeof chart->caption, "Share of items by leaf size, one bar an arm");
    fprintf(builder.values, "series = %zu\nrows = %d\n", count, last_class + 1);
    chart_put_text(builder.values, "x_title", "items in one go");
    chart_put_text(builder.values, "y_title", "share of items (%)");
    chart_put_texts(builder.values, "series_name", name_list, count);
    chart_put_integers(builder.values, "series_color", colors, count);
    return chart_end(&builder, error);
}
