/* Hot paths of schedulers, written twice: see hot_path_sync.c. */
#ifndef TESTS_SCHEDULERS_HOT_PATH_H
#define TESTS_SCHEDULERS_HOT_PATH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HOT_NONE UINT64_MAX

struct hot_words {
    _Atomic uint64_t left, latch, front, back;
    _Atomic uint32_t lock;
};

uint64_t hot_claim(struct hot_words *words, uint64_t window);
bool hot_lock(struct hot_words *words);
uint32_t hot_unlock(struct hot_words *words);
bool hot_latch_probe(struct hot_words *words);
bool hot_latch_set(struct hot_words *words);
bool hot_is_empty(struct hot_words *words);
void hot_publish(struct hot_words *words, uint64_t back);
uint64_t hot_pop(struct hot_words *words);
void hot_pause(void);

#endif
