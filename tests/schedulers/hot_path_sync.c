/* Hot paths as schedulers have them, through sync.h's native implementation. hot_path_direct.c has
 * the same on C11 atomics; hot_path_test.sh compares the machine code. */
#include "schedulers/lock.h"
#include "schedulers/rayon_deque.h"
#include "schedulers/rayon_latch.h"
#include "tests/schedulers/hot_path.h"

uint64_t hot_claim(struct hot_words *words, uint64_t window) {
    return sync_fetch_sub_u64((sync_u64 *)&words->left, window, SYNC_ACQUIRE, SITE_COUNTER_CLAIM);
}

bool hot_lock(struct hot_words *words) {
    uint32_t state = LOCK_FREE;
    return sync_cas_u32((sync_u32 *)&words->lock, &state, LOCK_HELD, SYNC_ACQUIRE, SITE_LOCK_FAST);
}

uint32_t hot_unlock(struct hot_words *words) {
    return sync_exchange_u32((sync_u32 *)&words->lock, LOCK_FREE, SYNC_RELEASE, SITE_LOCK_UNLOCK);
}

bool hot_latch_probe(struct hot_words *words) {
    return latch_probe((struct latch *)&words->latch);
}

bool hot_latch_set(struct hot_words *words) {
    return latch_set((struct latch *)&words->latch);
}

bool hot_is_empty(struct hot_words *words) {
    uint64_t back = sync_load_u64((sync_u64 *)&words->back, SYNC_RELAXED, SITE_DEQUE_PUSH);
    uint64_t front = sync_load_u64((sync_u64 *)&words->front, SYNC_SEQ_CST, SITE_DEQUE_PUSH);
    return (int64_t)(back - front) <= 0;
}

void hot_publish(struct hot_words *words, uint64_t back) {
    sync_fence(SYNC_RELEASE, SITE_DEQUE_PUSH);
    sync_store_u64((sync_u64 *)&words->back, back + 1, SYNC_RELEASE, SITE_DEQUE_PUSH);
}

uint64_t hot_pop(struct hot_words *words) {
    sync_u64 *back_word = (sync_u64 *)&words->back, *front_word = (sync_u64 *)&words->front;
    uint64_t back = sync_load_u64(back_word, SYNC_RELAXED, SITE_DEQUE_POP);
    uint64_t front = sync_load_u64(front_word, SYNC_RELAXED, SITE_DEQUE_POP);
    if ((int64_t)(back - front) <= 0) return HOT_NONE;
    back--;
    sync_store_u64(back_word, back, SYNC_RELAXED, SITE_DEQUE_POP);
    sync_fence(SYNC_SEQ_CST, SITE_DEQUE_POP);
    front = sync_load_u64(front_word, SYNC_RELAXED, SITE_DEQUE_POP);
    int64_t left = (int64_t)(back - front);
    if (left < 0) {
        sync_store_u64(back_word, back + 1, SYNC_RELAXED, SITE_DEQUE_POP);
        return HOT_NONE;
    }
    uint64_t job = back;
    if (left == 0) {
        if (!sync_cas_u64(front_word, &front, front + 1, SYNC_SEQ_CST, SITE_DEQUE_POP))
            job = HOT_NONE;
        sync_store_u64(back_word, back + 1, SYNC_RELAXED, SITE_DEQUE_POP);
    }
    return job;
}

void hot_pause(void) {
    sync_pause(SITE_POOL_WAIT);
}
