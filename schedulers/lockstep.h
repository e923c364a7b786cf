/* Turn-taking of a domain's participants: one runs until it waits, then the next in order of
 * becoming ready. With it the interleaving, and so every count, is the same in every run. The
 * counted copy uses it for one worker, where who runs when does not change what is done.
 *
 * A caller enters only when nobody is ready, so that what workers do after a batch (idle, then
 * sleep) is complete before the next one. */
#ifndef SCHEDULERS_LOCKSTEP_H
#define SCHEDULERS_LOCKSTEP_H

#include <stdbool.h>
#include <stdint.h>

struct lockstep;

struct lockstep *lockstep_create(unsigned participants); /* NULL without memory */
void lockstep_destroy(struct lockstep *lockstep);

/* The caller becomes `participant` and runs; and stops being it. */
void lockstep_enter(struct lockstep *lockstep, unsigned participant);
void lockstep_leave(struct lockstep *lockstep);

/* Waits until every participant is parked or ended. For threads that are no participant. */
void lockstep_await_rest(struct lockstep *lockstep);

/* A new thread: queued by its starter, which runs; it begins with lockstep_begin. */
void lockstep_queue(struct lockstep *lockstep, unsigned participant);
void lockstep_begin(struct lockstep *lockstep, unsigned participant);
void lockstep_end(struct lockstep *lockstep, unsigned participant);
void lockstep_join(struct lockstep *lockstep, unsigned participant); /* returns after its end */

void lockstep_yield(struct lockstep *lockstep);
void lockstep_park(struct lockstep *lockstep, const uint32_t *word, uint32_t expected);
void lockstep_wake(struct lockstep *lockstep, const uint32_t *word, unsigned count);

#endif
