/* Locked pools of scratches; see scratch_pool.h. */
#define _GNU_SOURCE
#include "harness/arms/scratch_pool.h"

#include <pthread.h>
#include <stdlib.h>

/* Each pool on lines of its own: sub-pools must not share what they were split for. */
struct locked_stack {
    _Alignas(128) pthread_mutex_t lock;
    unsigned count;
    void **scratches; /* [workers] */
};

struct scratch_pool {
    unsigned pool_count;
    struct locked_stack pools[];
};

struct scratch_pool *scratch_pool_create(unsigned workers, unsigned pools, struct error *error) {
    size_t size = sizeof(struct scratch_pool) + pools * sizeof(struct locked_stack);
    struct scratch_pool *pool = aligned_alloc(128, (size + 127) / 128 * 128);
    if (!pool) {
        error_set(error, "out of memory for scratch pools");
        return NULL;
    }
    pool->pool_count = 0;
    for (; pool->pool_count < pools; pool->pool_count++) {
        struct locked_stack *stack = &pool->pools[pool->pool_count];
        stack->count = 0;
        stack->scratches = calloc(workers, sizeof *stack->scratches);
        if (!stack->scratches) {
            scratch_pool_destroy(pool);
            error_set(error, "out of memory for scratch pools");
            return NULL;
        }
        pthread_mutex_init(&stack->lock, NULL);
    }
    return pool;
}

void scratch_pool_destroy(struct scratch_pool *pool) {
    for (unsigned i = 0; pool && i < pool->pool_count; i++) {
        pthread_mutex_destroy(&pool->pools[i].lock);
        free(pool->pools[i].scratches);
    }
    free(pool);
}

void *scratch_pool_take(struct scratch_pool *pool, unsigned worker) {
    struct locked_stack *stack = &pool->pools[worker % pool->pool_count];
    pthread_mutex_lock(&stack->lock);
    void *scratch = stack->count ? stack->scratches[--stack->count] : NULL;
    pthread_mutex_unlock(&stack->lock);
    return scratch;
}

void scratch_pool_give(struct scratch_pool *pool, unsigned worker, void *scratch) {
    struct locked_stack *stack = &pool->pools[worker % pool->pool_count];
    pthread_mutex_lock(&stack->lock);
    stack->scratches[stack->count++] = scratch;
    pthread_mutex_unlock(&stack->lock);
}
