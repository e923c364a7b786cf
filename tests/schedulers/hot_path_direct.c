/* The hot paths of hot_path_sync.c, written directly on C11 atomics. */
#include "schedulers/sync_processor.h"
#include "tests/schedulers/hot_path.h"

uint64_t hot_claim(struct hot_words *words, uint64_t window) {
    return atomic_fetch_sub_explicit(&words->left, window, memory_order_acquire);
}

bool hot_lock(struct hot_words *words) {
    uint32_t state = 0;
    return atomic_compare_exchange_strong_explicit(&words->lock, &state, 1, memory_order_acquire,
                                                   memory_order_acquire);
}

uint32_t hot_unlock(struct hot_words *words) {
    return atomic_exchange_explicit(&words->lock, 0, memory_order_release);
}

bool hot_latch_probe(struct hot_words *words) {
    return atomic_load_explicit(&words->latch, memory_order_acquire) == 3;
}

bool hot_latch_set(struct hot_words *words) {
    return atomic_exchange_explicit(&words->latch, 3, memory_order_seq_cst) == 2;
}

bool hot_is_empty(struct hot_words *words) {
    uint64_t back = atomic_load_explicit(&words->back, memory_order_relaxed);
    uint64_t front = atomic_load_explicit(&words->front, memory_order_seq_cst);
    return (int64_t)(back - front) <= 0;
}

void hot_publish(struct hot_words *words, uint64_t back) {
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&words->back, back + 1, memory_order_release);
}

uint64_t hot_pop(struct hot_words *words) {
    uint64_t back = atomic_load_explicit(&words->back, memory_order_relaxed);
    uint64_t front = atomic_load_explicit(&words->front, memory_order_relaxed);
    if ((int64_t)(back - front) <= 0) return HOT_NONE;
    back--;
    atomic_store_explicit(&words->back, back, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    front = atomic_load_explicit(&words->front, memory_order_relaxed);
    int64_t left = (int64_t)(back - front);
    if (left < 0) {
        atomic_store_explicit(&words->back, back + 1, memory_order_relaxed);
        return HOT_NONE;
    }
    uint64_t job = back;
    if (left == 0) {
        if (!atomic_compare_exchange_strong_explicit(&words->front, &front, front + 1,
                                                     memory_order_seq_cst, memory_order_seq_cst))
            job = HOT_NONE;
        atomic_store_explicit(&words->back, back + 1, memory_order_relaxed);
    }
    return job;
}

void hot_pause(void) {
    processor_pause();
}
