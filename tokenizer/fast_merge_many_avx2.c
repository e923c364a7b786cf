/* Merging several short words at a time with AVX2 and BMI2; see fast_merge.h. */
#include "tokenizer/fast_merge.h"

#if defined(__x86_64__)
#define MERGE_LANES fast_merge_many_avx2
#include "tokenizer/fast_merge_kernel.h"
#endif
