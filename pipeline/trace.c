/* Chrome traces; see trace.h. Format: "Trace Event Format", complete events ("ph": "X"), times in
 * microseconds. */
#define _GNU_SOURCE
#include "pipeline/trace.h"

#include "base/draft.h"

#include <inttypes.h>
#include <stdlib.h>

struct trace {
    FILE *file;
    struct file_draft draft;
    int process;
    bool any;
};

struct trace *trace_create(const char *path, struct error *error) {
    struct trace *trace = calloc(1, sizeof *trace);
    bool begun = trace && file_draft_open(&trace->draft, path, NULL);
    if (begun) trace->file = fdopen(trace->draft.descriptor, "w");
    if (!begun || !trace->file) {
        error_set_errno(error, "%s: cannot be written", path);
        if (begun) file_draft_drop(&trace->draft);
        free(trace);
        return NULL;
    }
    fputs("[", trace->file);
    return trace;
}

static void name_it(struct trace *trace, const char *kind, int thread, const char *name) {
    fprintf(trace->file,
            "%s\n{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}}",
            trace->any ? "," : "", kind, trace->process, thread, name);
    trace->any = true;
}

static void add_account(struct trace *trace, struct recorder *recorder,
                        const struct account *account, int thread, uint64_t start_ns) {
    name_it(trace, "thread_name", thread, account->name);
    for (size_t i = 0; i < account->interval_count; i++) {
        const struct recorded_interval *interval = &account->intervals[i];
        fprintf(
            trace->file,
            ",\n{\"ph\":\"X\",\"name\":\"%s%s%s\",\"cat\":\"%s\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,"
            "\"dur\":%.3f,\"args\":{\"item\":%" PRIu64 "}}",
            recorder_stage_name(recorder, interval->stage),
            interval->activity == ACTIVITY_BUSY ? "" : " ",
            interval->activity == ACTIVITY_BUSY ? "" : activity_names[interval->activity],
            activity_names[interval->activity], trace->process, thread,
            (double)(interval->start_ns - start_ns) / 1e3,
            (double)(interval->end_ns - interval->start_ns) / 1e3, interval->sequence);
    }
}

void trace_add(struct trace *trace, struct recorder *recorder, const char *name) {
    uint64_t start_ns = UINT64_MAX;
    for (struct account *a = recorder_accounts(recorder); a; a = a->next)
        if (a->start_ns < start_ns) start_ns = a->start_ns;
    trace->process++;
    name_it(trace, "process_name", 0, name);
    int thread = 0;
    for (struct account *a = recorder_accounts(recorder); a; a = a->next)
        add_account(trace, recorder, a, ++thread, start_ns);
}

bool trace_finish(struct trace *trace, struct error *error) {
    fputs("\n]\n", trace->file);
    bool written = ferror(trace->file) == 0;
    trace->draft.descriptor = -1; /* closed with the stream */
    written = fclose(trace->file) == 0 && written;
    if (!written) error_set(error, "%s: cannot be written", trace->draft.target);
    written = written && file_draft_publish(&trace->draft, error);
    file_draft_drop(&trace->draft);
    free(trace);
    return written;
}

void trace_abandon(struct trace *trace) {
    if (!trace) return;
    trace->draft.descriptor = -1;
    fclose(trace->file);
    file_draft_drop(&trace->draft);
    free(trace);
}
