/* Published figures of a machine (data/published), to stand beside predictions. */
#ifndef HARNESS_PUBLISHED_H
#define HARNESS_PUBLISHED_H

#include "harness/arms/arm_spec.h"
#include "harness/corpus.h"

struct published;

/* The records data/published/SCENARIO-MACHINE.jsonl about this text; NULL without memory, empty
 * where there are none. */
struct published *published_load(const char *machine, const struct corpus *corpus,
                                 struct error *error);
void published_free(struct published *published);
bool published_any(const struct published *published);

/* What was published for the arm's scheduler and thread count, with where and with the change
 * against that publication's baseline: "19.57 +8.5 % (hf-2077)". "" where nothing was. */
void published_text(const struct published *published, const struct arm_spec *spec, char *text,
                    size_t size);

#endif
