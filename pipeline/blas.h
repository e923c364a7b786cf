/* OpenBLAS, loaded at run time: the only function used, and how many threads it may take. */
#ifndef PIPELINE_BLAS_H
#define PIPELINE_BLAS_H

#include "base/error.h"

/* C[m][n] = A[m][k] * B[k][n], row-major. */
bool blas_load(unsigned threads, struct error *error);
void blas_multiply(int m, int n, int k, const float *a, const float *b, float *c);

#endif
