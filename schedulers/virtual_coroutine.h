/* Coroutines: the threads of a simulated machine, all on one real thread. Each has its own stack;
 * control moves only where coroutine_switch is called. Knows nothing of clocks or of cores. */
#ifndef SCHEDULERS_VIRTUAL_COROUTINE_H
#define SCHEDULERS_VIRTUAL_COROUTINE_H

#include "base/error.h"

struct coroutine;

/* A new coroutine that will run function(argument) when first switched to. The function must not
 * return: its last act is a coroutine_switch away. NULL, with the reason, when memory runs out. */
struct coroutine *coroutine_create(void (*function)(void *), void *argument, struct error *error);

/* Stands for the calling thread itself, so that coroutines can switch back to it. */
struct coroutine *coroutine_of_thread(struct error *error);

/* Leaves `from`, which must be the running one, and goes on with `to`. Returns when somebody
 * switches to `from` again. Costs about ten machine loads and stores. */
void coroutine_switch(struct coroutine *from, struct coroutine *to);

/* Whether the address is on the coroutine's stack; false for one of a thread. */
bool coroutine_has_on_stack(const struct coroutine *coroutine, const void *address);

/* Frees a coroutine that is not running; what its function still had to do is never done. Stacks
 * are kept for the next coroutine_create on the same thread. */
void coroutine_destroy(struct coroutine *coroutine);

/* Gives the kept stacks of the calling thread back to the system. */
void coroutine_release_stacks(void);

#endif
