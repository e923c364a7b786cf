/* The matrix; see scenarios.h. Items know their order, sources and items are counted while alive.
 */
#define _GNU_SOURCE
#include "scenarios.h"
#include "pipeline/executor.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum shape { SHAPE_THREAD, SHAPE_POOL, SHAPE_NESTED, SHAPES };
enum stop { STOP_CLOSE, STOP_INTERRUPT, STOPS };

struct scenario {
    enum shape shape;
    unsigned depth;
    int items;
    int source_error;    /* the source fails instead of item k; -1: never */
    int transform_error; /* the transform fails at item k; -1: never */
    int stop_at;         /* the consumer stops before item k; -1: never */
    enum stop stop;
    int segment; /* items a segment; 0: none */
};

static atomic_int items_alive, items_alive_maximum, sources_alive, items_pulled;
static char complaint[512];
static char current[256]; /* the scenario that runs, for the report of a hang */

static bool complain(const struct scenario *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void describe(const struct scenario *s) {
    snprintf(current, sizeof current,
             "shape %d depth %u items %d source error %d transform error %d stop %d (kind %d) "
             "segment %d: ",
             s->shape, s->depth, s->items, s->source_error, s->transform_error, s->stop_at, s->stop,
             s->segment);
}

static bool complain(const struct scenario *s, const char *format, ...) {
    describe(s);
    int length = snprintf(complaint, sizeof complaint, "%s", current);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint + length, sizeof complaint - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- a source of numbered items */

struct source {
    struct iterator iterator;
    const struct scenario *scenario;
    int next;
    atomic_bool stop;
};

static void release_item(struct item *item) {
    atomic_fetch_sub(&items_alive, 1);
    free(item);
}

static struct item *make_item(const struct scenario *s, int index) {
    struct item *item = calloc(1, sizeof *item);
    item->sequence = (uint64_t)index;
    item->segment_end = s->segment && (index + 1) % s->segment == 0;
    item->release = release_item;
    int alive = atomic_fetch_add(&items_alive, 1) + 1, most = atomic_load(&items_alive_maximum);
    while (alive > most && !atomic_compare_exchange_weak(&items_alive_maximum, &most, alive)) {
    }
    atomic_store(&items_pulled, index + 1);
    return item;
}

static enum iterator_status source_next(struct iterator *iterator, struct item **item,
                                        struct failure *failure) {
    struct source *source = (struct source *)iterator;
    if (atomic_load(&source->stop)) return ITERATOR_CANCELLED;
    if (source->next == source->scenario->source_error)
        return failure_set(failure, "source", (uint64_t)source->next, FAILURE_INPUT, "planted");
    if (source->next >= source->scenario->items) return ITERATOR_END;
    *item = make_item(source->scenario, source->next++);
    return ITERATOR_OK;
}

static void source_interrupt(struct iterator *iterator) {
    atomic_store(&((struct source *)iterator)->stop, true);
}

static void source_close(struct iterator *iterator) {
    atomic_fetch_sub(&sources_alive, 1);
    free(iterator);
}

static struct iterator *make_source(const struct scenario *s) {
    static const struct iterator_operations operations = {"source", source_next, source_interrupt,
                                                          source_close};
    struct source *source = calloc(1, sizeof *source);
    source->iterator.operations = &operations;
    source->scenario = s;
    atomic_init(&source->stop, false);
    atomic_fetch_add(&sources_alive, 1);
    return &source->iterator;
}

/* ---- transforms: of uneven duration, the first of a chain fails on request */

static bool apply(void *shared, void *scratch, struct item *item, struct failure *failure) {
    (void)scratch;
    const struct scenario *s = shared;
    long nap_ns = (long)(item->sequence * 7919 % 30) * 1000;
    if (s->shape != SHAPE_THREAD) nanosleep(&(struct timespec){0, nap_ns}, NULL);
    if (s->transform_error < 0 || item->sequence != (uint64_t)s->transform_error) return true;
    failure_set(failure, "format", item->sequence, FAILURE_TRANSFORM, "planted");
    return false;
}

static struct iterator *wrap(struct iterator *upstream, const struct transform *transform,
                             unsigned depth, unsigned workers) {
    struct executor_setup setup = {
        .name = "test", .depth = depth, .workers = workers, .transform = transform};
    if (depth % 2) setup.spin_ns = 5000; /* both ways of waiting */
    struct error error;
    struct iterator *iterator = executor_create(upstream, &setup, &error);
    if (iterator) return iterator;
    fprintf(stderr, "%s\n", error.message);
    abort();
}

static struct iterator *make_shape(const struct scenario *s, const struct transform *transform) {
    struct iterator *source = make_source(s);
    struct error error;
    switch (s->shape) {
    case SHAPE_THREAD:
        return wrap(transform_iterator(source, transform, &error), NULL, s->depth, 1);
    case SHAPE_POOL:
        return wrap(source, transform, s->depth, 3);
    default:
        source = wrap(source, NULL, s->depth, 1);
        source = wrap(source, transform, s->depth ? s->depth + 1 : 0, 3);
        return wrap(source, NULL, s->depth, 1);
    }
}

static int most_alive_allowed(const struct scenario *s) {
    int depth = (int)s->depth;
    if (s->shape != SHAPE_NESTED || depth == 0) return depth + 1;
    return depth + (depth + 1) + depth + 1;
}

/* ---- one scenario */

/* How many items arrive if nobody stops, and what ends them. */
static int expected_items(const struct scenario *s, enum iterator_status *end) {
    int count = s->items;
    *end = ITERATOR_END;
    if (s->source_error >= 0 && s->source_error <= count) {
        count = s->source_error;
        *end = ITERATOR_ERROR;
    }
    if (s->transform_error >= 0 && s->transform_error < count) {
        count = s->transform_error;
        *end = ITERATOR_ERROR;
    }
    return count;
}

static bool segment_is_kept(const struct scenario *s, int received) {
    if (!s->segment || s->depth == 0 || s->shape == SHAPE_NESTED) return true;
    int end = ((received - 1) / s->segment + 1) * s->segment;
    return atomic_load(&items_pulled) <= end;
}

static bool check_end(const struct scenario *s, struct iterator *iterator, int received,
                      enum iterator_status status) {
    enum iterator_status end;
    int expected = expected_items(s, &end);
    struct item *item;
    struct failure failure = {0};
    if (received != expected) return complain(s, "%d items instead of %d", received, expected);
    if (status != end) return complain(s, "ended with %d instead of %d", status, end);
    if (iterator_next(iterator, &item, &failure) != end) return complain(s, "the end did not stay");
    if (end == ITERATOR_ERROR && failure.sequence != (uint64_t)expected)
        return complain(s, "the failure names item %d", (int)failure.sequence);
    return true;
}

static bool consume(const struct scenario *s, struct iterator *iterator) {
    int received = 0;
    struct item *item;
    struct failure failure;
    for (;;) {
        if (received == s->stop_at) {
            if (s->stop == STOP_CLOSE) return true;
            iterator_interrupt(iterator);
            while (iterator_next(iterator, &item, &failure) == ITERATOR_OK)
                item_release(item);
            return true;
        }
        enum iterator_status status = iterator_next(iterator, &item, &failure);
        if (status != ITERATOR_OK) return check_end(s, iterator, received, status);
        bool in_order = item->sequence == (uint64_t)received;
        received++;
        bool kept = segment_is_kept(s, received);
        item_release(item);
        if (!in_order) return complain(s, "item %d is not in order", received - 1);
        if (!kept) return complain(s, "ran ahead of a segment's end");
    }
}

static bool run_scenario(const struct scenario *s) {
    const struct transform transform = {.name = "format", .shared = (void *)s, .apply = apply};
    atomic_store(&items_alive_maximum, 0);
    atomic_store(&items_pulled, 0);
    struct iterator *iterator = make_shape(s, &transform);
    bool held = consume(s, iterator);
    iterator_close(iterator);
    if (!held) return false;
    if (atomic_load(&items_alive)) return complain(s, "items were not released");
    if (atomic_load(&sources_alive)) return complain(s, "the source was not closed");
    if (atomic_load(&items_alive_maximum) > most_alive_allowed(s))
        return complain(s, "%d items alive, %d allowed", atomic_load(&items_alive_maximum),
                        most_alive_allowed(s));
    return true;
}

/* ---- the matrix */

static unsigned patience;

static void hangs(int signal_number) {
    (void)signal_number;
    static const char word[] = "hang: ";
    if (write(STDERR_FILENO, word, sizeof word - 1) < 0 ||
        write(STDERR_FILENO, current, strlen(current)) < 0)
        _exit(SCENARIO_HANGS + 1);
    _exit(SCENARIO_HANGS);
}

static bool run_in_time(const struct scenario *s) {
    describe(s);
    alarm(patience);
    bool held = run_scenario(s);
    alarm(0);
    return held;
}

static bool run_stops(struct scenario s, size_t *count) {
    for (s.stop_at = -1; s.stop_at <= s.items + 1; s.stop_at++)
        for (s.stop = 0; s.stop < (s.stop_at < 0 ? 1 : STOPS); s.stop++) {
            if (!run_in_time(&s)) return false;
            ++*count;
        }
    return true;
}

static bool run_errors(struct scenario s, size_t *count) {
    s.source_error = s.transform_error = -1;
    if (!run_stops(s, count)) return false;
    for (s.source_error = 0; s.source_error <= s.items; s.source_error++)
        if (!run_stops(s, count)) return false;
    s.source_error = -1;
    for (s.transform_error = 0; s.transform_error < s.items; s.transform_error++)
        if (!run_stops(s, count)) return false;
    return true;
}

const char *scenarios_run(int step, unsigned patience_s, size_t *count) {
    *count = 0;
    patience = patience_s;
    signal(SIGALRM, hangs);
    struct scenario s = {0};
    for (s.shape = 0; s.shape < SHAPES; s.shape++)
        for (s.depth = 0; s.depth <= 4; s.depth++)
            for (s.items = 0; s.items <= 9; s.items += step) {
                s.segment = s.items % 2 ? 3 : 0;
                if (!run_errors(s, count)) return complaint;
            }
    return NULL;
}
