/* A process with one thread beside this one, which measures when it is asked to. Memory is
 * allocated without atomic operations there, as in a program that never starts a thread. */
#ifndef HARNESS_LONE_PROCESS_H
#define HARNESS_LONE_PROCESS_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

struct lone_process;

/* Forks. The child calls prepare(context) once, and for each request measure(context, number,
 * reply) and sends the reply of `size` bytes. To be started while this process has one thread
 * itself. */
struct lone_process *lone_process_start(bool (*prepare)(void *context),
                                        void (*measure)(void *context, size_t number, void *reply),
                                        void *context, size_t size, struct error *error);
/* False if the process has ended. */
bool lone_process_ask(struct lone_process *process, size_t number, void *reply);
void lone_process_end(struct lone_process *process); /* NULL: nothing */

#endif
