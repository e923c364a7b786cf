/* Work whose speed is that of the memory: a fixed number of bytes is copied inside an area that no
 * cache holds, calibrated to a duration on an otherwise idle machine. Where another thread does the
 * same, both take longer, as stages do that share memory bandwidth and caches. */
#ifndef PIPELINE_TRAFFIC_H
#define PIPELINE_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of one thread's area: four times the last-level cache, at least 64 MiB. */
size_t traffic_area_bytes(void);

/* Makes the calling thread's area and measures, once a process, how fast one thread copies; about
 * 0.2 s. False when out of memory. */
bool traffic_calibrate(void);

/* Copies what takes `ns` for one thread alone. A thread's area comes from those that ended, or is
 * made (and its pages touched) at its first call. */
void traffic_run(double ns);

#endif
