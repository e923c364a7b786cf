/* Stop and go on; see pipeline_once.h. The cursor counts rows that the consumer has had: batches
 * that were only prefetched are prepared again. It is written once a second and at the end, in one
 * step each time, so that what is on disk is whole even after a kill. */
#define _GNU_SOURCE
#include "harness/pipelines/pipeline_once.h"

#include "base/clock.h"
#include "base/file.h"
#include "harness/json_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static bool read_member(const json_t *json, const char *name, uint64_t *value) {
    const json_t *member = json_object_get(json, name);
    if (!json_is_integer(member) || json_integer_value(member) < 0) return false;
    *value = (uint64_t)json_integer_value(member);
    return true;
}

static bool read_cursor(const char *path, const struct pipeline_plan *plan, struct cursor *cursor,
                        struct error *error) {
    json_t *json = json_file_read(path, error);
    if (!json) return false;
    uint64_t file = 0, batch = 0, shuffle = 0;
    bool whole = read_member(json, "rows", &cursor->rows) && read_member(json, "file", &file) &&
                 read_member(json, "offset", &cursor->offset) &&
                 read_member(json, "block_row", &cursor->block_row) &&
                 read_member(json, "block_bytes", &batch) && read_member(json, "shuffle", &shuffle);
    json_decref(json);
    cursor->file = (unsigned)file;
    if (!whole)
        return error_set(error, "%s is not a cursor that 'grainbench pipeline' wrote", path);
    if (plan->path_count && file > plan->path_count)
        return error_set(error, "%s: the cursor is in file %llu, but %u are given", path,
                         (unsigned long long)file + 1, plan->path_count);
    if (batch != (uint64_t)plan->options.block_bytes ||
        shuffle != (uint64_t)plan->options.shuffle_rows)
        return error_set(error,
                         "%s: the cursor was written with --block %llu --shuffle %llu; give the "
                         "same",
                         path, (unsigned long long)batch, (unsigned long long)shuffle);
    return true;
}

static bool write_cursor(const char *path, const struct pipeline_plan *plan,
                         const struct cursor *cursor, bool finished, struct error *error) {
    json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "rows",
                             (json_int_t)cursor->rows, "file", (json_int_t)cursor->file, "offset",
                             (json_int_t)cursor->offset, "block_row", (json_int_t)cursor->block_row,
                             "block_bytes", (json_int_t)plan->options.block_bytes, "shuffle",
                             (json_int_t)plan->options.shuffle_rows, "finished", finished);
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    bool written = text ? file_write(path, text, strlen(text), error)
                        : error_set(error, "out of memory for the cursor");
    free(text);
    json_decref(json);
    return written;
}

/* ---- while it runs */

static volatile sig_atomic_t asked_to_stop;

static void ask_to_stop(int signal_number) {
    (void)signal_number;
    asked_to_stop = 1;
}

/* The first interrupt stops behind the batch in use; a second one ends the program at once. */
static void watch_signals(void) {
    struct sigaction action = {.sa_handler = ask_to_stop,
                               .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct progress {
    const struct pipeline_plan *plan;
    const char *cursor; /* where to write, or NULL */
    uint64_t written_ns;
    bool failed;
    struct error error;
};

static bool go_on(void *context, const struct cursor *delivered) {
    struct progress *progress = context;
    if (progress->cursor && clock_now_ns() - progress->written_ns > 1000000000) {
        progress->failed =
            !write_cursor(progress->cursor, progress->plan, delivered, false, &progress->error);
        progress->written_ns = clock_now_ns();
    }
    return !asked_to_stop && !progress->failed;
}

static double resident_maximum_mb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024 / 1e6;
}

static void print(const struct pipeline_plan *plan, const struct pipeline_result *result,
                  uint64_t first, FILE *out) {
    fprintf(out, "pipeline     %s\n", result->composition.text);
    fprintf(out, "delivered    %llu rows in %llu batches, rows %llu to %llu; %s\n",
            (unsigned long long)result->rows, (unsigned long long)result->batches,
            (unsigned long long)first + 1, (unsigned long long)(first + result->rows),
            result->finished ? "the input ended"
            : asked_to_stop  ? "stopped by a signal"
                             : "stopped");
    if (plan->path_count)
        fprintf(out, "ids digest   %016llx, factor %016llx; %llu tokens\n",
                (unsigned long long)result->digest.value, (unsigned long long)result->digest.factor,
                (unsigned long long)result->tokens);
    fprintf(out, "time         %.3f s; %.0f rows/s; first batch after %.2f ms\n",
            (double)result->total_ns / 1e9, (double)result->rows * 1e9 / (double)result->total_ns,
            (double)result->first_batch_ns / 1e6);
    fprintf(out,
            "alive        at most %u batches of %u allowed; %.2f MB in use, %.2f MB in blocks; the "
            "process %.1f MB\n",
            result->live_maximum, result->live_allowed, (double)result->bytes_maximum / 1e6,
            (double)result->pinned_maximum / 1e6, resident_maximum_mb());
}

bool pipeline_once_run(const struct pipeline_plan *plan, const struct pipeline_once *once,
                       FILE *out, struct error *error) {
    struct pipeline_setup setup = plan->arms[0].setup;
    struct pipeline_result result;
    setup.stop_after = once->stop_after;
    if (once->resume && !read_cursor(once->resume, plan, &setup.start, error)) return false;
    struct progress progress = {.plan = plan, .cursor = once->cursor};
    progress.written_ns = clock_now_ns();
    setup.go_on = go_on;
    setup.go_on_context = &progress;
    watch_signals();
    bool done = pipeline_run(&setup, &result, error);
    if (done && progress.failed) done = error_set(error, "%s", progress.error.message);
    if (done) print(plan, &result, setup.start.rows, out);
    if (done && once->cursor)
        done = write_cursor(once->cursor, plan, &result.cursor, result.finished, error);
    pipeline_result_free(&result);
    return done;
}
