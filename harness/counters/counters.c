/* Counter groups; see counters.h. */
#define _GNU_SOURCE
#include "harness/counters/counters.h"

#include "base/file.h"
#include "harness/counters/counter_page.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const counter_software_names[] = {"task-clock",  "context-switches", "cpu-migrations",
                                              "page-faults", "futex-calls",      NULL};

static bool read_tracepoint(const char *name, uint64_t *id) {
    static const char *const folders[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[256], *text;
        size_t size;
        snprintf(path, sizeof path, "%s/events/%s/id", folders[i], name);
        if (!file_read(path, &text, &size, NULL)) continue;
        *id = strtoull(text, NULL, 10);
        free(text);
        return true;
    }
    return false;
}

/* Root sees tracefs where it is mounted; others see an empty or closed folder either way. */
static const char *why_no_tracepoint(void) {
    if (access("/sys/kernel/tracing/events", F_OK) == 0 ||
        access("/sys/kernel/debug/tracing/events", F_OK) == 0)
        return "tracefs is mounted, but does not have it or may be read by root alone";
    return geteuid() == 0 ? "tracefs is not mounted (mount -t tracefs tracefs /sys/kernel/tracing)"
                          : "tracefs is not mounted, or may be read by root alone";
}

static bool resolve_fixed(const char *name, struct event_encoding *encoding) {
    static const struct {
        const char *name;
        uint32_t type;
        uint64_t config;
    } fixed[] = {
        {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
        {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
        {"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
        {"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
        {"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
        {"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(name, fixed[i].name) == 0) {
            *encoding = (struct event_encoding){.type = fixed[i].type, .config = fixed[i].config};
            return true;
        }
    return false;
}

/* "r1f25": letters and digits of a hexadecimal number after an r. */
static bool resolve_raw(const char *name, struct event_encoding *encoding) {
    if (name[0] != 'r' || strspn(name + 1, "0123456789abcdefABCDEF") != strlen(name + 1) ||
        !name[1])
        return false;
    *encoding =
        (struct event_encoding){.type = PERF_TYPE_RAW, .config = strtoull(name + 1, NULL, 16)};
    return true;
}

bool counter_resolve(const char *name, const struct event_table *table, struct counter_event *event,
                     struct error *error) {
    char bare[sizeof event->name];
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof bare)
        return error_set(error, "'%s' is no event name", name);
    *event = (struct counter_event){0};
    memcpy(event->name, name, length + 1);
    memcpy(bare, name, length + 1);
    bool user = length > 2 && strcmp(name + length - 2, ":u") == 0;
    if (user) bare[length - 2] = 0;
    const struct event *row = table ? event_find(table, bare) : NULL;
    if (row) {
        event->event = row;
        event->encoding = (struct event_encoding){.type = PERF_TYPE_RAW, .config = row->config};
    } else if (strcmp(bare, "futex-calls") == 0) {
        event->encoding.type = PERF_TYPE_TRACEPOINT;
        if (!read_tracepoint("syscalls/sys_enter_futex", &event->encoding.config))
            return error_set(error,
                             "futex-calls: the tracepoint sys_enter_futex cannot be read: %s",
                             why_no_tracepoint());
        return true;
    } else if (!resolve_fixed(bare, &event->encoding) && !resolve_raw(bare, &event->encoding)) {
        return event_encode(name, &event->encoding, error);
    }
    if (user) event->encoding.exclude_kernel = event->encoding.exclude_hypervisor = true;
    return true;
}

int counter_paranoid_level(void) {
    char *text;
    size_t size;
    if (!file_read("/proc/sys/kernel/perf_event_paranoid", &text, &size, NULL)) return -2;
    int level = atoi(text);
    free(text);
    return level;
}

void counter_explain_failure(int code, const char *name, struct error *error) {
    switch (code) {
    case ENOENT:
    case EOPNOTSUPP:
    case ENODEV:
        error_set(error,
                  "%s: the kernel offers no hardware counters here (a virtual machine without a "
                  "PMU?)",
                  name);
        break;
    case EACCES:
        error_set(error,
                  "%s: not permitted; kernel.perf_event_paranoid is %d, ask for 1 or less or for "
                  "CAP_PERFMON",
                  name, counter_paranoid_level());
        break;
    case EPERM:
    case ENOSYS:
        error_set(error,
                  "%s: perf_event_open is blocked (a container's seccomp filter or an emulator); "
                  "give the container CAP_PERFMON",
                  name);
        break;
    case EINVAL:
        error_set(error, "%s: the kernel refuses this event or this many events in a group", name);
        break;
    default:
        error_set(error, "%s: perf_event_open: %s", name, strerror(code));
    }
}

static int open_event(const struct counter_event *event, pid_t thread, int leader, bool user_only) {
    struct perf_event_attr attribute = {
        .size = sizeof attribute,
        .type = event->encoding.type,
        .config = event->encoding.config,
        .config1 = event->encoding.config1,
        .config2 = event->encoding.config2,
        .disabled = leader < 0,
        .exclude_user = event->encoding.exclude_user,
        .exclude_kernel = user_only || event->encoding.exclude_kernel,
        .exclude_hv = 1,
        .read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED |
                       PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    return (int)syscall(SYS_perf_event_open, &attribute, thread, -1, leader, PERF_FLAG_FD_CLOEXEC);
}

static int open_all(struct counter_group *group, const struct counter_event *events, size_t count,
                    pid_t thread, bool user_only, size_t *failed) {
    group->count = 0;
    group->user_only = user_only;
    for (size_t i = 0; i < count; i++) {
        int leader = i ? group->descriptors[0] : -1;
        int descriptor = open_event(&events[i], thread, leader, user_only);
        if (descriptor < 0) {
            int code = errno;
            *failed = i;
            counter_group_close(group);
            return code;
        }
        group->descriptors[group->count++] = descriptor;
    }
    return 0;
}

bool counter_group_open(struct counter_group *group, const struct counter_event *events,
                        size_t count, pid_t thread, struct error *error) {
    size_t failed = 0;
    *group = (struct counter_group){.thread = thread ? thread : gettid()};
    if (count == 0 || count > COUNTER_GROUP_LIMIT)
        return error_set(error, "a group has 1 to %d events, not %zu", COUNTER_GROUP_LIMIT, count);
    int code = open_all(group, events, count, thread, false, &failed);
    if (code == EACCES) code = open_all(group, events, count, thread, true, &failed);
    if (code == 0) {
        for (size_t i = 0; i < count; i++)
            group->pages[i] = counter_page_map(group->descriptors[i]);
        return true;
    }
    counter_explain_failure(code, events[failed].name, error);
    return false;
}

void counter_group_start(struct counter_group *group) {
    if (group->count) ioctl(group->descriptors[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

void counter_group_stop(struct counter_group *group) {
    if (group->count) ioctl(group->descriptors[0], PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP);
}

bool counter_group_has_rdpmc(const struct counter_group *group) {
    for (size_t i = 0; i < group->count; i++)
        if (!group->pages[i]) return false;
    return group->count > 0;
}

static bool read_pages(const struct counter_group *group, struct counter_raw *raw) {
    if (!counter_group_has_rdpmc(group)) return false;
    for (size_t i = 0; i < group->count; i++) {
        struct counter_page_reading reading;
        if (!counter_page_read(group->pages[i], &counter_page_processor, &reading)) return false;
        raw->values[i] = reading.value;
        if (i) continue; /* a group counts together: the leader's times are everyone's */
        raw->enabled_ns = reading.enabled_ns;
        raw->running_ns = reading.running_ns;
    }
    return true;
}

bool counter_group_read_raw(const struct counter_group *group, bool own, struct counter_raw *raw) {
    struct {
        uint64_t count, enabled, running;
        struct {
            uint64_t value, id;
        } events[COUNTER_GROUP_LIMIT];
    } kernel;
    if (own && read_pages(group, raw)) return true;
    ssize_t got = group->count ? read(group->descriptors[0], &kernel, sizeof kernel) : -1;
    if (got < (ssize_t)(3 * sizeof(uint64_t)) || kernel.count != group->count) return false;
    raw->enabled_ns = kernel.enabled;
    raw->running_ns = kernel.running;
    for (size_t i = 0; i < group->count; i++)
        raw->values[i] = kernel.events[i].value;
    return true;
}

bool counter_group_read(const struct counter_group *group, struct counter_reading *reading,
                        struct error *error) {
    struct counter_raw raw;
    if (!counter_group_read_raw(group, false, &raw))
        return error_set(error, "the kernel stopped counting: the group does not fit the "
                                "processor's counters");
    *reading = (struct counter_reading){
        .count = group->count, .enabled_ns = raw.enabled_ns, .running_ns = raw.running_ns};
    reading->running_ratio = raw.enabled_ns ? (double)raw.running_ns / (double)raw.enabled_ns : 0;
    for (size_t i = 0; i < group->count; i++)
        reading->values[i] =
            reading->running_ratio > 0 ? (double)raw.values[i] / reading->running_ratio : 0;
    return true;
}

void counter_group_close(struct counter_group *group) {
    for (size_t i = group->count; i-- > 0;) {
        counter_page_unmap(group->pages[i]);
        close(group->descriptors[i]);
    }
    group->count = 0;
}
