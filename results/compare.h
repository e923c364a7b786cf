/* Two records side by side: whether they found different changes. */
#ifndef RESULTS_COMPARE_H
#define RESULTS_COMPARE_H

#include "results/record.h"
#include <stdio.h>

/* Prints, for every comparison that both hold (same row, group and patched arm), the change that
 * each found and the difference of the changes with a 95 % interval. */
bool records_compare(const struct record *a, const struct record *b, FILE *out,
                     struct error *error);

#endif
