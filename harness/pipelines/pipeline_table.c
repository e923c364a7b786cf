/* Prints pipeline experiments; see pipeline_table.h. */
#include "harness/pipelines/pipeline_table.h"
#include "pipeline/cores.h"
#include "results/tables/table.h"

#include <math.h>
#include <string.h>

/* One column a run; `titles` has room for all and outlives the grid. */
static struct grid *make_grid(const struct pipeline_plan *plan,
                              const char *titles[PIPELINE_ARMS + 3]) {
    size_t count = 0;
    titles[count++] = "<";
    titles[count++] = "<";
    for (unsigned i = 0; i < plan->arm_count; i++)
        titles[count++] = plan->arms[i].label;
    titles[count] = NULL;
    return grid_create(titles);
}

static bool is_empty(const struct pipeline_experiment *experiment, int metric) {
    for (unsigned i = 0; i < experiment->plan->arm_count; i++)
        if (!isnan(experiment->arms[i].medians[metric])) return false;
    return true;
}

static void add_metric(struct grid *grid, const struct pipeline_experiment *experiment,
                       int metric) {
    const struct pipeline_metric_text *text = &pipeline_metric_texts[metric];
    bool streaming_model = metric == PIPELINE_METRIC_model_s && experiment->plan->options.mode == 1;
    grid_add(grid, "%s", streaming_model ? "model of total" : text->title);
    grid_add(grid, "%s", text->unit);
    for (unsigned i = 0; i < experiment->plan->arm_count; i++) {
        double value = experiment->arms[i].medians[metric];
        if (isnan(value))
            grid_add(grid, "n/a");
        else
            grid_add(grid, "%.*f", text->decimals, value);
    }
}

static const struct comparison *find_comparison(const struct verdicts *verdicts, unsigned arm) {
    for (size_t i = 0; i < verdicts->count; i++)
        if (verdicts->comparisons[i].patched == arm) return &verdicts->comparisons[i];
    return NULL;
}

/* Three rows: change of throughput, its interval, the verdict. */
static void add_changes(struct grid *grid, const struct pipeline_plan *plan,
                        const struct verdicts *verdicts, bool total) {
    for (int row = 0; row < 3; row++) {
        static const char *const titles[] = {"change of", "95 % interval", "verdict"};
        grid_add(grid, "%s%s%s", titles[row],
                 row     ? ""
                 : total ? " total"
                         : " predict",
                 row ? "" : " rate");
        grid_add(grid, "%s", "");
        for (unsigned i = 0; i < plan->arm_count; i++) {
            const struct comparison *comparison =
                find_comparison(verdicts, pipeline_record_arm(plan, i, total));
            char text[64] = "";
            if (comparison && row == 0) text_of_change(comparison->change, text, sizeof text);
            if (comparison && row == 1) text_of_interval(&comparison->series, text, sizeof text);
            grid_add(grid, "%s",
                     comparison && row == 2 ? verdict_names[comparison->verdict] : text);
        }
    }
}

static bool print_metrics(const struct pipeline_experiment *experiment,
                          const struct verdicts *verdicts, enum grid_format format, FILE *out,
                          struct error *error) {
    const char *titles[PIPELINE_ARMS + 3];
    struct grid *grid = make_grid(experiment->plan, titles);
    if (!grid) return error_set(error, "out of memory for the table");
    for (int metric = 0; metric < PIPELINE_METRIC_COUNT; metric++) {
        if (metric == PIPELINE_METRIC_read_rate || metric == PIPELINE_METRIC_model_s)
            grid_gap(grid);
        if (metric == PIPELINE_METRIC_model_s) {
            if (experiment->plan->options.mode == 0)
                add_changes(grid, experiment->plan, verdicts, false);
            add_changes(grid, experiment->plan, verdicts, true);
            grid_gap(grid);
        }
        if (metric == PIPELINE_METRIC_first_ms || metric == PIPELINE_METRIC_busy_read ||
            metric == PIPELINE_METRIC_format_inflation)
            grid_gap(grid);
        if (!is_empty(experiment, metric)) add_metric(grid, experiment, metric);
    }
    bool printed = grid_print(grid, format, out, error);
    grid_free(grid);
    return printed;
}

static void add_thread(struct grid *grid, const char *label, const struct account *account) {
    double wall_ns = (double)(account->end_ns - account->start_ns);
    static const enum activity shown[] = {ACTIVITY_BUSY, ACTIVITY_WAIT_IN, ACTIVITY_WAIT_SLOT,
                                          ACTIVITY_WAKE, ACTIVITY_OTHER};
    grid_add(grid, "%s", label);
    grid_add(grid, "%s", account->name);
    grid_add(grid, "%.4f", wall_ns / 1e9);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        grid_add(grid, "%.1f", 100 * (double)account_activity_ns(account, shown[i]) / wall_ns);
    grid_add(grid, "%.1f", 100 * (double)account->cpu_ns / wall_ns);
    if (account->run_delay_ns == UINT64_MAX)
        grid_add(grid, "n/a");
    else
        grid_add(grid, "%.2f", 100 * (double)account->run_delay_ns / wall_ns);
    grid_add(grid, "%llu", (unsigned long long)account->voluntary_switches);
}

