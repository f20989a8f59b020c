/* lanes.h - vectors of exactly the target's width, and the mathematics on them.
 *
 * vf and vi hold LANES floats and 32-bit integers. Everything is element-wise. Vectors wider than the target's registers are ten times slower, so LANES follows the
 * instruction set that the file is compiled for.
 */
#ifndef PROSODY_LANES_H
#define PROSODY_LANES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(PROSODY_PORTABLE)
#define LANES 4
#elif defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef float vf_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vf splat(float x) {
    return x - (vf){0};
}

INLINE vi splat_i(int32_t x) {
    return x - (vi){0};
}

INLINE vf load(const float *p) {
    return *(const vf_unaligned *)p;
}

/* x, read once: a compiler that takes operands from memory reads a value as often as it is used, and loads are what transforms wait for. */
INLINE vf held(vf x) {
#if defined(PROSODY_PORTABLE)
#elif defined(__AVX512F__)
    __asm__("" : "+v"(x));
#elif defined(__SSE2__)
    __asm__("" : "+x"(x));
#endif
    return x;
}

INLINE void store(float *p, vf v) {
    *(vf_unaligned *)p = v;
}

/* mask ? a : b, mask all ones or all zeros per lane. */
INLINE vf choose(vi mask, vf a, vf b) {
#if LANES == 8 && defined(__AVX2__)
    return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#elif LANES == 4 && defined(__SSE4_1__)
    return (vf)_mm_blendv_ps((__m128)b, (__m128)a, (__m128)mask);
#else
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
#endif
}

INLINE vi choose_i(vi mask, vi a, vi b) {
    return (mask & a) | (~mask & b);
}

/* a > b ? a : b and a < b ? a : b, so b where one is not a number: what the instructions do that compilers do not find behind choose. */
INLINE vf vmax(vf a, vf b) {
#if LANES == 16 && defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif LANES == 8 && defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif LANES == 4 && defined(__SSE2__) && !defined(PROSODY_PORTABLE)
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    return choose(a > b, a, b);
#endif
}

INLINE vf vmin(vf a, vf b) {
#if LANES == 16 && defined(__AVX512F__)
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif LANES == 8 && defined(__AVX2__)
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif LANES == 4 && defined(__SSE2__) && !defined(PROSODY_PORTABLE)
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    return choose(a < b, a, b);
#endif
}

/* Exchanges two keys, and what belongs to them, where the second is greater than the first. */
INLINE void put_in_order(vf *first, vf *second, vf *first_value, vf *second_value) {
    const vf key = *first, value = *first_value;
#if LANES == 16 && defined(__AVX512F__)
    const __mmask16 swap = _mm512_cmp_ps_mask((__m512)*second, (__m512)key, _CMP_GT_OQ);
    *first_value = (vf)_mm512_mask_blend_ps(swap, (__m512)value, (__m512)*second_value);
    *second_value = (vf)_mm512_mask_blend_ps(swap, (__m512)*second_value, (__m512)value);
#else
    const vi swap = *second > key;
    *first_value = choose(swap, *second_value, value);
    *second_value = choose(swap, value, *second_value);
#endif
    *first = vmax(*second, key);
    *second = vmin(*second, key);
}

/* base[index[l]] for each lane. */
INLINE vf gather(const float *base, vi index) {
#if LANES == 16 && defined(__AVX512F__)
    return (vf)_mm512_i32gather_ps((__m512i)index, base, 4);
#elif LANES == 8 && defined(__AVX2__)
    return (vf)_mm256_i32gather_ps(base, (__m256i)index, 4);
#else
    vf out;
    for (int l = 0; l < LANES; l++)
        out[l] = base[index[l]];
    return out;
#endif
}

/* The number of each lane. */
INLINE vi lane_numbers(void) {
    vi numbers;
    for (int l = 0; l < LANES; l++)
        numbers[l] = l;
    return numbers;
}

/* Whole part of x, towards zero, |x| < 2^31. */
INLINE vi truncate(vf x) {
    return __builtin_convertvector(x, vi);
}

INLINE vf vabs(vf a) {
    return (vf)((vi)a & splat_i(0x7fffffff));
}

/* Transposes LANES vectors in place, by exchanging blocks of 1, 2, 4 ... lanes between vectors that far apart. */
#define LANE_FIRST(l, h) (((l) & (h)) ? LANES + (l) - (h) : (l))
#define LANE_SECOND(l, h) (((l) & (h)) ? LANES + (l) : (l) + (h))
#define LANE_LIST4(f, h) f(0, h), f(1, h), f(2, h), f(3, h)
#define LANE_LIST8(f, h) LANE_LIST4(f, h), f(4, h), f(5, h), f(6, h), f(7, h)
#if LANES == 16
#define LANE_LIST(f, h) LANE_LIST8(f, h), f(8, h), f(9, h), f(10, h), f(11, h), f(12, h), f(13, h), f(14, h), f(15, h)
#elif LANES == 8
#define LANE_LIST LANE_LIST8
#else
#define LANE_LIST LANE_LIST4
#endif
#define TRANSPOSE_STAGE(v, h)                                                             \
    for (int i = 0; i < LANES; i++)                                                       \
        if (!(i & (h))) {                                                                 \
            vf a = (v)[i], b = (v)[i + (h)];                                              \
            (v)[i] = __builtin_shufflevector(a, b, LANE_LIST(LANE_FIRST, h));             \
            (v)[i + (h)] = __builtin_shufflevector(a, b, LANE_LIST(LANE_SECOND, h));      \
        }

