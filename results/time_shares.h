/* Where the time of an arm goes: phases of the caller, states of the workers. From records alone.
 */
#ifndef RESULTS_TIME_SHARES_H
#define RESULTS_TIME_SHARES_H

#include "results/record.h"

/* Mean wall time of each phase per 1,000 items in microseconds; the last is what no phase covers.
 */
struct time_phases {
    double us[PHASE_COUNT + 1];
    double total;
};

/* From timed samples if they tell the phases apart, else from the arm's instrumented run. False if
 * the record has neither. */
bool time_phases_of(const struct record *record, const struct arm_record *arm,
                    struct time_phases *times);

/* In items, steal, spin, park, wake, not told. */
enum { WORKER_STATES = 6 };
extern const char *const worker_state_names[WORKER_STATES];

/* Shares (per cent) of workers x wall time in each state, the last for what no state covers. The
 * first, the useful share, is measured by the harness itself, whatever the scheduler tells. False
 * if the arm was not observed. */
bool worker_states_of(const struct record *record, const struct arm_record *arm,
                      double shares[WORKER_STATES]);

#endif
