/* The one clock of timed regions: CLOCK_MONOTONIC_RAW (no slewing, served by the vDSO). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ns(void);        /* monotonic, ns since an arbitrary point */
uint64_t clock_thread_cpu_ns(void); /* CPU time of the calling thread; a system call */

#endif
