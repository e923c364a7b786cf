/* A series of paired log ratios looked at as a whole: its median and interval, and whether it is
 * what the interval assumes: independent, steady, of one piece. Where it is not, the series is
 * gathered into coarser units (blocks, processes) or the flaw is named. */
#ifndef RESULTS_SERIES_H
#define RESULTS_SERIES_H

#include "base/error.h"
#include "results/statistics.h"

enum series_flaw {
    SERIES_AUTOCORRELATED = 1,  /* even blocks of it are: no interval can be trusted */
    SERIES_DRIFTS = 2,          /* the ratio rises or falls over the run */
    SERIES_TWO_HEAPS = 4,       /* the ratios fall into two separate heaps */
    SERIES_PROCESSES_DIFFER = 8 /* too few processes to be the units, and they differ more than by
                                   chance */
};

/* Processes from which they are the units: two builds of one program, or two processes of one
 * build, differ from each other by where their memory lies, and only other processes tell by how
 * much. */
enum { SERIES_LEAST_PROCESSES = 4 };

struct series {
    double *values; /* the independent units: ratios, medians of blocks, or means of processes */
    size_t count;
    size_t block; /* ratios a unit; 1: each stands for itself; 0: a unit is a process */
    bool has_interval;
    struct interval change; /* of the median; where a unit is a process, of their centre */
    unsigned flaws;
    double lag1, trend, heaps;
    /* Medians of the parts that a flaw splits the series into (thirds of the run, heaps,
     * processes): the least and the greatest. A verdict holds if it holds for both. */
    double least_part, greatest_part;
    size_t mild, severe; /* outliers: counted, never dropped */
};

/* `processes` tells the process of each ratio; NULL: all of one. False only without memory. Free
 * with series_free. */
bool series_analyse(const double *ratios, const unsigned *processes, size_t count,
                    double confidence, struct series *series, struct error *error);
void series_free(struct series *series);

/* The p-value of "the change is not beyond `limit`, in the direction in which it lies": of the sign
 * test, or of Yuen's where a unit is a process. 1 for a change short of the limit, which is no
 * evidence at all, however surely it is short of it. */
double series_p_beyond(const struct series *series, double limit);

/* An interval is there, can be trusted, and is within +- half_width. */
bool series_is_precise(const struct series *series, double half_width);

/* When to stop measuring, decided before looking. */
struct stop_rule {
    double
        half_width; /* stop when the interval's half width (log ratio) is at most this; 0: never */
    double confidence; /* of that interval, such as 0.95 */
    size_t least;      /* pairs before the first look; at least 20 is wise */
    size_t most;       /* pairs at which to stop whatever the interval */
};

/* Whether `count` pairs or rounds are a number at which the rule looks. */
bool stop_rule_looks(const struct stop_rule *rule, size_t count);

/* True if measuring may stop after `count` pairs. Looks are few and fixed beforehand (`least`, then
 * half as many again each time) and at the interval's width alone, never at where it lies, so that
 * stopping does not favour a verdict; between looks the answer is false. */
bool stop_rule_met(const struct stop_rule *rule, const double *ratios, size_t count);

#endif
