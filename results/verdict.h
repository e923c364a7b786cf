/* Verdicts: what a record says about each of its patched arms, by the rules of docs/method.md.
 * Everything is decided from the samples alone; verdict lines in the record are ignored. */
#ifndef RESULTS_VERDICT_H
#define RESULTS_VERDICT_H

#include "results/pairs.h"
#include "results/series.h"

enum verdict {
    VERDICT_FASTER,
    VERDICT_SLOWER,
    VERDICT_SAME,         /* the whole interval lies within the margin */
    VERDICT_INCONCLUSIVE, /* `reason` says why */
    VERDICT_IDENTICAL, /* both arms run the same code with the same options: no change is shown */
    VERDICT_PUBLISHED, /* figures without samples: nothing can be decided */
    VERDICT_COUNT
};
extern const char *const verdict_names[VERDICT_COUNT];

struct verdict_options {
    double confidence;  /* of intervals; 1 - confidence is the chance of any false verdict */
    double threshold;   /* a change must exceed this (0.01 is 1 %) and the noise floor */
    double same_margin; /* "same": the interval lies within this or the noise floor */
    enum metric metric;
};
extern const struct verdict_options verdict_defaults; /* 95 %, 0, 1 %, throughput */

/* How an A/A control differed from the arm that it repeats. */
struct noise {
    unsigned control, of;
    struct series series;
    size_t used, dropped;
    double floor; /* log ratio; NAN if it has too few pairs */
};

struct comparison {
    unsigned baseline, patched;
    enum verdict verdict;
    char reason[192]; /* of an inconclusive verdict; otherwise a caution, or "" */
    double change;    /* log ratio, patched over baseline: median of pairs, or published; or NAN */
    /* Throughputs. The baseline's is its own over the whole run; the patched arm's is that times
     * the change, so that the two were as if measured at the same moments. NAN: none known. */
    double baseline_rate, patched_rate;
    struct series series;
    struct pairs pairs;
    double p, p_adjusted; /* of "the change is not beyond the limit"; adjusted by Holm */
    double floor;         /* log ratio; NAN: none known */
    bool floor_of_another_row;
    double limit; /* what the change had to exceed: threshold or floor, whichever is greater */
};

struct verdicts {
    struct comparison *comparisons; /* in the order of the patched arms */
    size_t count;
    struct noise *noises;
    size_t noise_count;
    double floor; /* the greatest of the noises; NAN if there is none */
};

bool verdicts_decide(const struct record *record, const struct verdict_options *options,
                     struct verdicts *verdicts, struct error *error);
void verdicts_free(struct verdicts *verdicts);

/* Whether measuring may stop after `rounds` rounds: a look at which the interval of every
 * comparison is within +- half_width (see stop_rule_met). False between looks and on trouble. */
bool verdict_precise_enough(const struct record *record, const struct stop_rule *rule,
                            size_t rounds);

/* The arm that `arm` is compared with; -1 if there is none. */
int arm_baseline(const struct record *record, unsigned arm);
/* The block of the table that an arm belongs to; at most `size` bytes. */
void arm_group(const struct arm_record *arm, char *text, size_t size);
/* Whether its arms are of several groups, so that a row has to name its own. */
bool record_has_groups(const struct record *record);
bool arms_share_row(const struct arm_record *a, const struct arm_record *b);

/* A log ratio as a relative change: 0.01 is 1 % more. */
double change_of_log(double log_ratio);

#endif
