/* The sampler: finds the threads, collects their samples, looks up symbols; see profiler.h. */
#define _GNU_SOURCE
#include "harness/profiler/profiler_internal.h"

#include "base/clock.h"
#include "harness/counters/counters.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_PERIOD_MS = 10 };

bool raw_append(struct raw_samples *raw, uint32_t thread, uint64_t time_ns,
                const uint64_t *addresses, size_t count) {
    if (raw->count + count + 3 > raw->room) {
        size_t room = raw->room ? raw->room * 2 : 1 << 16;
        uint64_t *words = reallocarray(raw->words, room, sizeof *words);
        if (!words) {
            raw->out_of_memory = true;
            return false;
        }
        raw->words = words;
        raw->room = room;
    }
    raw->words[raw->count++] = thread;
    raw->words[raw->count++] = time_ns;
    raw->words[raw->count++] = count;
    memcpy(raw->words + raw->count, addresses, count * sizeof *addresses);
    raw->count += count;
    return true;
}

static void drain_all(struct profiler *profiler) {
    /* Acquire pairs with the release in profiler_start: the rings before it are open. */
    size_t ready = atomic_load_explicit(&profiler->ready, memory_order_acquire);
    for (size_t i = 0; i < ready; i++) {
        if (profiler->perf_rings)
            perf_ring_drain(perf_ring_at(profiler->perf_rings, i), profiler);
        else
            timer_ring_drain(profiler->timer_rings, i, profiler);
    }
}

static void *collect(void *argument) {
    struct profiler *profiler = argument;
    profiler->collector_id = gettid();
    uint64_t one = 1;
    if (write(profiler->wake_descriptor, &one, sizeof one) < 0) return NULL;
    struct pollfd waiting = {profiler->wake_descriptor, 0, 0};
    while (!atomic_load(&profiler->stopping)) {
        poll(&waiting, 1, DRAIN_PERIOD_MS);
        drain_all(profiler);
    }
    drain_all(profiler);
    profiler->collector_cpu_ns = clock_thread_cpu_ns();
    return NULL;
}

struct profiler *profiler_create(const struct profiler_options *options, struct error *error) {
    struct profiler *profiler = calloc(1, sizeof *profiler);
    if (!profiler) {
        error_set(error, "out of memory");
        return NULL;
    }
    profiler->options = *options;
    profiler->wake_descriptor = eventfd(0, EFD_CLOEXEC);
    if (profiler->wake_descriptor < 0) {
        error_set_errno(error, "cannot make an eventfd");
    } else if (pthread_create(&profiler->collector, NULL, collect, profiler) != 0) {
        error_set(error, "cannot start the collector thread");
    } else {
        uint64_t started;
        profiler->collecting = true;
        if (read(profiler->wake_descriptor, &started, sizeof started) == sizeof started)
            return profiler;
        error_set_errno(error, "the collector thread did not start");
    }
    profiler_destroy(profiler);
    return NULL;
}

/* The threads of this process, but for the collector. */
static size_t list_threads(const struct profiler *profiler, pid_t *threads, size_t limit) {
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;
    for (struct dirent *entry; directory && count < limit && (entry = readdir(directory));) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        if (thread > 0 && thread != profiler->collector_id) threads[count++] = thread;
    }
    if (directory) closedir(directory);
    return count;
}

static int open_perf(struct profiler *profiler, const pid_t *threads, size_t count) {
    bool user_only = profiler->options.user_only;
    for (size_t i = 0; i < count; i++) {
        struct perf_ring *ring = perf_ring_at(profiler->perf_rings, i);
        int code = perf_ring_open(ring, threads[i], &profiler->options, user_only);
        if (code == EACCES && !user_only) {
            user_only = true; /* the kernel is off limits: the rest can still be seen */
            code = perf_ring_open(ring, threads[i], &profiler->options, true);
        }
        if (code == ESRCH) continue; /* the thread has ended meanwhile */
        if (code) {
            for (size_t k = 0; k <= i; k++)
                perf_ring_close(perf_ring_at(profiler->perf_rings, k));
            return code;
        }
    }
    profiler->thread_count = count;
    snprintf(profiler->source, sizeof profiler->source, "cpu-clock at %u Hz%s",
             profiler->options.frequency,
             profiler->options.user_only ? ", user mode only"
             : user_only                 ? ", user mode only: the kernel is off limits"
                                         : "");
    for (size_t i = 0; i < count; i++)
        if (perf_ring_descriptor(perf_ring_at(profiler->perf_rings, i)) >= 0)
            perf_ring_enable(perf_ring_at(profiler->perf_rings, i), true);
    return 0;
}

static bool open_timers(struct profiler *profiler, const pid_t *threads, size_t count,
                        const char *why, struct error *error) {
    profiler->timer_rings = timer_rings_allocate(count);
    if (!profiler->timer_rings) return error_set(error, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (!timer_ring_open(profiler->timer_rings, i, threads[i], profiler->options.frequency,
                             error))
            return false;
        profiler->thread_count = i + 1;
    }
    snprintf(profiler->source, sizeof profiler->source,
             "CPU-time timers (no stacks, no kernel, at the kernel's tick)%s%s", why[0] ? ": " : "",
             why);
    return true;
}

