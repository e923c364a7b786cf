/* Rounds of a calibration, each in a process of its own; see calibrate.h. */
#include "harness/simulation/calibrate.h"

#include "harness/progress.h"
#include "harness/simulation/forked_process.h"

struct plan {
    const struct placement *placement;
    unsigned trials;
};

static bool prepare_nothing(void *plan) {
    (void)plan;
    return true;
}

static void measure(void *context, size_t number, void *reply) {
    const struct plan *plan = context;
    (void)number;
    calibration_round_measure(plan->placement, plan->trials, reply);
}

static bool measure_apart(struct plan *plan, struct calibration_round *round, struct error *error) {
    struct forked_process *process =
        forked_process_start(prepare_nothing, measure, plan, sizeof *round, error);
    if (!process) return false;
    bool answered = forked_process_ask(process, 0, round);
    forked_process_end(process);
    if (!answered) return error_set(error, "the process that measured has ended");
    if (!round->measured) *error = round->error;
    return round->measured;
}

bool calibrate_rounds(const struct placement *placement, unsigned trials, unsigned count,
                      struct calibration_round *rounds, struct error *error) {
    struct plan plan = {placement, trials};
    bool done = true;
    for (unsigned r = 0; done && r < count; r++) {
        progress_show("calibrating", (double)r / count);
        done = measure_apart(&plan, &rounds[r], error);
    }
    progress_clear();
    return done;
}
