/* See ledger_table.h. */
#include "harness/fidelity/ledger_table.h"

#include <string.h>

enum { NAME_WIDTH = 42 };

/* A count of each column, summed over its batches; UINT64_MAX: not known. */
typedef uint64_t (*count_of)(const struct ledger_result *result, const void *what);

static void print_header(const struct ledger_column *columns, size_t count, FILE *out) {
    fprintf(out, "%-*s", NAME_WIDTH, "");
    for (size_t c = 0; c < count; c++)
        fprintf(out, " %22s%s", columns[c].label, c ? "          " : "");
    fprintf(out, "\n%-*s", NAME_WIDTH, "");
    for (size_t c = 0; c < count; c++)
        fprintf(out, " %12s %9s%s", "per batch", "per item", c ? "  baseline" : "");
    fprintf(out, "\n%-*s", NAME_WIDTH, "");
    for (size_t c = 0; c < count; c++)
        fprintf(out, " %12s %9s%s", "", "", c ? "    / this" : "");
    fprintf(out, "\n");
}

static void print_ratio(double baseline, double value, FILE *out) {
    if (value > 0 && baseline > 0)
        fprintf(out, " %9.2f", baseline / value);
    else
        fprintf(out, " %9s", "-");
}

/* One row; nothing is printed when it is 0 everywhere and `always` is false. */
static void print_row(const char *name, const struct ledger_column *columns, size_t count,
                      count_of get, const void *what, bool always, FILE *out) {
    bool any = always;
    for (size_t c = 0; c < count; c++)
        any |= get(columns[c].result, what) != 0;
    if (!any) return;
    fprintf(out, "%-*s", NAME_WIDTH, name);
    double baseline = 0;
    for (size_t c = 0; c < count; c++) {
        uint64_t total = get(columns[c].result, what);
        if (total == UINT64_MAX) {
            fprintf(out, " %12s %9s%s", "n/a", "n/a", c ? "         -" : "");
            continue;
        }
        double batch = (double)total / columns[c].result->batches;
        size_t items = columns[c].plan.items;
        fprintf(out, " %12.1f", batch);
        if (items)
            fprintf(out, " %9.4f", batch / (double)items);
        else
            fprintf(out, " %9s", "-");
        if (c == 0)
            baseline = batch;
        else
            print_ratio(baseline, batch, out);
    }
    fprintf(out, "\n");
}

/* ---- What the scheduler did ----------------------------------------------------------------- */

struct statistic {
    const char *name, *key;
    size_t offset;
};