bool profiler_start(struct profiler *profiler, struct error *error) {
    pid_t threads[PROFILER_THREAD_LIMIT];
    size_t count = list_threads(profiler, threads, PROFILER_THREAD_LIMIT);
    struct error reason = {""};
    int code = -1;
    if (count == 0) return error_set(error, "there is no thread to sample");
    if (!profiler->options.timers) {
        profiler->perf_rings = perf_rings_allocate(count);
        if (!profiler->perf_rings) return error_set(error, "out of memory");
        code = open_perf(profiler, threads, count);
        if (code != 0) {
            counter_explain_failure(code, "cpu-clock", &reason);
            free(profiler->perf_rings);
            profiler->perf_rings = NULL;
        }
    }
    if (code != 0 && !open_timers(profiler, threads, count, reason.message, error)) return false;
    /* Release pairs with the acquire in drain_all. */
    atomic_store_explicit(&profiler->ready, profiler->thread_count, memory_order_release);
    return true;
}

static void stop_collecting(struct profiler *profiler) {
    for (size_t i = 0; i < profiler->thread_count; i++) {
        struct perf_ring *ring =
            profiler->perf_rings ? perf_ring_at(profiler->perf_rings, i) : NULL;
        if (ring && perf_ring_descriptor(ring) >= 0) perf_ring_enable(ring, false);
        if (profiler->timer_rings) timer_ring_stop(profiler->timer_rings, i);
    }
    if (!profiler->collecting) return;
    atomic_store(&profiler->stopping, true);
    uint64_t one = 1;
    if (write(profiler->wake_descriptor, &one, sizeof one) < 0) {
        /* It wakes up by itself within the drain period. */
    }
    pthread_join(profiler->collector, NULL);
    profiler->collecting = false;
}

/* Addresses repeat: each is looked up once. */
struct address_cache {
    uint64_t *addresses;
    uint32_t *symbols;
    size_t size, used;
};

static bool cache_grow(struct address_cache *cache) {
    struct address_cache larger = {.size = cache->size ? cache->size * 2 : 1 << 14};
    larger.addresses = calloc(larger.size, sizeof *larger.addresses);
    larger.symbols = calloc(larger.size, sizeof *larger.symbols);
    if (!larger.addresses || !larger.symbols) {
        free(larger.addresses);
        free(larger.symbols);
        return false;
    }
    for (size_t i = 0; i < cache->size; i++) {
        if (!cache->addresses[i]) continue;
        size_t at = (cache->addresses[i] * 0x9E3779B97F4A7C15u >> 20) & (larger.size - 1);
        while (larger.addresses[at])
            at = (at + 1) & (larger.size - 1);
        larger.addresses[at] = cache->addresses[i];
        larger.symbols[at] = cache->symbols[i];
    }
    larger.used = cache->used;
    free(cache->addresses);
    free(cache->symbols);
    *cache = larger;
    return true;
}

static uint32_t look_up(struct address_cache *cache, struct symbols *symbols,
                        struct profile *profile, uint64_t address) {
    if (cache->used * 2 >= cache->size && !cache_grow(cache)) return UINT32_MAX;
    size_t at = (address * 0x9E3779B97F4A7C15u >> 20) & (cache->size - 1);
    for (; cache->addresses[at]; at = (at + 1) & (cache->size - 1))
        if (cache->addresses[at] == address) return cache->symbols[at];
    char name[512], object[512];
    symbols_find(symbols, address, name, object, sizeof name);
    uint32_t symbol = profile_intern(profile, name, object);
    if (symbol == UINT32_MAX) return symbol;
    cache->addresses[at] = address ? address : 1;
    cache->symbols[at] = symbol;
    cache->used++;
    return symbol;
}

static bool symbolise(struct profiler *profiler, struct symbols *symbols, struct profile *profile,
                      struct error *error) {
    const struct raw_samples *raw = &profiler->raw;
    struct address_cache cache = {0};
    bool ok = !raw->out_of_memory;
    for (size_t at = 0; ok && at < raw->count;) {
        uint32_t frames[PROFILER_STACK_LIMIT];
        size_t count = raw->words[at + 2];
        for (size_t i = 0; ok && i < count; i++) {
            frames[i] = look_up(&cache, symbols, profile, raw->words[at + 3 + i]);
            ok = frames[i] != UINT32_MAX;
        }
        ok = ok && profile_add_sample(profile, (uint32_t)raw->words[at], raw->words[at + 1], frames,
                                      count);
        at += 3 + count;
    }
    free(cache.addresses);
    free(cache.symbols);
    return ok || error_set(error, "out of memory for the samples");
}

bool profiler_finish(struct profiler *profiler, struct profile *profile, struct error *error) {
    stop_collecting(profiler);
    struct symbols *symbols = symbols_of_this_process(error);
    if (!symbols) return false;
    *profile = (struct profile){.lost = profiler->lost,
                                .throttled = profiler->throttled,
                                .collector_cpu_ns = profiler->collector_cpu_ns,
                                .frequency = profiler->options.frequency};
    memcpy(profile->source, profiler->source, sizeof profile->source);
    bool ok = symbolise(profiler, symbols, profile, error);
    symbols_free(symbols);
    if (!ok) profile_free(profile);
    return ok;
}

void profiler_destroy(struct profiler *profiler) {
    if (!profiler) return;
    stop_collecting(profiler);
    for (size_t i = 0; profiler->perf_rings && i < profiler->thread_count; i++)
        perf_ring_close(perf_ring_at(profiler->perf_rings, i));
    free(profiler->perf_rings);
    if (profiler->timer_rings) timer_rings_free(profiler->timer_rings, profiler->thread_count);
    if (profiler->wake_descriptor >= 0) close(profiler->wake_descriptor);
    free(profiler->raw.words);
    free(profiler);
}
