/* Sampling one thread by perf_event_open: the cpu-clock software event into a ring buffer that the
 * collector drains. Needs no hardware counters. */
#define _GNU_SOURCE
#include "harness/profiler/profiler_internal.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DATA_PAGES = 16, RECORD_LIMIT = 65536 };

struct perf_ring {
    int descriptor;
    struct perf_event_mmap_page *page;
    size_t mapped_bytes;
};

struct perf_ring *perf_rings_allocate(size_t count) {
    struct perf_ring *rings = calloc(count + 1, sizeof *rings);
    for (size_t i = 0; rings && i < count; i++)
        rings[i].descriptor = -1;
    return rings;
}

struct perf_ring *perf_ring_at(struct perf_ring *rings, size_t index) {
    return &rings[index];
}

int perf_ring_descriptor(const struct perf_ring *ring) {
    return ring->descriptor;
}

int perf_ring_open(struct perf_ring *ring, pid_t thread, const struct profiler_options *options,
                   bool user_only) {
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    bool without_kernel = user_only || options->user_only;
    struct perf_event_attr attribute = {
        .size = sizeof attribute,
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .freq = 1,
        .sample_freq = options->frequency,
        .sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN,
        .disabled = 1,
        .exclude_kernel = without_kernel,
        .exclude_callchain_kernel = without_kernel,
        .exclude_hv = 1,
        .sample_max_stack = PROFILER_STACK_LIMIT,
        .watermark = 1,
        .wakeup_watermark = (uint32_t)(DATA_PAGES * page_size / 4),
    };
    ring->descriptor =
        (int)syscall(SYS_perf_event_open, &attribute, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (ring->descriptor < 0) return errno;
    ring->mapped_bytes = (1 + DATA_PAGES) * page_size;
    void *page =
        mmap(NULL, ring->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->descriptor, 0);
    if (page == MAP_FAILED) {
        int code = errno;
        close(ring->descriptor);
        ring->descriptor = -1;
        return code;
    }
    ring->page = page;
    return 0;
}

void perf_ring_enable(struct perf_ring *ring, bool on) {
    ioctl(ring->descriptor, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

/* IP, TID, TIME, CALLCHAIN in this order. The chain begins with the sampled address itself, and
 * markers of the context (user, kernel) stand between addresses. */
static void take_sample(struct profiler *profiler, const uint64_t *body) {
    uint64_t addresses[PROFILER_STACK_LIMIT];
    size_t count = 0;
    uint64_t chain = body[3];
    addresses[count++] = body[0];
    bool first = true;
    for (uint64_t i = 0; i < chain && count < PROFILER_STACK_LIMIT; i++) {
        uint64_t address = body[4 + i];
        if (address >= (uint64_t)PERF_CONTEXT_MAX) continue;
        /* Callers are return addresses: one less is inside the call. */
        if (!first) addresses[count++] = address - 1;
        first = false;
    }
    raw_append(&profiler->raw, (uint32_t)(body[1] >> 32), body[2], addresses, count);
}

void perf_ring_drain(struct perf_ring *ring, struct profiler *profiler) {
    if (!ring->page) return;
    /* Acquire pairs with the kernel's release of data_head: the records before it are whole. */
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail, size = ring->page->data_size;
    const char *data = (const char *)ring->page + ring->page->data_offset;
    static uint64_t whole[RECORD_LIMIT / sizeof(uint64_t)]; /* only the collector drains */
    while (tail < head) {
        uint64_t at = tail & (size - 1);
        const struct perf_event_header *header = (const void *)(data + at);
        uint64_t length = header->size;
        if (at + length > size) { /* wraps around the end */
            uint64_t first = size - at;
            memcpy(whole, data + at, first);
            memcpy((char *)whole + first, data, length - first);
            header = (const void *)whole;
        }
        const uint64_t *body = (const uint64_t *)(header + 1);
        if (header->type == PERF_RECORD_SAMPLE) take_sample(profiler, body);
        if (header->type == PERF_RECORD_LOST) profiler->lost += body[1];
        if (header->type == PERF_RECORD_THROTTLE) profiler->throttled++;
        tail += length;
    }
    /* Release: the kernel may write over what has been read. */
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void perf_ring_close(struct perf_ring *ring) {
    if (ring->page) munmap(ring->page, ring->mapped_bytes);
    if (ring->descriptor >= 0) close(ring->descriptor);
    ring->page = NULL;
    ring->descriptor = -1;
}