/* Threads of the last round. They are listed newest first; the consumer is the oldest. */
static bool print_threads(const struct pipeline_experiment *experiment, enum grid_format format,
                          FILE *out, struct error *error) {
    static const char *const titles[] = {"<last round", "<thread",     "wall s",   "busy %",
                                         "wait_in %",   "wait_slot %", "wake %",   "other %",
                                         "CPU %",       "delay %",     "switches", NULL};
    struct grid *grid = grid_create(titles);
    if (!grid) return error_set(error, "out of memory for the table");
    for (unsigned i = 0; i < experiment->plan->arm_count; i++) {
        if (experiment->plan->arms[i].is_control) continue;
        const char *label = experiment->plan->arms[i].label;
        for (const struct account *a = recorder_accounts(experiment->arms[i].last.recorder); a;
             a = a->next) {
            add_thread(grid, label, a);
            label = "";
        }
    }
    bool printed = grid_print(grid, format, out, error);
    grid_free(grid);
    return printed;
}

static void print_heading(const struct pipeline_experiment *experiment, FILE *out) {
    const struct pipeline_plan *plan = experiment->plan;
    const struct pipeline_options *options = &plan->options;
    const struct pipeline_result *first = &experiment->arms[0].last;
    fprintf(out, "%s: %s\n\n", plan->name, plan->summary);
    if (options->synthetic)
        fprintf(out, "input        %s\n", options->synthetic);
    else
        fprintf(out, "input        %s%s, encoder %s, sequence length %lld\n", plan->paths[0],
                plan->built_in ? " (generated text)" : "", options->encoder,
                (long long)options->sequence);
    fprintf(out, "batches      %llu of ", (unsigned long long)first->batches);
    if (options->batch)
        fprintf(out, "%lld rows%s", (long long)options->batch,
                options->cross_blocks ? "" : ", ending at block ends");
    else
        fputs("a block each", out);
    fprintf(out, "; consumer %s", plan->device.spec);
    if (options->scale != 1) fprintf(out, "; durations x %g", options->scale);
    fprintf(out,
            "\nmeasured     %u rounds, %s mode, %u workers, spin %g us; %u processors available\n",
            experiment->rounds, options->mode ? "streaming" : "phased", plan->arms[0].setup.workers,
            (double)plan->arms[plan->arm_count > 1].setup.spin_ns / 1e3, cores_available());
    if (experiment->has_text)
        fprintf(out, "ids digest   %016llx in every run\n",
                (unsigned long long)first->digest.value);
    fputc('\n', out);
}

static void print_sentences(const struct pipeline_experiment *experiment, FILE *out) {
    for (unsigned i = 0; i < experiment->plan->arm_count; i++) {
        if (experiment->plan->arms[i].is_control) continue;
        fprintf(out, "%s  %s\n    %s\n", experiment->plan->arms[i].label,
                experiment->arms[i].last.composition.text, experiment->arms[i].diagnosis.sentence);
    }
}

static void print_noise(const struct verdicts *verdicts, FILE *out) {
    for (size_t i = 0; i < verdicts->noise_count; i++)
        if (!isnan(verdicts->noises[i].floor)) {
            char text[32];
            text_of_change(verdicts->noises[i].floor, text, sizeof text);
            fprintf(out, "noise floor  A/A differs by up to %s\n", text);
            return;
        }
}

/* Why a comparison decided nothing. */
static void print_reasons(const struct pipeline_plan *plan, const struct verdicts *verdicts,
                          FILE *out) {
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct comparison *comparison = &verdicts->comparisons[i];
        if (comparison->verdict != VERDICT_INCONCLUSIVE) continue;
        unsigned arm = comparison->patched % plan->arm_count;
        bool total = comparison->patched >= plan->arm_count || plan->options.mode == 1;
        fprintf(out, "inconclusive %s, %s: %s\n", plan->arms[arm].label,
                total ? "total" : "predict", comparison->reason);
    }
}

static void print_other_warning(const struct pipeline_experiment *experiment, FILE *out) {
    for (unsigned i = 0; i < experiment->plan->arm_count; i++) {
        const double *medians = experiment->arms[i].medians;
        if (medians[PIPELINE_METRIC_other] < 1) continue;
        fprintf(out,
                "caution      %s: a thread spent %.1f %% neither working nor waiting: in locks, "
                "or put off the processor meanwhile (run-queue delay %.1f %%)\n",
                experiment->plan->arms[i].label, medians[PIPELINE_METRIC_other],
                medians[PIPELINE_METRIC_delay]);
    }
}

bool pipeline_table_print(const struct pipeline_experiment *experiment, const struct record *record,
                          enum grid_format format, FILE *out, struct error *error) {
    struct verdicts verdicts;
    if (!verdicts_decide(record, &verdict_defaults, &verdicts, error)) return false;
    print_heading(experiment, out);
    bool printed = print_metrics(experiment, &verdicts, format, out, error);
    if (printed) {
        fputc('\n', out);
        printed = print_threads(experiment, format, out, error);
    }
    if (printed) {
        fputc('\n', out);
        print_noise(&verdicts, out);
        print_reasons(experiment->plan, &verdicts, out);
        print_other_warning(experiment, out);
        print_sentences(experiment, out);
    }
    verdicts_free(&verdicts);
    return printed;
}
