/* Where a record goes. */
#ifndef HARNESS_RECORD_NAME_H
#define HARNESS_RECORD_NAME_H

#include "base/error.h"
#include <stddef.h>

/* `output` if it is given; else SCENARIO-DATE.jsonl in the folder of records, which is made if it
 * is not there: $GRAINBENCH_RECORDS, or "records". */
bool record_name(const char *output, const char *scenario, char *path, size_t size,
                 struct error *error);

#endif
