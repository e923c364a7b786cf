/* The stall reporter: when nothing has been delivered for a while, says which thread waits for what
 * and since when. It only looks; there are no timeouts in the pipeline. */
#ifndef PIPELINE_STALL_H
#define PIPELINE_STALL_H

#include "base/error.h"
#include "pipeline/recorder.h"
#include <stdio.h>

struct stall_reporter;

/* Looks at `*delivered` (which the consumer raises) and reports to `out` after each `seconds`
 * without a change. */
struct stall_reporter *stall_start(double seconds, const _Atomic uint64_t *delivered,
                                   struct recorder *recorder, FILE *out, struct error *error);
void stall_stop(struct stall_reporter *reporter); /* joins; NULL is allowed */

/* One line a thread: "  format 1 has waited for a slot for 2.1 s". */
void stall_print(struct recorder *recorder, FILE *out);

#endif
