/* Which charts are made of which records; see plot.h. */
#define _GNU_SOURCE
#include "results/plots/plot.h"

#include "results/plots/plot_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct chart *plot_set_add(struct plot_set *set, struct error *error) {
    struct chart *charts = reallocarray(set->charts, set->count + 1, sizeof *charts);
    if (!charts) {
        error_set(error, "out of memory for charts");
        return NULL;
    }
    set->charts = charts;
    charts[set->count] = (struct chart){0};
    return &charts[set->count++];
}

void plot_set_drop_last(struct plot_set *set) {
    chart_discard(&set->charts[--set->count]);
}

void plot_set_free(struct plot_set *set) {
    for (size_t i = 0; i < set->count; i++)
        chart_discard(&set->charts[i]);
    free(set->charts);
    *set = (struct plot_set){0};
}

/* "runs/My run.jsonl" gives "my-run-": a beginning for file names. */
static void stem_of_path(const char *path, char *stem, size_t size) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t length = 0;
    for (; *name && *name != '.' && length + 2 < size && length < 40; name++)
        stem[length++] = isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : '-';
    stem[length++] = '-';
    stem[length] = 0;
}

static bool add_charts_of_block(struct plot_set *set, const struct plot_block *block,
                                const char *stem, struct error *error) {
    static bool (*const add[])(struct plot_set *, const struct plot_block *, const char *,
                               struct error *) = {
        plot_add_throughput, plot_add_change,   plot_add_phases,
        plot_add_workers,    plot_add_leaves,   plot_add_shares,
        plot_add_atomics,    plot_add_counters, plot_add_event_phases};
    for (size_t i = 0; i < sizeof add / sizeof add[0]; i++)
        if (!add[i](set, block, stem, error)) return false;
    return true;
}

static bool add_charts_of_record(struct plot_set *set, const struct record *record,
                                 bool one_of_several, struct error *error) {
    struct plot_block *blocks;
    size_t count;
    char beginning[48] = "", stem[80];
    if (!plot_blocks(record, &blocks, &count, error)) return false;
    if (one_of_several) stem_of_path(record->path, beginning, sizeof beginning);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (count > 1)
            snprintf(stem, sizeof stem, "%s%zu-", beginning, i + 1);
        else
            snprintf(stem, sizeof stem, "%s", beginning);
        ok = add_charts_of_block(set, &blocks[i], stem, error);
    }
    plot_blocks_free(blocks, count);
    return ok && plot_add_pipeline(set, record, beginning, error);
}

bool plot_make(struct record *const *records, size_t count, struct plot_set *set,
               struct error *error) {
    *set = (struct plot_set){0};
    for (size_t i = 0; i < count; i++)
        if (!add_charts_of_record(set, records[i], count > 1, error)) {
            plot_set_free(set);
            return false;
        }
    if (count > 1 && (!plot_add_history(set, records, count, error) ||
                      !plot_add_machines(set, records, count, error))) {
        plot_set_free(set);
        return false;
    }
    return true;
}
