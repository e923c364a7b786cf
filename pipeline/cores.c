/* Processors by affinity and cgroup quota; see cores.h. */
#define _GNU_SOURCE
#include "pipeline/cores.h"

#include <sched.h>
#include <stdio.h>

/* The quota of the cgroup (version 2) in whole processors, rounded up; 0: none. */
static unsigned quota(void) {
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file) return 0;
    unsigned long long limit, period;
    int fields = fscanf(file, "%llu %llu", &limit, &period); /* "max 100000" gives none */
    fclose(file);
    return fields == 2 && period ? (unsigned)((limit + period - 1) / period) : 0;
}

unsigned cores_available(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    unsigned limit = quota(), cores = count > 0 ? (unsigned)count : 1;
    return limit && limit < cores ? limit : cores;
}
