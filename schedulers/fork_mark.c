/* See fork_mark.h. */
#include "schedulers/fork_mark.h"
#include <pthread.h>
#include <stdatomic.h>

static atomic_uint generation; /* written in a child handler, when the process has one thread */
static atomic_bool used;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void child_after_fork(void) {
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void watch(void) {
    pthread_atfork(NULL, NULL, child_after_fork);
    atomic_store(&used, true);
}

unsigned fork_mark_use(void) {
    pthread_once(&once, watch);
    return fork_mark_generation();
}

unsigned fork_mark_generation(void) {
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

bool fork_mark_used(void) {
    return atomic_load(&used);
}
