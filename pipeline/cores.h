/* How many processors this process may really use: its affinity mask, less what a cgroup quota
 * takes. */
#ifndef PIPELINE_CORES_H
#define PIPELINE_CORES_H

unsigned cores_available(void); /* >= 1 */

#endif
