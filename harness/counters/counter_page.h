/* Reading a counter without a system call: the page that the kernel shares for an event, and the
 * instruction rdpmc (perf_event_open(2), "mmap layout"). x86 only; elsewhere no page is mapped and
 * counters are read by system call. */
#ifndef HARNESS_COUNTER_PAGE_H
#define HARNESS_COUNTER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct counter_page_reading {
    uint64_t value, enabled_ns, running_ns;
};

/* What the processor is asked; replaced by tests. */
struct counter_page_source {
    uint64_t (*counter)(uint32_t index); /* rdpmc */
    uint64_t (*cycles)(void);            /* rdtsc */
};
extern const struct counter_page_source counter_page_processor;

/* The page of an event, or NULL where rdpmc may not be used: no hardware counter, not allowed, no
 * memory left to lock. */
const void *counter_page_map(int descriptor);
void counter_page_unmap(const void *page);

/* On the thread that is counted. False if the page cannot be read consistently. */
bool counter_page_read(const void *page, const struct counter_page_source *source,
                       struct counter_page_reading *reading);

#endif
