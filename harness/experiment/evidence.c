/* Evidence about the environment, from /proc and cgroup files; see evidence.h. */
#define _GNU_SOURCE
#include "harness/experiment/evidence.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A sample is tainted beyond these. Wait is a share of workers x duration, steal of the duration.
 */
#define WAIT_LIMIT  0.02
#define STEAL_LIMIT 0.01

static bool read_small(const char *path, char *text, size_t size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    ssize_t got = read(descriptor, text, size - 1);
    close(descriptor);
    if (got <= 0) return false;
    text[got] = 0;
    return true;
}

static const struct evidence nothing_known = {
    EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE,
    EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE, EVIDENCE_UNAVAILABLE};

uint64_t evidence_thread_wait_ns(int thread) {
    char path[64], text[128];
    uint64_t wait;
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", thread);
    bool known = thread > 0 && read_small(path, text, sizeof text) &&
                 sscanf(text, "%*u %" SCNu64, &wait) == 1;
    return known ? wait : EVIDENCE_UNAVAILABLE;
}

static uint64_t thread_cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Each time that the caller came and went it may have thrown a worker off, or been thrown off. */
static void read_switches(struct evidence *now, bool caller_apart) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        now->involuntary_switches = (uint64_t)usage.ru_nivcsw;
        now->voluntary_switches = (uint64_t)usage.ru_nvcsw;
    }
    if (caller_apart && now->run_queue_wait_ns == EVIDENCE_UNAVAILABLE &&
        getrusage(RUSAGE_THREAD, &usage) == 0)
        now->own_switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
}

/* Field 2 of schedstat is the time spent runnable but waiting, in ns. (Field 1, the time spent
 * running, is up to a timer tick old for a thread that runs.) */
void evidence_read_waits(struct evidence *now, bool caller_apart) {
    uint64_t total = 0;
    bool any = false;
    DIR *tasks = opendir("/proc/self/task");
    *now = nothing_known;
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        char path[300], text[128];
        uint64_t wait;
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", entry->d_name);
        if (!read_small(path, text, sizeof text)) continue;
        if (sscanf(text, "%*u %" SCNu64, &wait) != 1) continue;
        if (caller_apart && atoi(entry->d_name) == gettid())
            now->own_wait_ns = wait + thread_cpu_ns();
        total += wait;
        any = true;
    }
    if (tasks) closedir(tasks);
    if (any)
        now->run_queue_wait_ns = total;
    else
        read_switches(now, caller_apart);
}

static uint64_t read_steal(void) {
    char text[512];
    uint64_t steal;
    if (!read_small("/proc/stat", text, sizeof text) ||
        sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &steal) != 1)
        return EVIDENCE_UNAVAILABLE;
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    return ticks_per_second > 0 ? steal * (1000000000u / (uint64_t)ticks_per_second)
                                : EVIDENCE_UNAVAILABLE;
}

static uint64_t read_throttled(void) {
    static const char *const paths[] = {"/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[1024];
        if (!read_small(paths[i], text, sizeof text)) continue;
        const char *at = strstr(text, "nr_throttled ");
        if (at) return strtoull(at + strlen("nr_throttled "), NULL, 10);
    }
    return EVIDENCE_UNAVAILABLE;
}

void evidence_read(struct evidence *now, bool caller_apart) {
    evidence_read_waits(now, caller_apart);
    read_switches(now, caller_apart);
    now->steal_ns = read_steal();
    now->throttled = read_throttled();
}

static uint64_t difference(uint64_t before, uint64_t after) {
    if (before == EVIDENCE_UNAVAILABLE || after == EVIDENCE_UNAVAILABLE)
        return EVIDENCE_UNAVAILABLE;
    return after > before ? after - before : 0;
}

struct evidence evidence_difference(const struct evidence *before, const struct evidence *after) {
    return (struct evidence){
        .run_queue_wait_ns = difference(before->run_queue_wait_ns, after->run_queue_wait_ns),
        .own_wait_ns = difference(before->own_wait_ns, after->own_wait_ns),
        .involuntary_switches =
            difference(before->involuntary_switches, after->involuntary_switches),
        .voluntary_switches = difference(before->voluntary_switches, after->voluntary_switches),
        .own_switches = difference(before->own_switches, after->own_switches),
        .steal_ns = difference(before->steal_ns, after->steal_ns),
        .throttled = difference(before->throttled, after->throttled),
    };
}

static void move_on(uint64_t *start, uint64_t from, uint64_t to) {
    uint64_t grown = difference(from, to);
    if (grown != EVIDENCE_UNAVAILABLE && *start != EVIDENCE_UNAVAILABLE) *start += grown;
}

