/* One parameter at a time; see prediction_sensitivity.h. */
#include "harness/simulation/prediction_sensitivity.h"

#include "harness/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool rate_of(const struct prediction_setup *setup, int one, enum profile_end one_end,
                    struct sensitivity *arm, double *rate, struct error *error) {
    struct virtual_costs costs;
    struct simulation_setup simulation =
        prediction_simulation(setup, PROFILE_TYPICAL, one, one_end, &costs);
    struct simulation_result result;
    if (!simulation_run(&simulation, &result, error)) return false;
    *rate = simulation_mib_per_s(&result);
    arm->operations += result.operations;
    simulation_free(&result);
    return true;
}

bool prediction_sensitivity(const struct prediction_setup *setup, double typical,
                            struct sensitivity *arm, struct error *error) {
    char what[96];
    snprintf(what, sizeof what, "which parameter decides: %.40s, %u threads", setup->spec->label,
             setup->spec->workers);
    *arm = (struct sensitivity){.typical = typical};
    for (int p = 0; p < PROFILE_PARAMETER_COUNT; p++) {
        const struct profile_value *v = &setup->profile->values[p];
        arm->ranged[p] = v->low != v->high && p != PROFILE_serial_mib_per_s;
        for (int end = 0; arm->ranged[p] && end < 2; end++) {
            progress_show(what, (p + end / 2.0) / (PROFILE_PARAMETER_COUNT + SENSITIVITY_SEEDS));
            if (!rate_of(setup, p, end ? PROFILE_HIGH : PROFILE_LOW, arm, &arm->at[p][end], error))
                return false;
        }
    }
    for (int s = 0; s < SENSITIVITY_SEEDS; s++) {
        struct prediction_setup other = *setup;
        other.seed += (uint64_t)s + 1;
        if (!rate_of(&other, -1, PROFILE_TYPICAL, arm, &arm->seeds[s], error)) return false;
    }
    return true;
}

static double change(double rate, double first) {
    return 100 * (rate / first - 1);
}

static int compare_swings(const void *a, const void *b) {
    const struct sensitivity_row *x = a, *y = b;
    if (x->swing != y->swing) return x->swing < y->swing ? 1 : -1;
    return x->parameter - y->parameter;
}

int sensitivity_of_rate(const struct sensitivity *arm, const struct sensitivity *first,
                        struct sensitivity_row rows[SENSITIVITY_ROWS]) {
    int count = 0;
    for (int p = 0; p < PROFILE_PARAMETER_COUNT; p++) {
        if (!arm->ranged[p]) continue;
        const double *at = arm->at[p];
        rows[count++] = (struct sensitivity_row){p,
                                                 at[0],
                                                 at[1],
                                                 first ? change(at[0], first->at[p][0]) : NAN,
                                                 first ? change(at[1], first->at[p][1]) : NAN,
                                                 100 * fabs(at[1] - at[0]) / arm->typical};
    }
    qsort(rows, (size_t)count, sizeof *rows, compare_swings);
    double low = arm->typical, high = low;
    for (int s = 0; s < SENSITIVITY_SEEDS; s++) {
        low = fmin(low, arm->seeds[s]);
        high = fmax(high, arm->seeds[s]);
    }
    /* Least and greatest rate are of different seeds: no change belongs to them. */
    rows[count++] = (struct sensitivity_row){
        SENSITIVITY_OF_SEEDS, low, high, NAN, NAN, 100 * (high - low) / arm->typical};
    return count;
}

int sensitivity_of_change(const struct sensitivity *arm, const struct sensitivity *first,
                          struct sensitivity_row rows[SENSITIVITY_ROWS]) {
    int count = 0;
    for (int p = 0; p < PROFILE_PARAMETER_COUNT; p++) {
        if (!arm->ranged[p]) continue;
        double low = change(arm->at[p][0], first->at[p][0]);
        double high = change(arm->at[p][1], first->at[p][1]);
        rows[count++] = (struct sensitivity_row){p, low, high, low, high, fabs(high - low)};
    }
    qsort(rows, (size_t)count, sizeof *rows, compare_swings);
    double low = change(arm->typical, first->typical), high = low;
    for (int s = 0; s < SENSITIVITY_SEEDS; s++) {
        double at = change(arm->seeds[s], first->seeds[s]);
        low = fmin(low, at);
        high = fmax(high, at);
    }
    rows[count++] =
        (struct sensitivity_row){SENSITIVITY_OF_SEEDS, low, high, low, high, high - low};
    return count;
}
