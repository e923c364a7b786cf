/* Probing the speed of processing units; see speed_probe.h. */
#define _GNU_SOURCE
#include "harness/experiment/speed_probe.h"

#include "base/clock.h"
#include "schedulers/futex.h"
#include "schedulers/sync_processor.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Several independent chains keep all of a core's arithmetic units busy, which is what a second
 * hardware thread takes away. */
enum { CHAINS = 8, STEPS = 1200, TRIES = 4 };

struct prober {
    struct speed_probe *probe;
    pthread_t thread;
    unsigned unit;
    bool started;
    double ns;
};

struct speed_probe {
    const struct placement *placement;
    unsigned units;
    _Alignas(128) _Atomic uint32_t order; /* moves for a reading; the last one ends the threads */
    _Alignas(128) _Atomic uint32_t ready; /* threads that are awake for this reading */
    _Alignas(128) _Atomic uint32_t done;
    _Atomic bool ended;
    struct prober probers[SPEED_PROBE_UNITS];
};

static uint64_t compute(uint64_t seed) {
    uint64_t x[CHAINS], sum = 0;
    for (unsigned c = 0; c < CHAINS; c++)
        x[c] = seed + c + 1;
    for (unsigned i = 0; i < STEPS; i++)
        for (unsigned c = 0; c < CHAINS; c++) {
            x[c] ^= x[c] << 13;
            x[c] ^= x[c] >> 7;
            x[c] ^= x[c] << 17;
        }
    for (unsigned c = 0; c < CHAINS; c++)
        sum += x[c];
    return sum;
}

double speed_probe_here(void) {
    static _Thread_local volatile uint64_t result; /* so that nothing is optimised away */
    double least = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        uint64_t begin = clock_now_ns();
        result += compute(result + begin);
        least = fmin(least, (double)(clock_now_ns() - begin));
    }
    return least;
}

static void *prober_main(void *argument) {
    struct prober *prober = argument;
    struct speed_probe *probe = prober->probe;
    placement_bind(probe->placement, prober->unit, NULL);
    for (uint32_t seen = 0;; seen++) {
        while (atomic_load_explicit(&probe->order, memory_order_acquire) == seen)
            futex_wait((uint32_t *)&probe->order, seen);
        if (atomic_load(&probe->ended)) return NULL;
        uint32_t all = (seen + 1) * probe->units;
        atomic_fetch_add(&probe->ready, 1);
        while ((int32_t)(atomic_load(&probe->ready) - all) < 0)
            processor_pause();
        prober->ns = speed_probe_here();
        if (atomic_fetch_add(&probe->done, 1) + 1 == all) futex_wake((uint32_t *)&probe->done, 1);
    }
}

static void send_order(struct speed_probe *probe) {
    atomic_fetch_add_explicit(&probe->order, 1, memory_order_release);
    futex_wake((uint32_t *)&probe->order, SPEED_PROBE_UNITS);
}

struct speed_probe *speed_probe_create(const struct placement *placement, unsigned units,
                                       struct error *error) {
    size_t size = (sizeof(struct speed_probe) + 127) / 128 * 128;
    if (units < 1 || units > SPEED_PROBE_UNITS) {
        error_set(error, "the speed of 1 to %d processing units can be probed, not of %u",
                  SPEED_PROBE_UNITS, units);
        return NULL;
    }
    struct speed_probe *probe = aligned_alloc(128, size);
    if (!probe) {
        error_set(error, "out of memory");
        return NULL;
    }
    memset(probe, 0, size);
    probe->placement = placement;
    probe->units = units;
    for (unsigned i = 0; i < units; i++) {
        struct prober *prober = &probe->probers[i];
        *prober = (struct prober){.probe = probe, .unit = i};
        prober->started = pthread_create(&prober->thread, NULL, prober_main, prober) == 0;
        if (prober->started) continue;
        speed_probe_free(probe);
        error_set(error, "a thread to probe processing unit %u with cannot be started", i);
        return NULL;
    }
    return probe;
}

void speed_probe_free(struct speed_probe *probe) {
    if (!probe) return;
    atomic_store(&probe->ended, true);
    send_order(probe);
    for (unsigned i = 0; i < probe->units; i++)
        if (probe->probers[i].started) pthread_join(probe->probers[i].thread, NULL);
    free(probe);
}

void speed_probe_read(struct speed_probe *probe, double *ns) {
    send_order(probe);
    uint32_t all = atomic_load(&probe->order) * probe->units, done;
    while ((done = atomic_load(&probe->done)) != all)
        futex_wait((uint32_t *)&probe->done, done);
    for (unsigned i = 0; i < probe->units; i++)
        ns[i] = probe->probers[i].ns;
}
