/* Devices that take a chosen time: sleep, spin, memory, and replay of recorded durations. A short
 * batch takes its share of the time of a full one. */
#include "pipeline/cost.h"
#include "pipeline/device.h"
#include "pipeline/traffic.h"

#include "base/file.h"
#include <stdlib.h>

struct timed {
    struct cost cost; /* per row */
    double copy_ns;
    double batch_rows;
    double *durations_ns; /* replay: per batch, used round and round */
    size_t duration_count;
};

struct timed_options {
    double us, cv, copy_us;
    int64_t seed;
};

#define FIELD(name) offsetof(struct timed_options, name)
static const struct grainbench_option timed_options[] = {
    {"us", 0, GRAINBENCH_OPTION_REAL, FIELD(us), "US", "1000", NULL, 0, 1e9,
     "time of a full batch in microseconds"},
    {"cv", 0, GRAINBENCH_OPTION_REAL, FIELD(cv), "X", "0", NULL, 0, 10,
     "coefficient of variation between batches, lognormal"},
    {"copy_us", 0, GRAINBENCH_OPTION_REAL, FIELD(copy_us), "US", "0", NULL, 0, 1e9,
     "time of copying a batch to the device, as a finalize stage of its own"},
    {"seed", 0, GRAINBENCH_OPTION_INTEGER, FIELD(seed), "N", "7", NULL, 0, 1e15,
     "seed of the variation"},
    {0}};

static struct timed *create(const struct device_setup *setup, enum cost_kind kind, double us,
                            struct error *error) {
    struct timed *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(error, "out of memory for a consumer");
        return NULL;
    }
    self->batch_rows = setup->batch_rows ? (double)setup->batch_rows : 1;
    self->cost = (struct cost){.kind = kind, .ns_per_row = us * 1e3 / self->batch_rows};
    if (kind == COST_SPIN) cost_calibrate();
    return self;
}

static void *create_timed(const struct device_setup *setup, const struct timed_options *options,
                          enum cost_kind kind, struct error *error) {
    struct timed *self = create(setup, kind, options->us * setup->scale, error);
    if (!self) return NULL;
    self->cost.variation = options->cv;
    self->cost.seed = (uint64_t)options->seed;
    self->copy_ns = options->copy_us * setup->scale * 1e3;
    return self;
}

static void *create_sleep(const struct device_setup *setup, const void *options,
                          struct error *error) {
    return create_timed(setup, options, COST_SLEEP, error);
}

static void *create_spin(const struct device_setup *setup, const void *options,
                         struct error *error) {
    return create_timed(setup, options, COST_SPIN, error);
}

static void *create_memory(const struct device_setup *setup, const void *options,
                           struct error *error) {
    if (traffic_calibrate()) return create_timed(setup, options, COST_MEMORY, error);
    error_set(error, "out of memory for the %zu MiB that consumer memory copies in",
              traffic_area_bytes() >> 20);
    return NULL;
}

static void destroy(void *device) {
    struct timed *self = device;
    free(self->durations_ns);
    free(self);
}

static double requested_ns(void *device, const struct batch *batch) {
    struct timed *self = device;
    double rows = (double)batch->item.row_count;
    if (!self->duration_count) return cost_ns(&self->cost, batch->item.sequence, rows);
    return self->durations_ns[batch->item.sequence % self->duration_count];
}

static bool consume(void *device, struct batch *batch, struct error *error) {
    struct timed *self = device;
    (void)error;
    if (self->cost.kind == COST_SLEEP)
        cost_sleep(requested_ns(device, batch)); /* replayed durations sleep too */
    else
        cost_run(&self->cost, batch->item.sequence, (double)batch->item.row_count);
    return true;
}

static bool has_finalize(void *device) {
    return ((struct timed *)device)->copy_ns > 0;
}

static bool finalize(void *device, struct batch *batch, struct error *error) {
    (void)batch, (void)error;
    cost_sleep(((struct timed *)device)->copy_ns);
    return true;
}

struct replay_options {
    const char *file;
    double scale;
};

