/* The records named on a command line; see record_list.h. */
#include "harness/record_list.h"

#include <stdio.h>
#include <stdlib.h>

bool record_list_read(struct record_list *list, int operand_count, char **operands,
                      struct error *error) {
    *list = (struct record_list){0};
    if (operand_count < 1)
        return error_set(error, "name a record; 'grainbench run --output run.jsonl' makes one");
    list->records = calloc((size_t)operand_count, sizeof *list->records);
    if (!list->records) return error_set(error, "out of memory");
    for (int i = 0; i < operand_count; i++) {
        struct record *record = record_read(operands[i], error);
        if (!record) {
            record_list_free(list);
            return false;
        }
        if (record->warning[0]) fprintf(stderr, "warning: %s\n", record->warning);
        list->records[list->count++] = record;
    }
    return true;
}

void record_list_free(struct record_list *list) {
    for (size_t i = 0; i < list->count; i++)
        record_free(list->records[i]);
    free(list->records);
    *list = (struct record_list){0};
}