void evidence_leave_out(struct evidence *start, const struct evidence *from,
                        const struct evidence *to) {
    move_on(&start->run_queue_wait_ns, from->run_queue_wait_ns, to->run_queue_wait_ns);
    move_on(&start->own_wait_ns, from->own_wait_ns, to->own_wait_ns);
    move_on(&start->involuntary_switches, from->involuntary_switches, to->involuntary_switches);
    move_on(&start->own_switches, from->own_switches, to->own_switches);
}

static uint64_t less(uint64_t whole, uint64_t own) {
    if (whole == EVIDENCE_UNAVAILABLE || own == EVIDENCE_UNAVAILABLE) return whole;
    return whole > own ? whole - own : 0;
}

uint64_t evidence_foreign_wait_ns(const struct evidence *evidence) {
    return less(evidence->run_queue_wait_ns, evidence->own_wait_ns);
}

const char *evidence_taint(const struct evidence *evidence, uint64_t duration_ns, unsigned workers,
                           char *text, size_t size) {
    double duration = (double)duration_ns;
    if (evidence->throttled != EVIDENCE_UNAVAILABLE && evidence->throttled) {
        snprintf(text, size, "throttled in %" PRIu64 " periods of the CPU quota",
                 evidence->throttled);
        return text;
    }
    /* With more workers than processors waiting is the normal state; the share is of the time that
     * could have been run. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    bool may_wait = online <= 0 || workers > (unsigned)online;
    uint64_t wait_ns = evidence_foreign_wait_ns(evidence);
    bool wait_known = wait_ns != EVIDENCE_UNAVAILABLE;
    if (!may_wait && wait_known && (double)wait_ns > WAIT_LIMIT * duration * workers) {
        snprintf(text, size, "run-queue wait %.1f %% of worker time",
                 100.0 * (double)wait_ns / (duration * workers));
        return text;
    }
    /* A kernel without schedstat: a thread that was thrown off waited, nobody knows how long. */
    uint64_t switches = less(evidence->involuntary_switches, evidence->own_switches);
    if (!may_wait && !wait_known && switches != EVIDENCE_UNAVAILABLE && switches) {
        snprintf(text, size, "involuntary switches %" PRIu64 " (run-queue wait unknown)", switches);
        return text;
    }
    /* Steal is counted in ticks of 10 ms or so: one tick in a short sample proves nothing. */
    long ticks = sysconf(_SC_CLK_TCK);
    double tick_ns = ticks > 0 ? 1e9 / (double)ticks : 1e7;
    if (evidence->steal_ns != EVIDENCE_UNAVAILABLE &&
        (double)evidence->steal_ns > STEAL_LIMIT * duration + tick_ns) {
        snprintf(text, size, "steal %.1f %% of the sample",
                 100.0 * (double)evidence->steal_ns / duration);
        return text;
    }
    return NULL;
}

json_t *evidence_limits(void) {
    return json_pack("{s:f, s:f, s:i, s:i}", "run_queue_wait_share", WAIT_LIMIT, "steal_share",
                     STEAL_LIMIT, "throttled_periods", 0,
                     "involuntary_switches_without_run_queue_wait", 0);
}

static const struct {
    const char *name;
    size_t offset;
} members[] = {{"run_queue_wait_ns", offsetof(struct evidence, run_queue_wait_ns)},
               {"own_wait_ns", offsetof(struct evidence, own_wait_ns)},
               {"involuntary_switches", offsetof(struct evidence, involuntary_switches)},
               {"voluntary_switches", offsetof(struct evidence, voluntary_switches)},
               {"own_switches", offsetof(struct evidence, own_switches)},
               {"steal_ns", offsetof(struct evidence, steal_ns)},
               {"throttled_periods", offsetof(struct evidence, throttled)}};
enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

json_t *evidence_to_json(const struct evidence *evidence) {
    json_t *object = json_object();
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        uint64_t value = *(const uint64_t *)((const char *)evidence + members[i].offset);
        if (value != EVIDENCE_UNAVAILABLE)
            json_object_set_new(object, members[i].name, json_integer((json_int_t)value));
    }
    return object;
}

bool evidence_from_json(const json_t *object, struct evidence *evidence) {
    if (!json_is_object(object)) return false;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const json_t *value = json_object_get(object, members[i].name);
        *(uint64_t *)((char *)evidence + members[i].offset) =
            json_is_integer(value) ? (uint64_t)json_integer_value(value) : EVIDENCE_UNAVAILABLE;
    }
    return true;
}
