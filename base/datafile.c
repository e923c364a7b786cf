/* Data file look-up; see datafile.h. The two folders are given by the build. */
#include "base/datafile.h"

#include "base/build_fact.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOLDER_COUNT = 3 };

BUILD_FACT(source_data, 4096, GRAINBENCH_SOURCE_DATA);
BUILD_FACT(installed_data, 4096, GRAINBENCH_INSTALLED_DATA);

static void list_folders(const char *folders[FOLDER_COUNT]) {
    folders[0] = getenv("GRAINBENCH_DATA");
    folders[1] = source_data;
    folders[2] = installed_data;
}

bool datafile_find(const char *name, char *path, size_t size, struct error *error) {
    const char *folders[FOLDER_COUNT];
    list_folders(folders);
    for (int i = 0; i < FOLDER_COUNT; i++) {
        if (!folders[i]) continue;
        int length = snprintf(path, size, "%s/%s", folders[i], name);
        if (length > 0 && (size_t)length < size && access(path, R_OK) == 0) return true;
    }
    return error_set(error, "%s: not found in %s%s%s or %s", name, folders[0] ? folders[0] : "",
                     folders[0] ? ", " : "", folders[1], folders[2]);
}

bool datafile_folder(char *path, size_t size, struct error *error) {
    const char *folders[FOLDER_COUNT];
    list_folders(folders);
    for (int i = 0; i < FOLDER_COUNT; i++)
        if (folders[i] && access(folders[i], R_OK | X_OK) == 0) {
            snprintf(path, size, "%s", folders[i]);
            return true;
        }
    return error_set(error, "no data folder: neither %s nor %s can be read; set GRAINBENCH_DATA",
                     folders[1], folders[2]);
}
