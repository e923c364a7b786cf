/* The byte budget; see budget.h. */
#include "pipeline/budget.h"
#include "pipeline/recorder.h"

#include <pthread.h>
#include <stdlib.h>

struct budget {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t limit, used, maximum;
    size_t step, smallest_step; /* what starting an item adds: learned, and the least assumed */
    uint64_t items;             /* started and not yet delivered */
    uint64_t ungrown;           /* of these, such as will grow */
    size_t growth;              /* by how much: the most seen, at first a step */
    bool grows;                 /* any of them does */
    unsigned waiting;
    bool interrupted;
};

struct budget *budget_create(size_t limit_bytes, size_t step_bytes, struct error *error) {
    struct budget *budget = calloc(1, sizeof *budget);
    if (!budget) {
        error_set(error, "out of memory for the byte budget");
        return NULL;
    }
    pthread_mutex_init(&budget->lock, NULL);
    pthread_cond_init(&budget->changed, NULL);
    budget->limit = limit_bytes;
    budget->step = budget->smallest_step = budget->growth = step_bytes;
    return budget;
}

void budget_destroy(struct budget *budget) {
    if (!budget) return;
    pthread_cond_destroy(&budget->changed);
    pthread_mutex_destroy(&budget->lock);
    free(budget);
}

static void unlock_and_wake(struct budget *budget) {
    if (budget->waiting) pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
}

void budget_add(struct budget *budget, size_t bytes) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->used += bytes;
    if (budget->used > budget->maximum) budget->maximum = budget->used;
    pthread_mutex_unlock(&budget->lock);
}

void budget_remove(struct budget *budget, size_t bytes) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->used -= bytes;
    unlock_and_wake(budget);
}

void budget_item_started(struct budget *budget) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->items++;
    pthread_mutex_unlock(&budget->lock);
}

void budget_item_delivered(struct budget *budget) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->items--;
    unlock_and_wake(budget);
}

void budget_will_grow(struct budget *budget) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->ungrown++;
    pthread_mutex_unlock(&budget->lock);
}

void budget_has_grown(struct budget *budget, size_t bytes) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->ungrown--;
    if (!budget->grows || bytes > budget->growth) budget->growth = bytes;
    budget->grows = true;
    unlock_and_wake(budget);
}

static bool is_full(const struct budget *budget) {
    size_t growth = 0; /* of what is on its way, and of the next one */
    if (budget->ungrown || budget->grows) growth = (budget->ungrown + 1) * budget->growth;
    return budget->limit && budget->items && budget->used + budget->step + growth > budget->limit;
}

bool budget_wait(struct budget *budget) {
    if (!budget) return true;
    pthread_mutex_lock(&budget->lock);
    if (is_full(budget) && !budget->interrupted) {
        struct account_mark before = account_wait(ACTIVITY_WAIT_SLOT);
        budget->waiting++;
        while (is_full(budget) && !budget->interrupted)
            pthread_cond_wait(&budget->changed, &budget->lock);
        budget->waiting--;
        account_leave(before);
    }
    bool go_on = !budget->interrupted;
    pthread_mutex_unlock(&budget->lock);
    return go_on;
}

size_t budget_used(struct budget *budget) {
    if (!budget) return 0;
    pthread_mutex_lock(&budget->lock);
    size_t used = budget->used;
    pthread_mutex_unlock(&budget->lock);
    return used;
}

void budget_learn_step(struct budget *budget, size_t used_before) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    /* Others may have given bytes back meanwhile; then this sees a smaller step than there was. */
    size_t step = budget->used > used_before ? budget->used - used_before : 0;
    if (step < budget->smallest_step) step = budget->smallest_step;
    if (step > budget->step)
        budget->step = step;
    else /* forget one large item after some dozens of small ones */
        budget->step -= (budget->step - step + 7) / 8;
    pthread_mutex_unlock(&budget->lock);
}

void budget_interrupt(struct budget *budget) {
    if (!budget) return;
    pthread_mutex_lock(&budget->lock);
    budget->interrupted = true;
    unlock_and_wake(budget);
}

size_t budget_maximum(struct budget *budget) {
    if (!budget) return 0;
    pthread_mutex_lock(&budget->lock);
    size_t maximum = budget->maximum;
    pthread_mutex_unlock(&budget->lock);
    return maximum;
}
