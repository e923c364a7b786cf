/* What charts need to know about records: series of arms, medians with intervals, names and
 * subtitles. Knows nothing of gnuplot. */
#ifndef RESULTS_PLOT_DATA_H
#define RESULTS_PLOT_DATA_H

#include "results/record.h"

/* Colours by index into the theme's palette: 1 baseline, 2 patched, the others from 3. */
struct plot_series {
    char name[96]; /* "baseline", "patched", or what the arm is called */
    char key[256]; /* equal for the same thing at other thread counts */
    int color;
    const struct arm_record **arms; /* by increasing threads */
    size_t arm_count;
};

/* The arms of one block of a record's table, as series. Controls are left out. */
struct plot_block {
    const struct record *record;
    char name[256]; /* "" if the record has one block only */
    struct plot_series *series;
    size_t series_count;
};

/* The blocks of a record, in file order. False only when out of memory. */
bool plot_blocks(const struct record *record, struct plot_block **blocks, size_t *count,
                 struct error *error);
void plot_blocks_free(struct plot_block *blocks, size_t count);

struct plot_summary {
    double median, low, high; /* 95 % interval of the median, from order statistics */
    size_t count;             /* values it is made of; 0: nothing is known */
};

/* Below six values the interval is the whole range. */
struct plot_summary plot_summarise(const double *values, size_t count);

/* Throughput of an arm from its untainted samples (all, if none is clean), or from a published
 * figure without interval; in record_unit() of the record. */
struct plot_summary plot_throughput_of(const struct record *record, const struct arm_record *arm);

/* Threads of an arm's row: what the row says, else its workers. */
unsigned plot_threads(const struct arm_record *arm);

/* The arm's first line of this kind, or NULL. */
const json_t *plot_line_of(const struct record *record, const char *kind, unsigned arm);

/* "2 threads, patched". */
void plot_row_name(const struct plot_series *series, const struct arm_record *arm, char *text,
                   size_t size);

/* The end of a subtitle: scenario, machine and, if it was not measured, what it is instead. */
void plot_origin(const struct record *record, char *text, size_t size);

/* Cores of the machine, or 0; whether it has more processing units than cores. */
int plot_cores(const struct record *record, bool *siblings);

/* The machine's name, or "unknown machine". */
const char *plot_machine(const struct record *record);

#endif
