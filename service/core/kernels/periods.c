/* periods.c - jitter and shimmer, one glottal period at a time; see periods_kernel.h.
 *
 * A chain of marks runs through each voiced stretch: from a mark the next lies where the normalised cross-correlation of one period with the samples after it is
 * greatest, within 15 % of the tracker's period (waveform matching: Titze & Liang 1993, JSHR 36); by how much it is louder is told by the same samples. A row gets the
 * mean over the pairs of consecutive periods of which the second begins in it and which are both matched well and about as long.
 *
 * Lags lie along the lanes, so that a period costs few additions across them; everything is summed in an order that depends on the lengths only.
 */
#include "periods_kernel.h"

#include <math.h>
#include <string.h>

#include "lanes.h"

#define SEARCH 0.15      /* share of the period searched on either side */
#define MIN_MATCH 0.85f  /* correlation that both periods of a pair must reach */
#define MAX_CHANGE 0.1   /* relative change of length beyond which two periods are no neighbours */
#define ENERGY_FLOOR 1e-12
#define PERIOD_MAX 480   /* samples: no voice is below 33 Hz at 16 kHz */
#define LAGS_MAX 160     /* 0.3 * PERIOD_MAX + 4, and the lanes of the last vector */
#define DB20_PER_LOG2 6.02059991f
#define BLOCK 4          /* vectors of lags summed in registers at a time */

/* Half of the lanes, in double and in single precision. */
#define HALF (LANES / 2)
typedef double vd __attribute__((vector_size(4 * LANES)));
typedef float vf_half __attribute__((vector_size(2 * LANES)));
typedef float vf_half_unaligned __attribute__((vector_size(2 * LANES), aligned(4), may_alias));

typedef struct period {
    double length;
    double gain;
    float match;
} period;

#define LANE_SAME(l, h) (l)
#define LANE_ROTATED(l, h) (((l) + (h)) % LANES)
#define HALF_SHIFTED(l, h) ((l) < (h) ? HALF + (l) : (l) - (h))
#if LANES == 16
#define HALF_LIST LANE_LIST8
#elif LANES == 8
#define HALF_LIST LANE_LIST4
#else
#define HALF_LIST(f, h) f(0, h), f(1, h)
#endif

/* The largest lane. */
INLINE float largest(vf v) {
#if LANES >= 16
    v = vmax(v, __builtin_shufflevector(v, v, LANE_LIST(LANE_ROTATED, 8)));
#endif
#if LANES >= 8
    v = vmax(v, __builtin_shufflevector(v, v, LANE_LIST(LANE_ROTATED, 4)));
#endif
    v = vmax(v, __builtin_shufflevector(v, v, LANE_LIST(LANE_ROTATED, 2)));
    v = vmax(v, __builtin_shufflevector(v, v, LANE_LIST(LANE_ROTATED, 1)));
    return v[0];
}

INLINE vd load_half(const float *x) {
    return __builtin_convertvector(*(const vf_half_unaligned *)x, vd);
}

/* Sum of squares. */
INLINE double energy(const float *x, int count) {
    vd low = {0}, high = {0};
    int n = 0;
    for (; n + LANES <= count; n += LANES) {
        const vd a = load_half(x + n);
        const vd b = load_half(x + n + HALF);
        low += a * a;
        high += b * b;
    }
    double sum = 0;
    low += high;
    for (int l = 0; l < HALF; l++)
        sum += low[l];
    for (; n < count; n++)
        sum += (double)x[n] * (double)x[n];
    return sum;
}

