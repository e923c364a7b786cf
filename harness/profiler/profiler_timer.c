/* Sampling one thread without perf_event_open: a timer of its CPU time signals it, and the handler
 * notes where it was. No stacks, no kernel; the kernel's tick limits it to 100 to 1000 a second. */
#define _GNU_SOURCE
#include "harness/profiler/profiler_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { RING_SIZE = 1024 }; /* a power of two */

/* Written by the handler on the sampled thread, read by the collector: head is released after the
 * sample is written, tail after it is read. */
struct timer_ring {
    timer_t timer;
    bool running;
    uint32_t thread;
    atomic_size_t head, tail, lost;
    uint64_t addresses[RING_SIZE], times[RING_SIZE];
};

static uint64_t interrupted_address(const void *context) {
    const ucontext_t *state = context;
#if defined(__x86_64__)
    return (uint64_t)state->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return state->uc_mcontext.pc;
#else
    (void)state;
    return 0;
#endif
}

static void on_signal(int number, siginfo_t *info, void *context) {
    (void)number;
    int saved = errno;
    struct timer_ring *ring = info->si_value.sival_ptr;
    if (info->si_code == SI_TIMER && ring) {
        size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
        if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) < RING_SIZE) {
            ring->addresses[head % RING_SIZE] = interrupted_address(context);
            ring->times[head % RING_SIZE] = clock_now_ns();
            atomic_store_explicit(&ring->head, head + 1, memory_order_release);
        } else {
            atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        }
    }
    errno = saved;
}

struct timer_ring *timer_rings_allocate(size_t count) {
    return calloc(count + 1, sizeof(struct timer_ring));
}

/* The CPU clock of a thread by its number, as the kernel codes it. */
static clockid_t clock_of_thread(pid_t thread) {
    return (clockid_t)((~(unsigned)thread << 3) | 6);
}

bool timer_ring_open(struct timer_ring *rings, size_t index, pid_t thread, unsigned frequency,
                     struct error *error) {
    struct timer_ring *ring = &rings[index];
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (index == 0 && sigaction(SIGPROF, &action, NULL) != 0)
        return error_set_errno(error, "cannot handle SIGPROF");
    ring->thread = (uint32_t)thread;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event.sigev_value.sival_ptr = ring;
    event._sigev_un._tid = thread;
    if (timer_create(clock_of_thread(thread), &event, &ring->timer) != 0)
        return error_set_errno(error, "cannot make a timer of thread %d", (int)thread);
    long period = 1000000000L / (frequency ? frequency : 1);
    struct itimerspec interval = {.it_interval = {0, period}, .it_value = {0, period}};
    if (timer_settime(ring->timer, 0, &interval, NULL) != 0) {
        timer_delete(ring->timer);
        return error_set_errno(error, "cannot start a timer");
    }
    ring->running = true;
    return true;
}

void timer_ring_drain(struct timer_ring *rings, size_t index, struct profiler *profiler) {
    struct timer_ring *ring = &rings[index];
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (; tail != head; tail++)
        raw_append(&profiler->raw, ring->thread, ring->times[tail % RING_SIZE],
                   &ring->addresses[tail % RING_SIZE], 1);
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
    profiler->lost += atomic_exchange_explicit(&ring->lost, 0, memory_order_relaxed);
}

void timer_ring_stop(struct timer_ring *rings, size_t index) {
    if (rings[index].running) timer_delete(rings[index].timer);
    rings[index].running = false;
}

/* A signal may still be on its way to a thread after its timer is gone: the handler stays, and the
 * rings are freed only when signals are ignored. */
void timer_rings_free(struct timer_ring *rings, size_t count) {
    for (size_t i = 0; i < count; i++)
        timer_ring_stop(rings, i);
    signal(SIGPROF, SIG_IGN);
    free(rings);
}
