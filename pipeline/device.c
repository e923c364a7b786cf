/* The list of devices and how one is made from its specification; see device.h. */
#include "pipeline/device.h"
#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct device_operations device_sleep, device_spin, device_memory, device_replay,
    device_mlp, device_cuda;

const struct device_operations *const devices[] = {
    &device_sleep, &device_spin, &device_memory, &device_mlp, &device_replay, &device_cuda, NULL};

const struct device_operations *device_find(const char *name) {
    for (size_t i = 0; devices[i]; i++)
        if (strcmp(devices[i]->name, name) == 0) return devices[i];
    return NULL;
}

static bool find_named(struct device *device, const char *name, struct error *error) {
    device->operations = device_find(name);
    if (device->operations) return true;
    char names[128] = "";
    for (size_t i = 0; devices[i]; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "",
                 devices[i]->name);
    return error_set(error, "there is no consumer '%s'; there are %s", name, names);
}

bool device_create(struct device *device, const char *spec, const struct device_setup *setup,
                   struct error *error) {
    memset(device, 0, sizeof *device);
    static const struct grainbench_option no_options[] = {{0}};
    char name[256], subject[300];
    if (strlen(spec) >= sizeof name)
        return error_set(error, "consumer '%.40s...' is too long", spec);
    snprintf(device->spec, sizeof device->spec, "%s", spec);
    snprintf(name, sizeof name, "%s", spec);
    char *list = strchr(name, ':');
    if (list) *list++ = 0;
    if (!find_named(device, name, error)) return false;
    const struct device_operations *operations = device->operations;
    if (operations->supported && !operations->supported(error)) return false;
    void *options = calloc(1, operations->options_size + 1);
    if (!options) return error_set(error, "out of memory for consumer %s", name);
    snprintf(subject, sizeof subject, "consumer %s", name);
    if (options_parse_list(operations->options ? operations->options : no_options, options, list,
                           ':', subject, error))
        device->state = operations->create(setup, options, error);
    free(options);
    return device->state != NULL;
}

void device_destroy(struct device *device) {
    if (device->state) device->operations->destroy(device->state);
    device->state = NULL;
}

bool device_has_finalize(const struct device *device) {
    const struct device_operations *operations = device->operations;
    return operations->finalize &&
           (!operations->has_finalize || operations->has_finalize(device->state));
}
