/* Merging several short words at a time; see fast_merge.h. The kernel needs vectors of 16-bit
 * numbers, which x86-64 and AArch64 always have; with AVX2 they are twice as long. */
#define MERGE_LANES fast_merge_many_base
#include "tokenizer/fast_merge_kernel.h"

#ifndef LANES_A_VECTOR
void fast_merge_many_base(const struct fast_model *model, struct fast_merge_job *jobs,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t ids[FAST_MERGE_SHORT];
        jobs[i].count = fast_merge_short(model, jobs[i].word, jobs[i].length, ids);
        for (unsigned k = 0; k < jobs[i].count; k++)
            jobs[i].ids[k] = ids[k];
    }
}
#endif

fast_merge_many_function *fast_merge_many_choose(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return fast_merge_many_avx2;
#endif
    return fast_merge_many_base;
}

void fast_merge_many(const struct fast_model *model, struct fast_merge_job *jobs, size_t count) {
    fast_merge_many_choose()(model, jobs, count);
}
