/* How long a pipeline would take if its threads did nothing but the recorded work: a recursion over
 * the items, exact for given durations. What a measured run takes more is the cost of the machinery
 * and of stages slowing each other down.
 *
 * For two stages and N slots: start(i) = max(done(i-1), take(i-N)), done(i) = start(i) + P(i),
 * take(i) = max(done(i), take(i-1) + C(i-1)). Here for any number of links, of W workers each. */
#ifndef PIPELINE_MODEL_H
#define PIPELINE_MODEL_H

#include "base/error.h"
#include "pipeline/run.h"

/* One link: what one thread, or the workers of one pool, do. */
struct model_link {
    size_t items;
    const double *serial_ns;   /* [items]: one worker at a time */
    const double *parallel_ns; /* [items] or NULL: what workers do beside each other */
    unsigned workers;
    unsigned depth;          /* slots between this link and the next; the last has none */
    const uint64_t *needs;   /* [items] or NULL: upstream items that item i needs; NULL: i + 1 */
    const bool *segment_end; /* [items] or NULL */
};

/* The time until the last link has done its last item, in ns; < 0 when out of memory. */
double model_links(const struct model_link *links, size_t count);

/* Durations of every item in every stage, from a run (best one without threads). */
struct durations {
    double *ns[PIPELINE_STAGES]; /* per block or batch */
    size_t count[PIPELINE_STAGES];
    double busy_ns[PIPELINE_STAGES], busy_cpu_ns[PIPELINE_STAGES]; /* over all items */
    struct batch_facts *facts;                                     /* per batch */
    size_t batches;
};

/* False when the run kept no intervals, or not all. */
bool durations_from_result(const struct pipeline_result *result, struct durations *durations,
                           struct error *error);
void durations_free(struct durations *durations);

/* The time of predict (or of everything, when the composition reads) for `composition`, with the
 * durations of stage s multiplied by factors[s] (NULL: all 1). < 0 on failure. */
double model_predict(const struct durations *durations, const struct composition *composition,
                     const double *factors);

#endif