static const struct grainbench_option replay_options[] = {
    {"file", 0, GRAINBENCH_OPTION_TEXT, offsetof(struct replay_options, file), "FILE", NULL, NULL,
     0, 0, "durations in microseconds, one a line"},
    {"scale", 0, GRAINBENCH_OPTION_REAL, offsetof(struct replay_options, scale), "X", "1", NULL,
     1e-6, 1e6, "what every duration is multiplied by"},
    {0}};

/* Parses one number a line; empty lines and lines that begin with '#' are left out. */
static bool parse_durations(struct timed *self, const char *path, char *text, double scale,
                            struct error *error) {
    size_t line = 0, capacity = 0;
    for (char *at = text, *next; *at; at = next) {
        char *line_end = at, *end;
        while (*line_end && *line_end != '\n')
            line_end++;
        next = *line_end ? line_end + 1 : line_end;
        *line_end = 0;
        line++;
        if (!*at || *at == '#' || *at == '\r') continue;
        double us = strtod(at, &end);
        if (end == at || (*end && *end != '\r' && *end != ' ') || !(us >= 0 && us <= 1e9))
            return error_set(error, "%.200s: line %zu: '%.40s' is not a duration in microseconds",
                             path, line, at);
        if (self->duration_count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            double *grown = realloc(self->durations_ns, capacity * sizeof *grown);
            if (!grown) return error_set(error, "out of memory for %.200s", path);
            self->durations_ns = grown;
        }
        self->durations_ns[self->duration_count++] = us * 1e3 * scale;
    }
    return self->duration_count || error_set(error, "%.200s holds no durations", path);
}

static void *create_replay(const struct device_setup *setup, const void *chosen,
                           struct error *error) {
    const struct replay_options *options = chosen;
    if (!options->file) {
        error_set(error, "consumer replay needs file=FILE, durations in microseconds, one a line");
        return NULL;
    }
    char *text;
    size_t size;
    if (!file_read(options->file, &text, &size, error)) return NULL;
    struct timed *self = create(setup, COST_SLEEP, 0, error);
    bool parsed =
        self && parse_durations(self, options->file, text, options->scale * setup->scale, error);
    free(text);
    if (parsed) return self;
    if (self) destroy(self);
    return NULL;
}

extern const struct device_operations device_sleep, device_spin, device_memory, device_replay;

const struct device_operations device_sleep = {
    .name = "sleep",
    .summary = "sleeps; uses no processor",
    .honest_for =
        "an accelerator that is busy while its host thread waits; not for launch overhead, "
        "memory traffic, or stages below 500 us",
    .options = timed_options,
    .options_size = sizeof(struct timed_options),
    .create = create_sleep,
    .destroy = destroy,
    .consume = consume,
    .requested_ns = requested_ns,
    .has_finalize = has_finalize,
    .finalize = finalize,
};

const struct device_operations device_spin = {
    .name = "spin",
    .summary = "does a fixed amount of work, calibrated once",
    .honest_for =
        "a model on a core of its own; contention shows as it should; not for accelerators",
    .options = timed_options,
    .options_size = sizeof(struct timed_options),
    .create = create_spin,
    .destroy = destroy,
    .consume = consume,
    .requested_ns = requested_ns,
    .has_finalize = has_finalize,
    .finalize = finalize,
    .uses_processor = true,
};

const struct device_operations device_memory = {
    .name = "memory",
    .summary = "copies a fixed number of bytes that no cache holds, calibrated once",
    .honest_for =
        "a model on the CPU whose speed is that of the memory, beside stages that use it too; not "
        "for accelerators",
    .options = timed_options,
    .options_size = sizeof(struct timed_options),
    .create = create_memory,
    .destroy = destroy,
    .consume = consume,
    .requested_ns = requested_ns,
    .has_finalize = has_finalize,
    .finalize = finalize,
    .uses_processor = true,
};

const struct device_operations device_replay = {
    .name = "replay",
    .summary = "sleeps for durations read from a file",
    .honest_for = "reproducing a trace taken elsewhere",
    .options = replay_options,
    .options_size = sizeof(struct replay_options),
    .create = create_replay,
    .destroy = destroy,
    .consume = consume,
    .requested_ns = requested_ns,
};
