/* A process that was forked from this one and measures when it is asked to: with memory and threads
 * of its own, or with one thread, where malloc needs no atomic operations. */
#ifndef HARNESS_FORKED_PROCESS_H
#define HARNESS_FORKED_PROCESS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

struct forked_process;

/* Forks. The child calls prepare(context) once, and for each request measure(context, number,
 * reply) and sends the reply of `size` bytes, at most PIPE_BUF. To be started while this process
 * has one thread itself. */
struct forked_process *forked_process_start(bool (*prepare)(void *context),
                                            void (*measure)(void *context, size_t number,
                                                            void *reply),
                                            void *context, size_t size, struct error *error);
/* False if the process has ended. */
bool forked_process_ask(struct forked_process *process, size_t number, void *reply);
void forked_process_end(struct forked_process *process); /* NULL: nothing */

#endif
