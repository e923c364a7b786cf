/* Profiles side by side; see profile_table.h. */
#define _GNU_SOURCE
#include "harness/profiler/profile_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct profile_row *find_row(struct profile_table *table, const char *name,
                                    const char *object) {
    for (size_t i = 0; i < table->row_count; i++)
        if (strcmp(table->rows[i].name, name) == 0 && strcmp(table->rows[i].object, object) == 0)
            return &table->rows[i];
    if (table->row_count == table->row_room) {
        size_t room = table->row_room ? table->row_room * 2 : 128;
        struct profile_row *rows = reallocarray(table->rows, room, sizeof *rows);
        if (!rows) return NULL;
        table->rows = rows;
        table->row_room = room;
    }
    struct profile_row *row = &table->rows[table->row_count];
    *row = (struct profile_row){.name = strdup(name), .object = strdup(object)};
    if (row->name && row->object) {
        table->row_count++;
        return row;
    }
    free(row->name);
    free(row->object);
    return NULL;
}

bool profile_table_add(struct profile_table *table, size_t arm, const struct profile *profile,
                       const struct profile_groups *groups, struct error *error) {
    struct profile_arm *target = &table->arms[arm];
    if (target->repeats == PROFILE_REPEAT_LIMIT)
        return error_set(error, "more than %d repetitions", PROFILE_REPEAT_LIMIT);
    size_t repeat = target->repeats++;
    target->samples[repeat] = profile->sample_count;
    target->lost += profile->lost;
    target->throttled += profile->throttled;
    target->collector_cpu_ns += profile->collector_cpu_ns;
    target->run_cpu_ns += profile->run_cpu_ns;
    target->run_ns += profile->run_ns;
    memcpy(target->source, profile->source, sizeof target->source);
    for (size_t i = 0; i < profile->symbol_count; i++) {
        const struct profile_symbol *symbol = &profile->symbols[i];
        if (!symbol->self) continue;
        struct profile_row *row = find_row(table, symbol->name, symbol->object);
        if (!row) return error_set(error, "out of memory for the table");
        row->group = profile_group_of(groups, symbol->name, symbol->object);
        row->counts[arm][repeat] += symbol->self;
    }
    return true;
}

static uint64_t sum_of(const uint64_t *values, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

static int compare_rows(const void *a, const void *b) {
    const struct profile_row *x = a, *y = b;
    if (x->most != y->most) return x->most < y->most ? 1 : -1;
    return strcmp(x->name, y->name);
}

bool profile_table_finish(struct profile_table *table, const struct profile_groups *groups,
                          struct error *error) {
    table->group_count = profile_groups_count(groups);
    table->groups = calloc(table->group_count, sizeof *table->groups);
    if (!table->groups) return error_set(error, "out of memory for the table");
    for (size_t i = 0; i < table->group_count; i++) {
        table->groups[i].name = strdup(profile_group_name(groups, i));
        if (!table->groups[i].name) return error_set(error, "out of memory for the table");
    }
    for (size_t i = 0; i < table->row_count; i++) {
        struct profile_row *row = &table->rows[i];
        for (size_t arm = 0; arm < table->arm_count; arm++) {
            uint64_t sum = sum_of(row->counts[arm], table->arms[arm].repeats);
            /* Arms may differ in samples: compare shares, in millionths. */
            uint64_t samples = sum_of(table->arms[arm].samples, table->arms[arm].repeats);
            uint64_t share = samples ? sum * 1000000 / samples : 0;
            if (share > row->most) row->most = share;
            for (size_t repeat = 0; repeat < table->arms[arm].repeats; repeat++)
                table->groups[row->group].counts[arm][repeat] += row->counts[arm][repeat];
        }
    }
    if (table->row_count) qsort(table->rows, table->row_count, sizeof *table->rows, compare_rows);
    return true;
}

void profile_table_free(struct profile_table *table) {
    for (size_t i = 0; i < table->row_count; i++) {
        free(table->rows[i].name);
        free(table->rows[i].object);
    }
    for (size_t i = 0; table->groups && i < table->group_count; i++)
        free(table->groups[i].name);
    for (size_t i = 0; i < table->arm_count; i++)
        json_decref(table->arms[i].counters);
    free(table->rows);
    free(table->groups);
    *table = (struct profile_table){0};
}

struct profile_share profile_table_share(const struct profile_table *table,
                                         const struct profile_row *row, size_t arm) {
    /* Student's t, 97.5 %, for 2 to 15 degrees of freedom. */
    static const double student[] = {4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                     2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131};
    const struct profile_arm *source = &table->arms[arm];
    size_t repeats = source->repeats;
    struct profile_share share =
        profile_share_of(sum_of(row->counts[arm], repeats), sum_of(source->samples, repeats));
    if (repeats < 3) return share;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < repeats; i++) {
        double value = source->samples[i]
                           ? 100.0 * (double)row->counts[arm][i] / (double)source->samples[i]
                           : 0;
        sum += value;
        squares += value * value;
    }
    double n = (double)repeats, mean = sum / n;
    double variance = (squares - n * mean * mean) / (n - 1);
    double half = student[repeats - 3] * sqrt((variance > 0 ? variance : 0) / n);
    if (mean - half < share.low) share.low = mean - half > 0 ? mean - half : 0;
    if (mean + half > share.high) share.high = mean + half < 100 ? mean + half : 100;
    return share;
}

