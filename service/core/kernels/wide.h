/* wide.h - vectors of doubles, as many bits wide as those of lanes.h. */
#ifndef PROSODY_WIDE_H
#define PROSODY_WIDE_H

#include "lanes.h"

#define WIDE (LANES / 2)

typedef double vd __attribute__((vector_size(8 * WIDE)));
typedef int64_t vl __attribute__((vector_size(8 * WIDE)));
typedef double vd_unaligned __attribute__((vector_size(8 * WIDE), aligned(8), may_alias));

INLINE vd wide(double x) {
    return x - (vd){0};
}

INLINE vl wide_i(int64_t x) {
    return x - (vl){0};
}

INLINE vd wide_load(const double *p) {
    return *(const vd_unaligned *)p;
}

INLINE void wide_store(double *p, vd v) {
    *(vd_unaligned *)p = v;
}

/* mask ? a : b, mask all ones or all zeros per lane. */
INLINE vd wide_choose(vl mask, vd a, vd b) {
#if WIDE == 4 && defined(__AVX2__)
    return (vd)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)mask);
#elif WIDE == 2 && defined(__SSE4_1__)
    return (vd)_mm_blendv_pd((__m128d)b, (__m128d)a, (__m128d)mask);
#else
    return (vd)((mask & (vl)a) | (~mask & (vl)b));
#endif
}

INLINE vd wide_abs(vd a) {
    return (vd)((vl)a & wide_i(INT64_MAX));
}

INLINE vd wide_min(vd a, vd b) {
    return wide_choose(a < b, a, b);
}

/* The lanes' sum, in the order of their numbers. */
INLINE double wide_sum(vd v) {
    double sum = 0;
    for (int l = 0; l < WIDE; l++)
        sum += v[l];
    return sum;
}

/* exp of x in [-700, 0], relative error below 2e-13: 2^n 2^f with n whole, and the Taylor series of exp(f ln 2) for |f| <= 1/2. */
INLINE vd wide_exp(vd x) {
    const vd whole_and_bits = x * 1.4426950408889634 + 6755399441055744.0; /* 1.5 * 2^52: rounds to the nearest integer */
    const vl whole = (vl)whole_and_bits - wide_i(0x4338000000000000);
    const vd n = whole_and_bits - 6755399441055744.0;
    const vd g = x - n * 0.6931471805599453;
    vd p = wide(1.0 / 39916800);
    p = p * g + 1.0 / 3628800;
    p = p * g + 1.0 / 362880;
    p = p * g + 1.0 / 40320;
    p = p * g + 1.0 / 5040;
    p = p * g + 1.0 / 720;
    p = p * g + 1.0 / 120;
    p = p * g + 1.0 / 24;
    p = p * g + 1.0 / 6;
    p = p * g + 0.5;
    p = p * g + 1.0;
    p = p * g + 1.0;
    return (vd)((vl)p + (whole << 52));
}

#endif