static const struct statistic statistics[] = {
#define STATISTIC(field, name)                                                                     \
    { name, #field, offsetof(struct grainbench_statistics, field) }
    STATISTIC(leaves, "leaves (calls of the body)"),
    STATISTIC(joins, "joins"),
    STATISTIC(steals, "steals"),
    STATISTIC(probes, "probes of another's queue"),
    STATISTIC(injections, "injections from outside"),
    STATISTIC(pins, "epoch pins"),
    STATISTIC(collections, "epoch collections"),
    STATISTIC(idle_episodes, "idle episodes"),
    STATISTIC(parks, "parks"),
    STATISTIC(wakes, "wakes"),
    STATISTIC(wake_scan_locks, "mutexes taken to wake"),
    STATISTIC(list_nodes, "result list nodes"),
#undef STATISTIC
};
enum { STATISTIC_COUNT = sizeof statistics / sizeof *statistics };

static uint64_t statistic_of(const struct ledger_result *result, const void *what) {
    const struct statistic *statistic = what;
    uint64_t value;
    memcpy(&value, (const char *)&result->statistics + statistic->offset, sizeof value);
    return value;
}

/* ---- Sums ----------------------------------------------------------------------------------- */

struct sum {
    const char *name, *key;
    enum ledger_class class;
    const char *group;
};

static const struct sum sums[] = {
    {"shared read-modify-writes", "shared_rmw", LEDGER_READ_MODIFY_WRITE, LEDGER_SHARED},
    {"  on deques", "deque_rmw", LEDGER_READ_MODIFY_WRITE, "deque"},
    {"  on latches", "latch_rmw", LEDGER_READ_MODIFY_WRITE, "latch"},
    {"  on the sleep word", "sleep_rmw", LEDGER_READ_MODIFY_WRITE, "sleep"},
    {"  on the injector", "injector_rmw", LEDGER_READ_MODIFY_WRITE, "injector"},
    {"  on claim words", "claim_rmw", LEDGER_READ_MODIFY_WRITE, "claim"},
    {"  on others' claim words", "steal_rmw", LEDGER_READ_MODIFY_WRITE, "steal"},
    {"  on completion words", "done_rmw", LEDGER_READ_MODIFY_WRITE, "done"},
    {"  on the pool's sleep flags", "pool_rmw", LEDGER_READ_MODIFY_WRITE, "pool"},
    {"epoch read-modify-writes", "epoch_rmw", LEDGER_READ_MODIFY_WRITE, "epoch"},
    {"mutex read-modify-writes", "lock_rmw", LEDGER_READ_MODIFY_WRITE, "lock"},
    {"all read-modify-writes", "rmw", LEDGER_READ_MODIFY_WRITE, NULL},
    {"full fences", "full_fences", LEDGER_FULL_FENCE, NULL},
    {"atomic loads", "loads", LEDGER_LOAD, NULL},
    {"atomic stores", "stores", LEDGER_STORE, NULL},
};
enum { SUM_COUNT = sizeof sums / sizeof *sums };

static uint64_t sum_of(const struct ledger_result *result, const void *what) {
    const struct sum *sum = what;
    return ledger_sum(&result->ledger, sum->class, sum->group);
}

/* Sums over all groups, and that over the shared ones, are shown even when they are 0. */
static bool sum_is_total(const struct sum *sum) {
    return !sum->group || strcmp(sum->group, LEDGER_SHARED) == 0;
}

/* The additional operations of an additional item; valid where `twice` was run. */
static double slope_of(const struct ledger_column *column, const struct sum *sum) {
    double more = (double)sum_of(column->twice, sum) / column->twice->batches -
                  (double)sum_of(column->result, sum) / column->result->batches;
    return more / (double)column->plan.items;
}

static void print_slopes(const struct ledger_column *columns, size_t count, FILE *out) {
    bool any = false;
    for (size_t c = 0; c < count; c++)
        any |= columns[c].twice != NULL;
    if (!any) return;
    fprintf(out, "per further item, from %zu to %zu items a batch (two-point slope)\n",
            columns[0].plan.items, 2 * columns[0].plan.items);
    for (size_t i = 0; i < SUM_COUNT; i++) {
        if (!sum_is_total(&sums[i])) continue;
        fprintf(out, "  %-*s", NAME_WIDTH - 2, sums[i].name);
        for (size_t c = 0; c < count; c++) {
            fprintf(out, " %12s", "");
            if (columns[c].twice)
                fprintf(out, " %9.5f", slope_of(&columns[c], &sums[i]));
            else
                fprintf(out, " %9s", "-");
            if (c) fprintf(out, "%10s", "");
        }
        fprintf(out, "\n");
    }
}

/* ---- Sites ---------------------------------------------------------------------------------- */

struct cell {
    enum sync_site site;
    enum sync_kind kind;
    enum sync_order order;
};

static uint64_t cell_of(const struct ledger_result *result, const void *what) {
    const struct cell *cell = what;
    return result->ledger.count[cell->site][cell->kind][cell->order];
}

static bool kind_has_order(enum sync_kind kind) {
    return kind <= SYNC_FENCE;
}

static void print_sites(const struct ledger_column *columns, size_t count, FILE *out) {
    fprintf(out, "by site, kind and memory order\n");
    for (struct cell cell = {0}; cell.site < SYNC_SITES; cell.site++) {
        bool any = false;
        for (cell.kind = 0; cell.kind < SYNC_KINDS; cell.kind++)
            for (cell.order = 0; cell.order < SYNC_ORDERS; cell.order++)
                for (size_t c = 0; c < count; c++)
                    any |= cell_of(columns[c].result, &cell) != 0;
        if (!any) continue;
        fprintf(out, "  %s: %s\n", ledger_site_group(cell.site), ledger_site_text(cell.site));
        for (cell.kind = 0; cell.kind < SYNC_KINDS; cell.kind++)
            for (cell.order = 0; cell.order < SYNC_ORDERS; cell.order++) {
                char name[64];
                snprintf(name, sizeof name, "    %s %s", ledger_kind_name(cell.kind),
                         kind_has_order(cell.kind) ? ledger_order_name(cell.order) : "");
                print_row(name, columns, count, cell_of, &cell, false, out);
            }
    }
}

/* ---- Whole ---------------------------------------------------------------------------------- */

static void print_exactness(const struct ledger_column *columns, size_t count, FILE *out) {
    bool all = true;
    for (size_t c = 0; c < count; c++)
        all &= columns[c].result->exact;
    if (all)
        fprintf(out, "Exact: worker and caller take turns, so every run gives these counts.\n");
    else
        fprintf(out, "Counted exactly in this run, but not the same in every run: steals, idle "
                     "polling and\nwaiting depend on who was where when. Leaves and joins repeat "
                     "where the tables of\ndocs/schedulers.md call them exact.\n");
}

void ledger_table_print(const struct ledger_column *columns, size_t count, bool sites, FILE *out) {
    const struct ledger_plan *plan = &columns[0].plan;
    fprintf(out, "%u worker%s, %zu items a batch, mean of %u batches", plan->workers,
            plan->workers == 1 ? "" : "s", plan->items, columns[0].result->batches);
    if (plan->body_ns) fprintf(out, ", items busy for %.6g us", (double)plan->body_ns / 1e3);
    if (plan->sleep_ns) fprintf(out, ", items sleep %.6g ms", (double)plan->sleep_ns / 1e6);
    if (plan->gap_ns) fprintf(out, ", %.6g us between batches", (double)plan->gap_ns / 1e3);
    fprintf(out, "\n");
    print_header(columns, count, out);
    for (size_t i = 0; i < STATISTIC_COUNT; i++)
        print_row(statistics[i].name, columns, count, statistic_of, &statistics[i], i < 3, out);
    for (size_t i = 0; i < SUM_COUNT; i++)
        print_row(sums[i].name, columns, count, sum_of, &sums[i], sum_is_total(&sums[i]), out);
    print_slopes(columns, count, out);
    if (sites) print_sites(columns, count, out);
    print_exactness(columns, count, out);
}

static json_t *sites_json(const struct ledger_result *result) {
    json_t *array = json_array();
    for (struct cell cell = {0}; cell.site < SYNC_SITES; cell.site++)
        for (cell.kind = 0; cell.kind < SYNC_KINDS; cell.kind++)
            for (cell.order = 0; cell.order < SYNC_ORDERS; cell.order++) {
                uint64_t value = cell_of(result, &cell);
                if (value == 0) continue;
                json_t *row = json_pack("{s:s, s:s, s:s, s:I}", "site", ledger_site_text(cell.site),
                                        "group", ledger_site_group(cell.site), "operation",
                                        ledger_kind_name(cell.kind), "count", (json_int_t)value);
                if (kind_has_order(cell.kind))
                    json_object_set_new(row, "order", json_string(ledger_order_name(cell.order)));
                json_array_append_new(array, row);
            }
    return array;
}

json_t *ledger_table_json(const struct ledger_column *column, unsigned arm) {
    const struct ledger_plan *plan = &column->plan;
    json_t *did = json_object(), *totals = json_object();
    for (size_t i = 0; i < STATISTIC_COUNT; i++) {
        uint64_t value = statistic_of(column->result, &statistics[i]);
        if (value != UINT64_MAX)
            json_object_set_new(did, statistics[i].key, json_integer((json_int_t)value));
    }
    for (size_t i = 0; i < SUM_COUNT; i++)
        json_object_set_new(totals, sums[i].key,
                            json_integer((json_int_t)sum_of(column->result, &sums[i])));
    json_t *line = json_pack(
        "{s:s, s:i, s:b, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "kind", "ledger", "arm",
        (int)arm, "exact", column->result->exact, "batches", (int)column->result->batches, "items",
        (json_int_t)plan->items, "body_ns", (json_int_t)plan->body_ns, "sleep_ns",
        (json_int_t)plan->sleep_ns, "gap_ns", (json_int_t)plan->gap_ns, "statistics", did, "totals",
        totals, "sites", sites_json(column->result));
    if (column->twice && line) {
        json_t *slopes = json_object();
        for (size_t i = 0; i < SUM_COUNT; i++)
            json_object_set_new(slopes, sums[i].key, json_real(slope_of(column, &sums[i])));
        json_object_set_new(line, "slope_per_item", slopes);
    }
    return line;
}
