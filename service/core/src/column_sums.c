/* column_sums.c - see column_sums.h. The loops keep a pair of columns in registers and walk down the rows. */
#include "column_sums.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The next two are plain C on vectors, but what GCC makes of that on x86-64 is a detour through the integer registers: twice the time. */

static inline pair_mask nonzero(pair x) {
#if defined(__SSE2__)
    return (pair_mask)_mm_cmpneq_pd((__m128d)x, _mm_setzero_pd());
#else
    return x != 0.0;
#endif
}

/* x where the mask is set, else 0. */
static inline pair keep(pair_mask mask, pair x) {
#if defined(__SSE2__)
    return (pair)_mm_and_pd((__m128d)mask, (__m128d)x);
#else
    return (pair)(mask & (pair_mask)x);
#endif
}

static inline void take(column_sums *s, pair x) {
    const pair d = x - s->shift;
    s->sum += d;
    s->square += d * d;
}

static inline void take_where(column_sums *s, pair_mask taken, pair x) {
    const pair one = {1.0, 1.0}, d = keep(taken, x - s->shift);
    s->count += keep(taken, one);
    s->sum += d;
    s->square += d * d;
}

void column_sums_plain(column_sums *s, const double *column, size_t stride, size_t count, pair before, pair after) {
    if (count == 0)
        return;
    const pair third = {1.0 / 3.0, 1.0 / 3.0};
    column_sums sums = *s;
    pair at = pair_load(column);
    if (sums.count[0] == 0.0)
        sums.shift = (before + at + (count > 1 ? pair_load(column + stride) : after)) * third;
    for (size_t i = 1; i < count; i++) {
        const pair next = pair_load(column += stride);
        take(&sums, (before + at + next) * third);
        before = at;
        at = next;
    }
    take(&sums, (before + at + after) * third);
    sums.count += (double)count;
    *s = sums;
}

/* Mean over those of three that are not zero, where the middle one is not; *taken says where that is, and the mean is not zero either. */
static inline pair smooth_nonzero(pair before, pair at, pair next, pair_mask *taken) {
    const pair one = {1.0, 1.0}, half = {0.5, 0.5}, two_thirds = {2.0 / 3.0, 2.0 / 3.0};
    const pair_mask left = nonzero(before), right = nonzero(next);
    const pair sum = before + at + next;
    *taken = nonzero(at) & nonzero(sum);
    return sum * (one - (keep(left ^ right, half) + keep(left & right, two_thirds)));
}

/* A column without values yet takes its first as its shift. */
static void seed(column_sums *s, const double *column, size_t stride, size_t count, pair before, pair after) {
    pair at = pair_load(column);
    pair_mask waiting = ~nonzero(s->count);
    for (size_t i = 1; i <= count && (waiting[0] | waiting[1]); i++) {
        const pair next = i < count ? pair_load(column + i * stride) : after;
        pair_mask taken;
        const pair x = smooth_nonzero(before, at, next, &taken);
        taken &= waiting;
        s->shift = (pair)((taken & (pair_mask)x) | (~taken & (pair_mask)s->shift));
        waiting &= ~taken;
        before = at;
        at = next;
    }
}

void column_sums_nonzero(column_sums *s, const double *column, size_t stride, size_t count, pair before, pair after) {
    if (count == 0)
        return;
    column_sums sums = *s;
    if (sums.count[0] == 0.0 || sums.count[1] == 0.0)
        seed(&sums, column, stride, count, before, after);
    pair at = pair_load(column);
    pair_mask taken;
    for (size_t i = 1; i < count; i++) {
        const pair next = pair_load(column += stride), x = smooth_nonzero(before, at, next, &taken);
        take_where(&sums, taken, x);
        before = at;
        at = next;
    }
    const pair x = smooth_nonzero(before, at, after, &taken);
    take_where(&sums, taken, x);
    *s = sums;
}

int column_sums_any(const double *column, size_t stride, size_t count) {
    pair_mask any = {0, 0};
    for (size_t i = 0; i < count; i++, column += stride)
        any |= (pair_mask)pair_load(column);
    return (any[0] | any[1]) != 0;
}

moments column_sums_moments(const column_sums *s, size_t lane) {
    const double count = s->count[lane];
    if (count == 0.0)
        return (moments){0, 0.0, 0.0};
    const double offset = s->sum[lane] / count, squares = s->square[lane] - s->sum[lane] * offset;
    return (moments){(uint64_t)count, s->shift[lane] + offset, squares > 0.0 ? squares : 0.0};
}

void column_sums_rebase(column_sums *s) {
    for (size_t lane = 0; lane < 2; lane++) {
        const moments m = column_sums_moments(s, lane);
        if (m.count == 0)
            continue;
        s->shift[lane] = m.mean;
        s->sum[lane] = 0.0;
        s->square[lane] = m.squares;
    }
}