/* sum_n one[n] after[lag + n], n < width, for the lags of `count` vectors. Two samples that lie one vector apart are taken together: they share most of what is loaded. */
INLINE void correlate_block(const float *one, const float *after, int width, int count, vf *sums) {
    vf near[BLOCK], far[BLOCK];
    for (int v = 0; v < count; v++)
        near[v] = far[v] = (vf){0};
    int n = 0;
    for (; n + 2 * LANES <= width; n += LANES)
        for (const int stop = n + LANES; n < stop; n++) {
            vf x = load(after + n);
            for (int v = 0; v < count; v++) {
                near[v] += one[n] * x;
                x = load(after + n + (v + 1) * LANES);
                far[v] += one[n + LANES] * x;
            }
        }
    for (; n < width; n++)
        for (int v = 0; v < count; v++)
            near[v] += one[n] * load(after + n + v * LANES);
    for (int v = 0; v < count; v++)
        sums[v] = near[v] + far[v];
}

/* The same for any number of vectors. */
static void correlate(const float *one, const float *after, int width, int vectors, vf *sums) {
    for (; vectors >= BLOCK; vectors -= BLOCK, sums += BLOCK, after += BLOCK * LANES)
        correlate_block(one, after, width, BLOCK, sums);
    switch (vectors) {
    case 3: correlate_block(one, after, width, 3, sums); break;
    case 2: correlate_block(one, after, width, 2, sums); break;
    case 1: correlate_block(one, after, width, 1, sums); break;
    default: break;
    }
}

/* Each lane the sum of itself and those before. */
INLINE vd running(vd d) {
    const vd zero = {0};
    d += __builtin_shufflevector(d, zero, HALF_LIST(HALF_SHIFTED, 1));
#if LANES >= 8
    d += __builtin_shufflevector(d, zero, HALF_LIST(HALF_SHIFTED, 2));
#endif
#if LANES >= 16
    d += __builtin_shufflevector(d, zero, HALF_LIST(HALF_SHIFTED, 4));
#endif
    return d;
}

INLINE double squared(float x) {
    return (double)x * (double)x;
}

/* By how much the energy of `width` samples from x + k is above that from x + k - 1, k < HALF. */
INLINE vd change(const float *x, int width) {
    const vd enters = load_half(x + width - 1), leaves = load_half(x - 1);
    return enters * enters - leaves * leaves;
}

/* Energies of `width` samples from each of the lags: what enters less what leaves. In double precision, because a click that leaves the window would leave its rounding
 * behind. after[-1] exists. */
INLINE void energies(const float *after, int width, int vectors, vf *out) {
    vd before = (energy(after, width) - squared(after[width - 1]) + squared(after[-1])) - (vd){0};
    for (int v = 0; v < vectors; v++, after += LANES) {
        const vd low = running(change(after, width)) + before, high = running(change(after + HALF, width)) + low[HALF - 1];
        before = high[HALF - 1] - (vd){0};
        out[v] = __builtin_shufflevector(__builtin_convertvector(low, vf_half), __builtin_convertvector(high, vf_half), LANE_LIST(LANE_SAME, 0));
    }
}

/* Slope of the line through pairs of samples with as much noise in both, from their energies and their correlation (Deming 1943, Statistical Adjustment of Data, section 52):
 * by how much the second of two periods is louder. 1 where they do not correlate. */
INLINE double gain(double own, double other, double match) {
    const double dot = match * sqrt(own * other), more = 0.5 * (other - own), length = sqrt(more * more + dot * dot);
    if (!(dot > 0))
        return 1;
    return more >= 0 ? (more + length) / dot : dot / (length - more);
}

/* Normalises the sums and returns the index of the first of the largest at 1 .. lags - 2. */
INLINE int best_lag(vf *sums, const vf *squares, float own, int lags) {
    vf best = splat(-INFINITY);
    vi index;
    for (int l = 0; l < LANES; l++)
        index[l] = l;
    const int vectors = (lags + LANES - 1) / LANES;
    for (int v = 0; v < vectors; v++, index += LANES) {
        sums[v] /= vsqrt(vmax(own * squares[v], splat(0.0f)) + (float)ENERGY_FLOOR);
        best = vmax(best, choose((index >= 1) & (index <= lags - 2), sums[v], splat(-INFINITY)));
    }
    const float top = largest(best);
    for (int v = 0; v < vectors; v++) {
        const uint32_t bits = mask_bits(sums[v] == splat(top)) & (v == 0 ? ~1u : ~0u); /* beyond the last, one that equals it comes later */
        if (bits != 0)
            return v * LANES + __builtin_ctz(bits);
    }
    return 1; /* not reached with finite samples */
}

