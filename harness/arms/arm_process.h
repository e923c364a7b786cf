/* An arm in a process of its own, driven over pipes by JSON lines. Every arm has one: so that
 * allocators, word caches and global thread pools of the arms do not meet, a crash of one is a
 * sentence, memory layout varies between repetitions, and an arm can be another build of the
 * program. Idle arm processes sleep. */
#ifndef HARNESS_ARM_PROCESS_H
#define HARNESS_ARM_PROCESS_H

#include "harness/arms/arm.h"
#include <jansson.h>

struct arm_process;

/* What all arms of an experiment share. Texts are borrowed. */
struct arm_process_setup {
    const char *corpus_path, *vocab_path, *merges_path;
    size_t batch_lines;
    bool pin;
};

/* Starts the arm's process and has it set up the arm. NULL with a sentence on failure, also when
 * the process dies. `name` begins messages. */
struct arm_process *arm_process_start(const struct arm_spec *, const struct arm_process_setup *,
                                      struct error *error);
/* The same in two steps, so that several arms set themselves up side by side: the first starts the
 * process, the second waits until the arm is set up (false with a sentence; the process is still to
 * be stopped). `layout`, any number, shifts the memory that the arm takes by a few lines. */
struct arm_process *arm_process_begin(const struct arm_spec *, const struct arm_process_setup *,
                                      uint64_t layout, struct error *error);
bool arm_process_await(struct arm_process *, struct error *error);
/* Ends the process, at once if it does not answer. NULL is allowed. */
void arm_process_stop(struct arm_process *);

/* What the arm said about itself when it was set up (scheduler and encoder with all options, PUs,
 * whether they are bound); borrowed. */
const json_t *arm_process_facts(const struct arm_process *);

bool arm_process_digest(struct arm_process *, size_t first, size_t count, uint64_t *digest,
                        uint64_t *ids, uint64_t *duration_ns, struct error *error);
bool arm_process_measure(struct arm_process *, size_t first, size_t count, struct arm_sample *,
                         struct error *error);
/* The `observation` line of the arm without its `arm` member; the caller owns it. */
json_t *arm_process_observe(struct arm_process *, size_t first, size_t count, struct error *error);

/* The `counter` line of the arm without its `arm` member: `events` (names separated by commas)
 * counted by phase and worker. The caller owns it. */
json_t *arm_process_count(struct arm_process *, size_t first, size_t count, const char *events,
                          struct error *error);

/* Runs and samples the arm for some seconds as `request` asks (harness/profiler/profile_run.h),
 * which is given away. The caller owns the reply. */
json_t *arm_process_profile(struct arm_process *, json_t *request, double seconds,
                            struct error *error);

/* The other end: reads requests on descriptor 3 and answers on descriptor 4 until the end of input.
 * Returns the process's exit code. */
int arm_process_serve(void);

#endif
