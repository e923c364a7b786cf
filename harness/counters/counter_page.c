/* The shared page of an event; see counter_page.h. */
#define _GNU_SOURCE
#include "harness/counters/counter_page.h"

#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ATTEMPTS = 1000 };

#if defined(__x86_64__)
static uint64_t read_counter(uint32_t index) {
    uint32_t low, high;
    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(index));
    return (uint64_t)high << 32 | low;
}

static uint64_t read_cycles(void) {
    return __builtin_ia32_rdtsc();
}

const void *counter_page_map(int descriptor) {
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    struct perf_event_mmap_page *page = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (page == MAP_FAILED) return NULL;
    /* Without the clock its times would not agree with those of a system call. */
    if (page->cap_user_rdpmc && page->cap_user_time) return page;
    munmap(page, size);
    return NULL;
}
#else
static uint64_t read_counter(uint32_t index) {
    return index;
}

static uint64_t read_cycles(void) {
    return 0;
}

const void *counter_page_map(int descriptor) {
    (void)descriptor;
    return NULL;
}
#endif

const struct counter_page_source counter_page_processor = {read_counter, read_cycles};

void counter_page_unmap(const void *page) {
    if (page) munmap((void *)page, (size_t)sysconf(_SC_PAGESIZE));
}

/* What the times have grown since the kernel last wrote them. */
static uint64_t since_written_ns(const volatile struct perf_event_mmap_page *page,
                                 const struct counter_page_source *source) {
    uint64_t cycles = source->cycles();
    uint64_t whole = cycles >> page->time_shift;
    uint64_t rest = cycles & (((uint64_t)1 << page->time_shift) - 1);
    return page->time_offset + whole * page->time_mult +
           ((rest * page->time_mult) >> page->time_shift);
}

bool counter_page_read(const void *opaque, const struct counter_page_source *source,
                       struct counter_page_reading *reading) {
    const volatile struct perf_event_mmap_page *page = opaque;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint32_t lock = page->lock;
        /* A compiler barrier is enough: the kernel writes on this thread's processor. */
        atomic_signal_fence(memory_order_seq_cst);
        uint32_t index = page->index;
        reading->enabled_ns = page->time_enabled;
        reading->running_ns = page->time_running;
        uint64_t since = since_written_ns(page, source);
        reading->enabled_ns += since;
        if (index) reading->running_ns += since;
        int64_t value = page->offset;
        if (index) { /* else it is not counting now: offset is all */
            unsigned unused = 64u - page->pmc_width;
            uint64_t counter = source->counter(index - 1) << unused;
            value += (int64_t)counter >> unused;
        }
        reading->value = (uint64_t)value;
        atomic_signal_fence(memory_order_seq_cst);
        if (page->lock == lock) return true;
    }
    return false;
}
