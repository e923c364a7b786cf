/* The gate: whether a record shows a regression, by rules with a threshold each. A rule that cannot
 * be applied (no such metric, no such arm) is an error, never a pass. */
#ifndef RESULTS_GATE_H
#define RESULTS_GATE_H

#include "results/verdict.h"
#include <stdio.h>

/* In order of what outweighs what: the worst outcome of any check is the gate's. */
enum gate_outcome {
    GATE_SKIPPED,      /* an optional metric that this machine does not have; alone, no pass */
    GATE_PASSED,       /* surely no regression beyond the limit */
    GATE_INCONCLUSIVE, /* the data cannot tell */
    GATE_UNFIT,        /* the environment spoilt too many samples */
    GATE_REGRESSION,
    GATE_OUTCOME_COUNT
};
extern const char *const gate_outcome_names[GATE_OUTCOME_COUNT];

/* `metric` is "throughput" or "cpu" (compared with intervals), or KIND.PATH: a number in the arm's
 * line of that kind, compared as it is: "ledger.totals.rmw", "observation.statistics.leaves",
 * "counter.events.instructions.run_per_item" (see json_path). */
struct gate_rule {
    const char *metric;
    const char *arms; /* shell pattern on labels of patched arms */
    double threshold; /* relative: 0.02 is 2 %; 0 for exact counts */
    bool higher_is_better;
    bool optional; /* a metric that is unavailable is skipped and said so */
};

struct gate_check {
    const struct gate_rule *rule;
    unsigned baseline, patched;
    enum gate_outcome outcome;
    double change; /* log ratio of what is better; NAN if there is none */
    char text[192];
};

struct gate_result {
    struct gate_check *checks;
    size_t count, room;
    enum gate_outcome outcome;
};

/* The rules of a JSON array: [{"metric": "throughput", "arms": "*", "threshold": 0.02}, ...]. Texts
 * are borrowed from it. NULL, naming the rule and member, if it is malformed or empty. The caller
 * frees the array with free(). */
struct gate_rule *gate_rules_read(json_t *array, size_t *count, struct error *error);

/* Applies the rules to every comparison of the record. False, naming the rule, if one of them
 * cannot be applied. Free with gate_free. */
bool gate_apply(const struct record *record, const struct gate_rule *rules, size_t rule_count,
                double confidence, struct gate_result *result, struct error *error);
void gate_free(struct gate_result *result);

/* A line a check, a line for every metric and reason that was not compared, and the outcome. */
bool gate_print(const struct record *record, const struct gate_result *result, FILE *out,
                struct error *error);

#endif
