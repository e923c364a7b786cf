/* Where a record goes; see record_name.h. */
#define _GNU_SOURCE
#include "harness/record_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool record_name(const char *output, const char *scenario, char *path, size_t size,
                 struct error *error) {
    if (output) {
        snprintf(path, size, "%s", output);
        return true;
    }
    const char *folder = getenv("GRAINBENCH_RECORDS");
    if (!folder) folder = "records";
    if (mkdir(folder, 0777) != 0 && access(folder, W_OK) != 0)
        return error_set_errno(error, "%s: cannot make the folder of records; give --output",
                               folder);
    time_t now = time(NULL);
    struct tm utc;
    char date[32];
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    snprintf(path, size, "%s/%s-%s.jsonl", folder, scenario, date);
    return true;
}