/* The period that begins at x[0], of which `known` samples may be read; 0 if it needs more. */
static int next_period(const float *x, int64_t known, double expected, period *out) {
    const int width = (int)rint(expected), first_lag = (int)(expected * (1 - SEARCH)) - 1, low = first_lag < 1 ? 1 : first_lag;
    const int high = (int)ceil(expected * (1 + SEARCH)), lags = high + 2 - low, vectors = (lags + LANES - 1) / LANES;
    float spare[PERIOD_MAX + PERIOD_MAX * 115 / 100 + LAGS_MAX];
    vf sums[LAGS_MAX / LANES], squares[LAGS_MAX / LANES];
    if (high + 2 + width > known)
        return 0;
    if (low + vectors * LANES + width > known) { /* the spare lanes of the last vector would read beyond */
        memcpy(spare, x, sizeof(float) * (size_t)(high + 2 + width));
        memset(spare + high + 2 + width, 0, sizeof(float) * LANES);
        x = spare;
    }
    const double own = energy(x, width);
    correlate(x, x + low, width, vectors, sums);
    energies(x + low, width, vectors, squares);
    const int k = best_lag(sums, squares, (float)own, lags);
    const float *const c = (const float *)sums + k;
    const float bend = c[-1] - 2.0f * c[0] + c[1], shift = bend < 0.0f ? 0.5f * (c[-1] - c[1]) / bend : 0.0f;
    out->length = (double)(low + k) + (double)(shift > 0.5f ? 0.5f : shift < -0.5f ? -0.5f : shift);
    out->gain = gain(own, (double)((const float *)squares)[k], (double)c[0]);
    out->match = c[0];
    return 1;
}

/* Difference of two figures relative to their mean. */
INLINE double relative(double a, double b) {
    const double mean = 0.5 * (a + b);
    return fabs(a - b) / (mean > ENERGY_FLOOR ? mean : ENERGY_FLOOR);
}

void PROSODY_LEVEL_NAME(periods)(period_chain *chain, int32_t rate_hz, const float *samples, int64_t first, int64_t end, int64_t row, float f0_hz, float *jitter,
                                 float *shimmer_db) {
    const int64_t hop = rate_hz / 100, from = row * hop, to = from + hop;
    const double expected = f0_hz > 0.0f ? (double)rate_hz / (double)f0_hz : 0;
    double changes = 0, ratios = 1;
    int pairs = 0;
    period now;
    *jitter = *shimmer_db = 0.0f;
    if (!(expected >= 2 && expected <= PERIOD_MAX)) {
        chain->length = 0;
        return;
    }
    if (chain->length == 0 || chain->mark < from) {
        if (chain->mark < from - hop)
            chain->length = 0;
        chain->mark = from;
    }
    while (chain->mark < to && next_period(samples + (chain->mark - first), end - chain->mark, expected, &now)) {
        const double change = chain->length > 0 ? relative(now.length, chain->length) : 1;
        if (change <= MAX_CHANGE && now.match >= MIN_MATCH && chain->match >= MIN_MATCH) {
            changes += change;
            ratios *= 1 + relative(chain->gain, 1);
            pairs++;
        }
        chain->mark += (int64_t)rint(now.length);
        chain->length = now.length;
        chain->gain = now.gain;
        chain->match = now.match;
    }
    if (pairs > 0) {
        *jitter = (float)(changes / pairs);
        *shimmer_db = DB20_PER_LOG2 / (float)pairs * vlog2(splat((float)ratios))[0]; /* the mean of logarithms is that of their product */
    }
}
