/* The table of a record: threads, baseline, patched, change with its interval, verdict; then the
 * run's noise floor, its pairs, and what was measured where. Made from the record alone. */
#ifndef RESULTS_TABLE_H
#define RESULTS_TABLE_H

#include "results/verdict.h"

enum table_format { TABLE_TEXT, TABLE_MARKDOWN, TABLE_CSV, TABLE_JSON };

struct table_options {
    enum table_format format;
    struct verdict_options verdict;
};
extern const struct table_options table_defaults; /* text, verdict_defaults */

/* Prints a record's tables. False on lack of memory; a stream that cannot be written to is for the
 * caller to notice. */
bool table_print(const struct record *record, const struct table_options *options, FILE *out,
                 struct error *error);

/* Several records side by side: the change on each machine; absolute numbers below, not ranked. */
bool table_print_across(const struct record *const *records, size_t count,
                        const struct table_options *options, FILE *out, struct error *error);

/* Texts that tables are made of, at most `size` bytes each. */
void text_of_row(const struct arm_record *arm, char *text, size_t size); /* "2 (physical)" */
void text_of_change(double log_ratio, char *text, size_t size);          /* "+8.5 %", "n/a" */
void text_of_interval(const struct series *series, char *text, size_t size);
void text_of_rate(double value, char *text, size_t size); /* three digits or more, or "n/a" */
void text_of_machine(const struct record *record, char *text, size_t size);
/* Hashes of the code that arms ran, each with the first arm that did; false if none is known. */
bool text_of_code(const struct record *record, char *text, size_t size);
const char *arm_label(const struct arm_record *arm);

#endif
