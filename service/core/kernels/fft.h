/* fft.h - real FFT of LANES frames at once.
 *
 * A real transform of N = 2M points is a complex one of M points over z[n] = x[2n] + i x[2n + 1] (Cooley-Tukey radix 4, decimation in time, depth first so that what is
 * in cache is used up) and a split. z[n] belongs at position reversal[n]. The first stage is part of what brings the samples in:
 * LANES transforms are as large as the first-level cache, and every way through them costs as much as the arithmetic.
 */
#ifndef PROSODY_FFT_H
#define PROSODY_FFT_H

#include "lanes.h"
#include "tables.h"

#define FFT_HALF_MAX 512

#define fft_power PROSODY_LEVEL_NAME(fft_power)
#define fft_cosine PROSODY_LEVEL_NAME(fft_cosine)

/* What is added keeps the two parts of a point from lying whole pages apart, in the same place of the cache. */
#define FFT_APART 4

typedef struct fft_work {
    vf re[FFT_HALF_MAX + FFT_APART], im[FFT_HALF_MAX];
} fft_work;

/* What else is wanted of the samples from .. to, multiples of 16: x[n]^2 + x[n + 1]^2 of each pair, before or after the window, to squares[(n - from) / 2]. */
typedef struct fft_pairs {
    int from, to, windowed;
    vf *squares;
} fft_pairs;

/* |X[k]|^2, k = 0 .. half, of the real transform of 2 * half points, half 128, 256 or 512, of LANES frames of `window` samples under `weights`; window is a multiple of 16
 * above half. `pairs` may be NULL. */
void fft_power(fft_work *w, const float *const *frames, const float *weights, int window, int half, vf *power, const fft_pairs *pairs);
/* Cosine transform of a real even spectrum s[0 .. half], half 256 or 512: r[m] = s[0] / 2 + (-1)^m s[half] / 2 + sum_j s[j] cos(pi j m / half), for m < lags (even,
 * at most half). */
void fft_cosine(fft_work *w, const vf *s, vf *r, int lags, int half);

#endif