INLINE void transpose(vf *v) {
    TRANSPOSE_STAGE(v, 1)
    TRANSPOSE_STAGE(v, 2)
#if LANES >= 8
    TRANSPOSE_STAGE(v, 4)
#endif
#if LANES >= 16
    TRANSPOSE_STAGE(v, 8)
#endif
}

/* The lanes moved up by one; the first lane keeps its value. */
#define LANE_BEFORE(l, h) ((l) == 0 ? 0 : (l)-1)
INLINE vf lane_before(vf v) {
    return __builtin_shufflevector(v, v, LANE_LIST(LANE_BEFORE, 0));
}

/* One bit per lane of a mask. */
INLINE uint32_t mask_bits(vi mask) {
#if LANES == 16 && defined(__AVX512DQ__)
    return _mm512_movepi32_mask((__m512i)mask);
#elif LANES == 8 && defined(__AVX2__)
    return (uint32_t)_mm256_movemask_ps((__m256)mask);
#elif LANES == 4 && defined(__SSE2__)
    return (uint32_t)_mm_movemask_ps((__m128)mask);
#else
    uint32_t bits = 0;
    for (int l = 0; l < LANES; l++)
        bits |= (uint32_t)(mask[l] & 1) << l;
    return bits;
#endif
}

/* Square root; compilers turn the loop into one instruction. */
INLINE vf vsqrt(vf x) {
    vf y;
    for (int l = 0; l < LANES; l++)
        y[l] = __builtin_sqrtf(x[l]);
    return y;
}

/* log2 of a positive normal number, relative error below 1e-7: with m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1),
 * log2 m = 2 / ln 2 (s + s^3 / 3 + s^5 / 5 + s^7 / 7 + s^9 / 9 ...). */
INLINE vf vlog2(vf x) {
    vi bits = (vi)x - splat_i(0x3f3504f3);
    vi exponent = bits >> 23;
    vf m = (vf)((bits & splat_i(0x007fffff)) + splat_i(0x3f3504f3));
    vf s = (m - 1.0f) / (m + 1.0f);
    vf z = s * s;
    vf p = splat(0.320598898f);
    p = p * z + 0.412198583f;
    p = p * z + 0.577078016f;
    p = p * z + 0.961796694f;
    p = p * z + 2.88539008f;
    return __builtin_convertvector(exponent, vf) + s * p;
}

/* 2^x for x in (-126, 127), relative error below 2e-7: Taylor series of exp(f ln 2), |f| <= 1/2. */
INLINE vf vexp2(vf x) {
    x = vmax(vmin(x, splat(126.9f)), splat(-125.9f));
    vf shifted = x + 12582912.0f; /* 1.5 * 2^23: rounds to the nearest integer */
    vi whole = (vi)shifted - splat_i(0x4b400000);
    vf f = x - __builtin_convertvector(whole, vf);
    vf p = splat(1.54035304e-4f);
    p = p * f + 1.33335581e-3f;
    p = p * f + 9.61812911e-3f;
    p = p * f + 5.55041087e-2f;
    p = p * f + 2.40226507e-1f;
    p = p * f + 6.93147181e-1f;
    p = p * f + 1.0f;
    return (vf)((vi)p + (whole << 23));
}

/* Angle of (x, y) in [-pi, pi], error below 4e-7; 0 at the origin. atan(t) / t on [0, 1] is a polynomial in t^2 of degree 7 (minimax, 4e-8). */
INLINE vf vatan2(vf y, vf x) {
    const vf across = vabs(x), up = vabs(y);
    const vi steep = up > across;
    const vf t = choose(steep, across, up) / vmax(choose(steep, up, across), splat(1e-37f));
    const vf z = t * t;
    vf p = splat(-0.00405456246f);
    p = p * z + 0.0218629402f;
    p = p * z - 0.0559123006f;
    p = p * z + 0.0964219536f;
    p = p * z - 0.139086288f;
    p = p * z + 0.199465655f;
    p = p * z - 0.333298608f;
    p = p * z + 0.999999336f;
    vf angle = t * p;
    angle = choose(steep, 1.57079633f - angle, angle);
    angle = choose(x < 0.0f, 3.14159265f - angle, angle);
    return (vf)((vi)angle | ((vi)y & splat_i((int32_t)0x80000000u)));
}

#endif
