/* How often processing units were slow; see speeds.h. */
#include "results/speeds.h"

#include "results/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double speeds_fast_time(double *readings, size_t count) {
    statistics_sort(readings, count);
    return count ? statistics_quantile(readings, count, 0.1) : NAN;
}

/* The readings of one unit, into `out` if that is not NULL; returns how many. */
static size_t gather(const struct record *record, size_t unit, double *out) {
    size_t count = 0;
    for (size_t i = 0; i < record->line_count; i++) {
        if (strcmp(record->lines[i].kind, "speeds") != 0) continue;
        size_t index;
        json_t *look;
        json_array_foreach(json_object_get(record->lines[i].json, "ns"), index, look) {
            double ns = json_number_value(json_array_get(look, unit));
            if (!(ns > 0)) continue;
            if (out) out[count] = ns;
            count++;
        }
    }
    return count;
}

bool speeds_of(const struct record *record, struct speeds *speeds) {
    size_t slow = 0, count;
    *speeds = (struct speeds){0};
    for (size_t unit = 0; (count = gather(record, unit, NULL)) > 0; unit++) {
        double *readings = malloc(count * sizeof *readings);
        if (!readings) return false;
        gather(record, unit, readings);
        double fast = speeds_fast_time(readings, count);
        for (size_t i = 0; i < count; i++)
            slow += readings[i] > SPEEDS_SLOW * fast;
        speeds->readings += count;
        free(readings);
    }
    if (speeds->readings) speeds->slow_share = (double)slow / (double)speeds->readings;
    return true;
}
