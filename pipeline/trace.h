/* Recorded intervals as a Chrome trace (JSON array format), for ui.perfetto.dev or
 * chrome://tracing. */
#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H

#include "pipeline/recorder.h"
#include <stdio.h>

struct trace; /* a file being written */

/* NULL when it cannot be created. */
struct trace *trace_create(const char *path, struct error *error);
/* Adds the intervals of a run under a process of this name; its first interval is at time 0. */
void trace_add(struct trace *trace, struct recorder *recorder, const char *name);
/* Puts the file in its place. False when something could not be written; then there is none. Frees
 * the trace. */
bool trace_finish(struct trace *trace, struct error *error);
/* Frees the trace and leaves no file. NULL is allowed. */
void trace_abandon(struct trace *trace);

#endif
