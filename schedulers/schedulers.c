/* See schedulers.h. */
#include "schedulers/schedulers.h"
#include <string.h>

#define SCHEDULER(name)                                                                            \
    extern const struct grainbench_scheduler_operations scheduler_native_##name,                   \
        scheduler_counted_##name, scheduler_virtual_##name;
#include "schedulers/list.def"
#undef SCHEDULER

#define SCHEDULER(name)                                                                            \
    {&scheduler_native_##name, &scheduler_counted_##name, &scheduler_virtual_##name},
static const struct grainbench_scheduler_operations *const built_in[][3] = {
#include "schedulers/list.def"
};
#undef SCHEDULER

size_t schedulers_count(void) {
    return sizeof built_in / sizeof *built_in;
}

const struct grainbench_scheduler_operations *schedulers_at(enum schedulers_copy copy,
                                                            size_t index) {
    return built_in[index][copy];
}

const struct grainbench_scheduler_operations *schedulers_find(enum schedulers_copy copy,
                                                              const char *name) {
    for (size_t i = 0; i < schedulers_count(); i++)
        if (strcmp(built_in[i][copy]->name, name) == 0) return built_in[i][copy];
    return NULL;
}
