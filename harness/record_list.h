/* The records named on a command line. */
#ifndef HARNESS_RECORD_LIST_H
#define HARNESS_RECORD_LIST_H

#include "results/record.h"

struct record_list {
    struct record **records;
    size_t count;
};

/* Reads them all; prints the warnings of records cut off on standard error. False with a sentence
 * when none is named or one cannot be read. */
bool record_list_read(struct record_list *list, int operand_count, char **operands,
                      struct error *error);
void record_list_free(struct record_list *list);

#endif
