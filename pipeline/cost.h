/* Work of a chosen duration, for stages that stand in for real ones. Sleeping uses no processor, as
 * a device does; spinning does a fixed amount of work that was calibrated to the duration: never a
 * spin on the wall clock, which would also pass while the thread is not running. Memory is such
 * work too, but of copying instead of arithmetic (traffic.h). */
#ifndef PIPELINE_COST_H
#define PIPELINE_COST_H

#include <stdint.h>

enum cost_kind { COST_NONE, COST_SLEEP, COST_SPIN, COST_MEMORY };

struct cost {
    enum cost_kind kind;
    double ns_per_row;
    double variation; /* coefficient of variation between items (lognormal); 0: none */
    uint64_t seed;
};

/* Sleeps at least `ns`, with a timer slack of 1 ns. */
void cost_sleep(double ns);
/* Does the work that takes `ns` on an otherwise idle core. The first call calibrates, about 30 ms.
 */
void cost_spin(double ns);
void cost_calibrate(void);

/* The duration of item `sequence` of `rows` rows: the same for the same seed. */
double cost_ns(const struct cost *cost, uint64_t sequence, double rows);
void cost_run(const struct cost *cost, uint64_t sequence, double rows);

#endif
