/* Dose and response: what a dummy atomic operation per item costs, from arms that differ in their
 * dose alone, and how much of another arm's gain the atomics that it saves explain. */
#ifndef RESULTS_DOSE_H
#define RESULTS_DOSE_H

#include "results/record.h"
#include "results/statistics.h"

struct dose_slope {
    const char *line; /* "shared" or "private" */
    size_t arms;      /* with different doses, the one without dose included */
    size_t rounds;    /* regressions that the interval is made of */
    bool has_interval;
    struct interval
        ns_an_operation; /* median slope over rounds: ns an item for one more operation */
    /* How straight it is: of the doses' median residuals the greatest, in ns an item and beside the
     * time that the greatest dose adds; and the dose that it is of. */
    double worst_residual_ns, worst_residual_share, worst_dose;
};

/* The slope for arms whose dose goes to `line` ("shared", "private"), each round a regression of
 * its own over the doses, so that what disturbs a round disturbs all of its arms. False if the
 * record has no such arms. */
bool dose_slope_of(const struct record *record, const char *line, struct dose_slope *slope);

struct dose_attribution {
    const struct arm_record *patched;
    struct interval gain_ns; /* an item: baseline less patched, median of paired differences */
    bool has_interval;
    double operations_saved; /* read-modify-writes an item, by the ledgers; NAN: not known */
    double explained_ns;     /* slope x saved */
    double residual_ns;      /* the rest of the gain */
};

/* For an arm without dose. Ledgers are looked for in all records: lines about the same schedulers
 * at the same number of workers. */
bool dose_attribute(const struct record *record, const struct arm_record *patched,
                    const struct dose_slope *slope, struct record *const *records, size_t count,
                    struct dose_attribution *attribution);

/* The arm's dose, 0 if it has none; *line gets where it goes. */
double dose_of_arm(const struct arm_record *arm, const char **line);

#endif
