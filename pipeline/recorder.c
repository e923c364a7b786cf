/* Accounts of threads' time; see recorder.h. */
#define _GNU_SOURCE
#include "pipeline/recorder.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char *const activity_names[ACTIVITIES] = {"other", "busy", "wait_in", "wait_slot", "wake"};

struct recorder {
    pthread_mutex_t lock;
    char stages[RECORDER_STAGES][24];
    int stage_count;
    size_t interval_limit;
    struct account *accounts;
};

static _Thread_local struct account *current;

struct recorder *recorder_create(size_t interval_limit, struct error *error) {
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        error_set(error, "out of memory for the recorder");
        return NULL;
    }
    pthread_mutex_init(&recorder->lock, NULL);
    recorder->interval_limit = interval_limit;
    return recorder;
}

void recorder_destroy(struct recorder *recorder) {
    if (!recorder) return;
    for (struct account *account = recorder->accounts, *next; account; account = next) {
        next = account->next;
        free(account->intervals);
        free(account);
    }
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
}

int recorder_stage(struct recorder *recorder, const char *name) {
    if (!recorder) return 0;
    for (int i = 0; i < recorder->stage_count; i++)
        if (strcmp(recorder->stages[i], name) == 0) return i;
    if (recorder->stage_count == RECORDER_STAGES) return RECORDER_STAGES - 1;
    int stage = recorder->stage_count++;
    snprintf(recorder->stages[stage], sizeof recorder->stages[stage], "%s", name);
    return stage;
}

const char *recorder_stage_name(const struct recorder *recorder, int stage) {
    return stage >= 0 && stage < recorder->stage_count ? recorder->stages[stage] : "?";
}

int recorder_stage_count(const struct recorder *recorder) {
    return recorder->stage_count;
}

struct account *recorder_accounts(struct recorder *recorder) {
    pthread_mutex_lock(&recorder->lock);
    struct account *accounts = recorder->accounts;
    pthread_mutex_unlock(&recorder->lock);
    return accounts;
}

uint64_t account_activity_ns(const struct account *account, enum activity activity) {
    uint64_t sum = 0;
    for (int i = 0; i < RECORDER_STAGES; i++)
        sum += account->stages[i].wall_ns[activity];
    return sum;
}

uint64_t account_total_ns(const struct account *account) {
    uint64_t sum = 0;
    for (int i = 0; i < ACTIVITIES; i++)
        sum += account_activity_ns(account, (enum activity)i);
    return sum;
}

/* Field 2 of schedstat: ns spent runnable and waiting for a processor. */
static uint64_t thread_run_delay_ns(void) {
    unsigned long long run, delay, slices;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    if (!file) return UINT64_MAX;
    int fields = fscanf(file, "%llu %llu %llu", &run, &delay, &slices);
    fclose(file);
    return fields == 3 ? delay : UINT64_MAX;
}

static void show(struct account *account) {
    uint64_t state = (uint64_t)account->stage << 8 | (uint64_t)account->activity;
    atomic_store_explicit(&account->visible, state, memory_order_relaxed);
    atomic_store_explicit(&account->visible_since, account->since_ns, memory_order_relaxed);
}

/* Totals since the thread began; account_end subtracts the values of account_begin. */
static void read_thread(struct account *account, int sign) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    uint64_t factor = sign < 0 ? UINT64_MAX : 1; /* modular: times -1 or 1 */
    account->voluntary_switches += factor * (uint64_t)usage.ru_nvcsw;
    account->involuntary_switches += factor * (uint64_t)usage.ru_nivcsw;
    account->cpu_ns += factor * clock_thread_cpu_ns();
    uint64_t delay = thread_run_delay_ns();
    if (delay == UINT64_MAX || account->run_delay_ns == UINT64_MAX)
        account->run_delay_ns = UINT64_MAX;
    else
        account->run_delay_ns += factor * delay;
}

void account_begin(struct recorder *recorder, const char *name, int stage) {
    if (!recorder || current) return;
    struct account *account = calloc(1, sizeof *account);
    if (!account) return; /* the run goes on without this thread's figures */
    snprintf(account->name, sizeof account->name, "%s", name);
    account->recorder = recorder;
    account->stage = stage;
    read_thread(account, -1);
    account->start_ns = clock_now_ns();
    account->since_ns = clock_now_ns();
    show(account);
    pthread_mutex_lock(&recorder->lock);
    account->next = recorder->accounts;
    recorder->accounts = account;
    pthread_mutex_unlock(&recorder->lock);
    current = account;
}

static void keep_interval(struct account *account, uint64_t now_ns) {
    size_t limit = account->recorder->interval_limit;
    if (account->interval_count >= limit) {
        account->intervals_dropped += limit != 0;
        return;
    }
    if ((account->interval_count & (account->interval_count - 1)) == 0) { /* 0, 1, 2, 4, ... */
        size_t capacity = account->interval_count ? 2 * account->interval_count : 1;
        void *grown = realloc(account->intervals, capacity * sizeof *account->intervals);
        if (!grown) {
            account->intervals_dropped++;
            return;
        }
        account->intervals = grown;
    }
    account->intervals[account->interval_count++] =
        (struct recorded_interval){account->since_ns, now_ns, account->sequence,
                                   (uint8_t)account->stage, (uint8_t)account->activity};
}

static unsigned log2_of(uint64_t value) {
    return value ? 63u - (unsigned)__builtin_clzll(value) : 0;
}

static void change(struct account *account, int stage, enum activity activity, uint64_t sequence) {
    uint64_t cpu_ns = 0;
    if (account->activity == ACTIVITY_BUSY || activity == ACTIVITY_BUSY)
        cpu_ns = clock_thread_cpu_ns();
    uint64_t now_ns = clock_now_ns(), spent_ns = now_ns - account->since_ns;
    struct stage_times *times = &account->stages[account->stage];
    times->wall_ns[account->activity] += spent_ns;
    if (account->activity == ACTIVITY_BUSY) {
        unsigned bin = log2_of(spent_ns);
        times->busy_cpu_ns += cpu_ns - account->cpu_since_ns;
        times->histogram[bin < RECORDER_HISTOGRAM ? bin : RECORDER_HISTOGRAM - 1]++;
    }
    if (account->activity != ACTIVITY_OTHER) keep_interval(account, now_ns);
    account->stage = stage;
    account->activity = activity;
    account->sequence = sequence;
    account->since_ns = now_ns;
    account->cpu_since_ns = cpu_ns;
    show(account);
}

void account_end(void) {
    struct account *account = current;
    if (!account) return;
    change(account, account->stage, ACTIVITY_OTHER, 0);
    account->end_ns = clock_now_ns();
    read_thread(account, 1);
    atomic_store_explicit(&account->visible, ACCOUNT_ENDED, memory_order_relaxed);
    current = NULL;
}

struct account_mark account_enter(int stage, enum activity activity, uint64_t sequence) {
    struct account *account = current;
    if (!account) return (struct account_mark){0};
    struct account_mark before = {account->stage, account->activity, account->sequence};
    change(account, stage, activity, sequence);
    return before;
}

struct account_mark account_wait(enum activity activity) {
    struct account *account = current;
    if (!account) return (struct account_mark){0};
    return account_enter(account->stage, activity, account->sequence);
}

void account_leave(struct account_mark before) {
    if (current) change(current, before.stage, before.activity, before.sequence);
}

void account_count(int stage) {
    if (current) current->stages[stage].count++;
}
