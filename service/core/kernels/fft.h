/* fft.h - real FFT of LANES frames at once.
 *
 * A real transform of N = 2M points is a complex one of M points over z[n] = x[2n] + i x[2n + 1] (Cooley-Tukey radix 4, decimation in time, depth first so that what is
 * in cache is used up) and a split. The caller writes z[n] to position reversal[n].
 */
#ifndef PROSODY_FFT_H
#define PROSODY_FFT_H

#include "lanes.h"
#include "tables.h"

#define FFT_HALF_MAX 512

#define fft_load PROSODY_LEVEL_NAME(fft_load)
#define fft_complex PROSODY_LEVEL_NAME(fft_complex)
#define fft_power PROSODY_LEVEL_NAME(fft_power)
#define fft_cosine PROSODY_LEVEL_NAME(fft_cosine)

typedef struct fft_work {
    vf re[FFT_HALF_MAX], im[FFT_HALF_MAX];
} fft_work;

/* Windows LANES frames of `window` samples, a multiple of 16, into the work area of a transform of 2 * half points. Returns the sums of squares before the window. */
vf fft_load(fft_work *w, const float *const *frames, const float *weights, int window, int half);
/* Complex transform of `half` points, 128, 256 or 512, of what fft_load left; in natural order. */
void fft_complex(fft_work *w, int half);
/* |X[k]|^2, k = 0 .. half, of the real transform of 2 * half points. */
void fft_power(const fft_work *w, int half, vf *power);
/* Cosine transform of a real even spectrum s[0 .. half], half 256 or 512: r[m] = s[0] / 2 + (-1)^m s[half] / 2 + sum_j s[j] cos(pi j m / half), for m < lags (even,
 * at most half). */
void fft_cosine(fft_work *w, const vf *s, vf *r, int lags, int half);

#endif
