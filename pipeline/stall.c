/* The stall reporter; see stall.h. */
#define _GNU_SOURCE
#include "pipeline/stall.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct stall_reporter {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
    double seconds;
    const _Atomic uint64_t *delivered;
    struct recorder *recorder;
    FILE *out;
};

static void print_account(const struct account *account, const struct recorder *recorder,
                          uint64_t now_ns, FILE *out) {
    static const char *const doing[ACTIVITIES] = {
        "has been between items of", "has worked on", "has waited for input to",
        "has waited for a slot behind", "has been waking a thread on behalf of"};
    uint64_t visible = atomic_load_explicit(&account->visible, memory_order_relaxed);
    if (visible == ACCOUNT_ENDED) return;
    uint64_t since_ns = atomic_load_explicit(&account->visible_since, memory_order_relaxed);
    double seconds = now_ns > since_ns ? (double)(now_ns - since_ns) / 1e9 : 0;
    fprintf(out, "  %s %s %s for %.1f s\n", account->name, doing[visible & 0xFF],
            recorder_stage_name(recorder, (int)(visible >> 8)), seconds);
}

void stall_print(struct recorder *recorder, FILE *out) {
    uint64_t now_ns = clock_now_ns();
    for (const struct account *account = recorder_accounts(recorder); account;
         account = account->next)
        print_account(account, recorder, now_ns, out);
}

/* Sleeps for `seconds`; false when told to stop. */
static bool sleep_unless_stopped(struct stall_reporter *self) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    double seconds = self->seconds + (double)end.tv_nsec / 1e9;
    end.tv_sec += (time_t)seconds;
    end.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9);
    pthread_mutex_lock(&self->lock);
    int code = 0;
    while (!self->stop && code == 0)
        code = pthread_cond_timedwait(&self->stopped, &self->lock, &end);
    bool go_on = !self->stop;
    pthread_mutex_unlock(&self->lock);
    return go_on;
}

static void *reporter_main(void *argument) {
    struct stall_reporter *self = argument;
    uint64_t before = atomic_load(self->delivered);
    while (sleep_unless_stopped(self)) {
        uint64_t now = atomic_load(self->delivered);
        if (now == before) {
            fprintf(self->out, "stall: nothing was delivered after batch %llu for %.1f s:\n",
                    (unsigned long long)now, self->seconds);
            stall_print(self->recorder, self->out);
            fflush(self->out);
        }
        before = now;
    }
    return NULL;
}

struct stall_reporter *stall_start(double seconds, const _Atomic uint64_t *delivered,
                                   struct recorder *recorder, FILE *out, struct error *error) {
    struct stall_reporter *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->lock, NULL);
        pthread_cond_init(&self->stopped, NULL);
        self->seconds = seconds;
        self->delivered = delivered;
        self->recorder = recorder;
        self->out = out;
        if (pthread_create(&self->thread, NULL, reporter_main, self) == 0) return self;
        free(self);
    }
    error_set(error, "cannot start the stall reporter");
    return NULL;
}

void stall_stop(struct stall_reporter *self) {
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_signal(&self->stopped);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->stopped);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
