/* JSON files that people write: scenarios, rules, groups, machines. */
#ifndef HARNESS_JSON_FILE_H
#define HARNESS_JSON_FILE_H

#include "base/error.h"
#include <jansson.h>

/* The file's value, a new reference. NULL with "PATH: reason" or "PATH: line N: what is wrong". */
json_t *json_file_read(const char *path, struct error *error);

#endif
