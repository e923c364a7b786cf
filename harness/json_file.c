/* JSON files that people write; see json_file.h. */
#include "harness/json_file.h"

#include "base/file.h"

#include <stdlib.h>

json_t *json_file_read(const char *path, struct error *error) {
    char *data;
    size_t size;
    json_error_t problem;
    if (!file_read(path, &data, &size, error)) return NULL;
    json_t *json = json_loadb(data, size, JSON_REJECT_DUPLICATES, &problem);
    free(data);
    if (!json)
        error_set(error, "%s: line %d: %s", path, problem.line < 1 ? 1 : problem.line,
                  problem.text);
    return json;
}
