/* What every worker of simulated arms did during one batch: as a picture and as a Chrome trace. */
#ifndef HARNESS_TIMELINE_H
#define HARNESS_TIMELINE_H

#include "harness/simulation/prediction.h"

struct timeline;

struct timeline *timeline_create(void); /* NULL without memory */
void timeline_free(struct timeline *timeline);

/* Simulates three batches of an arm and keeps the third. */
bool timeline_add(struct timeline *timeline, const char *label,
                  const struct prediction_setup *setup, struct error *error);

/* A chart an arm into the folder; see results/plots/plot_chart.h. */
bool timeline_draw(const struct timeline *timeline, const char *folder, struct error *error);
/* All arms into one file for chrome://tracing or ui.perfetto.dev: an arm is a process, a worker a
 * thread. */
bool timeline_write_chrome(const struct timeline *timeline, const char *path, struct error *error);

#endif
