/* A budget of bytes that a whole pipeline shares: blocks and tensors book what they hold, and the
 * executor that runs the source waits while the books are full. Whichever of count and bytes is
 * reached first holds the producer back.
 *
 * One exception: when no item is on its way to the consumer, the next one is let in whatever its
 * size, because waiting would never end. */
#ifndef PIPELINE_BUDGET_H
#define PIPELINE_BUDGET_H

#include "base/error.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct budget;

/* `limit_bytes` 0: no limit, only bookkeeping. `step_bytes`: what starting one item is expected to
 * add, until a larger step has been seen. */
struct budget *budget_create(size_t limit_bytes, size_t step_bytes, struct error *error);
void budget_destroy(struct budget *budget);

/* Any thread. `budget` may be NULL. */
void budget_add(struct budget *budget, size_t bytes);
void budget_remove(struct budget *budget, size_t bytes);

/* An item is on its way: a block to the batcher, or a batch to the consumer; it has been taken
 * there (or dropped). While one is, somebody will give bytes back without anything new. */
void budget_item_started(struct budget *budget);
void budget_item_delivered(struct budget *budget);

/* An item that is on its way will grow by its index of rows; it has, by `bytes`. */
void budget_will_grow(struct budget *budget);
void budget_has_grown(struct budget *budget, size_t bytes);

/* Waits until a further item may be started. False when interrupted. */
bool budget_wait(struct budget *budget);
/* After starting an item, tells how many bytes were in use before, so that steps are learned. */
size_t budget_used(struct budget *budget);
void budget_learn_step(struct budget *budget, size_t used_before);
void budget_interrupt(struct budget *budget);

size_t budget_maximum(struct budget *budget); /* most bytes ever booked at once */

#endif