static void print_share(const struct profile_table *table, const struct profile_row *row,
                        size_t arm, FILE *out) {
    struct profile_share share = profile_table_share(table, row, arm);
    fprintf(out, "  %6.2f [%5.2f, %5.2f]", share.value, share.low, share.high);
}

/* The change against the first arm, if the intervals do not meet. */
static void print_row(const struct profile_table *table, const struct profile_row *row,
                      const char *extra, FILE *out) {
    fprintf(out, "%-52.52s", row->name);
    for (size_t arm = 0; arm < table->arm_count; arm++)
        print_share(table, row, arm, out);
    struct profile_share first = profile_table_share(table, row, 0);
    for (size_t arm = 1; arm < table->arm_count; arm++) {
        struct profile_share share = profile_table_share(table, row, arm);
        bool apart = share.low > first.high || share.high < first.low;
        if (apart)
            fprintf(out, "  %+6.2f", share.value - first.value);
        else
            fprintf(out, "  %6s", "~");
    }
    fprintf(out, "  %s\n", extra);
}

static void print_head(const struct profile_table *table, const char *what, FILE *out) {
    fprintf(out, "\n%-52s", what);
    for (size_t arm = 0; arm < table->arm_count; arm++)
        fprintf(out, "  %-22.22s", table->arms[arm].label);
    for (size_t arm = 1; arm < table->arm_count; arm++)
        fprintf(out, "  %6s", "change");
    fputc('\n', out);
}

void profile_table_print(const struct profile_table *table, const struct profile_groups *groups,
                         size_t limit, FILE *out) {
    for (size_t arm = 0; arm < table->arm_count; arm++) {
        const struct profile_arm *source = &table->arms[arm];
        uint64_t samples = sum_of(source->samples, source->repeats);
        fprintf(out, "%s: %llu samples in %zu run%s, %s; %llu lost", source->label,
                (unsigned long long)samples, source->repeats, source->repeats == 1 ? "" : "s",
                source->source, (unsigned long long)source->lost);
        if (source->run_cpu_ns)
            fprintf(out, "; collector %.1f %% of the run's CPU time",
                    100.0 * (double)source->collector_cpu_ns / (double)source->run_cpu_ns);
        fputc('\n', out);
    }
    fputs("Shares of all samples in per cent with 95 % intervals; '~': the intervals meet.\n", out);
    print_head(table, "group", out);
    for (size_t i = 0; i < table->group_count; i++)
        print_row(table, &table->groups[i], profile_group_about(groups, i), out);
    print_head(table, "symbol (self)", out);
    for (size_t i = 0; i < table->row_count && i < limit; i++) {
        char extra[256];
        snprintf(extra, sizeof extra, "%s · %s", table->groups[table->rows[i].group].name,
                 table->rows[i].object);
        print_row(table, &table->rows[i], extra, out);
    }
}

static json_t *row_to_json(const struct profile_table *table, const struct profile_row *row,
                           size_t arm) {
    struct profile_share share = profile_table_share(table, row, arm);
    json_t *object =
        json_pack("{s:s, s:f, s:f, s:f, s:I}", "name", row->name, "share", share.value / 100, "low",
                  share.low / 100, "high", share.high / 100, "samples",
                  (json_int_t)sum_of(row->counts[arm], table->arms[arm].repeats));
    if (object && row->object) {
        json_object_set_new(object, "object", json_string(row->object));
        json_object_set_new(object, "group", json_string(table->groups[row->group].name));
    }
    return object;
}

json_t *profile_table_to_json(const struct profile_table *table,
                              const struct profile_groups *groups, size_t arm, size_t limit) {
    const struct profile_arm *source = &table->arms[arm];
    json_t *group_rows = json_array(), *symbol_rows = json_array();
    (void)groups;
    for (size_t i = 0; i < table->group_count; i++)
        json_array_append_new(group_rows, row_to_json(table, &table->groups[i], arm));
    for (size_t i = 0; i < table->row_count && i < limit; i++)
        json_array_append_new(symbol_rows, row_to_json(table, &table->rows[i], arm));
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "kind", "profile",
                     "source", source->source, "repeats", (json_int_t)source->repeats, "samples",
                     (json_int_t)sum_of(source->samples, source->repeats), "lost",
                     (json_int_t)source->lost, "throttled", (json_int_t)source->throttled,
                     "collector_cpu_ns", (json_int_t)source->collector_cpu_ns, "run_cpu_ns",
                     (json_int_t)source->run_cpu_ns, "groups", group_rows, "symbols", symbol_rows);
}
